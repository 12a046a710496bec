"""Values of formulas that contain undefined functions and unevaluated integrals.

A point may give formulas to undefined functions (`L(w)`: w**2/2). Integrals, nested ones included,
are enclosed by certified integration in complex balls. An infinite end of an inner integral is
cut off where the logarithmic derivative of the integrand is shown, by exact positivity, to bound
what lies beyond.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import sympy
from flint import acb, arb, ctx
from sympy.core.basic import Basic
from sympy.core.function import AppliedUndef

from exitlaw.claim import Point
from exitlaw.evaluation import TooWide, enclose
from exitlaw.positivity import proves_at_least_zero
from numerics.enclosure import Enclosure
from numerics.evaluators import evaluate_acb
from numerics.lowering import lower
from theory.normal_form import logarithmic_derivative

Environment = Mapping[sympy.Symbol, acb]
Evaluator = Callable[[Environment, bool], acb]

CUTS = tuple(2**k for k in range(1, 40))
"""Distances at which an infinite interval may be cut, tried in turn."""


def concrete(formula: Basic, point: Point) -> sympy.Expr:
    """The formula with the point's functions and symbols inserted and derivatives taken."""
    result: Any = sympy.sympify(formula)
    for key, value in point.items():
        if isinstance(key, AppliedUndef):
            result = result.replace(key.func, sympy.Lambda(key.args, value))
    # Deepest first is not needed: `doit` takes derivatives of what was inserted, at any depth.
    result = _derivatives_taken(result)
    symbols = {key: value for key, value in point.items() if isinstance(key, sympy.Symbol)}
    bound = {limit[0] for part in result.atoms(sympy.Integral) for limit in part.limits}
    # Plain replacement is far faster, and right where no bound variable is meant.
    return result.subs(symbols) if bound & set(symbols) else result.xreplace(symbols)


def _derivatives_taken(expression: Any) -> Any:
    """Every derivative taken, also inside integrals, which stay as they are."""
    done = {
        part: sympy.diff(_derivatives_taken(part.expr), *part.variable_count)
        for part in expression.atoms(sympy.Derivative)
    }
    return expression.xreplace(done)


def enclose_with_integrals(formula: Basic, point: Point, digits: int) -> Enclosure:
    """The value at a point that may define functions, with `digits` certain digits.

    Raises
    ------
    UndefinedFormula, TooWide : as `exitlaw.evaluation.enclose`.
    """
    value = concrete(formula, point)
    if not value.has(sympy.Integral):
        return enclose(value, {}, digits)
    bits = 32 + int(3.33 * digits)
    for _ in range(4):
        with ctx.workprec(bits):
            ball = _evaluator(value, digits + 3)({}, False).real
            width, size = 2 * ball.rad(), abs(ball)
            if ball.is_finite() and width <= arb(10) ** (-digits) * size:
                return Enclosure.from_arb(ball)
        bits *= 2
    raise TooWide(f"no {digits} certain digits of the integral")


def _evaluator(expression: sympy.Expr, digits: int) -> Evaluator:
    """A function of the bound variables outside, taking complex balls."""
    integrals = sorted(_outermost(expression), key=sympy.default_sort_key)
    names = {integral: sympy.Dummy(f"I{k}") for k, integral in enumerate(integrals)}
    outside = expression.xreplace(dict(names))
    parts = {names[integral]: _integral(integral, digits) for integral in integrals}
    symbols = sorted(outside.free_symbols, key=sympy.default_sort_key)
    labels = [f"x{k}" for k in range(len(symbols))]
    renamed = {s: sympy.Symbol(n) for s, n in zip(symbols, labels, strict=True)}
    program = lower(outside.xreplace(renamed), labels)

    def evaluate(environment: Environment, analytic: bool) -> acb:
        inputs = [
            parts[s](environment, analytic) if s in parts else environment[s]  # type: ignore[index]
            for s in symbols
        ]
        return evaluate_acb(program, *inputs, analytic=analytic)[0]

    return evaluate


