"""The unit-noise transform and the Schroedinger form of the power-law dynamic."""

import pytest
import sympy
from sympy import Function

from theory import symbols as s
from theory.diffusion import Diffusion
from theory.lamperti import (
    noise_amplitude,
    power_law_drift,
    power_law_inverse,
    power_law_transform,
    rejection_bounds,
    scarf_potential,
    schroedinger_potential,
    unit_noise_drift,
    unit_noise_drift_by_ito,
    wave_number,
)
from theory.normal_form import is_zero
from theory.stationary import power_law_model

MODEL = power_law_model(sigma_g=(s.rho**2 + s.Delta**2) / s.sigma_H)
PARAMETERS = (s.H, s.eta, s.theta, s.rho, s.sigma_H, s.Delta)
SHAPE = (s.eta, s.rho, s.sigma_H, s.Delta)


def test_unit_noise_drift_by_two_routes() -> None:
    """The closed form equals Ito's formula applied to any y with dy/dw = 1/sigma."""
    C = Function("C", positive=True)(s.w)
    model = Diffusion(Function("g")(s.w), C, s.eta, s.theta, s.w)
    y = sympy.Integral(1 / noise_amplitude(model), s.w)
    assert is_zero(unit_noise_drift(model) - unit_noise_drift_by_ito(model, y)) is True


def test_the_power_law_transform_has_unit_noise() -> None:
    y = power_law_transform(s.x, *SHAPE)
    assert is_zero(sympy.diff(y, s.x) ** 2 * s.eta * MODEL.noise - 1) is True
    assert is_zero(power_law_inverse(y, *SHAPE) - s.x) is True


def test_the_power_law_drift_is_tanh_and_sech() -> None:
    """alpha(y), from sigma = k Delta cosh(k y)/sigma_H and d sigma/dx = k tanh(k y)."""
    k = wave_number(s.eta, s.sigma_H)
    x = power_law_inverse(s.y, *SHAPE)
    sigma = k * s.Delta * sympy.cosh(k * s.y) / s.sigma_H
    assert is_zero(sigma**2 - s.eta * MODEL.noise.subs(s.x, x)) is True
    assert is_zero(sympy.diff(x, s.y) - sigma) is True
    alpha = -s.H * x / sigma + (s.theta - sympy.Rational(1, 2)) * sympy.diff(sigma, s.y) / sigma
    assert is_zero(alpha - power_law_drift(s.y, *PARAMETERS)) is True
    assert is_zero(alpha + power_law_drift(s.y, *PARAMETERS)) is not True


def test_the_schroedinger_form_is_a_scarf_well() -> None:
    alpha = power_law_drift(s.y, *PARAMETERS)
    potential = (alpha**2 + sympy.diff(alpha, s.y)) / 2
    assert is_zero(potential - scarf_potential(s.y, *PARAMETERS)) is True


def test_schroedinger_potential_of_the_ornstein_uhlenbeck_process() -> None:
    model = Diffusion.from_loss("w**2/2", 1, eta=1, interpretation=0)
    assert sympy.expand(schroedinger_potential(model) - (s.w**2 - 1) / 2) == 0


@pytest.mark.parametrize("theta", [0, sympy.Rational(1, 2), 1])
@pytest.mark.parametrize("rho", [-1, 0, 2])
def test_rejection_bounds_hold(theta: sympy.Expr, rho: int) -> None:
    values = [sympy.sympify(v) for v in (3, sympy.Rational(1, 2), theta, rho, 2, 1)]
    lower, upper = rejection_bounds(*values)
    potential = scarf_potential(s.y, *values)
    for point in range(-40, 41):
        assert lower <= potential.subs(s.y, sympy.Rational(point, 10)).evalf() <= upper
