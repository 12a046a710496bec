"""The tail index: laws of known index, light tails that are no power laws, refusals.

Fixed seeds; the interval of confidence 1 − 1e-9 holds the index with its bias bound.
"""

import math

import numpy as np
import pytest

from numerics.errors import ComputationError
from numerics.tail_index import tail_index

CONFIDENCE = 1 - 1e-9


@pytest.mark.parametrize("degrees", [1.0, 2.5, 6.0])
@pytest.mark.parametrize("shift", [0.0, 10.0])
def test_student_laws_wherever_they_are(degrees, shift):
    """Index = degrees of freedom. Hill's estimator finds 3.5 to 4.8 for 2.5, shifted by 10."""
    sample = shift + np.random.default_rng(4).standard_t(degrees, 50_000)
    found = tail_index(sample, confidence=CONFIDENCE)
    low, high = found.interval
    assert low <= degrees <= high
    moved = tail_index(sample - shift, confidence=CONFIDENCE)
    assert found.shape == pytest.approx(moved.shape, abs=1e-6)


def test_a_narrow_interval_where_the_law_is_a_power():
    """Student with 1 degree of freedom, 200,000 values: at 95 % within 30 %; e^(−x) excluded."""
    sample = np.random.default_rng(5).standard_t(1.0, 200_000)
    found = tail_index(sample)
    assert found.is_power_law
    low, high = found.interval
    assert 0.75 < low < 1.0 < high < 1.4
    assert not low <= 2.0 <= high


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, n: rng.exponential(1.0, n),
        lambda rng, n: rng.standard_normal(n),
        lambda rng, n: rng.random(n),
        lambda rng, n: rng.gamma(3.0, size=n),
    ],
    ids=["exponential", "normal", "uniform", "gamma"],
)
@pytest.mark.parametrize("count", [2000, 100_000])
def test_light_tails_are_no_power_laws(draw, count):
    """Hill's estimator finds 6.5 ± 0.4 on 100,000 exponential values, with a bias bound of 1.5."""
    found = tail_index(draw(np.random.default_rng(6), count))
    assert not found.is_power_law
    assert math.isinf(found.interval[1])


def test_the_interval_covers():
    """80 samples of 3000 values of each law, 95 %: at most 12 missed (4.4e-4 if it were 5 %)."""
    rng = np.random.default_rng(7)
    for index, draw in (
        (1.0, lambda: rng.standard_t(1.0, 3000)),
        (2.5, lambda: rng.random(3000) ** -0.4),
        (2.0, lambda: np.sqrt(1 / rng.random(3000) - 1)),
    ):
        intervals = [tail_index(draw()).interval for _ in range(80)]
        assert sum(not low <= index <= high for low, high in intervals) <= 12


def test_one_tail():
    """Right: a power of index 1; left: exponential."""
    rng = np.random.default_rng(8)
    sample = np.concatenate([1 / rng.random(50_000) - 1, -rng.exponential(1.0, 50_000)])
    upper = tail_index(sample, tail="upper")
    assert upper.is_power_law
    assert upper.interval[0] <= 1.0 <= upper.interval[1]
    assert not tail_index(sample, tail="lower").is_power_law


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        (np.zeros(100), "at least 1600 values"),
        (np.full(2000, np.nan), "finite values"),
        (np.zeros(2000), "half the excesses are 0"),
        (np.repeat([0.0, 1.0], 1000), "half the excesses are 0"),
    ],
)
def test_refusals(sample, message):
    with pytest.raises(ComputationError, match=message):
        tail_index(sample)
