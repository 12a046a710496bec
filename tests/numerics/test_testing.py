"""The tests of the tests: levels, coverage and power, by exact laws or by fixed-seed simulation.

Fixed-seed frequencies are compared with their binomial law at a false-alarm rate of 1e-9.
"""

import math

import numpy as np
import pytest
from scipy import special, stats

from numerics import testing
from numerics.errors import ComputationError

FALSE_ALARM = 1e-9


def within_binomial(successes: int, trials: int, probability: float) -> bool:
    """Whether a count is plausible at the false-alarm rate."""
    low = stats.binom.cdf(successes, trials, probability)
    high = stats.binom.sf(successes - 1, trials, probability)
    return bool(min(low, high) > FALSE_ALARM / 2)


def test_clopper_pearson_covers_for_every_proportion():
    """Exact coverage, summed over the binomial law, never falls below the confidence."""
    n = 40
    intervals = [testing.proportion_interval(k, n, 0.9) for k in range(n + 1)]
    for p in np.linspace(0.01, 0.99, 99):
        mass = stats.binom.pmf(np.arange(n + 1), n, p)
        covered = sum(m for m, (a, b) in zip(mass, intervals, strict=True) if a <= p <= b)
        assert covered >= 0.9
    assert testing.proportion_interval(0, n)[0] == 0.0
    assert testing.proportion_interval(n, n)[1] == 1.0


def test_p_value_and_power_agree_with_the_normal_law():
    assert math.isclose(testing.p_value(3.0, 1.0, 1.0), 2 * special.ndtr(-2.0))
    assert testing.p_value(3.0, 1.0, 1.0, bias_bound=2.0) == 1.0
    rng = np.random.default_rng(1)
    # Truth 1.5, worst bias -0.1: the estimate is centred at 1.4.
    estimates = 1.4 + 0.1 * rng.standard_normal(20_000)
    hits = sum(testing.rejects(e, 0.1, 1.0, 0.1, 0.01) for e in estimates)
    assert within_binomial(hits, 20_000, testing.power(1.0, 1.5, 0.1, 0.1, 0.01))
    wanted = testing.standard_error_for_power(1.0, 1.5, 0.1, 1e-6, 0.999)
    assert math.isclose(testing.power(1.0, 1.5, wanted, 0.1, 1e-6), 0.999)
    with pytest.raises(ComputationError, match="more than two bias bounds away"):
        testing.standard_error_for_power(1.0, 1.1, 0.1, 1e-6)


def test_kolmogorov_has_its_level_and_sees_a_shift():
    rng = np.random.default_rng(2)
    p = [testing.kolmogorov_smirnov(rng.standard_normal(50), special.ndtr) for _ in range(2000)]
    assert within_binomial(int(np.sum(np.array(p) < 0.05)), 2000, 0.05)
    shifted = rng.standard_normal(5000) + 0.2
    assert testing.kolmogorov_smirnov(shifted, special.ndtr) < 1e-12


def test_chi_square_has_its_level_and_refuses_thin_cells():
    rng = np.random.default_rng(3)
    masses = np.array([0.1, 0.2, 0.3, 0.4])
    p = [testing.chi_square(rng.multinomial(1000, masses), masses) for _ in range(4000)]
    assert within_binomial(int(np.sum(np.array(p) < 0.05)), 4000, 0.05)
    assert testing.chi_square([130, 170, 300, 400], masses) < 0.01
    with pytest.raises(ComputationError, match="20 expected counts"):
        testing.chi_square([1, 2], [0.5, 0.5])


def test_chi_square_keeps_its_level_far_out():
    """Exact binomial sums: the limit alone is 10 times too small at 1e-6 with 20 expected."""
    for expected, trials in ((20, 2000), (20, 50), (200, 4000)):
        mass = expected / trials
        counts = np.arange(trials + 1)
        law = stats.binom.pmf(counts, trials, mass)
        likely = counts[law > 1e-14]
        p = np.array([testing.chi_square([k, trials - k], [mass, 1 - mass]) for k in likely])
        for level in (1e-3, 1e-6, 1e-9):
            assert law[likely][p < level].sum() <= level + 1e-13 * likely.size


@pytest.mark.parametrize("masses", [[0.2, 0.2, 0.2], [0.5, 0.6, -0.1]])
def test_chi_square_refuses_what_are_no_probabilities(masses):
    with pytest.raises(ComputationError, match="whose sum is 1"):
        testing.chi_square([100, 100, 100], masses)


def test_kolmogorov_refuses_what_is_no_distribution_function():
    for wrong in (lambda x: x * np.nan, lambda x: x + 2.0):
        with pytest.raises(ComputationError, match="between 0 and 1"):
            testing.kolmogorov_smirnov(np.arange(3.0), wrong)


