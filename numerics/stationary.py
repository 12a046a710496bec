"""The zero-flux stationary law `p ∝ C^(−s) exp(−∫2L'/(ηC))`, certified: density, mass, moments.

Every quantity is a ratio of masses relative to p at a point, so that a density of 10^-1000 costs no
more than one of 1, and both tails of the distribution function keep their relative accuracy.
"""

from __future__ import annotations

import math
from fractions import Fraction

from flint import arb, ctx

from numerics.core import Core, Point, core_of, mirrored, point_ball, weighted
from numerics.enclosure import Enclosure
from numerics.evaluators import evaluate_arb
from numerics.landscape import cover, outermost, require_finite_mass, side_mass, side_states
from numerics.local import End
from numerics.lowering import Model
from numerics.precision import until_certain
from numerics.routes import Method, by_route
from numerics.sweep import Stage, log_density_rise
from numerics.tails import tail_power


def density(model: Model, at: Point, *, digits: int = 15, method: Method = "both") -> Enclosure:
    """The stationary density at a point.

    `p(x) / (∫_{−∞}^x p + ∫_x^∞ p)`, each mass relative to p(x).

    Parameters
    ----------
    model : a model without free parameters
    at : the point, in units of the state
    digits : `upper - lower <= 10**-digits * upper`
    method : `arb`, `mpmath`, or `both` (which must agree)

    Raises
    ------
    InfiniteMean : the law cannot be normalised.
    ComputationError : C is not positive, or nothing could be proved.
    """

    def certified() -> Enclosure:
        core = core_of(model)

        def compute(accuracy: float) -> arb:
            with ctx.workprec(_bits(accuracy)):
                x = point_ball(at)
                return 1 / (_mass(core, x, -1, accuracy) + _mass(core, x, 1, accuracy))

        return until_certain(compute, digits)

    return by_route("density", (model, at), {}, digits, method, certified)


def normaliser(model: Model, *, digits: int = 15, method: Method = "both") -> Enclosure:
    """`∫ C(z)^(−s) exp(−∫_0^z 2L'/(ηC)) dz`: the mass of the density with Φ(0) = 0."""

    def certified() -> Enclosure:
        core = core_of(model)

        def compute(accuracy: float) -> arb:
            with ctx.workprec(_bits(accuracy)):
                x = arb(0)
                mass = _mass(core, x, -1, accuracy) + _mass(core, x, 1, accuracy)
                s = 1 - evaluate_arb(model.theta)[0]
                return mass * evaluate_arb(model.noise, x)[0] ** (-s)

        return until_certain(compute, digits)

    return by_route("normaliser", (model,), {}, digits, method, certified)


def cumulative(
    model: Model, at: Point, *, upper: bool = False, digits: int = 15, method: Method = "both"
) -> Enclosure:
    """P(X <= at), or P(X > at) with `upper`: relative accuracy in either tail."""

    def certified() -> Enclosure:
        core = core_of(model)

        def compute(accuracy: float) -> arb:
            with ctx.workprec(_bits(accuracy)):
                x = point_ball(at)
                left, right = _mass(core, x, -1, accuracy), _mass(core, x, 1, accuracy)
                return (right if upper else left) / (left + right)

        return until_certain(compute, digits)

    return by_route(
        "cumulative", (model, at), {"upper": True} if upper else {}, digits, method, certified
    )


def moment(
    model: Model,
    order: int | Fraction,
    *,
    absolute: bool = False,
    digits: int = 15,
    method: Method = "both",
) -> Enclosure:
    """The raw moment E X^r, or E|X|^r with `absolute` (then r may be any rational > −1).

    Each half-line is integrated by itself: `∫_0^∞ x^r p`, relative to p(0). A raw moment of odd
    order may be zero: it is exactly 0 where the model is even by its form, otherwise the digits are
    absolute if the relative ones cannot be had.

    Raises
    ------
    InfiniteMean : the moment, or the law, does not exist.
    """

    def certified() -> Enclosure:
        core = core_of(model)
        r = Fraction(order)

        def compute(accuracy: float) -> arb:
            with ctx.workprec(_bits(accuracy)):
                origin = arb(0)
                mass = _mass(core, origin, -1, accuracy) + _mass(core, origin, 1, accuracy)
                above = _moment_mass(core, r, 1, accuracy)
                below = _moment_mass(core, r, -1, accuracy)
                sign = 1 if absolute or r % 2 == 0 else -1
                return (above + sign * below) / mass

        return until_certain(compute, digits, absolute=not absolute and r % 2 == 1)

    options = {"order": order, "absolute": absolute}
    return by_route("moment", (model,), options, digits, method, certified)


def tail_index(model: Model, *, digits: int = 15, method: Method = "both") -> Enclosure:
    """The supremum of r with E|X|^r finite; a proven infinity for tails lighter than any power.

    `p ~ |x|^(−a)` at an end gives r < a − 1; the heavier of the two ends decides.
    """

    def certified() -> Enclosure:
        core = core_of(model)

        def compute(accuracy: float) -> arb:
            with ctx.workprec(_bits(accuracy)):
                sides = (core, mirrored(core))
                powers = [tail_power(outermost(c, End(-1), arb(0)), End(-1)) for c in sides]
                return arb.min(*(power - 1 for power in powers))

        return until_certain(compute, digits)

    return by_route("tail_index", (model,), {}, digits, method, certified)


def _bits(accuracy: float) -> int:
    return math.ceil(accuracy / math.log(2)) + 40


def _mass(core: Core, x: arb, side: int, accuracy: float) -> arb:
    """∫ p / p(x) over the half-line on a side of x."""
    if side < 0:
        return side_mass(core, End(-1), x, accuracy)
    return side_mass(mirrored(core), End(-1), -x, accuracy)


def _moment_mass(core: Core, order: Fraction, side: int, accuracy: float) -> arb:
    """∫ |x|^r p / p(0) over a half-line from 0, r > −1."""
    if side > 0:
        core = mirrored(core)
    weighting = weighted(core, order)
    require_finite_mass(weighting, End(-1), arb(-1))
    if order.denominator == 1 and order >= 0:
        stages = (Stage("speed", power=int(order)),)
        return side_states(core, End(-1), arb(0), stages, accuracy)[0]
    # |x|^r is not analytic at 0: there the weighted density is a power-law end of its own.
    x = arb(-1)
    total = side_mass(weighting, End(-1), x, accuracy)
    total += side_mass(mirrored(weighting), End(-1, Fraction(0)), -x, accuracy)
    return total * (-log_density_rise(core, cover(core, x, arb(0)), accuracy)).exp()
