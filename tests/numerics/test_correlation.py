"""Thinning: autoregressions of known autocorrelation time, the level of a test after it, refusals.

The ranks of a Gaussian autoregression with coefficient r have the correlations
`6/π·asin(r^k/2)`, so that τ is a little below `(1+r)/(1−r)`.
"""

import math

import numpy as np
import pytest
from scipy import special, stats

from numerics import testing
from numerics.correlation import autocorrelation_time, thin
from numerics.errors import ComputationError

FALSE_ALARM = 1e-9


def autoregression(rng, count, coefficient, paths=1):
    """Stationary standard normal paths."""
    from scipy.signal import lfilter

    noise = rng.standard_normal((paths, count))
    noise[:, 1:] *= math.sqrt(1 - coefficient**2)
    return list(lfilter([1], [1, -coefficient], noise, axis=1))


def test_the_time_of_an_autoregression():
    """Ranks: 1 + 2Σ 6/π·asin(0.9^k/2) = 18.4; five standard errors of 2.7 %."""
    paths = autoregression(np.random.default_rng(1), 500_000, 0.9)
    time, error, seen = autocorrelation_time(paths)
    truth = 1 + 2 * sum(6 / math.pi * math.asin(0.9**k / 2) for k in range(1, 300))
    assert seen
    assert error < 0.05 * truth
    assert abs(time - truth) < 5 * error


@pytest.mark.parametrize(("count", "paths"), [(4000, 1), (1000, 5)])
def test_a_thinned_path_passes_a_true_law_as_often_as_it_should(count, paths):
    """200 autoregressions (0.9), level 5 %: unthinned, nearly all are rejected."""
    rng = np.random.default_rng(2)
    p, naive = [], []
    for _ in range(200):
        series = autoregression(rng, count, 0.9, paths)
        p.append(testing.kolmogorov_smirnov(thin(series).values, special.ndtr))
        naive.append(testing.kolmogorov_smirnov(np.concatenate(series), special.ndtr))
    assert stats.binom.sf(int(np.sum(np.array(p) < 0.05)) - 1, 200, 0.05) > FALSE_ALARM
    assert np.mean(np.array(naive) < 0.05) > 0.5


def test_independent_values_are_kept():
    rng = np.random.default_rng(3)
    many = thin([rng.standard_normal(50_000)])
    assert (many.stride, many.values.size) == (1, 50_000)
    few = rng.standard_normal(300)
    assert 1 < thin([few]).stride < 8  # too few to show it
    stated = thin([few], independent=True)
    assert np.array_equal(stated.values, few)
    assert "as stated" in stated.explained()


def test_a_false_statement_of_independence_is_refused():
    for coefficient, count in ((0.5, 300), (0.2, 5000), (0.99, 3000)):
        path = autoregression(np.random.default_rng(4), count, coefficient)
        with pytest.raises(ComputationError, match="independent values, as stated"):
            thin(path, independent=True)


def test_true_statements_of_independence_are_believed():
    """Ranks make this a test of the order alone: heavy tails change nothing."""
    rng = np.random.default_rng(5)
    for count in (30, 100, 1000):
        for _ in range(100):
            thin([rng.standard_cauchy(count)], independent=True)


def test_short_series_give_one_value_each():
    """500 paths of 20 values with τ of 2000: their last values are independent."""
    paths = autoregression(np.random.default_rng(6), 20, 0.999, 500)
    found = thin(paths)
    assert found.stride == 0
    assert np.array_equal(found.values, [path[-1] for path in paths])
    assert "the last of each series" in found.explained()


def test_a_path_that_ended_early_is_no_reason_to_see_nothing():
    paths = autoregression(np.random.default_rng(9), 2000, 0.9, 5)
    found = thin([*paths, paths[0][:3]])
    assert 30 < found.stride < 100
    assert found.values.size == 5 * -(-2000 // found.stride) + 1


def test_the_beginning_of_each_series_is_discarded():
    series = [np.concatenate([np.full(10, 9.0), one]) for one in
              np.random.default_rng(7).standard_normal((3, 200))]  # fmt: skip
    found = thin(series, independent=True, discard=10)
    assert found.given == found.values.size == 600
    assert not np.any(found.values == 9.0)


@pytest.mark.parametrize(
    ("series", "message"),
    [
        ([np.zeros(10)], "at least 30 values"),
        ([], "at least 30 values"),
        ([np.zeros(100)], "values that differ"),
        ([np.full(100, np.inf)], "finite values"),
        ([np.cumsum(np.ones(1000))], "that count as independent"),
        (autoregression(np.random.default_rng(8), 1000, 0.99), "that count as independent"),
    ],
)
def test_refusals(series, message):
    with pytest.raises(ComputationError, match=message):
        thin(series)
