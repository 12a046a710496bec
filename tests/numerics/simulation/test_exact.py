"""Exact simulation against exact moments and laws; false-alarm rate 1e-9 each."""

import math

import numpy as np
import pytest
from scipy import stats

from numerics import testing
from numerics.errors import ComputationError
from numerics.simulation.estimate import normal_quantile
from numerics.simulation.exact import PowerLawWell, exact_states

FALSE_ALARM = 1e-9
Z_LIMIT = normal_quantile(1 - FALSE_ALARM / 2)


def second_moment(well: PowerLawWell, start: float, time: float) -> tuple[float, float]:
    """E[x], E[x²] from their linear equations, by the exponential of a 3×3 matrix."""
    from scipy.linalg import expm

    pull, noise = well.H - well.theta * well.eta * well.sigma_H, well.eta * well.sigma_H
    push = well.theta * well.eta * well.rho
    generator = np.array(
        [
            [0.0, 0.0, 0.0],
            [push, -pull, 0.0],
            [well.eta * well.sigma_g, 2 * push + 2 * well.eta * well.rho, noise - 2 * pull],
        ]
    )
    moments = expm(generator * time) @ np.array([1.0, start, start**2])
    return float(moments[1]), float(moments[2])


@pytest.mark.parametrize("theta", [0.0, 0.25, 0.5, 1.0])
@pytest.mark.parametrize("rho", [0.0, 0.5])
def test_moments_at_a_finite_time(seed, theta, rho):
    """Both moments at T = 1 from x = 1; a drift of the neighbouring θ moves E[x] by 6 errors."""
    well = PowerLawWell(1.0, 1.0, rho, 0.5, 0.2, theta)
    states = exact_states(well, 1.0, 1.0, paths=60_000, seed=seed)
    for power, exact in zip((1, 2), second_moment(well, 1.0, 1.0), strict=True):
        values = states**power
        assert abs(values.mean() - exact) < Z_LIMIT * values.std() / math.sqrt(values.size)
        assert abs(values.mean() - 1.1 * exact) > Z_LIMIT * values.std() / math.sqrt(values.size)


def test_stationary_law_is_student(seed):
    """ρ = 0: t with 2m − 1 degrees of freedom, scale √(σ_g/(σ_H(2m − 1))); heavy at m = 2.5."""
    well = PowerLawWell(1.0, 1.0, 0.0, 0.5, 1.0, 0.5)
    states = exact_states(well, 0.0, 20.0, paths=20_000, seed=seed)
    degrees = 2 * (2.0 + 0.5) - 1
    law = stats.t(degrees, scale=math.sqrt(2.0 / degrees))
    assert testing.kolmogorov_smirnov(states, law.cdf) > FALSE_ALARM
    wrong = stats.t(degrees + 1, scale=math.sqrt(2.0 / (degrees + 1)))
    assert testing.kolmogorov_smirnov(states, wrong.cdf) < FALSE_ALARM


def test_bounds_of_the_acceptance_rate_hold():
    """l <= (α² + α')/2 <= l + r at every state, and both are attained."""
    for rho in (-0.6, 0.0, 0.3):
        well = PowerLawWell(1.0, 1.0, rho, 0.5, 0.3, 0.25)
        c, g = well.drift_constants()
        k = well.unit
        y = np.linspace(-40, 40, 400_001) / k
        drift = -c * np.tanh(k * y) + g / np.cosh(k * y)
        slope = -k * (c / np.cosh(k * y) ** 2 + g * np.tanh(k * y) / np.cosh(k * y))
        values = 0.5 * (drift**2 + slope)
        least, span = well.excess_bounds()
        assert values.min() >= least - 1e-9
        assert values.max() <= least + span + 1e-9
        assert values.max() - values.min() > 0.99 * span


def test_paths_are_the_same_in_any_company(seed):
    well = PowerLawWell(1.0, 1.0, 0.2, 0.5, 0.2, 1.0)
    many = exact_states(well, 0.0, 0.5, paths=300, seed=seed)
    np.testing.assert_array_equal(many[:20], exact_states(well, 0.0, 0.5, paths=20, seed=seed))


def test_bad_input_is_named():
    with pytest.raises(ComputationError, match="σ_gσ_H > ρ²"):
        PowerLawWell(1.0, 1.0, 1.0, 0.5, 0.2, 0.0)
    with pytest.raises(ComputationError, match="a time > 0"):
        exact_states(PowerLawWell(1.0, 1.0, 0.0, 0.5, 0.2, 0.0), 0.0, -1.0, paths=2)
