"""First-passage times, their moments and Laplace transform, and exit probabilities, certified.

Model `dw = −L'dt + √(ηC) ∘_θ dB`; speed density `p = C^(−s)e^(−Φ)`, scale density `S = (2/η)/(Cp)`,
`Φ' = 2L'/(ηC)`, `s = 1 − θ`. One-sided passage from x to B with the left end out of reach (or
reflecting): `τ = ∫_x^B S(y) ∫_left^y p(z) dz dy`. Two-sided exit from (A, B), `s(y) = ∫_A^y S`:
`τ = [ (s_B − s_x) ∫_A^x s p + s_x ∫_x^B (s_B − s) p ] / s_B`. Every integrand is positive, and one
pass over the panels gives them all.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from math import comb, factorial

from flint import arb, ctx

from numerics.core import Core, Point, core_of, jump_at, mirrored, point_ball
from numerics.enclosure import Enclosure
from numerics.errors import ComputationError, InfiniteMean
from numerics.exit_laplace import Transfer, carry
from numerics.landscape import (
    cover,
    natural_end,
    outermost,
    reach_left,
    require_finite_mass,
    require_no_zero,
    require_unreached,
)
from numerics.local import End
from numerics.lowering import Model
from numerics.panels import Panel
from numerics.precision import until_certain
from numerics.routes import Method, by_route
from numerics.sweep import MASS, Stage, cumulant_stages, execute
from numerics.tails import leading_exponents, mass_excess, scale_excess

_BITS_OF_COMPARISON = (1024, 8192)
"""At which precisions points that the working precision does not tell apart are compared."""


def mean_exit_time(
    model: Model,
    start: Point,
    *,
    exit_above: Point | None = None,
    exit_below: Point | None = None,
    reflect_above: Point | None = None,
    reflect_below: Point | None = None,
    digits: int = 15,
    method: Method = "both",
) -> Enclosure:
    """The mean of the first time at which the state leaves through an exit.

    Parameters
    ----------
    model : a model without free parameters
    start : the starting point, strictly between the ends
    exit_above, exit_below : the exits; at least one
    reflect_above, reflect_below : a reflecting end in place of an exit on that side
    digits : `upper - lower <= 10**-digits * upper`
    method : `arb`, `mpmath`, or `both` (which must agree)

    Returns
    -------
    Enclosure : in the units of time of the model

    Raises
    ------
    InfiniteMean : speed mass or scale fails at an open end; the message says which.
    ComputationError : start not inside, a zero of C on the interval, nothing proved.
    PrecisionCapReached : the digits could not be had.
    """
    interval = Interval(start, exit_below, exit_above, reflect_below, reflect_above)
    return _by_route("mean_exit_time", model, interval, {}, digits, method, _mean)


def exit_time_moment(
    model: Model,
    order: int,
    start: Point,
    *,
    exit_above: Point | None = None,
    exit_below: Point | None = None,
    reflect_above: Point | None = None,
    reflect_below: Point | None = None,
    digits: int = 15,
    method: Method = "both",
) -> Enclosure:
    """The raw moment E τ^order of the exit time (order 1, 2, …); see `mean_exit_time`.

    One-sided: from the cumulants, each an integral of positive terms. Two-sided: from the expansion
    of `E e^(−λτ) = (ψ + χ)/W`, ψ and χ the solutions of 𝓛u = λu that vanish at one exit.
    """
    if isinstance(order, bool) or not isinstance(order, int) or not 1 <= order <= 40:
        raise ComputationError("a moment order from 1 to 40", str(order), "give --order 2, say")
    interval = Interval(start, exit_below, exit_above, reflect_below, reflect_above)

    def compute(core: Core, where: Interval, accuracy: float) -> arb:
        return _moments(core, where, order, accuracy)[order]

    return _by_route("exit_time_moment", model, interval, {"order": order}, digits, method, compute)


def exit_probability(
    model: Model,
    start: Point,
    *,
    exit_above: Point,
    exit_below: Point,
    digits: int = 15,
    method: Method = "both",
) -> Enclosure:
    """The probability of leaving (exit_below, exit_above) through exit_above: `s(x)/s(B)`."""
    interval = Interval(start, exit_below, exit_above)
    return _by_route("exit_probability", model, interval, {}, digits, method, _probability)


def exit_time_laplace(
    model: Model,
    rate: Point,
    start: Point,
    *,
    exit_above: Point | None = None,
    exit_below: Point | None = None,
    reflect_above: Point | None = None,
    reflect_below: Point | None = None,
    digits: int = 15,
    method: Method = "both",
) -> Enclosure:
    """`E e^(−rate·τ)` of the exit time, rate > 0 (per unit of time): see `mean_exit_time`.

    `u(x)/u(B)` for the solution of 𝓛u = rate·u without flux at the closed end; for two exits
    `(ψ + χ)/W` as in `exit_time_moment`. Paths that never leave, as those of Brownian motion with a
    drift away from the exit, count as `e^(−∞) = 0`.
    """
    interval = Interval(start, exit_below, exit_above, reflect_below, reflect_above)

    def compute(core: Core, where: Interval, accuracy: float) -> arb:
        value = point_ball(rate)
        if not value > 0:
            raise ComputationError("a positive rate", str(value), "give a rate above 0")
        return _laplace(core, where, value, accuracy)

    return _by_route("exit_time_laplace", model, interval, {"rate": rate}, digits, method, compute)


@dataclass(frozen=True)
class Interval:
    """A start and the ends: exits, reflecting points, or None for an open end."""

    start: Point
    exit_below: Point | None = None
    exit_above: Point | None = None
    reflect_below: Point | None = None
    reflect_above: Point | None = None

    def options(self) -> dict[str, Point]:
        """The ends given, by name."""
        names = ("exit_above", "exit_below", "reflect_above", "reflect_below")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


@dataclass(frozen=True)
class Side:
    """What lies to the left of the start (on the right: after mirroring)."""

    core: Core
    start: arb
    end: arb | None
    absorbing: bool


def _by_route(
    quantity: str,
    model: Model,
    interval: Interval,
    extra: dict[str, Point],
    digits: int,
    method: Method,
    compute: Callable[[Core, Interval, float], arb],
) -> Enclosure:
    _check_ends(interval)

    def certified() -> Enclosure:
        core = core_of(model)

        def at_accuracy(accuracy: float) -> arb:
            with ctx.workprec(math.ceil(accuracy / math.log(2)) + 40):
                _check_order(interval)
                _check_noise(core, interval)
                return compute(core, interval, accuracy)

        return until_certain(at_accuracy, digits)

    arguments = (model, *extra.values(), interval.start)
    return by_route(quantity, arguments, interval.options(), digits, method, certified)


def _check_ends(interval: Interval) -> None:
    for side in ("above", "below"):
        if None not in (
            getattr(interval, f"exit_{side}"),
            getattr(interval, f"reflect_{side}"),
        ):
            raise ComputationError(
                "one end on each side",
                f"both an exit and a reflecting point {side} the start",
                "leave one of them out",
            )
    if interval.exit_above is None and interval.exit_below is None:
        raise ComputationError("at least one exit", "none", "give exit_above or exit_below")


def _check_order(interval: Interval) -> None:
    """below < start < above."""
    for point, above in (
        (interval.exit_above, True),
        (interval.reflect_above, True),
        (interval.exit_below, False),
        (interval.reflect_below, False),
    ):
        if point is None:
            continue
        order = _compared(point, interval.start)
        if order != (1 if above else -1):
            side = "above" if above else "below"
            x, end = point_ball(interval.start), point_ball(point)
            raise ComputationError(
                f"a start strictly inside the interval, so an end {side} it",
                f"start {float(x):.10g} and end {float(end):.10g}",
                "swap or move them",
            )
        _check_distance(point, interval.start)


def _check_distance(end: Point, start: Point) -> None:
    """The panels are laid out in doubles, which have to tell the points apart."""
    for bits in _BITS_OF_COMPARISON:
        with ctx.workprec(bits):
            x, distance = point_ball(start), abs(point_ball(end) - point_ball(start))
            if distance > 0 and distance < abs(x) * 2.0**-50:
                raise ComputationError(
                    "a start and ends that are apart by more than 1e-15 of their size",
                    f"start {float(x):.17g} and an end at the distance {float(distance):.3g}",
                    "move the start; so near an exit, what depends on it is linear in the distance",
                )


def _compared(first: Point, second: Point) -> int:
    """+1 where the first point is above the second, -1 below, 0 where they are not told apart."""
    for bits in (ctx.prec, *_BITS_OF_COMPARISON):
        with ctx.workprec(bits):
            a, b = point_ball(first), point_ball(second)
            if a > b or a < b:
                return 1 if a > b else -1
    return 0


def _check_noise(core: Core, interval: Interval) -> None:
    """C > 0 between the ends that are given."""
    points = [
        point_ball(p)
        for p in (
            interval.exit_below,
            interval.reflect_below,
            interval.start,
            interval.reflect_above,
            interval.exit_above,
        )
        if p is not None
    ]
    require_no_zero(core, points[0], points[-1])


def _sides(core: Core, interval: Interval) -> tuple[Side, Side]:
    x = point_ball(interval.start)

    def side(which: Core, start: arb, exit_: Point | None, wall: Point | None, sign: int) -> Side:
        point = exit_ if exit_ is not None else wall
        end = None if point is None else sign * point_ball(point)
        return Side(which, start, end, exit_ is not None)

    return (
        side(core, x, interval.exit_below, interval.reflect_below, 1),
        side(mirrored(core), -x, interval.exit_above, interval.reflect_above, -1),
    )


# --- one exit ------------------------------------------------------------------------------------


def _mean(core: Core, interval: Interval, accuracy: float) -> arb:
    left, right = _sides(core, interval)
    if left.absorbing and right.absorbing:
        return _two_sided_mean(left, right, accuracy)
    return _cumulants(left, right, 1, accuracy)[0]


def _cumulants(left: Side, right: Side, order: int, accuracy: float) -> list[arb]:
    """Cumulants 1 … order, each divided by its factorial, of a one-sided passage."""
    closed, through = (left, right) if right.absorbing else (right, left)
    assert through.end is not None
    results: list[arb] = []
    for n in range(1, order + 1):
        stages = cumulant_stages(n)
        inner = len(stages) - 1
        panels, states = [], [arb(0)] * inner
        if closed.end is None:
            end = natural_end(closed.core, closed.start)
            _require_returning(closed.core, end, closed.start)
            reach = reach_left(closed.core, end, closed.start, stages, inner, accuracy)
            panels, states = reach.panels, reach.states
        else:
            panels = cover(closed.core, closed.end, closed.start)
        onward = cover(closed.core, closed.start, -through.end)
        active = [inner] * len(panels) + [inner + 1] * len(onward)
        if panels and onward[0].before is None:
            _join(panels[-1], onward[0])
        sweep = execute(
            closed.core, [*panels, *onward], active, stages, [*states, arb(0)], accuracy
        )
        results.append(sweep.states[-1])
    return results


def _join(left, right) -> None:
    """Mark a switch that lies exactly at the start."""
    if left.program is not right.program and left.program != right.program:
        right.before = left.program


def _require_returning(core: Core, end: End, start: arb) -> None:
    """Finite speed mass and divergent scale at an open left end."""
    require_finite_mass(core, end, start)
    program = outermost(core, end, start)
    excess = scale_excess(program, end)
    if excess >= 0:
        return
    if excess < 0 and end.point is not None:
        require_unreached(core, end, start)
    if excess < 0:
        raise InfiniteMean(
            "an open end that the state cannot reach (the integral of the scale density diverges)",
            "an open end at which it converges",
            "the state may escape there and never return, so the mean is infinite: "
            "give an exit or a reflecting point on that side",
        )
    raise ComputationError(
        "an open end whose reach can be decided",
        f"a scale exponent {excess} that may be 0",
        "give exact parameters, or an exit or reflecting point on that side",
    )


def mean_square_is_finite(
    model: Model,
    start: Point,
    *,
    exit_above: Point | None = None,
    exit_below: Point | None = None,
) -> bool:
    """Whether `E τ²` of the exit time is proved to be finite, as an average of it needs.

    Two exits always do. With one, `E τ² = 2 ∫ S ∫ p u` with `u = E_z τ`, which grows towards an
    open end no faster than `|z|^(2−c)` where C does like `|z|^c` (like a logarithm for c = 2).

    Returns
    -------
    bool : False where bounds do not decide it

    Raises
    ------
    InfiniteMean : the mean, or the mean square, is proved to be infinite.
    ComputationError : what lies at the open end cannot be decided.
    """
    core = core_of(model)
    with ctx.workprec(128):
        left, right = _sides(core, Interval(start, exit_below, exit_above))
        if left.absorbing and right.absorbing:
            return True
        closed = left if right.absorbing else right
        end = natural_end(closed.core, closed.start)
        _require_returning(closed.core, end, closed.start)
        program = outermost(closed.core, end, closed.start)
        excess = mass_excess(program, end)
        if not excess.is_finite():
            return True
        order = leading_exponents(program, end)[2]
        margin = excess - max(0, order + 2 if end.point is None else order - 2)
        if margin <= 0:
            raise InfiniteMean(
                "a finite mean square of the exit time, for the error of its mean",
                f"a density that falls so slowly {_towards(end)} that E τ² is infinite",
                "ask for the certified mean (exitlaw evaluate mean-exit-time), or give an exit on "
                "that side",
            )
        return bool(margin > 0)


def _towards(end: End) -> str:
    return "towards infinity" if end.point is None else f"towards the zero {end.point} of C"


# --- two exits -----------------------------------------------------------------------------------


def _half(side: Side, order: int, accuracy: float) -> tuple[list[arb], list[arb]]:
    """ψ_k and its flux from the exit on the left to the start, relative to p on this side of it.

    `ψ_0 = ∫S`, flux `f_0 = 1`; `f_k = ∫ p ψ_{k−1}`, `ψ_k = ∫ S f_k`.
    """
    assert side.end is not None
    stages = [Stage("scale")]
    for k in range(order):
        stages.append(Stage("speed", ((2 * k,),)))
        stages.append(Stage("scale", ((2 * k + 1,),)))
    stages = stages if order else stages[:1]
    panels = cover(side.core, side.end, side.start)
    count = len(stages)
    states = execute(
        side.core, panels, [count] * len(panels), stages, [arb(0)] * count, accuracy
    ).states
    return states[::2], [arb(1), *states[1::2]]


def _probability(core: Core, interval: Interval, accuracy: float) -> arb:
    left, right = _sides(core, interval)
    below, above = _half(left, 0, accuracy)[0][0], _half(right, 0, accuracy)[0][0]
    return below / (below + above / jump_at(left.core, left.start))


def _two_sided_mean(left: Side, right: Side, accuracy: float) -> arb:
    """[s_R ∫ s_L p + s_L ∫ s_R p] / (s_L + s_R)."""
    stages = (Stage("scale"), Stage("speed", ((0,),)))
    found = []
    for side in (left, right):
        assert side.end is not None
        panels = cover(side.core, side.end, side.start)
        states = [arb(0), arb(0)]
        found.append(execute(side.core, panels, [2] * len(panels), stages, states, accuracy).states)
    (scale_left, mass_left), (scale_right, mass_right) = found
    scale_right /= jump_at(left.core, left.start)
    return (scale_right * mass_left + scale_left * mass_right) / (scale_left + scale_right)


def _moments(core: Core, interval: Interval, order: int, accuracy: float) -> list[arb]:
    """E τⁿ for n = 0 … order."""
    left, right = _sides(core, interval)
    if left.absorbing and right.absorbing:
        return _two_sided_moments(left, right, order, accuracy)
    cumulants = [
        c * factorial(n + 1) for n, c in enumerate(_cumulants(left, right, order, accuracy))
    ]
    moments = [arb(1)]
    for n in range(1, order + 1):
        moments.append(
            sum(
                (comb(n - 1, k - 1) * cumulants[k - 1] * moments[n - k] for k in range(1, n + 1)),
                arb(0),
            )
        )
    return moments


def _two_sided_moments(left: Side, right: Side, order: int, accuracy: float) -> list[arb]:
    """From `E e^(−λτ) = (ψ + χ)/W` as power series in λ, W = f_ψ χ + ψ f_χ."""
    psi, psi_flux = _half(left, order, accuracy)
    chi, chi_flux = _half(right, order, accuracy)
    jump = jump_at(left.core, left.start)
    chi = [x / jump for x in chi]
    wronskian = [
        sum(
            (psi_flux[i] * chi[n - i] + psi[i] * chi_flux[n - i] for i in range(n + 1)),
            arb(0),
        )
        for n in range(order + 1)
    ]
    transform: list[arb] = []
    for n in range(order + 1):
        rest = sum((transform[i] * wronskian[n - i] for i in range(n)), arb(0))
        transform.append((psi[n] + chi[n] - rest) / wronskian[0])
    return [(-1) ** n * factorial(n) * value for n, value in enumerate(transform)]


_STEEPEST = 1e5
"""Change of log p between two cuts that is too much work."""
_IDLE_CUTS = 60
"""Doublings of the distance (halvings, to a zero of C) without gain before it is given up."""


# --- Laplace transform ---------------------------------------------------------------------------


def _laplace(core: Core, interval: Interval, rate: arb, accuracy: float) -> arb:
    left, right = _sides(core, interval)
    if left.absorbing and right.absorbing:
        return _two_sided_laplace(left, right, rate, accuracy)
    closed, through = (left, right) if right.absorbing else (right, left)
    assert through.end is not None
    panels, ratio = _flux_ratio(closed, rate, accuracy)
    onward = cover(closed.core, closed.start, -through.end)
    if panels:
        _join(panels[-1], onward[0])
    return 1 / carry(closed.core, onward, arb(1), ratio, rate, accuracy).u


def _flux_ratio(closed: Side, rate: arb, accuracy: float) -> tuple[list[Panel], arb]:
    """Panels from a side without an exit to the start, and ρ = f/u there.

    Solutions of ρ' = λp − Sρ², ρ = f/u >= 0, do not separate: what is not known of ρ at the first
    panel bounds its error at the start.
    """
    if closed.end is not None:
        panels, flux = cover(closed.core, closed.end, closed.start), arb(0)
    else:
        end = natural_end(closed.core, closed.start)
        try:
            _require_returning(closed.core, end, closed.start)
        except ComputationError as reason:
            if end.point is not None and not isinstance(reason, InfiniteMean):
                raise  # a zero of C that is reached
            return _flux_ratio_by_cuts(closed, end, rate, accuracy, reason.received)
        if end.point is not None:
            return _flux_ratio_by_cuts(closed, end, rate, accuracy, "a zero of C")
        reach = reach_left(closed.core, end, closed.start, MASS, 1, accuracy + 10, killing=rate)
        # f/u at the first panel: known there, or between 0 and λ ∫p.
        panels, flux = reach.panels, rate * reach.states[0]
    inner = carry(closed.core, panels, arb(1), arb(flux.mid()), rate, accuracy)
    unknown = arb(0, (flux.rad() * (-inner.log_rise).exp()).upper())
    return panels, inner.f / inner.u + unknown


def _flux_ratio_by_cuts(
    closed: Side, end: End, rate: arb, accuracy: float, reason: str
) -> tuple[list[Panel], arb]:
    """The same towards a zero of C, where paths may wander off, or where that is not decided.

    At any point X beyond, ρ lies between 0 (a wall at X) and ∞ (an exit at X, at which nothing is
    counted), and solutions keep their order: two of them enclose ρ at the start, the more tightly
    the longer paths take to X.
    """
    core, edge, distance = closed.core, closed.start, _first_distance(closed, end)
    panels: list[Panel] = []
    wall, exit_ = Transfer(arb(1), arb(0), arb(0)), Transfer(arb(0), arb(1), arb(0))
    goal, log_width, idle = (-arb(accuracy)).exp(), math.inf, 0
    while idle < _IDLE_CUTS:
        point = _cut_at(closed, end, distance)
        beyond = cover(core, point, edge)
        rise = abs(sum(panel.rise for panel in beyond))
        if rise > _STEEPEST:
            break
        jump = arb(1)
        if panels and panels[0].program != beyond[-1].program:
            jump = core.jump(beyond[-1].program, panels[0].program, edge)
        # The columns of the transfer to the start: those to the last cut, applied to those from it.
        from_wall = carry(core, beyond, arb(1), arb(0), rate, accuracy)
        from_exit = carry(core, beyond, arb(0), arb(1), rate, accuracy)
        wall, exit_ = (
            Transfer(
                wall.u * new.u + exit_.u * new.f / jump, wall.f * new.u + exit_.f * new.f / jump,
                wall.log_rise + new.log_rise + jump.log(),
            )
            for new in (from_wall, from_exit)
        )  # fmt: skip
        panels, edge = panels or beyond, point
        low = wall.f / wall.u
        # The determinant of the transfer is 1, but for the units of f.
        width = (-wall.log_rise).exp() / (wall.u * exit_.u)
        if width < goal * low:
            return panels, low + arb(0, 1) * width
        before, log_width = log_width, float(width.log())
        idle = idle + 1 if log_width > before - 0.1 else 0
        # Where p changes much, paths are lost, or kept, for certain: small steps save long ones.
        factor = arb("1.2") if rise > 4 * accuracy else arb(2)
        distance = distance / factor if end.point is not None else distance * factor
    raise ComputationError(
        "an open end that paths take ever longer to reach",
        f"{reason}; and a transform that depends on what happens there",
        "give an exit or a reflecting point on that side",
    )


def _first_distance(closed: Side, end: End) -> arb:
    """How far from the start, or how close to a zero of C, the first cut lies."""
    if end.point is None:
        return 1 + abs(closed.start.mid())
    return arb(((closed.start - end.location()) / 2).mid())


def _cut_at(closed: Side, end: End, distance: arb) -> arb:
    point = closed.start - distance if end.point is None else end.location() + distance
    return arb(point.mid())


def _two_sided_laplace(left: Side, right: Side, rate: arb, accuracy: float) -> arb:
    """[p(B)ψ(x) + p(A)χ(x)] / Wronskian, relative to p(x) on the side of each exit."""
    assert left.end is not None
    assert right.end is not None
    psi = carry(left.core, cover(left.core, left.end, left.start), arb(0), arb(1), rate, accuracy)
    chi = carry(
        right.core, cover(right.core, right.end, right.start), arb(0), arb(1), rate, accuracy
    )
    at_a, at_b = (-psi.log_rise).exp(), (-chi.log_rise).exp()
    above = chi.u / jump_at(left.core, left.start)
    return (at_b * psi.u + at_a * above) / (psi.f * above + psi.u * chi.f)
