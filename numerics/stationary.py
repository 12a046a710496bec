"""The zero-flux stationary law `p ∝ C^(−s) exp(−∫2L'/(ηC))`, certified: density, mass, moments.

Every quantity is a ratio of masses relative to p at a point, so that a density of 10^-1000 costs no
more than one of 1, and both tails of the distribution function keep their relative accuracy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce

from flint import arb, ctx

from numerics.core import (
    Core,
    Point,
    at_point,
    core_of,
    jump_at,
    just_after,
    mirrored,
    point_ball,
    weighted,
)
from numerics.enclosure import Enclosure
from numerics.errors import ComputationError, InfiniteMean
from numerics.evaluators import as_fmpq, evaluate_arb
from numerics.landscape import (
    cover,
    inner_point,
    natural_end,
    outermost,
    require_finite_mass,
    require_finite_moment,
    require_unreached,
    side_mass,
    side_states,
)
from numerics.local import End
from numerics.lowering import Model
from numerics.precision import until_certain
from numerics.rational import is_even
from numerics.routes import Method, by_route
from numerics.sweep import Stage, log_density_rise
from numerics.tails import tail_power


def density(model: Model, at: Point, *, digits: int = 15, method: Method = "both") -> Enclosure:
    """The stationary density at a point.

    `p(x) / (∫_{−∞}^x p + ∫_x^∞ p)`, each mass relative to p(x). Where C jumps, p(x) is that of the
    formula at x itself.

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
                left, right = _masses(core, x, accuracy)
                return _at_jump(core, at) / (left + right)

        return until_certain(compute, digits)

    return by_route("density", (model, at), {}, digits, method, certified)


def normaliser(model: Model, *, digits: int = 15, method: Method = "both") -> Enclosure:
    """`∫ C(z)^(−s) exp(−∫_0^z 2L'/(ηC)) dz`: the mass of the density with Φ(0) = 0."""

    def certified() -> Enclosure:
        core = core_of(model)

        def compute(accuracy: float) -> arb:
            with ctx.workprec(_bits(accuracy)):
                x = arb(0)
                left, right = _masses(core, x, accuracy)
                mass = left + right
                s = 1 - evaluate_arb(model.theta)[0]
                return mass * evaluate_arb(just_after(core, x), x)[0] ** (-s)

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
                left, right = _masses(core, x, accuracy)
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
        if not absolute and r.denominator != 1:
            raise ComputationError(
                "a whole order for a raw moment", str(order), "ask for the absolute moment"
            )
        odd = not absolute and r % 2 == 1
        inside = inner_point(core)
        if r <= -1 and not inside:
            raise InfiniteMean(
                f"a moment of order {order} that exists",
                f"|x|^{order} times a density that is positive at 0, whose integral diverges there",
                "the moment is infinite: ask for an order above -1",
            )
        if odd and not inside and is_even(core.program):
            end = natural_end(core, arb(0))
            require_finite_moment(core, r, end, arb(-1) if end.point is None else None)
            return Enclosure.exact(0)

        def compute(accuracy: float) -> arb:
            with ctx.workprec(_bits(accuracy)):
                if inside:
                    value = _one_signed_moment(core, r, inside, accuracy)
                    return -value if odd and inside < 0 else value
                origin = arb(0)
                left, right = _masses(core, origin, accuracy)
                above = _moment_mass(core, r, 1, accuracy)
                below = _moment_mass(core, r, -1, accuracy) / jump_at(core, origin)
                return (above + (-below if odd else below)) / (left + right)

        return until_certain(compute, digits, may_vanish=odd and not inside)

    options = {"order": order, "absolute": absolute}
    return by_route("moment", (model,), options, digits, method, certified)


def tail_index(model: Model, *, digits: int = 15, method: Method = "both") -> Enclosure:
    """The supremum of r with E|X|^r finite; a proven infinity for tails lighter than any power.

    `p ~ |x|^(−a)` at an end gives r < a − 1; the heavier of the two ends decides.

    Raises
    ------
    InfiniteMean : the law cannot be normalised.
    """

    def certified() -> Enclosure:
        core = core_of(model)

        def compute(accuracy: float) -> arb:
            with ctx.workprec(_bits(accuracy)):
                x = arb(as_fmpq(inner_point(core)))
                powers = []
                for side, inside in ((core, x), (mirrored(core), -x)):
                    end = natural_end(side, inside)
                    require_finite_mass(side, end, inside)
                    if end.point is None:
                        powers.append(tail_power(outermost(side, end, inside), end) - 1)
                return reduce(arb.min, powers, arb.pos_inf())

        return until_certain(compute, digits)

    return by_route("tail_index", (model,), {}, digits, method, certified)


