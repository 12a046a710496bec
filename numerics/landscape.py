"""A model on an interval: panels from a point to another, or out to an end of the domain."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

from flint import arb, arb_series, ctx

from numerics.core import Core, Piece, mirrored, pieces, weighted
from numerics.discs import LOW_PRECISION, log_sum, log_sum_all, log_upper
from numerics.errors import ComputationError, InfiniteAtZero, InfiniteDrift, InfiniteMean
from numerics.evaluators import evaluate_arb, evaluate_series
from numerics.local import End
from numerics.oscillating import flux_ratio, tail_states, within_reach
from numerics.panels import REACH, NegativeNoise, Panel, as_series, make_panel
from numerics.program import Program
from numerics.rational import (
    complex_zeros,
    integer_polynomial,
    rational_functions,
    require_covariance,
    zero_near,
)
from numerics.roots import poles, real_roots
from numerics.sweep import HIGHEST, MASS, Stage, execute, kernel_counts, too_steep
from numerics.tails import (
    Tail,
    analyse,
    decay_states,
    lowest_exponent,
    mass_excess,
    power_states,
    scale_excess,
    tail_power,
)

MAX_PANELS = 2000
"""More panels than this mean a singularity on the path or a hopeless request."""

SMALLEST = 2.0**-200
"""Panels shorter than this share of the interval mean a singularity on the path."""


def cover(core: Core, start: arb, stop: arb, most: int = MAX_PANELS) -> list[Panel]:
    """Panels from start to stop (start < stop), left to right, cut where the model switches."""
    panels: list[Panel] = []
    previous: Program | None = None
    for piece in pieces(core.program, start, stop):
        made = _cover_piece(core, piece.program, *piece.points, most)
        made[0].before = previous
        previous = piece.program
        panels.extend(made)
    return panels


def _cover_piece(
    core: Core, program: Program, start: arb, stop: arb, most: int = MAX_PANELS
) -> list[Panel]:
    panels: list[Panel] = []
    position, length = start, float(stop) - float(start)
    guess = length / 2
    while len(panels) < most:
        panel = _next_panel(core, program, position, stop, guess, 1, length)
        panels.append(panel)
        if panel.right is stop:
            return panels
        position, guess = panel.right, _next_half(panel)
    raise _too_many(core, start, stop, most)


def _next_half(panel: Panel) -> float:
    return 1.5 * panel.radius / 0.8 / REACH


def _next_panel(
    core: Core,
    program: Program,
    position: arb,
    stop: arb | None,
    guess: float,
    side: int,
    length: float,
    steepest: float = math.inf,
) -> Panel:
    """The next panel from position towards side, as long as analyticity allows within reason."""
    half = guess
    at = float(position)
    try:
        while half > SMALLEST * length:
            end = arb(at + side * 2 * half)
            if stop is not None:
                left_over = (float(stop) - at) * side
                if left_over <= 2 * half * 1.05:
                    end = stop
                elif left_over < 3.4 * half:
                    end = arb(at + side * left_over / 2)
            ends = (position, end) if side > 0 else (end, position)
            if not (ends[1] - ends[0]) > 0:
                break
            panel = make_panel(program, *ends)
            if (
                panel is not None
                and panel.radius >= 0.8 * 2.0 * panel.half
                and panel.tail(panel.half)
                <= max(10.0, min(panel.variation(panel.half), 1e300) / 10)
                and (panel.rise * side > 0 or panel.variation(panel.half) <= steepest)
            ):
                return panel
            half = min(half, abs(float(end) - at) / 2) * (0.6 if panel is not None else 0.5)
            if half < 1e-6 * length:
                _explain_noise(core, program, at, side, 16 * half, stop)
    except NegativeNoise as found:
        raise _negative(core, program, found, position, side) from None
    steepness = abs(evaluate_arb(program, arb(at + 0.1 * side * length))[1])
    if steepness.is_finite() and steepness * length > HIGHEST:
        raise too_steep(float(steepness) * length)
    for end in (position, stop):
        if end is not None and _is_singular(program, end):
            raise ComputationError(
                "a model that is analytic up to the ends of the interval used",
                f"a root, a logarithm or a pole at the end {core.facing * float(end):.12g} itself",
                "give an end a little inside, at a distance of 10^-9 say: the value is continuous "
                "in the end",
            )
    raise ComputationError(
        "a model that is analytic with C > 0 on the interval used",
        f"a singularity near {core.facing * at:.12g}",
        "move the points away from it, or split the model there with piecewise",
    )


def _is_singular(program: Program, x: arb) -> bool:
    """Whether the model has no power series at a point."""
    saved = ctx.cap
    ctx.cap = 4
    try:
        values = evaluate_series(program, arb_series([arb(x.mid()), arb(1)]))
        return not all(c.is_finite() for v in values for c in as_series(v).coeffs())
    finally:
        ctx.cap = saved


def _explain_noise(
    core: Core, program: Program, at: float, side: int, reach: float, stop: arb | None
) -> None:
    """Raise if C vanishes on the way, within reach: the zero is named."""
    near, far = arb(at), arb(at + side * reach)
    if stop is not None and (far - stop) * side > 0:
        far = stop
    ends = (near, far) if side > 0 else (far, near)
    noise = program.select(0)
    for x in (near, far):
        if evaluate_arb(noise, x)[0].contains(0):
            raise vanishing_noise(core.facing * x)
    try:
        roots = real_roots(noise, *ends)
    except ComputationError:
        return
    if roots:
        raise vanishing_noise(core.facing * roots[0 if side > 0 else -1].ball())


def vanishing_noise(x: arb) -> ComputationError:
    """The zero of C, named and explained."""
    return ComputationError(
        "C > 0 on the interval used",
        f"a zero of C at {x.str(10, radius=False)}",
        "without noise there the state crosses that point only by drift, and the formulas for the "
        "law and the exit time divide by C and do not hold across it; choose points on one side "
        "(an exit at the zero itself: a little inside)",
    )


def _negative(
    core: Core, program: Program, found: NegativeNoise, position: arb, side: int
) -> ComputationError:
    message = f"C = {found.value:.6g} at {core.facing * found.point:.6g}"
    point = arb(found.point)
    ends = (position, point) if side > 0 else (point, position)
    try:
        roots = real_roots(program.select(0), *ends)
        if roots:
            where = core.facing * roots[0 if side > 0 else -1].ball()
            message += f"; C changes sign at {where.str(10, radius=False)}"
    except ComputationError:
        pass
    return ComputationError(
        "C > 0 on the interval used",
        message,
        "C is a variance: check its formula (σ_g σ_H >= ρ² for a quadratic one)",
    )


def _too_many(core: Core, start: arb, stop: arb, most: int = MAX_PANELS) -> ComputationError:
    low, high = sorted((core.facing * float(start), core.facing * float(stop)))
    return ComputationError(
        f"a model that {most} panels resolve",
        f"the interval from {low:.6g} to {high:.6g}, which needs more",
        "shorten the interval or ask for fewer digits",
    )


@dataclass
class Reach:
    """What lies between an end of the domain and a point: the tail's states and the panels."""

    panels: list[Panel]
    states: list[arb]
    """Stages integrated from the end to the first panel, relative to p there."""


