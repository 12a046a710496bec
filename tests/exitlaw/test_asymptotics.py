"""Limits from limits: each check accepts what follows and refuses what does not."""

from dataclasses import replace

import pytest
import sympy
from sympy import Function, Integer, Piecewise, Symbol, exp, log, oo, sqrt

from exitlaw.asymptotics import CaseSplit, Composition, ContinuousImage, PowerLimit
from exitlaw.claim import LimitStatement

x, z, X, Y = sympy.symbols("x z X Y", positive=True)
gap = Symbol("gamma", real=True)
f, g = Function("f"), Function("g")


def limit(expression, value, variable=x, to: sympy.Expr = sympy.S.Zero):
    return LimitStatement(expression, sympy.sympify(value), variable, to)


def test_a_polynomial_of_limits():
    check = ContinuousImage(
        ((X, limit(f(x), 2)), (Y, limit(g(x), 3))), X * Y + X, limit(f(x) * g(x) + f(x), 8)
    )
    assert check.run().ok
    assert not check.broken().run().ok
    assert check.requires() == (limit(f(x), 2), limit(g(x), 3))


def test_a_limit_relative_to_a_moving_right_side():
    known = limit(f(x), 3 * x)  # f/(3 x) -> 1
    check = ContinuousImage(((X, known),), X, limit(2 * f(x), 6 * x))
    assert check.run().ok
    assert not check.broken().run().ok


@pytest.mark.parametrize(
    ("function", "value"),
    [(1 / X, oo), (log(X), -oo), (sqrt(X), 0), (1 / (X - X**2), oo)],
    ids=str,
)
def test_discontinuities_are_refused(function, value):
    check = ContinuousImage(((X, limit(f(x), 0)),), function, limit(function.subs(X, f(x)), value))
    assert not check.run().ok


def test_continuity_away_from_the_singularity_is_seen():
    check = ContinuousImage(
        ((X, limit(f(x), 4)),), 1 / X + log(X), limit(1 / f(x) + log(f(x)), log(4) + Integer(1) / 4)
    )
    assert check.run().ok


def test_the_variable_itself_may_not_hide_in_the_function():
    check = ContinuousImage(((X, limit(f(x), 1)),), X * x, limit(f(x) * x, x))
    assert not check.run().ok


def test_the_variable_is_a_part_only_with_its_own_limit():
    right = ContinuousImage(((X, limit(x, 0)),), 1 + X, limit(1 + x, 1))
    assert right.run().ok
    assert not ContinuousImage(((X, limit(x, 2)),), 1 + X, limit(1 + x, 3)).run().ok


def test_composition_needs_the_inner_limit_to_fit():
    outer = limit(log(1 + z) / z, 1, z)
    inner = LimitStatement(1 / x, Integer(0), x, oo)
    check = Composition(outer, inner)
    assert check.run().ok
    assert not check.broken().run().ok
    assert check.result == LimitStatement(x * log(1 + 1 / x), Integer(1), x, oo)
    assert not Composition(outer, replace(inner, rhs=Integer(1))).run().ok


def test_composition_refuses_an_inner_expression_that_may_touch_its_limit():
    outer = limit(f(z), 1, z)
    inner = LimitStatement(sympy.sin(x) / x, Integer(0), x, oo)
    assert not Composition(outer, inner).run().ok


def test_powers_by_the_sign_of_a_symbolic_exponent():
    given = {gap: (Integer(0), oo)}
    assert PowerLimit(Integer(2), x, gap, given).run().ok
    assert not PowerLimit(Integer(2), x, gap, given).broken().run().ok
    assert PowerLimit(Integer(2), x, -gap, given, rises=False).run().ok
    assert not PowerLimit(Integer(2), x, gap, {}).run().ok
    assert not PowerLimit(Integer(-2), x, gap, given).run().ok
    assert not PowerLimit(x, x, gap, given).run().ok


def test_cases_are_put_together_only_as_stated():
    first, second = limit(f(x), exp(gap), to=oo), limit(f(x), gap, to=oo)
    stated = LimitStatement(f(x), Piecewise((exp(gap), gap < 0), (gap, True)), x, oo)
    check = CaseSplit(((gap < 0, first), (sympy.true, second)), stated)
    assert check.run().ok
    assert not check.broken().run().ok
    assert not CaseSplit(((gap < 0, second), (sympy.true, first)), stated).run().ok
    assert (
        not CaseSplit(((gap < 0, first), (sympy.true, replace(second, lhs=g(x)))), stated).run().ok
    )
