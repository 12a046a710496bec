"""Checks accept what is true, refuse what is false, and notice their own broken twins."""

import pytest
import sympy
from sympy import Eq, Function, Integral, Rational, S, Symbol, atan, exp, log, oo, pi, sqrt

from exitlaw.checks import (
    Antiderivative,
    ChangeOfVariables,
    DefiniteIntegral,
    Definition,
    Identity,
    Inequality,
    LimitCheck,
    LogDerivative,
    Squeeze,
    Substitution,
)
from exitlaw.claim import Bound, Equality, LimitStatement
from exitlaw.derivation import Derivation, SolvesODE, Step
from exitlaw.domination import (
    DominatedConvergence,
    PowerBound,
    ProductBound,
    SplitIntegral,
)

x = Symbol("x", real=True)
y = Symbol("y", real=True)
p = Symbol("p", positive=True)
q = Symbol("q", positive=True)
kappa = Symbol("kappa", positive=True)
s = Symbol("s", positive=True)
f = Function("f")

TRUE = {
    "identity": Identity((x + 1) ** 3, x**3 + 3 * x**2 + 3 * x + 1),
    "identity of powers": Identity((p * q) ** kappa, p**kappa * q**kappa),
    "antiderivative": Antiderivative(1 / (x**2 + p**2), atan(x / p) / p, x),
    "definite integral": DefiniteIntegral(1 / (1 + x**2), atan(x), x, -oo, oo, pi),
    "integral at a pole outside": DefiniteIntegral(1 / x**2, -1 / x, x, S(1), oo, S(1)),
    "log derivative": LogDerivative((1 + x**2) ** (-kappa), exp(-kappa * log(1 + x**2)), x),
    "ode": SolvesODE(
        f(x).diff(x, 2) + f(x), f(x), sympy.sin(x),
        ((f(0), S(0)), (f(x).diff(x).subs(x, 0), S(1))),
    ),
    "ode between two ends": SolvesODE(
        f(x).diff(x, 2) - 2 * f(x).diff(x), f(x), (exp(2 * x) - 1) / (exp(2) - 1),
        ((f(0), S(0)), (f(1), S(1))),
    ),
    "constant solution": SolvesODE(f(x).diff(x) + 2 * f(x) - p, f(x), p / 2, constant=True),
    "limit": LimitCheck((1 + p / kappa) ** (kappa + s), exp(p), kappa, oo),
    "limit of a logarithm": LimitCheck(log(1 + p) / log(p), S(1), p, oo),
    "relative limit": LimitCheck(p**2 + p, p**2, p, oo),
    "limit at a point": LimitCheck((sqrt(1 + x) - 1) / x, Rational(1, 2), x, S(0)),
    "limit from the only side": LimitCheck(sympy.atan(1 / p), pi / 2, p, S(0)),
    "limit from below": LimitCheck(1 / x, -oo, x, S(0), "-"),
    "inequality": Inequality(2 * p * q, p**2 + q**2),
    "strict inequality": Inequality(x, x**2 + 1, strict=True),
    "inequality on an interval": Inequality(x**3, x, {x: (0, 1)}, strict=True),
    "squeeze": Squeeze(-p, p * x / (1 + x**2), p, p, S(0), S(0)),
    "change of variables": ChangeOfVariables(
        x * exp(-(x**2)), x, (S(0), oo), sqrt(p), p, (S(0), oo), exp(-p) / 2
    ),
    "dominated convergence": DominatedConvergence(
        LimitStatement(exp(-p) / (1 + p / q), exp(-p), q, oo),
        Bound(exp(-p) / (1 + p / q), exp(-p)), (p, S(0), oo),
    ),
    "power of either sign": PowerBound(1 + p / (1 + p), x, S(1), S(2)),
    "power that falls": PowerBound(1 + p, -kappa, S(1), None),
    "product of bounds": ProductBound(1 / (1 + p), S(1), Bound(p / (1 + p), S(1))),
    "split integral": SplitIntegral(1 / (1 + x**2), (x, -oo, oo), S(0)),
    "substitution": Substitution(
        Equality(f(x), x**2), {x: p + 1}, Equality(f(p + 1), p**2 + 2 * p + 1)
    ),
    "definition": Definition(f(x), x**2),
}  # fmt: skip