def reach_left(
    core: Core,
    end: End,
    start: arb,
    stages: Sequence[Stage],
    active: int,
    accuracy: float,
    *,
    killing: arb | None = None,
) -> Reach:
    """Panels from the left end of the domain to `start`, and the states where they begin.

    With a rate of `killing` λ the one state is ρ/(λp), ρ the flux ratio of 𝓛u = λu, or a ball from
    0 to the mass, which bounds it.
    """
    parts = pieces(core.program, end, start)
    panels: list[Panel] = []
    for piece in parts[:0:-1]:
        panels = _cover_piece(core, piece.program, *piece.points) + panels
    for panel, before in _seams(panels, parts):
        panel.before = before
    inner = parts[0].high
    assert isinstance(inner, arb)
    return _grow(core, parts[0].program, end, inner, panels, stages, active, accuracy, killing)


def _seams(panels: Sequence[Panel], parts: Sequence[Piece]) -> Iterator[tuple[Panel, Program]]:
    """The first panel of each piece but the first, with the program of the piece before."""
    programs = {piece.program: parts[i].program for i, piece in enumerate(parts[1:])}
    previous: Program | None = None
    for panel in panels:
        if panel.program is not previous:
            yield panel, programs[panel.program]
        previous = panel.program


def _grow(
    core: Core,
    program: Program,
    end: End,
    start: arb,
    inner: list[Panel],
    stages: Sequence[Stage],
    active: int,
    accuracy: float,
    killing: arb | None,
) -> Reach:
    """Panels to the left until the rest is negligible, or a power series up to the end."""
    tail = analyse(program, end)
    level, mass = 0.0, -math.inf
    for panel in reversed(inner):
        level -= panel.rise
        mass = log_sum(mass, level + _log_mass(panel))
    position, guess, panels = start, 1.0 + abs(float(start)), []
    waves_from, next_proof = -1.0, 0.0
    while len(panels) < MAX_PANELS:
        t = end.parameter(position) if end.point is not None or position < 0 else None
        if t is not None and t > 0:
            if level < mass - accuracy and len(panels) >= next_proof:
                states = decay_states(tail, stages, active, core.rate, t)
                if states is not None and level + log_upper(states[0]) < mass - accuracy - 5:
                    return Reach(panels[::-1] + inner, states)
                if states is None:
                    # No proof so close: some panels further out, not at each.
                    next_proof = 1.15 * len(panels)
            if killing is not None:
                if end.point is None and float(position) < waves_from:
                    lowest = lowest_exponent(tail, t)
                    ratio = None
                    if lowest is not None and tail.log_error(t, 1) < -accuracy - 5:
                        ratio = flux_ratio(
                            tail.program, end, core, killing, position, lowest[0], accuracy + 5
                        )
                    if ratio is not None:
                        states = tail.widened([ratio / killing], t, [1])
                        return Reach(panels[::-1] + inner, states)
                    waves_from = min(waves_from, float(position)) * 1.2
            elif tail.expanded and tail.order >= 0 and float(t.upper()) < 0.45 * tail.radius:
                goal = max(accuracy + min(level - mass, 0.0) + 10, 8.0)
                if tail.log_error(t, max(kernel_counts(stages)[:active])) < -goal:
                    states = power_states(tail, stages, active, core, t, goal)
                    # Far from the end of an entire function its series is of no use.
                    if all(state.is_finite() for state in states):
                        return Reach(panels[::-1] + inner, states)
            elif not tail.expanded and float(position) < waves_from:
                goal = max(accuracy + min(level - mass, 0.0) + 5, 8.0)
                states = _oscillating(end, tail, stages, active, core, position, goal)
                if states is not None:
                    return Reach(panels[::-1] + inner, states)
                waves_from = min(waves_from, float(position)) * 1.2
        stop = None
        length = abs(float(start)) + guess
        if end.point is not None:
            # Half of what remains to the finite end: the panels shrink towards it.
            guess = min(guess, (float(position) - float(end.point)) / 4)
        panel = _next_panel(core, program, position, stop, guess, -1, length, 4 * accuracy + 40)
        panels.append(panel)
        position, guess = panel.left, _next_half(panel)
        level -= panel.rise
        mass = log_sum(mass, level + _log_mass(panel))
    raise _too_many(core, position, start)


