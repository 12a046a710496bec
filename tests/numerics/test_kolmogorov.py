"""Kolmogorov's distance from enclosures: the distance of all values, from few of them."""

import math

import numpy as np
import pytest
from scipy import special, stats

from numerics.kolmogorov import TOLERANCE, kolmogorov_distance

WIDTH = 1e-12


def _normal(at: float) -> tuple[float, float]:
    value = float(special.ndtr(at))
    return value - WIDTH, value + WIDTH


@pytest.mark.parametrize("shift", [0.0, 0.3, 5.0])
@pytest.mark.parametrize("rounded", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3, 50, 2000])
def test_bounds_hold_the_distance(count, rounded, shift):
    sample = shift + np.random.default_rng(count).standard_normal(count)
    sample = np.round(sample, 1) if rounded else sample
    found = kolmogorov_distance(sample, _normal)
    truth = float(stats.kstest(sample, special.ndtr).statistic)
    assert found.lower <= truth + WIDTH
    assert truth <= found.upper + WIDTH
    assert found.upper - found.lower <= TOLERANCE / math.sqrt(count) + 3 * WIDTH


def test_few_values_are_enough():
    """10,000 values of the law itself: about 3√n of them."""
    sample = np.random.default_rng(1).standard_normal(10_000)
    assert kolmogorov_distance(sample, _normal).evaluations < 1000


def test_wide_enclosures_do_not_reject():
    found = kolmogorov_distance(np.array([0.0, 1.0]), lambda _: (0.0, 1.0))
    assert found.lower == 0.0
    assert found.upper == 1.0