def quantile(
    model: Model, probability: Point, *, digits: int = 15, method: Method = "both"
) -> Enclosure:
    """The x with P(X <= x) = probability, between 0 and 1.

    Newton's iteration on the distribution function, then proved: the function is increasing, and
    lies below the probability at the lower end of the enclosure and above it at the upper.
    """

    def certified() -> Enclosure:
        core = core_of(model)
        with ctx.workprec(_ROUGH_BITS):
            level = point_ball(probability)
            if is_even(core.program) and probability == Fraction(1, 2):
                require_finite_mass(core, natural_end(core, arb(0)), None)
                return Enclosure.exact(0)
            if not (level > 0 and level < 1):
                raise ComputationError(
                    "a probability strictly between 0 and 1", str(level), "give 1/2 for the median"
                )
            upper, logit = bool(level > arb(1) / 2), (level / (1 - level)).log()
        with ctx.workprec(192):
            guess = _rough_quantile(core, logit)
        state = _Quantile(core, probability, upper, guess)
        return until_certain(state.enclose, digits, may_vanish=True)

    return by_route("quantile", (model, probability), {}, digits, method, certified)


_ROUGH_BITS = 1024
"""Probabilities within 10^-300 of 1 are told from it."""
_FARTHEST_QUANTILE = 1e300


def _rough_quantile(core: Core, wanted: arb) -> arb:
    """A number near the quantile with that logit: Newton's iteration, within a growing bracket.

    In a tail that falls like a power the logit is a straight function of log |x|: so are the steps.
    """
    x = arb(as_fmpq(inner_point(core)))
    low, high = _ends(core, x)
    powers = [_falls_like_a_power(side, y) for side, y in ((core, x), (mirrored(core), -x))]
    # Over a barrier the masses are huge in units of the density: a step may only double.
    reach = max(1.0, abs(float(x)))
    for _ in range(200):
        left, right = _masses(core, x, 25.0)
        missing = wanted - (left / right).log()
        if missing > 0:
            low = x
        else:
            high = x
        # d logit/dx = p(x)/(left) + p(x)/(right), in units of p(x)
        step = arb((missing * left * right / (left + right)).mid())
        if abs(step) <= 1e-9 * arb.max(abs(x), arb.min(left, right)):
            return arb(x.mid())
        ratio = step / x
        if powers[bool(x > 0)] and (ratio > 1 or ratio < -0.5):
            trial = x * arb.max(arb.min(ratio, arb(200)), arb(-200)).exp()
        else:
            trial = x + arb.max(arb.min(step, arb(reach)), arb(-reach))
            reach *= 2
        if not (trial > low and trial < high):
            trial = _middle(x, low if step < 0 else high)
        x = arb(trial.mid())
        if abs(x) > _FARTHEST_QUANTILE:
            raise ComputationError(
                f"a quantile within {_FARTHEST_QUANTILE:g} of 0",
                f"one beyond, in a tail as heavy as that (near {x.str(5, radius=False)})",
                "ask for a probability nearer to 1/2",
            )
    return x


def _middle(x: arb, other: arb) -> arb:
    """Half the way, on a scale of powers where the two are of one sign and far apart."""
    ratio = other / x
    if ratio.is_finite() and (ratio > 4 or (ratio > 0 and ratio < 0.25)):
        return x * ratio.sqrt()
    return (x + other) / 2


def _falls_like_a_power(core: Core, inside: arb) -> bool:
    """Whether the left tail of the density is a power of |x|."""
    end = natural_end(core, inside)
    return end.point is None and bool(tail_power(outermost(core, end, inside), end).is_finite())


def _ends(core: Core, x: arb) -> tuple[arb, arb]:
    """The interval with noise around a point."""
    left, right = natural_end(core, x), natural_end(mirrored(core), -x)
    return (
        arb.neg_inf() if left.point is None else left.location(),
        arb.pos_inf() if right.point is None else -right.location(),
    )