def _outermost(expression: Basic) -> set[sympy.Integral]:
    if isinstance(expression, sympy.Integral):
        return {expression}
    return {found for part in expression.args for found in _outermost(part)}


def _integral(integral: Any, digits: int) -> Evaluator:
    inner = integral.function
    if len(integral.limits) > 1:
        inner = sympy.Integral(inner, *integral.limits[:-1])
    variable, low, high = integral.limits[-1]
    tail = arb(0)
    if low == -sympy.oo:
        low, beyond = _cut(inner, variable, digits)
        tail = tail + beyond
    if high == sympy.oo:
        mirrored = inner.subs(variable, -variable)
        cut, beyond = _cut(mirrored, variable, digits)
        high, tail = -cut, tail + beyond
    body, bottom, top = (_evaluator(e, digits) for e in (inner, low, high))
    accuracy = arb(10) ** (-digits)

    def between(a: acb, b: acb, environment: Environment) -> acb:
        span = b - a

        def along(u: acb, analytic: bool) -> acb:
            return span * body({**environment, variable: a + span * u}, analytic)

        return acb.integral(along, 0, 1, rel_tol=accuracy, abs_tol=accuracy * accuracy)

    shared: list[tuple[acb, acb]] = []
    reusable = not inner.free_symbols - {variable} and not low.free_symbols

    def evaluate(environment: Environment, analytic: bool) -> acb:
        a, b = bottom(environment, analytic), top(environment, analytic)
        if not (a.is_finite() and b.is_finite()):
            return acb("nan")
        if not reusable:
            return between(a, b, environment) + tail
        # Over a wide end the integrand's mean lies in the box of its values there.
        centre = acb(b.real.mid(), b.imag.mid())
        rest = (b - centre) * body({variable: b}, analytic) if not b.is_exact() else acb(0)
        b = centre
        if not shared:
            # Ends vary little against the whole: the part up to the first one is kept.
            middle = acb(b.real.mid())
            shared.append((middle, between(a, middle, environment) + tail))
        middle, known = shared[0]
        return known + between(middle, b, environment) + rest

    return evaluate


@lru_cache(maxsize=64)
def _cut(integrand: sympy.Expr, variable: sympy.Symbol, digits: int) -> tuple[sympy.Integer, arb]:
    """Where to cut (-oo, .) and a ball [0, t] for what lies beyond, relative to the value at 0.

    With f'/f >= c on (-oo, -R) the part beyond is at most f(-R)/c; with f'/f >= a/|z|, a > 1, at
    most f(-R) R/(a - 1).
    """
    if integrand.free_symbols - {variable} or integrand.has(sympy.Integral):
        raise TooWide(f"no tail bound for {integrand}")
    rise = sympy.cancel(logarithmic_derivative(integrand, variable))
    at = sympy.lambdify(variable, rise, "math")
    target = _value(integrand, variable, 0) * arb(10) ** (-digits)
    for cut in CUTS:
        near, far = at(-float(cut)), at(-2.0 * cut)
        # A guess in floating point; what is used is proved below, with small rationals.
        exponential = far > 0.75 * near > 0
        rate = _below(near / 2 if exponential else (1 + near * cut) / 2)
        if rate <= (0 if exponential else 1):
            continue
        bound = 1 / _ball(rate) if exponential else cut / (_ball(rate) - 1)
        tail = _value(integrand, variable, -cut) * bound
        gap = rise - rate if exponential else -rise * variable - rate
        beyond = {variable: (-sympy.oo, sympy.Integer(-cut))}
        if tail < target and proves_at_least_zero(gap, beyond):
            return sympy.Integer(-cut), arb(0).union(tail)
    raise TooWide(f"no cut of (-oo, .) was found for {integrand}")


def _below(value: float) -> Any:
    """A short rational just below."""
    scale = 64 if value >= 1 else 4096
    return sympy.Rational(math.floor(value * scale), scale)


def _ball(value: Any) -> arb:
    return arb(int(value.p)) / int(value.q)


def _value(integrand: sympy.Expr, variable: sympy.Symbol, at: int) -> arb:
    return _evaluator(integrand, 10)({variable: acb(at)}, False).real