def _oscillating(
    end: End,
    tail: Tail,
    stages: Sequence[Stage],
    active: int,
    core: Core,
    position: arb,
    goal: float,
) -> list[arb] | None:
    """The states under an oscillating force, where x is far enough out for its series."""
    t, kernels = end.parameter(position), kernel_counts(stages)[:active]
    if not within_reach(tail.program, end, float(position), goal):
        return None
    lowest = lowest_exponent(tail, t)
    if lowest is None or not tail.log_error(t, max(kernels)) < -goal:
        return None
    states = tail_states(tail.program, end, stages, active, core, position, lowest[0], goal)
    return None if states is None else tail.widened(states, t, kernels)


def _log_mass(panel: Panel) -> float:
    """log ∫ p over a panel relative to p at its left end, roughly."""
    part = math.log(panel.width / len(panel.ranges))
    return part + log_sum_all([(low + high) / 2 for low, high in panel.ranges])


def side_states(
    core: Core, end: End, start: arb, stages: Sequence[Stage], accuracy: float
) -> list[arb]:
    """All stages integrated from the left end to `start`, relative to p there."""
    count = len(stages)
    reach = reach_left(core, end, start, stages, count, accuracy)
    active = [count] * len(reach.panels)
    return execute(core, reach.panels, active, stages, reach.states, accuracy).states


