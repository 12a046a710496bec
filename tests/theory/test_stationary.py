"""Zero-flux densities, the power-law dynamic, its limits and the degenerate covariances."""

from fractions import Fraction

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Integer, Rational

from theory import symbols as s
from theory.diffusion import Diffusion, as_expression
from theory.errors import InputError
from theory.fokker_planck import current
from theory.normal_form import is_antiderivative, is_proportional, is_zero, logarithmic_derivative
from theory.stationary import (
    centred_log_density,
    classify_power_law,
    degenerate_density,
    degenerate_normaliser,
    degenerate_potential,
    gaussian_log_density,
    log_density_gradient,
    power_law_density,
    power_law_model,
    power_law_potential,
    tail_parameter,
    zero_flux_density,
)

SIGMA_G = (s.rho**2 + s.Delta**2) / s.sigma_H
KAPPA = tail_parameter(s.H, s.eta, s.sigma_H)
MODEL = power_law_model(sigma_g=SIGMA_G)
DENSITY = power_law_density(s.x, KAPPA, s.theta, SIGMA_G, s.rho, s.sigma_H, s.Delta)


def test_zero_flux_density_of_any_model() -> None:
    L, C = sympy.Function("L")(s.w), sympy.Function("C")(s.w)
    model = Diffusion(sympy.diff(L, s.w), C, s.eta, s.theta, s.w, L)
    density = zero_flux_density(model)
    assert is_zero(current(model, density)) is True
    slope = logarithmic_derivative(density, s.w)
    assert is_zero(slope - log_density_gradient(model)) is True


def test_power_law_density_has_no_flux_for_every_theta_and_rho() -> None:
    assert is_zero(current(MODEL, DENSITY)) is True


@pytest.mark.parametrize(
    "factor",
    [MODEL.noise, MODEL.noise ** Rational(1, 2), sympy.exp(sympy.atan(s.x)), 1 + s.x**2],
    ids=["exponent", "half", "skew", "tail"],
)
def test_its_neighbours_have_flux(factor: sympy.Expr) -> None:
    slope = logarithmic_derivative(DENSITY * factor, s.x) - log_density_gradient(MODEL)
    assert is_zero(slope) is not True


def test_the_potential_differentiates_back() -> None:
    potential = power_law_potential(s.x, KAPPA, SIGMA_G, s.rho, s.sigma_H, s.Delta)
    assert is_antiderivative(potential, MODEL.exponent_gradient, s.x) is True
    from_potential = zero_flux_density(MODEL, potential)
    assert is_proportional(from_potential, DENSITY, s.x) is True


def test_gaussian_limit_of_vanishing_curvature_noise() -> None:
    log_ratio = centred_log_density(s.x, s.H, s.eta, s.s, s.sigma_g, s.sigma_H)
    limit = sympy.limit(log_ratio, s.sigma_H, 0, "+")
    assert is_zero(limit - gaussian_log_density(s.x, s.H, s.eta, s.sigma_g)) is True


def test_degenerate_law_has_no_flux_on_either_side() -> None:
    for sign in (1, -1):
        r = sympy.Symbol("r", positive=True)
        rho = sign * r
        z = sympy.Symbol("z", positive=True)
        # x = sign (z - |lambda|): the side of lambda = -rho/sigma_H that holds 0.
        model = power_law_model(sigma_g=r**2 / s.sigma_H, rho=rho)
        density = degenerate_density(z, KAPPA, s.theta, rho, s.sigma_H)
        back = density.subs(z, s.x * sign + r / s.sigma_H)
        assert is_zero(logarithmic_derivative(back, s.x) - log_density_gradient(model)) is True
        potential = degenerate_potential(z, KAPPA, rho, s.sigma_H)
        slope = model.exponent_gradient.subs(s.x, sign * (z - r / s.sigma_H)) * sign
        assert is_antiderivative(potential, slope, z) is True


def test_degenerate_normaliser_is_the_inverse_gamma_integral() -> None:
    z = sympy.Symbol("z", positive=True)
    kappa, theta, rho, sigma_H = Integer(3), Rational(1, 2), Rational(1, 3), Integer(2)
    density = degenerate_density(z, kappa, theta, rho, sigma_H)
    mass = sympy.integrate(density, (z, 0, sympy.oo))
    assert is_zero(mass * degenerate_normaliser(kappa, theta, rho, sigma_H) - 1) is True


@pytest.mark.parametrize(
    ("coefficients", "kind"),
    [
        ((1, 0, 1), "student"),
        ((2, 1, 1), "pearson-iv"),
        ((1, -1, 1), "inverse-gamma"),
        ((0, 0, 1), "point-mass"),
        ((1, 0, 0), "gaussian"),
        ((0, 0, 0), "no-noise"),
    ],
)
def test_each_covariance_is_recognised_and_explained(
    coefficients: tuple[int, int, int], kind: str
) -> None:
    case = classify_power_law(*map(Integer, coefficients))
    assert case.kind == kind
    assert case.explanation.endswith(".")


@pytest.mark.parametrize(
    ("coefficients", "expected"),
    [((1, 2, 1), "Cauchy-Schwarz"), ((-1, 0, 1), "sigma_g >= 0"), ((1, 0, -1), "sigma_H >= 0")],
)
def test_impossible_covariances_are_refused(
    coefficients: tuple[int, int, int], expected: str
) -> None:
    with pytest.raises(InputError, match=expected):
        classify_power_law(*map(Integer, coefficients))


@settings(deadline=None, max_examples=25)
@given(
    # Small denominators: SymPy factors the number under the root, and its ECM fails on large ones.
    st.fractions("1/1000", 1000, max_denominator=1000),
    st.fractions("-999/1000", "999/1000", max_denominator=1000),
    st.fractions("3/5", 1000, max_denominator=1000),
    st.sampled_from([Integer(0), Rational(1, 4), Rational(1, 2), Integer(1)]),
)
def test_zero_flux_at_numbers(
    ratio: Fraction, correlation: Fraction, kappa: Fraction, theta: sympy.Expr
) -> None:
    """sigma_g = 1, sigma_H = ratio**2: Delta**2 = ratio**2 (1 - correlation**2) is rational."""
    r, c, k = (as_expression(value) for value in (ratio, correlation, kappa))
    sigma_H, rho = r**2, c * r
    Delta = sympy.sqrt(sigma_H - rho**2)
    eta = 1 / (k * sigma_H)
    model = power_law_model(
        H=Integer(1), eta=eta, theta=theta, sigma_g=Integer(1), rho=rho, sigma_H=sigma_H
    )
    density = power_law_density(s.x, k, theta, Integer(1), rho, sigma_H, Delta)
    assert is_zero(logarithmic_derivative(density, s.x) - log_density_gradient(model)) is True
