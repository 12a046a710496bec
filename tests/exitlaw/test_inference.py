"""The tests of observations as a user calls them: levels, power, thinning, and what they refuse.

Frequencies at a fixed seed are compared with their binomial law at a false-alarm rate of 1e-9.
"""

import math

import numpy as np
import pytest
from scipy import stats

import exitlaw
from exitlaw import Diffusion, InputError, SequentialTest, goodness_of_fit, scaling_test, tail_index
from numerics.errors import ComputationError

FALSE_ALARM = 1e-9
WELL = Diffusion.from_loss("w**2/2", "1", eta="1/2", interpretation="ito")
"""Normal of variance 1/4."""
STUDENT = Diffusion.from_loss("w**2/2", "1+w**2", eta=1, interpretation="ito")
"""Density like (1+w²)^(−2): Student's law with 3 degrees of freedom, divided by √3."""


def test_the_certified_distance_is_that_of_the_law_itself():
    sample = np.random.default_rng(1).standard_t(3.0, 500) / math.sqrt(3)
    found = goodness_of_fit(sample, STUDENT, independent=True)
    truth = stats.kstest(sample * math.sqrt(3), stats.t(3).cdf)
    assert found.statistic == pytest.approx(truth.statistic, abs=0.002 / math.sqrt(500))
    assert found.p_value == pytest.approx(truth.pvalue, rel=0.03)
    assert not found.rejected
    assert found.evaluations < 200


@pytest.mark.slow
def test_level_and_power():
    """100 samples of 40 values: level 0.05, and a departure of the detectable distance."""
    rng = np.random.default_rng(2)
    found = [goodness_of_fit(rng.normal(0, 0.5, 40), WELL, level=0.05, independent=True)
             for _ in range(100)]  # fmt: skip
    assert stats.binom.sf(sum(one.rejected for one in found) - 1, 100, 0.05) > FALSE_ALARM
    # sup|Φ(x) − Φ(x − s)| = 2Φ(s/2) − 1.
    gap = found[0].detectable
    shift = 0.5 * 2 * stats.norm.ppf(0.5 + gap / 2)
    missed = [
        not goodness_of_fit(rng.normal(shift, 0.5, 40), WELL, level=0.05, independent=True).rejected
        for _ in range(50)
    ]
    assert stats.binom.sf(sum(missed) - 1, 50, 0.001) > FALSE_ALARM


def test_paths_are_rows():
    """Rows of a matrix, a list of arrays, and one long array of the same rows are understood."""
    paths = np.random.default_rng(3).normal(0, 0.5, (40, 50))
    for sample in (paths, list(paths), paths.tolist()):
        found = goodness_of_fit(sample, WELL, discard=10)
        assert found.sample.given == 40 * 40
    assert goodness_of_fit(paths.ravel(), WELL).sample.given == 2000


def test_a_walk_is_not_tested_as_independent():
    walk = np.cumsum(np.random.default_rng(4).standard_normal(1000))
    with pytest.raises(ComputationError, match="that count as independent"):
        goodness_of_fit(walk, WELL)
    with pytest.raises(ComputationError, match="independent values, as stated"):
        goodness_of_fit(walk, WELL, independent=True)


def test_a_tail_beside_the_index_of_a_model():
    """Index 3; the anti-Ito equation has 1, a constant noise none."""
    sample = np.random.default_rng(5).standard_t(3.0, 200_000) / math.sqrt(3)
    found = tail_index(sample, STUDENT, independent=True)
    assert not found.rejected
    low, high = found.estimate.interval
    assert 2.0 < low < 3.0 < high < math.inf
    anti = Diffusion.from_loss("w**2/2", "1+w**2", eta=1, interpretation="anti-ito")
    for other in (anti, WELL):
        assert tail_index(sample, other, independent=True).rejected
    light = np.random.default_rng(6).normal(0, 0.5, 5000)
    assert not tail_index(light, WELL, independent=True).rejected
    assert tail_index(light, independent=True).model_index is None


def test_errors_of_exit_times_are_absolute():
    barriers = np.geomspace(0.5, 4.0, 6)
    times = 1000 * np.exp(2 * barriers)
    found = scaling_test(barriers, times, 0.03 * times)
    assert found.verdict == "exponential"
    assert found.exponential.slope == pytest.approx(2.0, abs=1e-9)
    with pytest.raises(ComputationError, match="relative errors of at most"):
        scaling_test(barriers, times, times)


def test_sequential_test_is_reached_from_the_package():
    test = SequentialTest(0.5, (0.9,), level=1e-3, bounds=(0, 1))
    assert test.decide([1.0, 0.0] * 500) == "accepted"


@pytest.mark.parametrize(
    ("sample", "error", "message"),
    [
        ([], ComputationError, "at least 30 values"),
        ([0.5] * 20, ComputationError, "at least 30 values"),
        ([1.0, math.nan] * 30, ComputationError, "finite values"),
        (["a"] * 40, InputError, "numbers, or series"),
        (np.zeros((2, 3, 4)), InputError, "one row for each series"),
        ([[1.0, 2.0], 3.0], InputError, "one row for each series"),
    ],
)
def test_bad_samples(sample, error, message):
    with pytest.raises(error, match=message):
        goodness_of_fit(sample, WELL)


def test_models_without_a_law_or_with_free_parameters():
    sample = np.random.default_rng(7).normal(0, 1, 100)
    for model, message in (
        (Diffusion.from_loss("-w**2", "1", eta=1, interpretation="ito"), "integrated up to"),
        (Diffusion.from_loss("k*w**2", "1", eta=1, interpretation="ito"), "k without"),
    ):
        with pytest.raises(ValueError, match=message):
            goodness_of_fit(sample, model, independent=True)
    with pytest.raises(InputError, match="both tails beside a model"):
        tail_index(sample, WELL, tail="upper")
    with pytest.raises(InputError, match="tail both"):
        exitlaw.tail_index(sample, tail="left")  # type: ignore[arg-type]