def test_kolmogorov_has_the_power_that_it_states():
    """Bernoulli-like worst case: the departure is at one point, at the distance stated."""
    rng = np.random.default_rng(12)
    count, level, missed = 400, 1e-3, 0
    gap = testing.detectable_distance(count, level)
    assert 0.1 < gap < 0.2
    for _ in range(2000):
        # Uniform but for a mass `gap` moved from above 1/2 to below it.
        below = rng.random(count) < 0.5 + gap
        sample = np.where(below, 0.5 * rng.random(count), 0.5 + 0.5 * rng.random(count))
        missed += testing.kolmogorov_smirnov(sample, lambda x: x) >= level
    assert stats.binom.sf(missed - 1, 2000, 0.001) > FALSE_ALARM
    assert testing.detectable_distance(10, 1e-6) > 0.9  # no power worth the name


def test_scaling_test_tells_powers_from_exponentials():
    barriers = np.geomspace(0.5, 8.0, 8)
    error = np.full(8, 0.02)
    rng = np.random.default_rng(6)
    noise = 1.0 + error * rng.standard_normal(8)
    power_law = testing.scaling_test(barriers, 7 * barriers**3.5 * noise, error)
    assert power_law.verdict == "polynomial"
    assert abs(power_law.polynomial.slope - 3.5) < 6.1 * power_law.polynomial.slope_error
    exponential = testing.scaling_test(barriers, np.exp(2 * barriers) * noise, error)
    assert exponential.verdict == "exponential"
    assert exponential.power_against_polynomial > 0.999


def test_scaling_test_admits_that_a_short_range_has_no_power():
    """Over a factor 1.2 in the barrier, 5 % errors decide nothing, and the test says so."""
    barriers = np.linspace(1.0, 1.2, 5)
    found = testing.scaling_test(barriers, np.exp(2 * barriers), np.full(5, 0.05))
    assert found.verdict == "undecided"
    assert found.power_against_exponential < 0.01


def test_scaling_test_says_which_range_would_have_power():
    """The range stated has power 0.999 both ways, two thirds of it (in the logarithm) have not."""
    barriers = np.linspace(1.0, 1.2, 5)
    error = np.full(5, 0.05)
    found = testing.scaling_test(barriers, np.exp(2 * barriers), error)
    assert found.range_with_power is not None
    low, high = found.range_with_power
    assert low == 1.0
    assert 2.0 < high < 10.0
    for share, enough in ((1.0, True), (2 / 3, False)):
        wide = barriers ** (share * math.log(high) / math.log(1.2))
        # The straight lines that were fitted, on other barriers.
        lines = (
            np.exp(found.exponential.slope * wide),
            wide**found.polynomial.slope,
        )
        there = [testing.scaling_test(wide, line, error) for line in lines]
        powers = (there[0].power_against_exponential, there[1].power_against_polynomial)
        assert (min(powers) >= 0.998) == enough
    wide_data = testing.scaling_test(np.geomspace(1, 8, 5), np.geomspace(1, 8, 5) ** 2, error)
    assert wide_data.range_with_power is not None
    assert wide_data.range_with_power[1] < 8.0


def test_scaling_test_keeps_its_level_with_few_paths():
    """Relative errors of 5 %, normal or of means of 400 exponential times: level 1e-2."""
    rng = np.random.default_rng(13)
    barriers, error = np.geomspace(0.5, 8.0, 6), np.full(6, 0.05)
    for factors in (
        1 + 0.05 * rng.standard_normal((120, 6)),
        rng.gamma(400, size=(120, 6)) / 400,
    ):
        times = 3 * barriers**2 * factors
        rejected = sum(
            testing.scaling_test(barriers, row, error, 1e-2).polynomial.p_value < 1e-2
            for row in times
        )
        assert stats.binom.sf(rejected - 1, 120, 1e-2) > FALSE_ALARM


def test_a_heavy_lower_tail_of_the_logarithm_is_no_rejection():
    """One time 4.3 of its 8 % errors too short: p = 0.014 for a normal estimate.

    In units of 8 %, its logarithm is 5.3 too low, which alone would be a rejection at 1e-3.
    """
    barriers = np.geomspace(0.5, 8.0, 8)
    factors = np.ones(8)
    factors[3] -= 4.3 * 0.08
    found = testing.scaling_test(barriers, factors * barriers**2, np.full(8, 0.08), 1e-3)
    assert found.polynomial.p_value > 1e-3
    design = np.stack([np.ones(8), np.log(barriers)], axis=1)
    residual = np.log(factors) - design @ np.linalg.lstsq(design, np.log(factors), rcond=None)[0]
    assert stats.chi2.sf(np.sum((residual / 0.08) ** 2), 6) < 1e-3


