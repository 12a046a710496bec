"""Heavy tails under a force that oscillates: one value wherever the series take over."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import pytest
from certified_models import model
from flint import arb, ctx
from scipy.integrate import cumulative_simpson, simpson

from numerics import stationary
from numerics.core import core_of
from numerics.enclosure import Enclosure
from numerics.first_passage import exit_time_laplace, exit_time_moment, mean_exit_time
from numerics.landscape import cover
from numerics.local import End
from numerics.lowering import Model
from numerics.oscillating import oscillation, tail_states, within_reach
from numerics.sweep import cumulant_stages, execute
from numerics.tails import analyse, lowest_exponent

WAVES = model("w**2/2 + cos(3*w/2) + sin(w)/3", "1 + w/5 + w**2/4", "1/2", "1/3")
HEAVY = model("w**2/2 + cos(w)", "1 + w**2", "7/4", 1)
"""κ = 4/7: p ~ |w|^(−8/7)."""
NOISE = model("w**2/2", "2 + w**2 + cos(w)", "1/2")
"""p ~ |w|^(−6)."""
BOTH = model("w**2/2 + sin(w)/2", "3 + w**2 + sin(2*w) + w*cos(w)/3", "3/4", "1/3")
HEAVY_NOISE = model("w**2/2", "2 + w**2 + cos(w)", "7/4", 1)
"""p ~ |w|^(−8/7)."""


def states_at(law: Model, x: int, goal: float) -> list[arb]:
    """ρ_1 and ρ_2 of the exit time at x, by the series."""
    core = core_of(law)
    with ctx.workprec(400):
        tail = analyse(core.program, End(-1))
        assert not tail.expanded
        lowest = lowest_exponent(tail, arb(-1) / x)
        assert lowest is not None
        stages = cumulant_stages(2)
        states = tail_states(core.program, End(-1), stages, 2, core, arb(x), lowest[0], goal)
        assert states is not None
        return states


@pytest.mark.parametrize("law", [WAVES, NOISE, BOTH], ids=["force", "noise", "both"])
@pytest.mark.parametrize("cuts", [(-230, -200), (-280, -190)])
def test_moving_the_cut_changes_nothing(law: Model, cuts: tuple[int, int]) -> None:
    goal = 35.0
    far, near = (states_at(law, x, goal) for x in cuts)
    core = core_of(law)
    with ctx.workprec(200):
        panels = cover(core, arb(cuts[0]), arb(cuts[1]))
        for count in (1, 2):
            stages, active = cumulant_stages(2)[:count], [count] * len(panels)
            carried = execute(core, panels, active, stages, far[:count], goal).states[-1]
            assert carried.overlaps(near[count - 1])
            assert carried.rad() + near[count - 1].rad() < carried * arb("1e-13")


@pytest.mark.parametrize("law", [WAVES, HEAVY, NOISE], ids=["force", "heavy", "noise"])
def test_both_routes_agree(law: Model) -> None:
    assert mean_exit_time(law, -1, exit_above=1, digits=15).certain_digits() >= 15


@pytest.mark.slow
def test_laws_by_both_routes() -> None:
    assert stationary.density(WAVES, 1, digits=15).certain_digits() >= 15
    assert stationary.cumulative(HEAVY_NOISE, 1, digits=12).certain_digits() >= 12
    value = stationary.moment(HEAVY_NOISE, Fraction(1, 8), absolute=True, digits=12)
    assert value.certain_digits() >= 12


def test_tail_indices_are_exact() -> None:
    """p ~ |w|^(−2s − 2/η): waves do not enter."""
    assert stationary.tail_index(NOISE, method="arb").middle == 5
    assert stationary.tail_index(HEAVY_NOISE, method="arb").contains(
        Enclosure.exact(Fraction(1, 7))
    )


def test_a_brute_force_sum_under_an_oscillating_noise() -> None:
    """Simpson's rule in double precision over |w| < 4000, and the leading term of the tail."""
    x, p_at_zero = np.linspace(-4000, 1, 4_001_001), 1 / 3
    noise = 2 + x**2 + np.cos(x)
    phi = cumulative_simpson(4 * x / noise, x=x, initial=0)
    p = np.exp(phi[4_000_000] - phi) / noise
    below = simpson(p[:4_000_001], x=x[:4_000_001]) + p[0] * 4000 / 5
    assert abs(p[4_000_000] / p_at_zero - 1) < 1e-12
    expected = p[-1] / (2 * below)
    assert abs(float(stationary.density(NOISE, 1, method="arb")) / expected - 1) < 1e-9


