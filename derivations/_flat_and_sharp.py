"""A flat and a sharp minimum under a scaling law, and the ratio of their escape times."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sympy
from sympy import Function, Integer, Rational, Symbol

from derivations import _escape_models as models
from exitlaw.claim import (
    Equality,
    Point,
)
from exitlaw.derivation import Definition, Step
from theory import landscapes
from theory.symbols import Delta_L, H_a, H_b, eta, kappa, sigma_g, sigma_H, theta

if TYPE_CHECKING:
    from exitlaw.evidence import Context
    from numerics.enclosure import Enclosure
    from numerics.simulation import Estimate


HALF = Rational(1, 2)
r = Symbol("r", positive=True)
A = Symbol("A", positive=True)
a, b, c = sympy.symbols("a b c", real=True)
rise, tail = sympy.symbols("alpha gamma", real=True)
"""a - c and b - 1."""
log_R = Function("log_R")
"""Logarithm of the ratio of the two escape times, as a function of what varies."""
ratio = Function("R")

SCALING = (
    "scaling law: sigma_g ~ H^a, sigma_H ~ H^b, Delta_L ~ H^c, H_b ~ H; r = H_sharp/H_flat > 1; "
    "A = 2 Delta_L/(eta sigma_g), kappa and u = 1 + A/kappa are the sharp values; derivations are "
    "about R as the quotient of two Kramers times, exact times are compared with them"
)


def minima(point: Point, *, constant_noise: bool = False) -> tuple[Point, Point]:
    """The parameters of the flat and the sharp minimum at a point of r, A, kappa, a, b, c.

    Sharp: H_a = 1, Delta_L = 1, eta = 1; the flat one follows from the scaling law.
    """
    sharp: dict[sympy.Symbol, sympy.Expr] = {
        H_a: Integer(1), H_b: Rational(-1, 2), Delta_L: Integer(1), eta: Integer(1),
        sigma_g: 2 / point[A], theta: point[theta],
        sigma_H: Integer(0) if constant_noise else 1 / point[kappa],
    }  # fmt: skip
    powers = {
        H_a: Integer(1), H_b: Integer(1), Delta_L: point.get(c, Integer(0)),
        sigma_g: point.get(a, Integer(0)), sigma_H: point.get(b, Integer(0)),
    }  # fmt: skip
    flat = dict(sharp)
    for symbol, power in powers.items():
        flat[symbol] = sharp[symbol] / point[r] ** power
    return flat, sharp


def exact_log_ratio(point: Point, digits: int, *, constant_noise: bool = False) -> Enclosure:
    """log R of exact times: double integrals of two symmetric quartic wells."""
    from flint import ctx

    from numerics.enclosure import Enclosure

    flat, sharp = minima(point, constant_noise=constant_noise)
    times = [models.family_time(landscapes.quartic, one, 12) for one in (flat, sharp)]
    with ctx.workprec(128):
        return Enclosure.from_arb((times[0].arb / times[1].arb).log())


def exact_ratio(point: Point, digits: int, *, constant_noise: bool = False) -> Enclosure:
    """R of exact times."""
    from flint import ctx

    from numerics.enclosure import Enclosure

    value = exact_log_ratio(point, digits, constant_noise=constant_noise)
    with ctx.workprec(128):
        return Enclosure.from_arb(value.arb.exp())


def simulated_ratio(
    family: models.Family, flat: Point, sharp: Point, context: Context, step: float
) -> Estimate:
    """R from simulated first exits of the two minima, on independent streams."""
    one = models.simulated_time(family, flat, context, paths=10_000, step=step)
    other = models.simulated_time(family, sharp, context, paths=10_000, step=step, stream=1)
    return models.quotient(one, other)


def named_ratio(variable: sympy.Symbol, formula: sympy.Expr) -> Step:
    """log R as the logarithm of the quotient of two Kramers times."""
    return Step(
        "the ratio",
        Equality(log_R(variable), formula),
        "logarithm of the quotient of the two escape times",
        Definition(log_R(variable), formula),
    )
