"""Limits by exact series: right where they exist, refused where they do not."""

import pytest
import sympy
from sympy import Rational, S, Symbol, atan, exp, gamma, log, oo, pi, sqrt

from exitlaw.series import SeriesError, expansion, limit_of

x = Symbol("x", real=True)
t = Symbol("t", positive=True)
a, b, kappa, s = (Symbol(name, positive=True) for name in ("a", "b", "kappa", "s"))


@pytest.mark.parametrize(
    ("expression", "variable", "to", "direction", "limit"),
    [
        (sympy.sin(x) / x, x, S(0), "+", 1),
        ((1 - sympy.cos(x)) / x**2, x, S(0), "+", Rational(1, 2)),
        ((1 - sympy.cos(x)) ** 3 / x**6, x, S(0), "-", Rational(1, 8)),
        ((1 + a / kappa) ** (kappa + s), kappa, oo, "+", exp(a)),
        (kappa * log(1 + a / kappa), kappa, oo, "+", a),
        (log(1 + a / b) / log(a), a, oo, "+", 1),
        (log(a) ** 3 / a, a, oo, "+", 0),
        (a * log(a), a, S(0), "+", 0),
        (a**b * a ** (-b), a, oo, "+", 1),
        (sqrt(x**2 + x) - x, x, oo, "+", Rational(1, 2)),
        (sqrt(x**2 + x) + x, x, -oo, "+", Rational(-1, 2)),
        (atan(x), x, oo, "+", pi / 2),
        (atan(x), x, -oo, "+", -pi / 2),
        (1 / x, x, S(0), "+", oo),
        (1 / x, x, S(0), "-", -oo),
        (sympy.Abs(x) / x, x, S(0), "-", -1),
        ((sympy.sin(x) - x) / x**7, x, S(0), "+", -oo),
        (log(a), a, S(0), "+", -oo),
        (gamma(2 + x) / (1 + x), x, S(0), "+", 1),
        (sympy.erf(a), a, oo, "+", 1),
        (x**2 + a * x + b, x, S(1), "+", 1 + a + b),
        ((x**2 - 1) / (x - 1), x, S(1), "-", 2),
        (a, x, oo, "+", a),
    ],
)
def test_limit(expression, variable, to, direction, limit):
    found = limit_of(expression, variable, to, direction)
    assert found == limit or sympy.simplify(found - limit) == 0


@pytest.mark.parametrize(
    ("expression", "variable", "to"),
    [
        (sympy.sin(1 / x), x, S(0)),  # oscillates
        (exp(1 / a), a, S(0)),  # beyond every power
        (sqrt(x - 2), x, S(1)),  # not real
        (log(x), x, S(-1)),
        (sympy.ceiling(x), x, S(0)),  # not analytic
        (sympy.Integral(exp(-x * a), (a, 0, oo)), x, oo),  # not evaluated
        (sympy.Function("f")(x), x, S(0)),  # unknown
        (exp(x) - sum(x**k / sympy.factorial(k) for k in range(40)), x, oo),  # no power of x
    ],
)
def test_what_has_no_such_series_is_refused(expression, variable, to):
    with pytest.raises(SeriesError):
        limit_of(expression, variable, to)


def test_sum_of_unbounded_exponentials_is_refused_not_guessed():
    with pytest.raises(SeriesError, match="take logarithms"):
        limit_of(exp(a) / exp(2 * a), a, oo)


def test_division_by_a_hidden_zero_is_refused():
    hidden = sympy.sqrt(x**2) - sympy.Abs(x)  # SymPy sees through it: 0
    assert hidden == 0
    unseen = atan(b) + atan(1 / b) - pi / 2  # 0 for b > 0, but not by normal form
    with pytest.raises(SeriesError, match="may be 0"):
        limit_of(a / (unseen * a + a**2), a, S(0))


def test_terms_of_an_expansion():
    series = expansion(exp(t) * log(t), t, 3)
    assert set(series.terms) == {0, 1, 2}
    assert series.order == 3
