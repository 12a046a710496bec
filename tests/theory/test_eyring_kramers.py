"""Eyring-Kramers times in d dimensions: pieces, reductions, and the false published exponent."""

import pytest
import sympy
from sympy import Integer

from theory import kramers
from theory import symbols as s
from theory.eyring_kramers import (
    gaussian_integral,
    langevin_time,
    multiplicative_time,
    parabolic_factor,
    power_law_factor,
    power_law_time,
    saddle_conductance,
    well_mass,
)
from theory.literature import meng_time_nd
from theory.normal_form import is_zero

det_a, det_b, H_be, Phi_b = sympy.symbols("det_a det_b H_be Phi_b", positive=True)


def test_the_time_is_mass_over_conductance() -> None:
    mass = well_mass(s.d, det_a, s.C_a, s.eta, s.theta)
    flow = saddle_conductance(s.d, det_b, H_be, s.C_b, s.eta, s.theta, Phi_b)
    time = multiplicative_time(s.d, det_a, det_b, H_be, s.C_a, s.C_b, Phi_b, s.theta)
    assert is_zero(mass / flow - time) is True
    other = multiplicative_time(s.d, det_a, det_b, H_be, s.C_a, s.C_b, Phi_b, s.theta + 1)
    assert is_zero(mass / flow - other) is not True


@pytest.mark.parametrize("d", [1, 2, 3])
def test_the_gaussian_integral(d: int) -> None:
    product = Integer(1)
    for h in range(1, d + 1):
        x = sympy.Symbol("x", real=True)
        product *= sympy.integrate(sympy.exp(-h * x**2 / 3), (x, -sympy.oo, sympy.oo))
    assert is_zero(gaussian_integral(d, sympy.factorial(d), 3) - product) is True


def test_constant_noise_does_not_feel_theta() -> None:
    time = multiplicative_time(
        s.d, det_a, det_b, H_be, s.sigma, s.sigma, 2 * s.Delta_L / (s.eta * s.sigma), s.theta
    )
    assert is_zero(time - langevin_time(det_a, det_b, H_be, s.Delta_L, s.eta, s.sigma)) is True


def test_affine_noise_turns_the_exponential_into_a_power() -> None:
    """C_b = u C_a and Phi_b = kappa log u give u**(kappa + s - d/2)."""
    plain = multiplicative_time(
        s.d, det_a, det_b, H_be, s.C_a, s.u * s.C_a, s.kappa * sympy.log(s.u), s.theta
    )
    ours = power_law_time(s.d, det_a, det_b, H_be, s.u, s.kappa, s.theta)
    assert is_zero(plain * power_law_factor(s.kappa, s.theta) - ours) is True


def test_one_dimension_is_the_one_dimensional_formula() -> None:
    ours = power_law_time(1, s.H_a, -s.H_b, -s.H_b, s.u, s.kappa, s.theta)
    one = kramers.power_law_time(s.H_a, s.H_b, s.Delta_L, s.eta, s.sigma_g, s.kappa, s.theta)
    u = kramers.barrier_ratio(s.Delta_L, s.eta, s.sigma_g, s.kappa)
    assert is_zero(ours.subs(s.u, u) - one) is True


def test_the_factor_of_parabolas() -> None:
    exact = parabolic_factor(1, s.kappa, s.theta)
    assert is_zero(exact - power_law_factor(s.kappa, s.theta)) is True
    difference = parabolic_factor(s.d, s.kappa, s.theta) - power_law_factor(s.kappa, s.theta)
    assert sympy.limit(s.kappa * difference, s.kappa, sympy.oo) == 0
    assert sympy.limit(s.kappa**2 * difference, s.kappa, sympy.oo) != 0


def test_the_recalled_d_dimensional_form_is_off_by_a_power_of_u() -> None:
    theirs = meng_time_nd(s.d, det_a, det_b, H_be, s.u, s.kappa)
    ours = power_law_time(s.d, det_a, det_b, H_be, s.u, s.kappa, Integer(1))
    ratio = sympy.simplify(theirs / ours)
    growth = sympy.simplify(s.u * sympy.diff(sympy.log(ratio), s.u))
    assert is_zero(growth - (s.d - 1) / 2) is True
    assert is_zero(ratio.subs(s.d, 1) - 1) is True