@dataclass
class _Quantile:
    """Newton's iteration continued from one accuracy to the next."""

    core: Core
    probability: Point
    upper: bool
    """Whether 1/2 lies below: then it is the mass above that is compared"""
    x: arb

    def enclose(self, accuracy: float) -> arb:
        """An interval around the quantile whose ends lie on its two sides."""
        with ctx.workprec(_bits(accuracy) + 20):
            reached, unknown = 18.0, arb(0)
            while reached < 2 * accuracy:
                goal = min(2 * reached, accuracy) + 5
                missing, unit = self._missing(self.x, goal)
                step = missing * unit
                self.x = arb((self.x + step).mid())
                unknown = arb(step.rad())
                if reached >= accuracy:
                    break
                reached = min(2 * reached, accuracy)
            left, right = _masses(self.core, self.x, 20.0)
            unit = arb.min(left, right)
            size = abs(self.x)
            # A quantile far below the scale of the law may be 0: then the digits are absolute.
            size = unit if size < unit * arb(-accuracy / 2).exp() else size
            # Masses far out in a tail are known less well than asked for.
            half = arb.max(size * arb(-(accuracy - 4)).exp(), 4 * unknown)
            low, high = arb((self.x - half).mid()), arb((self.x + half).mid())
            below, above = (self._missing(x, accuracy + 5)[0] for x in (low, high))
            return low.union(high) if below > 0 and above < 0 else arb.nan()

    def _missing(self, x: arb, accuracy: float) -> tuple[arb, arb]:
        """The share of mass that lies between x and the quantile, and all mass relative to p(x)."""
        left, right = _masses(self.core, x, accuracy)
        whole = left + right
        with ctx.workprec(ctx.prec + _ROUGH_BITS if self.upper else ctx.prec):
            level = point_ball(self.probability)
            rest = 1 - level
        return (right / whole - rest if self.upper else level - left / whole), whole


def _bits(accuracy: float) -> int:
    return math.ceil(accuracy / math.log(2)) + 40


def _masses(core: Core, x: arb, accuracy: float) -> tuple[arb, arb]:
    """The masses on both sides of x, relative to p(x) (from the right, where p jumps)."""
    left, right = _mass(core, x, -1, accuracy), _mass(core, x, 1, accuracy)
    return left / jump_at(core, x), right


def _at_jump(core: Core, at: Point) -> arb:
    """p(x)/p(x+): 1 unless C switches exactly at x."""
    if core.program.is_smooth:
        return arb(1)
    x = point_ball(at)
    return core.jump(just_after(core, x), at_point(core.program, at), x)


def _mass(core: Core, x: arb, side: int, accuracy: float) -> arb:
    """∫ p / p(x) over the half-line on a side of x."""
    if side > 0:
        core, x = mirrored(core), -x
    end = natural_end(core, x)
    require_finite_mass(core, end, x)
    require_unreached(core, end, x)
    return side_mass(core, end, x, accuracy)


def _one_signed_moment(core: Core, order: Fraction, inside: Fraction, accuracy: float) -> arb:
    """E|x|^r of a law on an interval of one sign, integrated from a point inside."""
    weight, mass = arb(0), arb(0)
    for side, x in ((core, arb(as_fmpq(inside))), (mirrored(core), arb(as_fmpq(-inside)))):
        end = natural_end(side, x)
        mass += _mass(side, x, -1, accuracy)
        require_finite_moment(side, order, end, x)
        if order.denominator == 1 and order >= 0:
            stages = (Stage("speed", power=int(order)),)
            weight += side_states(side, end, x, stages, accuracy)[0]
        else:
            here = abs(x) ** arb(as_fmpq(order))
            weight += side_mass(weighted(side, order), end, x, accuracy) * here
    return weight / mass


def _moment_mass(core: Core, order: Fraction, side: int, accuracy: float) -> arb:
    """∫ |x|^r p / p(0) over a half-line from 0, r > −1."""
    if side > 0:
        core = mirrored(core)
    end = natural_end(core, arb(0))
    weighting = weighted(core, order)
    x = arb(-1 if end.point is None else float(end.point) / 2)
    require_finite_moment(core, order, end, x)
    if order.denominator == 1 and order >= 0:
        stages = (Stage("speed", power=int(order)),)
        return side_states(core, end, arb(0), stages, accuracy)[0]
    # |x|^r is not analytic at 0: there the weighted density is a power-law end of its own.
    total = side_mass(weighting, end, x, accuracy) / jump_at(core, x)
    total += side_mass(mirrored(weighting), End(-1, Fraction(0)), -x, accuracy)
    return total * (-log_density_rise(core, cover(core, x, arb(0)), accuracy)).exp()
