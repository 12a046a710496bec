"""Heavy tails under a force that oscillates: one value wherever the series take over."""

from __future__ import annotations

from fractions import Fraction

import pytest
from certified_models import model
from flint import arb, ctx

from numerics import stationary
from numerics.core import core_of
from numerics.first_passage import exit_time_moment, mean_exit_time
from numerics.landscape import cover
from numerics.local import End
from numerics.oscillating import oscillation, tail_states, within_reach
from numerics.sweep import cumulant_stages, execute
from numerics.tails import analyse, lowest_exponent

WAVES = model("w**2/2 + cos(3*w/2) + sin(w)/3", "1 + w/5 + w**2/4", "1/2", "1/3")
HEAVY = model("w**2/2 + cos(w)", "1 + w**2", "7/4", 1)
"""κ = 4/7: p ~ |w|^(−8/7)."""


def states_at(x: int, goal: float) -> list[arb]:
    """ρ_1 and ρ_2 of the exit time at x, by the series."""
    core = core_of(WAVES)
    with ctx.workprec(400):
        tail = analyse(core.program, End(-1))
        assert not tail.expanded
        lowest = lowest_exponent(tail, arb(-1) / x)
        assert lowest is not None
        stages = cumulant_stages(2)
        states = tail_states(core.program, End(-1), stages, 2, core, arb(x), lowest[0], goal)
        assert states is not None
        return states


@pytest.mark.parametrize("cuts", [(-230, -200), (-280, -190)])
def test_moving_the_cut_changes_nothing(cuts: tuple[int, int]) -> None:
    goal = 35.0
    far, near = (states_at(x, goal) for x in cuts)
    core = core_of(WAVES)
    with ctx.workprec(200):
        panels = cover(core, arb(cuts[0]), arb(cuts[1]))
        for count in (1, 2):
            stages, active = cumulant_stages(2)[:count], [count] * len(panels)
            carried = execute(core, panels, active, stages, far[:count], goal).states[-1]
            assert carried.overlaps(near[count - 1])
            assert carried.rad() + near[count - 1].rad() < carried * arb("1e-13")


def test_both_routes_agree() -> None:
    assert stationary.density(WAVES, 1, digits=15).certain_digits() >= 15
    assert mean_exit_time(WAVES, -1, exit_above=1, digits=15).certain_digits() >= 15


@pytest.mark.parametrize("digits", [15, 30])
def test_a_tail_near_the_limit_of_existence(digits: int) -> None:
    value = stationary.cumulative(HEAVY, 1, digits=digits, method="arb")
    assert value.certain_digits() >= digits
    finer = stationary.cumulative(HEAVY, 1, digits=digits + 10, method="arb")
    assert value.overlaps(finer)


def test_a_slightly_different_wave_is_told_apart() -> None:
    """The waves enter: 10^-12 of their amplitude changes the value by more than its width."""
    neighbour = model(
        "w**2/2 + (1 + 1/10**12)*cos(3*w/2) + sin(w)/3", "1 + w/5 + w**2/4", "1/2", "1/3"
    )
    values = [
        exit_time_moment(m, 2, -1, exit_above=1, digits=17, method="arb")
        for m in (WAVES, neighbour)
    ]
    assert values[0].excludes(values[1])
    assert abs(values[0].middle / values[1].middle - 1) < Fraction(1, 10**10)


@pytest.mark.parametrize(
    ("loss", "noise"),
    [
        ("w**2/2 + cos(w)", "2 + sin(w)"),
        ("w**2/2 + cos(w)", "1"),
        ("w**2/2 + cos(w**2)/w**4", "1 + w**2"),
        ("w**2/2 + exp(-w**2)", "1 + w**2"),
        ("w**2/2 + w*cos(w)", "1 + w**2"),
        ("w**2/2", "1 + w**2"),
    ],
)
def test_what_is_no_such_tail_is_left_alone(loss: str, noise: str) -> None:
    program = core_of(model(loss, noise, "1/2")).program
    assert oscillation(program, End(-1), 64) is None
    assert not within_reach(program, End(-1), -1e6, 40.0)
