"""Exact positivity: sound, and strong enough for the polynomials of the field."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy import (
    Abs,
    Integral,
    Ne,
    Poly,
    S,
    Symbol,
    atan,
    exp,
    log,
    oo,
    sqrt,
    tan,
)

from exitlaw.positivity import proves_at_least_zero, proves_condition, regular_on

x = Symbol("x", real=True)
y = Symbol("y", real=True)
p, q, Delta, sigma_H = (Symbol(n, positive=True) for n in ("p", "q", "Delta", "sigma_H"))
rho = Symbol("rho", real=True)
z = Symbol("z")


@pytest.mark.parametrize(
    ("expression", "given", "strict"),
    [
        (x**2 - x + 1, {}, True),
        ((x - 1) ** 2, {}, False),
        (p**2 + q**2 - 2 * p * q, {}, False),
        (((sigma_H * x + rho) ** 2 + Delta**2) / sigma_H, {}, True),
        (1 - x, {x: (0, 1)}, True),
        (x - x**3 / 3 - x / 2, {x: (0, 1)}, True),
        (-x, {x: (-oo, 0)}, True),
        (q - p, {q: (p, oo)}, True),
        (x * y, {x: (0, 1), y: (0, 2)}, True),
        (exp(x) * p, {}, True),
        (log(1 + p), {}, True),
        (sqrt(p) / (1 + q), {}, True),
        (Integral(exp(-x), (x, 0, oo)), {}, True),
        (S(0), {}, False),
    ],
)
def test_what_is_positive_is_shown(expression, given, strict):
    assert proves_at_least_zero(expression, given, strict=strict)


@pytest.mark.parametrize(
    ("expression", "given", "strict"),
    [
        ((x - 1) ** 2, {}, True),
        (x, {}, False),
        (x - 1, {x: (0, 2)}, False),
        (p - q, {}, False),
        (x**2 - 1, {x: (0, oo)}, False),
        (log(p), {}, False),
        (z**2, {}, False),  # z need not be real
        (Integral(exp(-x), (x, 1, 0)), {}, False),  # ends in the other order
        (Integral(exp(-x), (x, p, q)), {}, False),
        (S(0), {}, True),
        (1 / x, {}, False),
    ],
)
def test_what_is_not_positive_is_not_shown(expression, given, strict):
    assert not proves_at_least_zero(expression, given, strict=strict)


@pytest.mark.slow
@given(
    st.lists(st.integers(-6, 6), min_size=1, max_size=6),
    st.integers(-3, 3),
    st.integers(1, 4),
    st.lists(st.fractions(0, 1, max_denominator=50), min_size=8, max_size=8),
)
def test_shown_positive_polynomials_are_positive_at_points(coefficients, low, width, places):
    polynomial = Poly(coefficients, x)
    if not proves_at_least_zero(polynomial.as_expr(), {x: (low, low + width)}, strict=True):
        return
    for place in places:
        if 0 < place < 1:
            point = S(low) + S(place.numerator) / place.denominator * width
            assert polynomial.as_expr().subs(x, point).is_positive


def test_conditions():
    assert proves_condition(p + 1 > 1)
    assert proves_condition((p > 0) & (q > 0))
    assert proves_condition(Ne(p + q, 0))
    assert not proves_condition(p > 1)
    assert not proves_condition(Ne(x, 0))
    assert proves_condition(x < 2, {x: (0, 1)})


@pytest.mark.parametrize(
    ("expression", "given"),
    [
        (log(1 + x**2), {x: (-oo, oo)}),
        (1 / x, {x: (0, oo)}),
        (atan(x) * exp(x), {x: (-oo, oo)}),
        (sqrt(p + x), {x: (0, 1)}),
        (x**p, {x: (0, oo)}),
    ],
)
def test_smooth_expressions(expression, given):
    assert regular_on(expression, given) is None


@pytest.mark.parametrize(
    ("expression", "given"),
    [
        (1 / x, {x: (-1, 1)}),
        (1 / (x - 1), {x: (0, 2)}),
        (log(x), {x: (-1, 1)}),
        (sqrt(x), {x: (-1, 1)}),
        (Abs(x), {x: (-1, 1)}),
        (tan(x), {x: (0, 3)}),
    ],
)
def test_possible_singularities_are_named(expression, given):
    assert regular_on(expression, given) is not None