def side_mass(core: Core, end: End, start: arb, accuracy: float) -> arb:
    """∫ p / p(start) from the left end to `start`."""
    require_finite_mass(core, end, start)
    return side_states(core, end, start, MASS, accuracy)[0]


def natural_end(core: Core, inside: arb) -> End:
    """The left end of the interval around a point on which C > 0: −∞, or a zero of C.

    A zero ends the domain where C is a rational function; beside another drift than a rational one,
    only a zero at 0.

    Raises
    ------
    ComputationError : C is not positive at the point, or its zero cannot be expanded about; L' has
        a pole before the end.
    """
    require_noise(core, inside)
    noise = core.program.select(0)
    functions = rational_functions(noise) if core.program.is_smooth else None
    if functions is None:
        _refuse_zeros(noise, float(inside), core.facing)
        return End(-1)
    left = real_roots(noise, End(-1), inside)
    _refuse_poles(core, inside, left[-1].ball() if left else None)
    if not left:
        return End(-1)
    require_covariance(*functions[0])
    nearest = left[-1].ball()
    zero = zero_near(functions[0][0] * functions[0][1], nearest)
    if zero != 0 and rational_functions(core.program) is None:
        # C vanishes only where it is written as 0: elsewhere balls do not see it.
        raise vanishing_noise(core.facing * nearest)
    return End(-1, zero)


def _refuse_poles(core: Core, inside: arb, low: arb | None) -> None:
    """Refuse a drift that is infinite between the left end and a point."""
    quotient = core.program.select(1)
    found = poles(quotient, core.program.select(0), End(-1) if low is None else low)
    reached = [x for x in found if not x > inside]
    if not reached:
        return
    pole = reached[-1]
    beside = evaluate_arb(quotient, pole + (inside - pole) * _BESIDE)[0]
    # q > 0 there: the density rises towards the pole.
    kind = InfiniteDrift if beside > 0 else ComputationError
    raise kind(
        "a drift that is finite up to the end of the interval",
        f"one that is infinite at {float((core.facing * pole).mid()):.12g}",
        "give an exit or a reflecting point before it, or another drift",
    )


_BESIDE = 2.0**-40
"""The share of the way from a pole to a point at which the drift's sign near the pole shows."""

SAMPLES = range(-100, 41)
"""Quarters of binary orders of magnitude at which a C that is not rational is sampled."""

SMALLEST_DOUBLE = 5e-324

VANISHING = 1e-25
"""A local minimum of C this small, relative to C at the point looked from, counts as a zero."""