FALSE = {
    "identity": Identity((x + 1) ** 2, x**2 + 1),
    "power of a negative base": Identity(sqrt(x**2), x),
    "antiderivative": Antiderivative(1 / (x**2 + p**2), atan(x / p), x),
    "integral across a pole": DefiniteIntegral(1 / x**2, -1 / x, x, S(-1), S(1), S(-2)),
    "divergent integral": DefiniteIntegral(1 / x, log(x), x, S(1), oo, S(1)),
    "log derivative, wrong constant": LogDerivative(exp(x), 2 * exp(x), x),
    "log derivative, both zero at the point": LogDerivative(x, 2 * x, x),
    "ode, wrong value": SolvesODE(f(x).diff(x, 2) + f(x), f(x), sympy.sin(x), ((f(0), S(1)),)),
    "ode, wrong shape": SolvesODE(f(x).diff(x) - f(x), f(x), exp(2 * x)),
    "limit": LimitCheck((1 + p / kappa) ** (kappa + s), exp(p + s), kappa, oo),
    "limit of an oscillation": LimitCheck(sympy.sin(1 / x), S(0), x, S(0)),
    "limit of a jump": LimitCheck(sympy.Abs(x) / x, S(1), x, S(0)),
    "limit that differs by side": LimitCheck(sympy.atan(1 / x), pi / 2, x, S(0)),
    "limit of another order": LimitCheck(p**3, p**2, p, oo),
    "inequality": Inequality(3 * p * q, p**2 + q**2),
    "strict inequality that touches": Inequality(2 * x, x**2 + 1, strict=True),
    "inequality beyond the interval": Inequality(x**3, x, {x: (0, 2)}),
    "squeeze by different limits": Squeeze(-1 - p, p * x / (1 + x**2), p, p, S(0), S(0)),
    "change that is not monotone": ChangeOfVariables(
        y**2, y, (S(1), S(1)), x**2, x, (S(-1), S(1)), 2 * x**5
    ),
    "change with wrong ends": ChangeOfVariables(
        x * exp(-(x**2)), x, (S(0), S(2)), sqrt(p), p, (S(0), S(2)), exp(-p) / 2
    ),
    "substitution": Substitution(Equality(f(x), x**2), {x: p}, Equality(f(p), p**3)),
    "definition of an expression": Definition(x + 1, x**2),
    "definition by itself": Definition(f(x), 1 + f(x)),
}


@pytest.mark.parametrize("name", TRUE)
def test_true_step_is_accepted_and_its_broken_twin_noticed(name):
    check = TRUE[name]
    result = check.run()
    assert result.ok, result.detail
    assert not check.broken().run().ok


@pytest.mark.parametrize("name", FALSE)
def test_false_step_is_refused(name):
    result = FALSE[name].run()
    assert not result.ok
    assert result.detail


# --- steps and what follows from them -----------------------------------------------------------


def outcome(*steps: Step):
    return Derivation(steps).run()


def test_relation_must_be_what_the_check_establishes():
    result = outcome(Step("unrelated", Eq(f(x), x, evaluate=False), "none", Identity(p, p)))
    assert not result.ok
    assert "does not follow" in result.steps[0].detail


def test_relation_may_follow_by_earlier_equalities():
    square = Symbol("A", positive=True)
    result = outcome(
        Step("name", Equality(square, Integral(2 * x, (x, 0, p))), "definition",
             Definition(square, Integral(2 * x, (x, 0, p)))),
        Step("value", Equality(square, p**2), "fundamental theorem",
             DefiniteIntegral(2 * x, x**2, x, S(0), p, p**2)),
    )  # fmt: skip
    assert result.ok, result.broke


def test_name_cannot_be_defined_twice():
    a = Symbol("a")
    result = outcome(
        Step("first", Equality(a, p), "definition", Definition(a, p)),
        Step("second", Equality(a, 2 * p), "definition", Definition(a, 2 * p)),
    )
    assert [step.ok for step in result.steps] == [True, False]


def test_substitution_needs_its_source():
    check = TRUE["substitution"]
    result = outcome(Step("put", check.result, "substitute", check))
    assert not result.ok
    assert "no earlier step" in result.steps[0].detail


def test_weak_bound_does_not_give_the_strict_one():
    weak = Inequality(2 * p * q, p**2 + q**2)
    strict = Bound(2 * p * q, p**2 + q**2, strict=True)
    assert not outcome(Step("strict", strict, "none", weak)).ok


def test_limit_at_another_end_is_another_statement():
    check = TRUE["limit of a logarithm"]
    assert not outcome(Step("end", LimitStatement(check.lhs, check.rhs, p, S(0)), "", check)).ok


class Lenient:
    """A check that always succeeds: it cannot notice a broken step."""

    def establishes(self):
        return (Equality(x, y),)

    def run(self):
        return Identity(x, x).run()

    def broken(self):
        return self


def test_check_that_cannot_fail_is_not_accepted():
    result = outcome(Step("lenient", Equality(x, y), "trust me", Lenient()))
    assert not result.ok
    assert "made false" in result.steps[0].detail


def test_empty_derivation_is_no_proof():
    assert not Derivation(()).run().ok
    assert not Derivation(()).concludes(Equality(x, x))


def test_limit_from_below_is_not_the_limit():
    check = TRUE["limit from below"]
    statement = LimitStatement(check.lhs, check.rhs, x, S(0))
    assert not outcome(Step("one side", statement, "", check)).ok
