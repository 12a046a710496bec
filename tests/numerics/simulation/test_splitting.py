"""Rare exits against certified times; false-alarm rate 1e-9 each."""

import pytest
from simulation_models import double_well, exact_exit_above, model

from numerics.errors import ComputationError
from numerics.simulation import mean_exit_time
from numerics.simulation.exit import Workplace, exit_problem
from numerics.simulation.splitting import Splitting, settling_point

FALSE_ALARM = 1e-9


def test_settling_point_is_the_zero_of_the_ito_drift():
    rest, deviation = settling_point(exit_problem(double_well(), -1.3, exit_above=1))
    assert abs(rest + 1) < 1e-6
    # v/(2|a'|) = (1/2)/4 at the minimum.
    assert abs(deviation - 0.125**0.5) < 1e-3
    with pytest.raises(ComputationError, match="no rare event"):
        settling_point(exit_problem(model("-1", "1", "1"), 0, exit_above=1))


@pytest.mark.parametrize("start", [-1, "-1.3", "-0.6"])
def test_splitting_agrees_where_plain_paths_would_do(seed, start):
    """One exit, from the well and from both sides of it, at one fine step."""
    from fractions import Fraction

    made = double_well(1, eta="1/5")
    problem = exit_problem(made, Fraction(start), exit_above=1)
    splitting = Splitting(problem, seed, Workplace(), 0.05)
    found = splitting.run(3, 0.025, 20_000)
    exact = exact_exit_above(made, Fraction(start), 1)
    # The step biases by less than 1 % (levels h and h/4 of `mean_exit_time` bound it).
    assert abs(found.mean - exact) < 6.1 * found.standard_error + 0.01 * exact
    assert found.standard_error < 0.03 * exact
    assert splitting.stages >= 2


def test_two_sided_rare_exits(seed):
    """A symmetric well with exits on both sides takes half the one-sided time, nearly."""
    from numerics.first_passage import mean_exit_time as certified

    made = model("w", "1 + w**2/2", "1/10", 0)
    exact = float(certified(made, 0, exit_below=-1, exit_above=1, digits=8, method="arb"))
    splitting = Splitting(
        exit_problem(made, 0, exit_above=1, exit_below=-1), seed, Workplace(), 0.05
    )
    found = splitting.run(3, 0.025, 20_000)
    assert abs(found.mean - exact) < 6.1 * found.standard_error + 0.01 * exact


@pytest.mark.slow
@pytest.mark.parametrize("eta", ["1/24", "1/40"])
def test_mean_exit_time_turns_to_splitting_by_itself(seed, eta):
    """τ = 2·10⁵ and 2·10⁸: the estimate holds the certified time within its own budget.

    At η = 1/24 nine in ten pilot paths are still inside after `RARE_STEPS`, so that plain paths are
    out of the question whatever the seed; at 1/20 half are, and the seed would decide.
    """
    made = double_well(1, eta=eta)
    found = mean_exit_time(made, -1, exit_above=1, target_error=0.1, seed=seed, workers=2)
    assert found.scheme == "taylor-bridge+splitting"
    assert found.relative_error <= 0.1
    assert not found.excludes(exact_exit_above(made, -1, 1), FALSE_ALARM)
