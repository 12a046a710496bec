"""Moments of the normal law, on the line or on one side of its centre, as steps of derivations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sympy
from sympy import Integer, Integral, Symbol, oo, pi, sqrt

from exitlaw.analysis import Linearity, TotalDerivative
from exitlaw.asymptotics import Law
from exitlaw.claim import Equality
from exitlaw.convergence import Limits
from exitlaw.derivation import DefiniteIntegral, Step


def normal_law(z: Symbol, precision: sympy.Expr) -> Law:
    """The normal law of mean 0 and variance 1/precision."""
    return Law(z, sqrt(precision / (2 * pi)) * sympy.exp(-precision * z**2 / 2), -oo, oo)


def half_normal_law(z: Symbol, precision: sympy.Expr) -> Law:
    """The same law on z < 0, its mass there normalised to 1."""
    return Law(z, 2 * normal_law(z, precision).density, -oo, Integer(0))


def moment_steps(law: Law, precision: sympy.Expr, top: int) -> Iterator[Step]:
    """E z^k for k = 0 to `top`: the error function, then integration by parts."""
    z, density = law.variable, law.density
    limits: Limits = (z, law.low, law.high)
    sides = 1 if law.high == oo else 2
    yield Step(
        "mass of the normal law",
        law.normalised,
        "primitive: the error function",
        DefiniteIntegral(
            density,
            sides * sympy.erf(sqrt(precision / 2) * z) / 2,
            z,
            law.low,
            law.high,
            Integer(1),
        ),
    )
    values: list[sympy.Expr] = [Integer(1)]
    for k in range(1, top + 1):
        primitive = z ** (k - 1) * density
        edge = Integer(0) if law.high == oo else primitive.subs(z, law.high)
        lower = ((Integer(k - 1), z ** (k - 2) * density),) if k > 1 else ()
        before: Any = (k - 1) * values[k - 2] if k > 1 else Integer(0)
        values.append((before - edge) / precision)
        yield Step(
            f"E z^{k}",
            Equality(law.mean(z**k), values[k]),
            f"integration by parts: d[z^{k - 1} p] with p' = -P_2 z p",
            TotalDerivative(primitive, limits, ((-precision, z**k * density), *lower), edge),
        )


def average_step(name: str, law: Law, polynomial: sympy.Expr, value: sympy.Expr, rule: str) -> Step:
    """E of a polynomial in z, from the moments."""
    z = law.variable
    terms = sympy.Poly(sympy.expand(polynomial), z).terms()
    parts = tuple((coefficient, z**power * law.density) for (power,), coefficient in terms)
    return Step(
        name,
        Equality(law.mean(polynomial), value),
        rule,
        Linearity(polynomial * law.density, (z, law.low, law.high), parts),
    )


def constant_taken_out(
    name: str, whole: Integral, law: Law, constant: sympy.Expr, average: sympy.Expr, rule: str
) -> Step:
    """∫ whole = constant times the average of a function under the law."""
    limits = (law.variable, law.low, law.high)
    integrand: Any = whole.function
    return Step(
        name,
        Equality(whole, constant * law.mean(average)),
        rule,
        Linearity(integrand, limits, ((constant, average * law.density),)),
    )
