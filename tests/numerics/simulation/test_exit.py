"""First exits against the discrete chain's integral equation and certified times.

False-alarm rate of each statistical test: 1e-9 (`Estimate.excludes`, or a normal quantile).
"""

import math

import numpy as np
import pytest
from simulation_models import (
    double_well,
    exact_exit_above,
    model,
    ornstein_uhlenbeck,
    power_law_well,
)

from numerics.errors import ComputationError
from numerics.simulation import exit_times, mean_exit_time
from numerics.simulation.discrete_chain import euler_mean_exit_time
from numerics.simulation.estimate import normal_quantile
from numerics.simulation.exit import Explosion

FALSE_ALARM = 1e-9
Z_LIMIT = normal_quantile(1 - FALSE_ALARM / 2)


def test_nystrom_reproduces_the_published_chain():
    """Quadratic well, h = 0.01: 1870.75 (performance.md, eight digits by an independent code)."""
    value, change = euler_mean_exit_time(power_law_well(), 0, exit_above=1, exit_below=-1, dt=0.01)
    assert abs(value - 1870.75) < 0.01
    assert change < 1e-4


@pytest.mark.parametrize("theta", [0, "1/4", "1/2", 1])
def test_the_discrete_chain_has_its_exact_mean(seed, theta):
    """`euler-grid` is the Euler chain: its mean solves the integral equation, without bias.

    10⁵ paths, standard error 0.32 %: a mean that is off by 5 % is missed with probability 1e-20.
    """
    made = power_law_well(theta, eta="1")
    exact, _ = euler_mean_exit_time(made, 0, exit_above=1, exit_below=-1, dt=0.05)
    sample = exit_times(
        made, 0, exit_above=1, exit_below=-1, paths=100_000, dt=0.05, scheme="euler-grid", seed=seed
    )
    error = sample.times.std() / math.sqrt(sample.times.size)
    assert abs(sample.times.mean() - exact) < Z_LIMIT * error
    assert abs(sample.times.mean() - 1.05 * exact) > Z_LIMIT * error


@pytest.mark.parametrize(
    "scheme", ["taylor-bridge", "platen-bridge", "taylor-shift", "euler-bridge"]
)
def test_estimates_contain_the_certified_time(seed, scheme):
    """Rejected with probability below 1e-9; a time off by 12 % passes with probability 1e-19."""
    made = double_well(theta=1)
    exact = exact_exit_above(made, -1, 1)
    estimate = mean_exit_time(made, -1, exit_above=1, target_error=0.02, scheme=scheme, seed=seed)
    assert not estimate.excludes(exact, FALSE_ALARM)
    assert estimate.relative_error <= 0.02
    assert estimate.excludes(1.12 * exact, FALSE_ALARM)


def test_exits_below_mirror_exits_above(seed):
    """L(−w) from 1 down to −1 is L(w) from −1 up to 1."""
    mirrored = mean_exit_time(double_well(theta=1), 1, exit_below=-1, target_error=0.03, seed=seed)
    assert not mirrored.excludes(exact_exit_above(double_well(theta=1), -1, 1), FALSE_ALARM)


def test_results_do_not_depend_on_workers_or_on_chunks(seed, monkeypatch):
    """Bit-identical for one and three workers, and for another chunk size."""
    from numerics.simulation import exit as exits

    def run(workers):
        return mean_exit_time(
            power_law_well(eta="1"), 0, exit_above=1, paths=4000, seed=seed, workers=workers
        )

    one = run(1)
    three = run(3)
    monkeypatch.setattr(exits, "CHUNK", 256)
    chunked = run(2)
    for other in (three, chunked):
        assert (other.estimate, other.standard_error, other.path_steps) == (
            one.estimate,
            one.standard_error,
            one.path_steps,
        )


def test_a_path_is_the_same_in_any_company(seed):
    """Path n has the same exit time whatever the number of paths, lanes and workers around it."""
    made = double_well()
    options = {"exit_above": 1, "exit_below": -2, "dt": 0.05, "seed": seed}
    many = exit_times(made, -1, paths=3000, workers=2, **options)
    few = exit_times(made, -1, paths=70, **options)
    np.testing.assert_array_equal(many.times[:70], few.times)
    np.testing.assert_array_equal(many.sides[:70], few.sides)


def test_a_horizon_stops_paths_and_changes_no_other(seed):
    made = ornstein_uhlenbeck()
    options = {"exit_above": 1, "exit_below": -1, "dt": 0.05, "seed": seed, "paths": 2000}
    free = exit_times(made, 0, **options)
    stopped = exit_times(made, 0, horizon=1.0, **options)
    inside = free.times >= 1.0
    assert 0.2 < inside.mean() < 0.8
    np.testing.assert_array_equal(stopped.times[~inside], free.times[~inside])
    np.testing.assert_array_equal(stopped.sides == 0, inside)
    assert np.all(stopped.times[inside] == 1.0)
    share = stopped.survival(np.array([0.5]))[0]
    assert share == np.mean(free.times > 0.5)


def test_symmetric_exits_are_equally_likely(seed):
    sample = exit_times(
        ornstein_uhlenbeck(), 0, exit_above=1, exit_below=-1, paths=40_000, dt=0.05, seed=seed
    )
    assert abs(sample.sides.sum()) < Z_LIMIT * math.sqrt(sample.sides.size)


def test_steep_tails_take_small_steps_instead_of_exploding(seed):
    """Noise that grows like w⁴ explodes at h = 0.1 without them (5 of 200000 paths did)."""
    made = model("w**3 - w", "1 + 2*(w**2 - 1)**2", "3/10")
    estimate = mean_exit_time(made, -1, exit_above=1, target_error=0.03, seed=seed)
    assert not estimate.excludes(exact_exit_above(made, -1, 1), FALSE_ALARM)


def test_an_explosion_is_named(seed):
    """A drift −w² carries paths to −∞ in finite time: they are no exits, and no result."""
    with pytest.raises(Explosion, match=r"exploded or became NaN at dt = 0\.9"):
        exit_times(
            model("w**2", "1", "1"), 0, exit_above=40, paths=2000, dt=0.9,
            scheme="euler-grid", seed=seed,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"exit_above": 1, "paths": 0}, "paths: an integer >= 2; received 0"),
        ({"exit_above": 1, "dt": -1.0}, "time step dt > 0 and finite"),
        ({"exit_above": 1, "dt": math.nan}, "time step dt > 0 and finite"),
        ({"exit_above": 1, "target_error": 2.0}, "relative target error between 0 and 1"),
        ({"exit_above": -1}, "start strictly between the exits"),
        ({}, "at least one exit"),
        ({"exit_above": 1, "scheme": "heun"}, "scheme STEP-WATCH"),
        ({"exit_above": 1, "workers": 0}, "workers: an integer >= 1"),
        ({"exit_above": math.inf}, "finite number"),
    ],
)
def test_bad_input_is_named(options, message):
    with pytest.raises(ComputationError, match=message):
        mean_exit_time(ornstein_uhlenbeck(), 0, **options)


def test_a_noise_that_vanishes_on_the_way_is_named():
    with pytest.raises(ComputationError, match="positive between start and exits"):
        mean_exit_time(model("w", "w**2 - 1/4", "1"), 0, exit_above=1)


def test_a_domain_that_paths_do_not_leave_is_named():
    """Without bridges a rare exit cannot be split: half of the paths are still inside."""
    with pytest.raises(ComputationError, match="still inside at time"):
        mean_exit_time(ornstein_uhlenbeck("1/10"), 0, exit_above=2, scheme="euler-shift")