def test_scaling_test_far_from_the_origin():
    """Barriers that differ in the last digits only: a line about their mean, not about 0."""
    close = 1.0 + 1e-9 * np.arange(4)
    found = testing.scaling_test(close, np.exp(1e9 * (close - 1.0)), np.full(4, 0.02))
    assert found.exponential.slope == pytest.approx(1e9, rel=1e-6)
    assert math.isfinite(found.exponential.slope_error)
    assert found.range_with_power is None or found.range_with_power[1] > close[-1]


@pytest.mark.parametrize(
    ("barriers", "times", "errors", "message"),
    [
        ([1, 2, 3, math.inf], [1, 2, 3, 4], [0.01] * 4, "positive barriers"),
        ([1, 2, 3, 3], [1, 2, 3, 4], [0.01] * 4, "different"),
        ([1, 2, 3, 4], [1, 2, 3, math.nan], [0.01] * 4, "positive times"),
        ([1, 2, 3, 4], [1, 2, 3, 4], [0.0] * 4, "exact time"),
        ([1, 2, 3, 4], [1, 2, 3, 4], [0.5] * 4, "relative errors of at most"),
    ],
)
def test_scaling_test_refuses(barriers, times, errors, message):
    with pytest.raises(ComputationError, match=message):
        testing.scaling_test(barriers, times, errors)


def test_confidence_sequence_holds_at_all_times():
    """2000 runs of 3000 looks: ever excluding the mean happens in at most 5 % of them."""
    rng = np.random.default_rng(7)
    runs, length = 2000, 3000
    means = np.cumsum(rng.standard_normal((runs, length)), axis=1) / np.arange(1, length + 1)
    half = np.array(
        [
            testing.confidence_sequence_half_width(n, 1.0, 0.05, tuned_for=1000)
            for n in range(1, length + 1)
        ]
    )
    ever = int(np.any(np.abs(means) > half, axis=1).sum())
    assert stats.binom.sf(ever - 1, runs, 0.05) > FALSE_ALARM
    fixed = 1.96 / np.sqrt(np.arange(1, length + 1))
    naive = int(np.any((np.abs(means) > fixed)[:, 99:], axis=1).sum())
    assert stats.binom.sf(naive - 1, runs, 0.05) < FALSE_ALARM


def _decided(test, values, step):
    """The first decision at a multiple of `step`."""
    for count in range(step, values.size + 1, step):
        decision = test.decide(values[:count])
        if decision != "undecided":
            return decision
    return "undecided"


def test_sequential_test_stops_with_the_right_answer():
    rng = np.random.default_rng(8)
    test = testing.SequentialTest(1.0, (0.9, 1.1), level=1e-6)
    for truth, expected in ((1.0, "accepted"), (1.1, "rejected")):
        values = rng.exponential(truth, 400_000)
        assert _decided(test, values, 5000) == expected
        assert test.decide(values[:1000]) == "undecided"
    assert test.decide(values[:50]) == "undecided"


def test_sequential_test_waits_for_rare_events():
    """Successes of probability 1/200, none among the first 100 in three runs of five: level 1e-6.

    From the deviation alone, such a run was rejected at its first look.
    """
    rng = np.random.default_rng(9)
    test = testing.SequentialTest(0.005, (0.02,), level=1e-6)
    assert test.decide(np.zeros(100)) == "undecided"
    runs = (rng.random((100, 3000)) < 0.005).astype(float)
    assert all(_decided(test, run, 100) == "undecided" for run in runs)


def test_sequential_test_of_bounded_values_is_exact_from_the_first_on():
    """1000 runs, looks after each of 400 values: at most 5 % ever reject a true mean."""
    rng = np.random.default_rng(10)
    test = testing.SequentialTest(0.3, (0.6,), level=0.05, tuned_for=100, bounds=(0.0, 1.0))
    runs = (rng.random((1000, 400)) < 0.3).astype(float)
    means = np.cumsum(runs, axis=1) / np.arange(1, 401)
    half = np.array([test.half_width(runs[0, :count]) for count in range(1, 401)])
    rejected = int(np.any(np.abs(means - 0.3) > half, axis=1).sum())
    assert stats.binom.sf(rejected - 1, 1000, 0.05) > FALSE_ALARM
    assert np.mean([_decided(test, run, 50) == "accepted" for run in runs[:50]]) > 0.9
    with pytest.raises(ComputationError, match="bounds 0 and 1"):
        test.decide([0.5, 1.5])


def test_sequential_test_without_neighbours_accepts_nothing():
    test = testing.SequentialTest(0.0, (), level=1e-3, bounds=(-1.0, 1.0))
    assert test.decide([]) == "undecided"
    assert test.decide(np.zeros(10_000)) == "undecided"
    assert test.decide(np.full(10_000, 0.5)) == "rejected"
