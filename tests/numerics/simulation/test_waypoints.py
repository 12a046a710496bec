"""Exit times that a few paths make, against certified ones; false-alarm rate 1e-9 each."""

from fractions import Fraction

import numpy as np
import pytest
from simulation_models import double_well, exact_exit_above, model

from numerics import first_passage
from numerics.errors import ComputationError, InfiniteMean
from numerics.simulation import mean_exit_time
from numerics.simulation.exit import exit_problem
from numerics.simulation.waypoints import HIDDEN, outlook, solve_chain

FALSE_ALARM = 1e-9

CUBIC = ("w - w**2", "1", "1/20")
"""(w²/2 − w³/3): a start beyond the saddle at 1 leaves at once, or falls back into the well."""


def moments(made, start, **exits):
    """Certified mean and squared variation."""
    first, second = (
        float(first_passage.exit_time_moment(made, n, start, **exits, digits=6, method="arb"))
        for n in (1, 2)
    )
    return first, second / first**2 - 1.0


def test_a_chain_of_chances_is_solved_without_cancellation():
    """Up with chance u, down with 1 − u, from 0 … n−1, ends n and −1: the gambler's ruin."""
    u, n = 1e-3, 40
    up, down = np.full(n, u), np.full(n, 1.0 - u)
    reached = np.zeros(n)
    reached[-1] = u
    ratio = (1.0 - u) / u
    exact = [(ratio ** (i + 1) - 1.0) / (ratio ** (n + 1) - 1.0) for i in range(n)]
    np.testing.assert_allclose(solve_chain(up, down, reached), exact, rtol=1e-12)
    visits = solve_chain(up, down, np.eye(n))
    np.testing.assert_allclose(visits @ reached, exact, rtol=1e-12)


@pytest.mark.parametrize(
    ("made", "start", "exits"),
    [
        (model(*CUBIC), Fraction(3, 2), {"exit_above": 2}),
        (model("w**3 - w", "1", "1/10"), Fraction(999, 1000), {"exit_above": 1, "exit_below": -2}),
        (double_well(1, eta="1/10"), Fraction(-1999, 1000), {"exit_below": -2, "exit_above": 1}),
        (model("w", "1 + w**2/2", 1), Fraction(29, 10), {"exit_above": 3}),
        (model("w - 1", "w", "1/2"), Fraction(1, 2), {"exit_above": 2}),
        (double_well(1, eta="1/40"), -1, {"exit_above": 1}),
    ],
)
def test_the_grid_tells_mean_and_variation(made, start, exits):
    seen = outlook(exit_problem(made, start, **exits))
    mean, variation = moments(made, start, **exits)
    assert abs(seen.mean / mean - 1.0) < 0.03
    assert abs(seen.variation / variation - 1.0) < 0.03
    assert seen.hidden == (variation > HIDDEN)


def test_what_few_paths_make_is_found(seed):
    """H0: |E estimate − τ| <= bias bound, as the estimate says; rejected at 1e-9.

    One path in 12000 falls back, and makes more than half of the mean. 1000 plain paths said
    0.423 ± 0.006 for 0.931; against such a run the power is 1 up to rounding.
    """
    made = model(*CUBIC)
    exact, variation = moments(made, Fraction(3, 2), exit_above=2)
    found = mean_exit_time(made, Fraction(3, 2), exit_above=2, paths=1000, seed=seed)
    assert found.scheme == "taylor-bridge+waypoints"
    assert not found.excludes(exact, FALSE_ALARM), (found, exact)
    # The spread of the paths themselves would need a thousand times as many for such an error.
    assert variation > HIDDEN
    assert found.relative_error < 0.8


def test_schemes_without_bridges_refuse_what_few_paths_make():
    for scheme in ("taylor-shift", "euler-grid", "multilevel"):
        with pytest.raises(ComputationError, match="a few paths that stay inside make the mean"):
            mean_exit_time(model(*CUBIC), Fraction(3, 2), exit_above=2, scheme=scheme)


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (model("0", "1", 1), "does not fall at infinity"),
        (model("1", "1", 10), "grows without bound"),
        (model("w - w**3", "1", "1/20"), "grows without bound"),
        (model("2*w/(1 + w**2)", "1", 3), "E τ² is infinite"),
        (model("2*w/(1 + w**2)", "1", 2), "E τ² is infinite"),
    ],
)
def test_a_time_without_a_mean_or_an_error_is_refused(made, reason):
    """At once: plain paths would go on for ever, or give a number that means nothing.

    L = ln(1 + w²) has p ~ |w|^(−4/η) and a time from −x that grows like x²: E τ² is finite for
    4/η > 3, which η = 1 has and η = 2 has not.
    """
    with pytest.raises(InfiniteMean, match=reason):
        mean_exit_time(made, Fraction(9, 10), exit_above=1)


def test_a_mean_square_that_is_finite_is_proved_so():
    assert first_passage.mean_square_is_finite(model("2*w/(1 + w**2)", "1", 1), 0, exit_above=1)
    assert first_passage.mean_square_is_finite(model("w", "1 + w**2/2", 3), 0, exit_above=1)
    assert first_passage.mean_square_is_finite(model("0", "1", 1), 0, exit_above=1, exit_below=-1)


def test_a_hopeless_step_is_refused():
    with pytest.raises(ComputationError, match="a time step dt of at least"):
        mean_exit_time(double_well(), -1, exit_above=1, dt=1e-300)


def test_a_slope_beyond_doubles_is_far_from_all_paths():
    """C = eʷ vanishes so fast towards −∞ that L'/C overflows; the mean was nan, and refused."""
    made = model("10*w**9", "exp(w)", 1, "1/2")
    seen = outlook(exit_problem(made, 0, exit_above=1))
    exact = exact_exit_above(made, 0, 1)
    assert seen.mean == pytest.approx(exact, rel=0.05)
    assert not seen.hidden
