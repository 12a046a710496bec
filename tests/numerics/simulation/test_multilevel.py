"""Coupled levels against certified times and against the plain kernel.

False-alarm rate of each statistical test: 1e-9 (`Estimate.excludes`, or a normal quantile).
"""

import math

import numpy as np
import pytest
from simulation_models import double_well, exact_exit_above, model, ornstein_uhlenbeck

from numerics.errors import ComputationError
from numerics.simulation import exit_times, mean_exit_time
from numerics.simulation.estimate import normal_quantile
from numerics.simulation.exit import exit_problem
from numerics.simulation.multilevel import copies_on, coupled_exit_times
from numerics.simulation.streams import stream_key

FALSE_ALARM = 1e-9
Z_LIMIT = normal_quantile(1 - FALSE_ALARM / 2)


def agree(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two independent samples may have the same mean."""
    error = math.hypot(one.std() / math.sqrt(one.size), other.std() / math.sqrt(other.size))
    return bool(abs(one.mean() - other.mean()) <= Z_LIMIT * error)


def test_estimate_contains_the_certified_time(seed):
    """H0: |truth − certified| <= bias bound; a time off by 12 % passes with probability 1e-19."""
    made = double_well(theta=1)
    exact = exact_exit_above(made, -1, 1)
    found = mean_exit_time(
        made, -1, exit_above=1, target_error=0.02, scheme="multilevel", seed=seed
    )
    assert found.scheme == "multilevel"
    assert found.bias_kind == "estimated"
    assert found.relative_error <= 0.02
    assert not found.excludes(exact, FALSE_ALARM)
    assert found.excludes(1.12 * exact, FALSE_ALARM)


def test_two_exits_and_a_noise_that_depends_on_the_state(seed):
    """Same budget as above, for an asymmetric interval around a well with noise 1 + w²."""
    from fractions import Fraction

    from numerics.first_passage import mean_exit_time as certified

    made = model("w", "1 + w**2", "1", "1/2")
    ends = {"exit_below": -1, "exit_above": Fraction(3, 2)}
    exact = float(certified(made, 0, digits=8, method="arb", **ends))
    found = mean_exit_time(made, 0, target_error=0.01, scheme="multilevel", seed=seed, **ends)
    assert not found.excludes(exact, FALSE_ALARM)
    assert found.excludes(1.06 * exact, FALSE_ALARM)


@pytest.mark.parametrize(
    ("made", "start", "exits"),
    [
        (ornstein_uhlenbeck(), 0, {"exit_above": 1, "exit_below": -1}),
        (double_well(theta=1), -1, {"exit_above": 1}),
    ],
    ids=["two exits", "one exit"],
)
def test_a_level_has_one_law_whether_fine_or_coarse(seed, made, start, exits):
    """Step h as the fine half of a pair, as the coarse half, and on the plain kernel: one law.

    Means and medians of 2·10⁴ single paths (copies = 1): means apart by 12 % are missed with
    probability 1e-9.
    """
    problem = exit_problem(made, start, **exits)
    h, paths = 0.05, 20_000
    fine, _, _ = coupled_exit_times(problem, stream_key(seed, 1), 0, paths, h, 1)
    _, coarse, _ = coupled_exit_times(problem, stream_key(seed, 2), 0, paths, h / 2, 1)
    plain = exit_times(made, start, paths=paths, dt=h, seed=seed, **exits).times
    median = np.median(plain)
    for other in (fine, coarse):
        assert agree(plain, other)
        shares = np.array([np.mean(plain < median), np.mean(other < median)])
        assert abs(shares[1] - shares[0]) < Z_LIMIT * math.sqrt(0.5 / paths)


def test_splitting_the_rest_changes_no_mean(seed):
    """Copies 1 and 16: equal means of the difference, a smaller variance."""
    problem = exit_problem(double_well(theta=1), -1, exit_above=1)
    samples = []
    for copies in (1, 16):
        key = stream_key(seed, 4, copies)
        fine, coarse, _ = coupled_exit_times(problem, key, 0, 20_000, 0.02, copies)
        samples.append(fine - coarse)
    one, many = samples
    assert agree(one, many)
    assert many.var() < 0.6 * one.var()


def test_a_pair_is_the_same_in_any_company(seed):
    """Pair n depends on the seed and on n only."""
    problem = exit_problem(ornstein_uhlenbeck(), 0, exit_above=1)
    key = stream_key(seed, 3)
    many_fine, many_coarse, _ = coupled_exit_times(problem, key, 0, 300, 0.05, 4)
    few_fine, few_coarse, _ = coupled_exit_times(problem, key, 100, 50, 0.05, 4)
    np.testing.assert_array_equal(many_fine[100:150], few_fine)
    np.testing.assert_array_equal(many_coarse[100:150], few_coarse)


def test_results_do_not_depend_on_workers_or_on_chunks(seed, monkeypatch):
    """Bit-identical for one and three workers, and for another chunk size."""
    from numerics.simulation import exit as exits

    def run(workers):
        found = mean_exit_time(
            ornstein_uhlenbeck(), 0, exit_above=1, exit_below=-1, target_error=0.05,
            scheme="multilevel", seed=seed, workers=workers,
        )  # fmt: skip
        return found.estimate, found.standard_error, found.bias_bound, found.path_steps

    one = run(1)
    assert run(3) == one
    monkeypatch.setattr(exits, "CHUNK", 256)
    assert run(2) == one


def test_finished_chunks_are_found_again(seed, tmp_path):
    """A second run takes every chunk of every level from the store, with the same bits."""
    from numerics.scheduling import ChunkStore

    store = ChunkStore(tmp_path / "chunks.sqlite")
    computed = []

    def run():
        return mean_exit_time(
            ornstein_uhlenbeck(), 0, exit_above=1, exit_below=-1, target_error=0.05,
            scheme="multilevel", seed=seed, store=store,
            progress=lambda done, _: computed.append(done),
        )  # fmt: skip

    first = run()
    stages = computed.count(0)
    assert stages > 3
    computed.clear()
    assert run().estimate == first.estimate
    assert computed.count(0) == 0


def test_steep_tails_do_not_break_a_pair(seed):
    """Noise that grows like w⁴: both paths take small steps of their own there."""
    made = model("w**3 - w", "1 + 2*(w**2 - 1)**2", "3/10")
    found = mean_exit_time(
        made, -1, exit_above=1, target_error=0.05, scheme="multilevel", seed=seed
    )
    assert not found.excludes(exact_exit_above(made, -1, 1), FALSE_ALARM)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"paths": 1000}, "target_error instead of paths"),
        ({"scheme": "multilevel-euler"}, "scheme STEP-WATCH"),
    ],
)
def test_bad_input_is_named(options, message):
    given = {"scheme": "multilevel", **options}
    with pytest.raises(ComputationError, match=message):
        mean_exit_time(ornstein_uhlenbeck(), 0, exit_above=1, **given)


def test_a_rare_exit_is_left_to_splitting():
    with pytest.raises(ComputationError, match="leave the scheme out"):
        mean_exit_time(ornstein_uhlenbeck("1/10"), 0, exit_above=2, scheme="multilevel")


def slope(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Least-squares slope and its standard error, from the scatter about the line."""
    fit, covariance = np.polyfit(x, y, 1, cov=True)
    return float(fit[0]), float(math.sqrt(covariance[0, 0]))


@pytest.mark.slow
def test_cost_grows_as_the_inverse_square_of_the_error(seed):
    """Path-steps over target error: slope −2 within 0.25; one level alone would give −3.

    Sixteen runs; the slope's standard error, from their scatter, must itself be below 0.07.
    """
    targets = np.repeat([0.02, 0.01, 0.005, 0.0025], 4)
    costs = [
        mean_exit_time(
            ornstein_uhlenbeck(), 0, exit_above=1, exit_below=-1, target_error=float(target),
            scheme="multilevel", seed=seed + i,
        ).path_steps
        for i, target in enumerate(targets)
    ]  # fmt: skip
    found, error = slope(np.log(targets), np.log(costs))
    assert error < 0.07
    assert abs(found + 2) < 0.25 + 6.1 * error
    assert found > -3 + 6.1 * error


@pytest.mark.slow
def test_levels_telescope_and_their_variances_fall(seed):
    """T₀ + Σ differences is the mean at the finest step; the variance falls as h^(3/2)."""
    problem = exit_problem(ornstein_uhlenbeck(), 0, exit_above=1, exit_below=-1)
    h, finest, paths = 0.1, 6, 40_000
    total = problem.sample(stream_key(seed, 0), 0, paths, h)[0]
    mean, spread = total.mean(), total.var() / paths
    widths, variances = [], []
    for level in range(1, finest + 1):
        fine, coarse, _ = coupled_exit_times(
            problem, stream_key(seed, level), 0, paths, h / 2**level, copies_on(level)
        )
        mean += (fine - coarse).mean()
        spread += (fine - coarse).var() / paths
        widths.append(h / 2**level)
        variances.append((fine - coarse).var())
    plain = problem.sample(stream_key(seed, 99), 0, paths, h / 2**finest)[0]
    assert abs(mean - plain.mean()) < Z_LIMIT * math.sqrt(spread + plain.var() / paths)
    found, error = slope(np.log(widths), np.log(variances))
    # Above 1, levels cost ever less and the sum O(ε⁻²).
    assert found > 1 + 2 * error
    assert abs(found - 1.5) < 0.25 + 6.1 * error
