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


@pytest.mark.parametrize("degrees", [2.0, 3.0, 5.0])
def test_tail_index_of_student_laws(degrees):
    """Student's t: index = degrees of freedom; 100000 values, interval of 6.1 errors plus bias."""
    sample = np.random.default_rng(4).standard_t(degrees, 100_000)
    found = testing.tail_index(sample)
    assert abs(found.index - degrees) < found.bias_bound + 6.1 * found.standard_error
    assert found.bias_bound + found.standard_error < 0.35 * degrees
    assert found.used >= 50


def test_tail_index_of_an_exact_power_law_uses_many_values():
    sample = np.random.default_rng(5).random(100_000) ** (-1 / 2.5)
    found = testing.tail_index(sample)
    assert found.used > 5000
    assert abs(found.index - 2.5) < 6.1 * found.standard_error


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


def test_sequential_test_stops_with_the_right_answer():
    rng = np.random.default_rng(8)
    test = testing.SequentialTest(1.0, (0.9, 1.1), level=1e-6)
    for truth, expected in ((1.0, "accepted"), (1.1, "rejected")):
        values = rng.exponential(truth, 400_000)
        decisions = []
        for count in range(1000, values.size + 1, 1000):
            part = values[:count]
            decisions.append(test.decide(count, part.mean(), part.std()))
            if decisions[-1] != "undecided":
                break
        assert decisions[-1] == expected
        assert decisions[0] == "undecided"
    assert test.decide(50, 5.0, 1.0) == "undecided"