@pytest.mark.parametrize("seed", [1, 2, 3, 5])
def test_more_digits_lie_inside(seed: int) -> None:
    """Random waves in force and noise: the enclosure at 12 digits holds the one at 24."""
    draw = random.Random(seed)
    waves = [f"{draw.randint(-9, 9)}/10*{f}({draw.randint(1, 4)}*w/2)" for f in ("sin", "cos")]
    noise = f"{draw.randint(2, 6)} + w/3 + {draw.randint(5, 15)}/10*w**2 + {waves[0]}"
    law = model(f"w**2/2 + {waves[1]}", noise, f"{draw.randint(4, 12)}/10", draw.choice([0, 1]))
    values = [
        mean_exit_time(law, -1, exit_above=1, digits=digits, method="arb") for digits in (12, 24)
    ]
    assert values[0].contains(values[1])
    assert values[0].certain_digits() >= 12


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
        ("w**2/2 + w**2*cos(w)", "1 + w**2"),
        ("w**2/2", "1 + w**2*(2 + cos(w))"),
        ("w**2/2", "(1 + w**2)/(2 + cos(w))"),
        ("w**2/2", "1 + w**2"),
    ],
)
def test_what_is_no_such_tail_is_left_alone(loss: str, noise: str) -> None:
    program = core_of(model(loss, noise, "1/2")).program
    assert oscillation(program, End(-1), 64) is None
    assert not within_reach(program, End(-1), -1e6, 40.0)


# --- Laplace transforms --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("eta", "value"), [(1, "0.54468719885564260"), ("3/2", "0.61890568328462787")]
)
def test_laplace_transform_under_a_heavy_tail(eta: object, value: str) -> None:
    """Values computed by panels out to where nothing is left; at η = 3/2 p ~ |w|^(−4/3)."""
    student = model("w**2/2", "1 + w**2", eta, 1)
    found = exit_time_laplace(student, Fraction(1, 10), 0, exit_above=2, digits=15, method="arb")
    assert found.decimals(15)[0].startswith(value[:-1])
    fine = exit_time_laplace(student, Fraction(1, 10), 0, exit_above=2, digits=40, method="arb")
    assert fine.certain_digits() >= 40
    assert found.overlaps(fine)


@pytest.mark.parametrize("rate", [Fraction(1, 10**9), Fraction(1)])
@pytest.mark.parametrize("noise", ["1 + w/3 + w**2", "1 + w**4"])
def test_laplace_transform_by_both_routes(noise: str, rate: Fraction) -> None:
    law = model("w**2/2 + w**4/40" if "4" in noise else "w**2/2", noise, "1/2", "1/4")
    value = exit_time_laplace(law, rate, 0, exit_above=1, digits=15)
    assert value.certain_digits() >= 15


def test_a_small_rate_gives_the_moments() -> None:
    """(1 − E e^(−λτ))/λ = τ − λ E τ²/2 + …, under waves and a tail with two moments of τ."""
    rate = Fraction(1, 10**6)
    ends = {"exit_above": 1, "method": "arb"}
    transform = exit_time_laplace(WAVES, rate, -1, **ends)
    mean = mean_exit_time(WAVES, -1, **ends).middle
    second = exit_time_moment(WAVES, 2, -1, **ends).middle
    predicted = mean - rate * second / 2
    assert abs(predicted / mean - 1) > Fraction(1, 10**5)
    assert abs((1 - transform.middle) / rate / predicted - 1) < Fraction(1, 10**7)


def test_a_tail_at_the_limit_of_existence_has_a_transform() -> None:
    """2m − 1 = 0.01: panels would have to reach 10^1500."""
    law = model("w**2/2", "1 + w**2", Fraction(200, 101), 1)
    value = exit_time_laplace(law, Fraction(1, 10), 0, exit_above=2, digits=15, method="arb")
    assert value.certain_digits() >= 15
    assert abs(float(value) - 0.634) < 0.003
