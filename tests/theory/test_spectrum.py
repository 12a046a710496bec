"""Eigenvalues, eigenfunctions and moments in time of the power-law dynamic."""

import pytest
import sympy
from sympy import Integer

from theory import symbols as s
from theory.fokker_planck import backward_generator
from theory.normal_form import is_zero
from theory.pearson import power_law_parameters, raw_moment
from theory.spectrum import (
    autocorrelation,
    continuum_edge,
    discrete_condition,
    eigenfunction,
    eigenvalue,
    generator_on_power,
    moment_in_time,
    spectral_gap,
)
from theory.stationary import power_law_model

MODEL = power_law_model()
LINEAR = (s.H, s.eta, s.theta)
FULL = (s.H, s.eta, s.theta, s.sigma_g, s.rho, s.sigma_H)


@pytest.mark.parametrize("n", range(5))
def test_polynomial_eigenfunctions(n: int) -> None:
    P, value = eigenfunction(n, s.x, *FULL), eigenvalue(n, *LINEAR, s.sigma_H)
    assert is_zero(backward_generator(MODEL, P) + value * P) is True
    assert sympy.Poly(P, s.x).degree() == n
    if n:
        assert is_zero(backward_generator(MODEL, P) + (value + s.eta) * P) is not True


@pytest.mark.parametrize("n", range(1, 5))
def test_generator_on_powers(n: int) -> None:
    ours = generator_on_power(n, s.x, *FULL)
    assert is_zero(backward_generator(MODEL, s.x**n) - ours) is True


def test_eigenvalues_end_where_the_continuum_begins() -> None:
    """With n = m - 1/2 the eigenvalue formula is the edge, and increases up to it."""
    m = s.H / (s.eta * s.sigma_H) + 1 - s.theta
    last = m - sympy.Rational(1, 2)
    edge = continuum_edge(*LINEAR, s.sigma_H)
    assert is_zero(eigenvalue(last, *LINEAR, s.sigma_H) - edge) is True
    n = sympy.Symbol("n", positive=True)
    slope = sympy.diff(eigenvalue(n, *LINEAR, s.sigma_H), n)
    assert is_zero(slope.subs(n, last)) is True
    assert is_zero(discrete_condition(last, *LINEAR, s.sigma_H)) is True


def test_autocorrelation_decays_at_the_gap() -> None:
    R = autocorrelation(s.t, *LINEAR, s.sigma_H)
    assert is_zero(sympy.diff(R, s.t) / R + spectral_gap(*LINEAR, s.sigma_H)) is True


@pytest.mark.parametrize("n", [1, 2, 3])
def test_moments_in_time_solve_their_equation(n: int) -> None:
    """d/dt E x**n = E G x**n, with E x**n = x0**n at t = 0."""
    moments = [moment_in_time(j, s.start, s.t, *FULL) for j in range(n + 1)]
    assert is_zero(moments[n].subs(s.t, 0) - s.start**n) is True
    powers = sympy.Poly(generator_on_power(n, s.x, *FULL), s.x)
    right = sum(powers.coeff_monomial(s.x**j) * moments[j] for j in range(n + 1))
    assert is_zero(sympy.diff(moments[n], s.t) - right) is True


@pytest.mark.parametrize("theta", [Integer(0), sympy.Rational(1, 2), Integer(1)])
def test_moments_relax_to_the_stationary_ones(theta: sympy.Expr) -> None:
    H, eta, rho, sigma_H = Integer(2), sympy.Rational(1, 10), Integer(1), Integer(2)
    Delta = Integer(1)
    sigma_g = (rho**2 + Delta**2) / sigma_H
    late = moment_in_time(2, s.start, s.t, H, eta, theta, sigma_g, rho, sigma_H)
    law = power_law_parameters(H / (eta * sigma_H), theta, rho, sigma_H, Delta)
    assert sympy.simplify(sympy.limit(late, s.t, sympy.oo) - raw_moment(law, 2)) == 0
