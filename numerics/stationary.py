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

from numerics.core import Core, Point, core_of, mirrored, pieces, point_ball, weighted
from numerics.enclosure import Enclosure
from numerics.errors import ComputationError
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
                left, right = _masses(core, x, accuracy)
                return 1 / (left + right)

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
                below = _moment_mass(core, r, -1, accuracy) / _jump(core, origin)
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
        with ctx.workprec(128):
            level = point_ball(probability)
            if is_even(core.program) and probability == Fraction(1, 2):
                require_finite_mass(core, natural_end(core, arb(0)), None)
                return Enclosure.exact(0)
            if not (level > 0 and level < 1):
                raise ComputationError(
                    "a probability strictly between 0 and 1", str(level), "give 1/2 for the median"
                )
            guess = _rough_quantile(core, level)
        state = _Quantile(core, probability, guess)
        return until_certain(state.enclose, digits, may_vanish=True)

    return by_route("quantile", (model, probability), {}, digits, method, certified)


def _rough_quantile(core: Core, level: arb) -> float:
    """A double near the quantile: Newton's iteration on the logit, within a growing bracket."""
    x = float(inner_point(core))
    low, high = _ends(core, x)
    wanted = float((level / (1 - level)).log())
    # Over a barrier the masses are huge in units of the density: a step may only double.
    reach = max(1.0, abs(x))
    for _ in range(200):
        left, right = _masses(core, arb(x), 25.0)
        logit = float((left / right).log())
        if logit < wanted:
            low = x
        else:
            high = x
        # d logit/dx = p(x)/(left) + p(x)/(right), in units of p(x)
        step = (wanted - logit) * float(left * right / (left + right))
        if abs(step) <= 1e-9 * max(abs(x), float(arb.min(left, right))):
            return x
        trial = x + max(-reach, min(step, reach))
        reach *= 2
        x = trial if low < trial < high else (x + (low if step < 0 else high)) / 2
    return x


def _ends(core: Core, x: float) -> tuple[float, float]:
    """The interval with noise around a point, in doubles."""
    left = natural_end(core, arb(x)).point
    right = natural_end(mirrored(core), arb(-x)).point
    return (
        -math.inf if left is None else float(left),
        math.inf if right is None else -float(right),
    )


@dataclass
class _Quantile:
    """Newton's iteration continued from one accuracy to the next."""

    core: Core
    probability: Point
    guess: float

    def __post_init__(self) -> None:
        self.x = arb(self.guess)

    def enclose(self, accuracy: float) -> arb:
        """An interval around the quantile whose ends lie on its two sides."""
        with ctx.workprec(_bits(accuracy) + 20):
            level = point_ball(self.probability)
            reached = 18.0
            while reached < 2 * accuracy:
                goal = min(2 * reached, accuracy) + 5
                left, right = _masses(self.core, self.x, goal)
                step = level * (left + right) - left
                self.x = arb((self.x + step).mid())
                if reached >= accuracy:
                    break
                reached = min(2 * reached, accuracy)
            left, right = _masses(self.core, self.x, 20.0)
            unit = float(arb.min(left, right))
            size = abs(float(self.x))
            # A quantile far below the scale of the law may be 0: then the digits are absolute.
            size = unit if size < unit * math.exp(-accuracy / 2) else size
            half = arb(size) * arb(-(accuracy - 4)).exp()
            ends = (arb((self.x - half).mid()), arb((self.x + half).mid()))
            signs = []
            for x in ends:
                left, right = _masses(self.core, x, accuracy + 3)
                signs.append(left / (left + right) - level)
            if signs[0] < 0 < signs[1]:
                return ends[0].union(ends[1])
            return arb.nan()


def _bits(accuracy: float) -> int:
    return math.ceil(accuracy / math.log(2)) + 40


def _masses(core: Core, x: arb, accuracy: float) -> tuple[arb, arb]:
    """The masses on both sides of x, relative to p(x) (from the right, where p jumps)."""
    left, right = _mass(core, x, -1, accuracy), _mass(core, x, 1, accuracy)
    return left / _jump(core, x), right


def _jump(core: Core, x: arb) -> arb:
    """p(x+)/p(x−): 1 unless C switches exactly at x."""
    if core.program.is_smooth:
        return arb(1)
    before = pieces(core.program, x - 1, x)[-1].program
    after = pieces(core.program, x, x + 1)[0].program
    return core.jump(before, after, x)


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
    total = side_mass(weighting, end, x, accuracy)
    total += side_mass(mirrored(weighting), End(-1, Fraction(0)), -x, accuracy)
    return total * (-log_density_rise(core, cover(core, x, arb(0)), accuracy)).exp()
