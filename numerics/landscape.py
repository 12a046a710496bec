"""A model on an interval: panels from a point to another, or out to an end of the domain."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from flint import arb

from numerics.errors import ComputationError, InfiniteMean
from numerics.evaluators import as_fmpq, evaluate_arb
from numerics.local import End
from numerics.panels import REACH, Panel, make_panel
from numerics.program import Program, require_constant
from numerics.sweep import MASS, Stage, execute, plan
from numerics.tails import analyse, decay_states, power_states, tail_power

Point = int | Fraction | Program

MAX_PANELS = 3000
"""More panels than this mean a singularity on the path or a hopeless request."""

SMALLEST = 1e-9
"""Panels shorter than this share of the interval mean a singularity on the path."""


def point_ball(point: Point) -> arb:
    """A point of the state space at the working precision."""
    if isinstance(point, Program):
        require_constant(point)
        value = evaluate_arb(point)[0]
    else:
        value = arb(as_fmpq(point))
    if not value.is_finite():
        raise ComputationError("a finite real point", str(value), "give a number")
    return value


def cover(program: Program, start: arb, stop: arb) -> list[Panel]:
    """Panels from start to stop (start < stop), left to right."""
    panels: list[Panel] = []
    position, length = start, float(stop) - float(start)
    guess = length / 2
    while len(panels) < MAX_PANELS:
        panel = _next_panel(program, position, stop, guess, 1, length)
        panels.append(panel)
        if panel.right is stop:
            return panels
        position, guess = panel.right, _next_half(panel)
    raise _too_many(start, stop)


def _next_half(panel: Panel) -> float:
    return 1.5 * panel.radius / 0.8 / REACH


def _next_panel(
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
    while half > SMALLEST * length:
        end = arb(at + side * 2 * half)
        if stop is not None:
            left_over = (float(stop) - at) * side
            if left_over <= 2 * half * 1.05:
                end = stop
            elif left_over < 3.4 * half:
                end = arb(at + side * left_over / 2)
        ends = (position, end) if side > 0 else (end, position)
        panel = make_panel(program, *ends)
        if (
            panel is not None
            and panel.radius >= 0.8 * 2.0 * panel.half
            and panel.variation(panel.half) <= steepest
        ):
            return panel
        half = min(half, abs(float(end) - at) / 2) * (0.6 if panel is not None else 0.5)
    raise ComputationError(
        "a model that is analytic with C > 0 on the interval used",
        f"a singularity near {at:.12g}",
        "move the points away from it, or split the model there with piecewise",
    )


def _too_many(start: arb, stop: arb) -> ComputationError:
    return ComputationError(
        f"a model that {MAX_PANELS} panels resolve",
        f"the interval from {float(start):.6g} to {float(stop):.6g}, which needs more",
        "shorten the interval or ask for fewer digits",
    )


@dataclass
class Reach:
    """What lies between an end of the domain and a point: the tail's states and the panels."""

    panels: list[Panel]
    states: list[arb]
    """Stages integrated from the end to the first panel, relative to p there."""


def reach_left(
    program: Program,
    end: End,
    start: arb,
    stages: Sequence[Stage],
    active: int,
    rate: arb,
    accuracy: float,
) -> Reach:
    """Panels from the left end of the domain to `start`, and the states where they begin."""
    tail = analyse(program, end)
    if tail is None:
        raise ComputationError(
            "a model whose behaviour at the end of the domain can be bounded",
            "one that could not",
            "give an interval with reflecting or absorbing ends",
        )
    panels: list[Panel] = []
    position, guess = start, 1.0 + abs(float(start))
    level = highest = 0.0
    while len(panels) < MAX_PANELS:
        if tail.end.point is None and not position < 0:
            t = None
        else:
            t = end.parameter(position)
        if t is not None and t > 0 and float(t.upper()) < 0.9 * tail.radius:
            if level - highest < -accuracy - 10:
                states = decay_states(tail, stages, active, rate, t)
                if states is not None:
                    return Reach(panels[::-1], states)
            if tail.order >= 0 and float(t.upper()) < 0.45 * tail.radius:
                goal = max(accuracy + (level - highest), 8.0)
                return Reach(panels[::-1], power_states(tail, stages, active, rate, t, goal))
        panel = _next_panel(
            program, position, None, guess, -1, abs(float(start)) + guess, 4 * accuracy + 40
        )
        panels.append(panel)
        position, guess = panel.left, _next_half(panel)
        level -= panel.rise
        highest = max(highest, level)
    raise _too_many(position, start)


def side_states(
    program: Program,
    end: End,
    start: arb,
    stages: Sequence[Stage],
    accuracy: float,
    rate: arb,
) -> list[arb]:
    """All stages integrated from the left end to `start`, relative to p there."""
    count = len(stages)
    reach = reach_left(program, end, start, stages, count, rate, accuracy)
    initial = [float(abs(x).upper().log()) if not x.is_zero() else -math.inf for x in reach.states]
    steps = plan(reach.panels, [count] * len(reach.panels), stages, accuracy, initial, rate)
    return execute(steps, stages, rate, reach.states, accuracy).states


def side_mass(program: Program, end: End, start: arb, accuracy: float) -> arb:
    """∫ p / p(start) from the left end to `start`."""
    require_finite_mass(program, end)
    return side_states(program, end, start, MASS, accuracy, arb(1))[0]


def require_finite_mass(program: Program, end: End) -> None:
    """Refuse a density whose integral diverges at the end."""
    power = tail_power(program, end)
    excess = power + 1 + end.power
    if excess > 0:
        return
    if excess <= 0:
        where = "infinity" if end.point is None else str(end.point)
        raise InfiniteMean(
            f"a density that can be integrated up to {where}",
            f"one that behaves like |x|^({float(-power):.6g}) there"
            if end.point is None
            else f"one that behaves like the power {float(power):.6g} of the distance",
            "the law cannot be normalised: the noise grows too fast for the loss",
        )
    raise ComputationError(
        "a tail whose integrability can be decided",
        f"a tail exponent {power} that may be the limiting one",
        "give exact parameters",
    )
