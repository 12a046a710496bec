"""Sharpness ratios: ratios against the escape times themselves, classes against measured growth."""

import math
from itertools import product

import mpmath
import pytest
import sympy
from sympy import Rational

from theory import kramers, sharpness
from theory.sharpness import Growth

A, kappa, r = Rational(4), Rational(3), Rational(5, 2)
GRID = [Rational(0), Rational(1, 2), Rational(1), Rational(3, 2), Rational(2), Rational(3)]


def minima(a, b, c):
    """(H_a, H_b, Delta_L, sigma_g, sigma_H) of flat and sharp minimum under the scaling law."""
    eta = Rational(1, 10)
    sharp = {"H": Rational(2), "sigma_g": Rational(1, 3)}
    sharp["Delta_L"] = A * eta * sharp["sigma_g"] / 2
    sharp["sigma_H"] = sharp["H"] / (eta * kappa)
    flat = {
        "H": sharp["H"] / r,
        "sigma_g": sharp["sigma_g"] / r**a,
        "Delta_L": sharp["Delta_L"] / r**c,
        "sigma_H": sharp["sigma_H"] / r**b,
    }
    return eta, flat, sharp


def power_law_time(values, eta, theta):
    index = values["H"] / (eta * values["sigma_H"])
    return kramers.power_law_time(
        values["H"], -values["H"] / 3, values["Delta_L"], eta, values["sigma_g"], index, theta
    )


@pytest.mark.parametrize(("a", "b", "c"), [(0, 2, 0), (1, 2, 0), (2, 3, 1), (1, 1, 1)])
def test_the_ratios_are_quotients_of_the_escape_times(a, b, c):
    eta, flat, sharp = minima(a, b, c)
    for theta in (0, Rational(1, 2), 1):
        expected = power_law_time(flat, eta, theta) / power_law_time(sharp, eta, theta)
        ratio = sharpness.power_law_ratio(r, A, kappa, a, b, c, theta)
        assert math.isclose(ratio.evalf(), expected.evalf(), rel_tol=1e-12)
        logarithm = sharpness.power_law_log_ratio(r, A, kappa, a, b, c, theta)
        assert math.isclose(logarithm.evalf(), sympy.log(expected).evalf(), rel_tol=1e-12)
    langevin = [
        kramers.langevin_time(v["H"], -v["H"] / 3, v["Delta_L"], eta, v["sigma_g"])
        for v in (flat, sharp)
    ]
    expected = langevin[0] / langevin[1]
    assert math.isclose(
        sharpness.langevin_ratio(r, A, a, c).evalf(), expected.evalf(), rel_tol=1e-12
    )
    assert math.isclose(
        sharpness.langevin_log_ratio(r, A, a, c).evalf(),
        sympy.log(expected).evalf(),
        rel_tol=1e-12,
    )


def test_constant_noise_gives_langevin_the_ratio_of_the_curvatures():
    assert sharpness.langevin_ratio(r, A, 0, 0) == r


def log_ratio(ratio, a, b, c, theta):
    """log R at r = exp(ratio), in mpmath with room for huge exponents."""
    with mpmath.workdps(80):
        rise, tail = mpmath.mpf(a.p) / a.q - mpmath.mpf(c.p) / c.q, mpmath.mpf(b.p) / b.q - 1
        large = mpmath.exp(ratio)

        def log_time(barrier, index):
            shift = mpmath.mpf(1) / 2 - mpmath.mpf(theta.p) / theta.q
            return (index + shift) * mpmath.log1p(barrier / index) - mpmath.log1p(shift / index)

        flat = log_time(4 * large**rise, 3 * large**tail)
        return ratio + flat - log_time(mpmath.mpf(4), mpmath.mpf(3))


@pytest.mark.parametrize("theta", [Rational(0), Rational(1, 2), Rational(1)], ids=str)
def test_every_class_grows_as_it_says(theta):
    for a, b, c in product(GRID, GRID, GRID):
        kind = sharpness.growth(a, b, c, theta)
        if kind is Growth.NO_LAW:
            assert b < 1
            assert theta > Rational(1, 2)
            continue
        errors = []
        for size in (200, 2000):
            large = sympy.exp(size)
            leading = sharpness.leading_log_ratio(large, A, kappa, a, b, c, theta)
            with mpmath.workdps(60):
                leading = mpmath.mpf(leading.evalf(60))
                gap = abs(log_ratio(mpmath.mpf(size), a, b, c, theta) - leading)
                errors.append(gap / max(abs(leading), size))
        # corrections are powers of r or 1/log r: a tenth of them remains at ten times log r
        assert errors[1] < 0.02, (a, b, c, kind, errors)
        assert errors[1] <= errors[0] * 0.11 or errors[1] < 1e-12, (a, b, c, kind, errors)


def test_a_flat_minimum_without_a_law_has_none():
    # m' = kappa' + s <= 1/2 once kappa' <= 1/2 - s
    theta, b = Rational(1), Rational(1, 2)
    assert sharpness.growth(1, b, 0, theta) is Growth.NO_LAW
    flat = sharpness.flat_kappa(kappa, 100, b)
    assert flat + 1 - theta <= Rational(1, 2)
    assert sharpness.leading_log_ratio(r, A, kappa, 1, b, 0, theta) == sympy.oo


def test_the_slow_correction_of_the_large_barrier():
    # page of the facts: 20 % high at A = 1e6, kappa = 3, r = b = 2
    exact = sharpness.power_law_log_ratio(2, 10**6, 3, 0, 2, 0, 0)
    leading = sharpness.large_barrier_log_ratio(2, 10**6, 3, 2)
    corrected = sharpness.corrected_large_barrier_log_ratio(2, 10**6, 3, 2)
    assert 1.1 < (leading / exact).evalf() < 1.3
    assert abs((corrected / exact).evalf() - 1) < 0.05


@pytest.mark.parametrize("theta", [0, Rational(1, 4), 1], ids=str)
def test_the_ratio_saturates_at_the_langevin_time_of_the_flat_minimum(theta):
    large = 10**9
    ratio = sharpness.power_law_log_ratio(large, 4, 3, 0, 2, 0, theta).evalf(40)
    limit = sympy.log(sharpness.saturated_ratio(large, 4, 3, theta)).evalf(40)
    assert math.isclose(ratio, limit, abs_tol=1e-7)


def test_label_noise_reverses_the_contrast():
    for ratio in (2, 10, 100):
        power_law = sharpness.power_law_log_ratio(ratio, 4, 3, 1, 2, 0, 0)
        langevin = sharpness.langevin_log_ratio(ratio, 4, 1, 0)
        assert power_law.evalf() < langevin.evalf()
    far = sharpness.power_law_log_ratio(10**6, 4, 3, 1, 2, 0, 0)
    assert math.isclose(
        (far / sharpness.label_noise_log_ratio(10**6, 4, 3)).evalf(), 1, rel_tol=1e-4
    )
    near = sharpness.langevin_log_ratio(10**6, 4, 1, 0)
    assert math.isclose(
        (near / sharpness.hessian_noise_log_ratio(10**6, 4)).evalf(), 1, rel_tol=1e-4
    )