@lru_cache(maxsize=256)
def _refuse_zeros(noise: Program, inside: float, facing: int) -> None:
    """Refuse a C, not a rational function, that vanishes on the way to −∞, where samples show it.

    Nothing rests on it but effort: panels never cross a zero of C, but shrink towards it.
    """

    def at(x: float) -> float:
        value = evaluate_arb(noise, arb(x))[0]
        if not value.is_finite():
            return math.inf
        # Positive but below all doubles is no zero.
        return max(float(value), SMALLEST_DOUBLE) if value > 0 else min(float(value), 0.0)

    with ctx.workprec(LOW_PRECISION):
        points = [inside, *(inside - 2.0 ** (k / 4) for k in SAMPLES)]
        points = sorted({*points, *(p for p in (0.0,) if p < inside)}, reverse=True)
        values = [at(x) for x in points]
        small = VANISHING * values[0]
        for k in range(1, len(points)):
            x, value = points[k], values[k]
            lowest = k + 1 < len(points) and value < min(values[k - 1], values[k + 1])
            if value > 0 and lowest:
                x = _lowest_point(at, points[k + 1], points[k - 1])
                value = at(x)
            if value <= small and (value <= 0 or lowest):
                zero = _first_zero(at, x, points[k - 1]) if value < 0 else x
                raise _zero_on_the_way(facing * zero)


def _lowest_point(at: Callable[[float], float], low: float, high: float) -> float:
    """A local minimum, by thirds."""
    for _ in range(100):
        third = (high - low) / 3
        if at(low + third) <= at(high - third):
            high -= third
        else:
            low += third
    return (low + high) / 2


