"""Discrete SGD and α-stable noise against exact results; false-alarm rate 1e-9 each."""

import math

import numpy as np
import pytest
import sympy
from scipy import special

from numerics import testing
from numerics.errors import ComputationError
from numerics.lowering import lower
from numerics.simulation import sgd
from numerics.simulation.estimate import normal_quantile

FALSE_ALARM = 1e-9
Z_LIMIT = normal_quantile(1 - FALSE_ALARM / 2)
w, g, h = sympy.symbols("w g h", real=True)
QUADRATIC = lower(g + h * w, (w, g, h))


def stationary_variance(data: np.ndarray, eta: float, batch: int, replacement: bool) -> float:
    """ησ_g/(2H − ηH² − ησ_H) with the covariances of the data and the batch factor."""
    samples = data.shape[0]
    factor = 1 / batch if replacement else (samples - batch) / (batch * (samples - 1))
    (sigma_g, rho), (_, sigma_h) = np.cov(data.T, bias=True) * factor
    assert abs(rho) < 1e-12
    mean_h = data[:, 1].mean()
    return eta * sigma_g / (2 * mean_h - eta * mean_h**2 - eta * sigma_h)


@pytest.mark.parametrize("replacement", [True, False])
def test_stationary_variance_is_the_exact_one(seed, replacement):
    """Four samples with uncorrelated gradients and curvatures, batch 2."""
    data = np.array([[1.0, 0.5], [1.0, 1.5], [-1.0, 0.5], [-1.0, 1.5]])
    run = sgd.sgd(
        QUADRATIC, data, start=0.0, eta=0.5, batch=2, replacement=replacement,
        updates=60, paths=200_000, seed=seed,
    )  # fmt: skip
    exact = stationary_variance(data, 0.5, 2, replacement)
    squares = run.states**2
    error = squares.std() / math.sqrt(squares.size)
    assert abs(squares.mean() - exact) < Z_LIMIT * error
    assert abs(squares.mean() - 1.1 * exact) > Z_LIMIT * error
    assert np.all(run.counts == 60)


def test_a_path_stops_outside(seed):
    data = np.array([[1.0, 0.5], [-1.0, 0.5]])
    run = sgd.sgd(
        QUADRATIC, data, start=0.0, eta=0.5, updates=10_000, paths=500,
        exit_above=1.2, exit_below=-1.2, seed=seed,
    )  # fmt: skip
    assert np.all(np.abs(run.states) >= 1.2)
    assert run.counts.min() >= 3


@pytest.mark.parametrize("alpha", [0.8, 1.0, 1.5, 2.0])
def test_stable_values_have_their_characteristic_function(seed, alpha):
    """E cos(uS) = exp(−|u|^α) at three frequencies; 4·10⁵ values, error below 1.2e-3."""
    values = sgd.stable_values(alpha, paths=400, length=1000, seed=seed).ravel()
    for u in (0.3, 1.0, 2.5):
        waves = np.cos(u * values)
        error = waves.std() / math.sqrt(waves.size)
        assert abs(waves.mean() - math.exp(-(u**alpha))) < Z_LIMIT * error
    waves = np.cos(values)
    assert abs(waves.mean() - math.exp(-(1.1**alpha))) > Z_LIMIT * waves.std() / waves.size**0.5


def test_tail_index_of_stable_values(seed):
    values = sgd.stable_values(1.5, paths=100, length=1000, seed=seed).ravel()
    found = testing.tail_index(values)
    assert abs(found.index - 1.5) < found.bias_bound + 6.1 * found.standard_error


def test_driftless_exit_time(seed):
    """(r² − x²)^(α/2)/Γ(1+α) from the centre of (−1, 1); the grid adds below 8 % at h = 1e-3."""
    alpha = 1.5
    run = sgd.stable_exits(
        lower(0 * w, (w,)), alpha=alpha, scale=1.0, start=0.0, dt=1e-3, steps=10**7,
        paths=20_000, exit_above=1.0, exit_below=-1.0, seed=seed,
    )  # fmt: skip
    exact = 1 / special.gamma(1 + alpha)
    times = run.counts * 1e-3
    error = Z_LIMIT * times.std() / math.sqrt(times.size)
    assert exact - error < times.mean() < 1.08 * exact + error


def test_bad_input_is_named():
    with pytest.raises(ComputationError, match=r"samples of shape \(N, 2\)"):
        sgd.sgd(QUADRATIC, np.zeros((3, 1)), start=0.0, eta=0.1, updates=1, paths=1)
    with pytest.raises(ComputationError, match="without replacement"):
        sgd.sgd(
            QUADRATIC, np.zeros((3, 2)), start=0.0, eta=0.1, updates=1, paths=1, batch=4,
            replacement=False,
        )  # fmt: skip
    with pytest.raises(ComputationError, match="stability α in"):
        sgd.stable_values(2.5, paths=1, length=1)