def _first_zero(at: Callable[[float], float], low: float, high: float) -> float:
    """Where a function changes sign."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if at(middle) > 0 else (middle, high)
    return (low + high) / 2


def _zero_on_the_way(x: float) -> ComputationError:
    return ComputationError(
        "C > 0 up to infinity, or a rational C, at whose zeros the domain may end",
        f"a zero of C near {x:.10g}",
        "give an exit or a reflecting point before it; or write C as a quotient of polynomials",
    )


def inner_point(core: Core) -> Fraction:
    """A point with C > 0 from which the law is built up: 0, or one of the only interval with a law.

    Raises
    ------
    ComputationError : no noise at 0, and laws on several intervals or on none.
    """
    origin = arb(0)
    if not core.program.is_smooth or evaluate_arb(core.program.select(0), origin)[0] > 0:
        return Fraction(0)
    noise = core.program.select(0)
    functions = rational_functions(noise)
    if functions is None:
        require_noise(core, origin)
        return Fraction(0)
    roots = sorted(
        float(z.real)
        for z, _ in complex_zeros(integer_polynomial(functions[0][0] * functions[0][1]))
        if z.imag == 0
    )
    if not roots:
        require_noise(core, origin)
    width = max(1.0, roots[-1] - roots[0])
    points = [roots[0] - width, *((a + b) / 2 for a, b in pairwise(roots)), roots[-1] + width]
    with_noise = [x for x in points if evaluate_arb(noise, arb(x))[0] > 0]
    with_law = [x for x in with_noise if len(with_noise) == 1 or _has_law(core, arb(x))]
    if len(with_law) == 1:
        return Fraction(with_law[0])
    raise ComputationError(
        "noise at 0, or a law on one interval alone, so that it is clear which is meant",
        f"C = 0 at 0 and noise around {', '.join(f'{x:.6g}' for x in with_noise) or 'no point'}",
        "shift the state (w -> w + a) so that 0 lies inside the interval of the law",
    )


def _has_law(core: Core, x: arb) -> bool:
    """Whether the mass is finite at both ends of the interval around a point."""
    sides = ((core, x), (mirrored(core), -x))
    return all(bool(mass_excess(s.program, natural_end(s, y)) > 0) for s, y in sides)


def _shown(core: Core, end: End) -> str:
    """A finite end of the domain in the state of the model."""
    assert end.point is not None
    return str(end.point) if core.facing > 0 else f"{-float(end.point):.10g}"


def require_unreached(core: Core, end: End, inside: arb) -> None:
    """Refuse a zero of C that the state reaches: what it does there is no part of the model."""
    if end.point is None or scale_excess(outermost(core, end, inside), end) >= 0:
        return
    raise ComputationError(
        "a zero of C that the state cannot reach (the integral of the scale density diverges)",
        f"the zero {_shown(core, end)} of C, which is reached in finite time",
        "what happens there is no part of the model: for a law reflected at a point give a "
        "noise that is positive there, for an exit time an exit or a reflecting point before it",
    )


def require_noise(core: Core, x: arb) -> None:
    """Refuse a point at which C is not positive."""
    if not core.program.is_smooth:
        return
    value = evaluate_arb(core.program.select(0), x)[0]
    if not value.is_finite():
        raise ComputationError(
            "C real and finite on the interval used",
            f"C without such a value at {core.facing * float(x):.6g} (a root of a negative number, "
            "say)",
            "move the points into the domain of the formula",
        )
    if value.contains(0):
        raise vanishing_noise(core.facing * x)
    if value < 0:
        raise ComputationError(
            "C > 0 on the interval used",
            f"C = {float(value):.6g} at {core.facing * float(x):.6g}",
            "C is a variance: check its formula (σ_g σ_H >= ρ² for a quadratic one)",
        )


def require_no_zero(core: Core, low: arb, high: arb) -> None:
    """Refuse an interval on which a rational C vanishes: the zero is named."""
    if core.program.is_smooth and rational_functions(core.program) is not None:
        roots = real_roots(core.program.select(0), low, high)
        if roots:
            raise vanishing_noise(core.facing * roots[0].ball())
    for x in (low, high):
        require_noise(core, x)


def outermost(core: Core, end: End, inside: arb) -> Program:
    """The smooth program that holds near a left end of the domain."""
    return pieces(core.program, end, inside)[0].program


def _behaviour(power: float) -> str:
    """In words, how a density of infinite mass goes to infinity."""
    if math.isinf(power):
        return "a density that grows without bound at infinity, faster than any power of |x|"
    if power > 0:
        return f"a density that grows like |x|^{power:.6g} at infinity"
    if power == 0:
        return "a density that does not fall at infinity"
    return f"a density that falls only like |x|^({power:.6g}) at infinity"


def require_finite_moment(core: Core, order: Fraction, end: End, inside: arb | None = None) -> None:
    """Refuse a moment E|X|^order that is infinite by the left end of the domain of a law."""
    require_finite_mass(core, end, inside)
    try:
        require_finite_mass(weighted(core, order), end, inside)
    except InfiniteAtZero as error:
        raise InfiniteAtZero(
            f"a moment of order {order} that exists",
            f"|x|^{order} times the density, whose integral diverges at the zero "
            f"{_shown(core, end)} of C",
            "the moment is infinite: ask for a larger order",
        ) from error
    except InfiniteMean as error:
        power = -float(tail_power(outermost(core, end, inside or arb(0)), end))
        raise InfiniteMean(
            f"a moment of order {order} that exists",
            f"a density that falls only like |x|^({power:.6g}) at infinity, where the integral of "
            f"|x|^{order} times it diverges",
            f"the moment is infinite: ask for an order below {-power - 1:.6g} (see tail-index)",
        ) from error


def require_finite_mass(core: Core, end: End, inside: arb | None = None) -> None:
    """Refuse a density whose integral diverges at the left end."""
    program = core.program if core.program.is_smooth else outermost(core, end, inside or arb(0))
    excess = mass_excess(program, end)
    if excess > 0:
        return
    power = float(1 + end.power - excess) * (1 if end.point is None else -1)
    if excess <= 0 and end.point is not None:
        raise InfiniteAtZero(
            f"a density that can be integrated up to the zero {_shown(core, end)} of C",
            f"a density like the power {power:.6g} of the distance to the zero "
            f"{_shown(core, end)} of C",
            "the mass is infinite: paths are drawn there and stay (extinction, say), so that no "
            "law with a density exists on this side of it",
        )
    if excess <= 0:
        raise InfiniteMean(
            "a density that can be integrated up to infinity",
            _behaviour(power),
            "the mass is infinite: the noise grows too fast, or the loss does not confine",
        )
    raise ComputationError(
        "a tail whose integrability can be decided",
        f"a tail |x|^({power:.6g}) that may be the limiting one",
        "give exact parameters",
    )
