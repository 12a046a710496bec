"""The unit-noise transform and the Schroedinger form of the power-law dynamic."""

import pytest
import sympy
from sympy import Function

from theory import symbols as s
from theory.diffusion import Diffusion, as_expression
from theory.errors import InputError
from theory.lamperti import (
    noise_amplitude,
    power_law_drift,
    power_law_inverse,
    power_law_transform,
    rejection_bounds,
    scarf_potential,
    schroedinger_potential,
    unit_noise,
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


@pytest.mark.parametrize("theta", ["0", "1/2", "1"])
@pytest.mark.parametrize(
    ("noise", "start"),
    [
        ("3", 1),
        ("1 + w**2/2", 0),
        ("2 + w/3 + 3*w**2", -1),
        ("(w - 1)**2/4", 2),
        ("(w - 1)**2/4", 0),
        ("w**2 + 2*w + 1", 0),
    ],
)
def test_unit_noise_of_closed_forms(noise: str, start: int, theta: str) -> None:
    """y' = 1/sigma > 0, w(y(w)) = w, and alpha is Ito's drift of y: at points of the start's side.

    Beside algebra, numbers: the drift of the coordinate from Ito's formula in w, at four states.
    """
    model = Diffusion.from_loss("w**4/4 - w", noise, eta="1/3", interpretation=theta)
    w = model.variable
    found = unit_noise(model, sympy.Integer(start))
    y = found.model.variable
    by_ito = unit_noise_drift_by_ito(model, found.transform)
    side = -1 if noise == "(w - 1)**2/4" and start < 1 else 1
    for distance in (0, sympy.Rational(1, 7), sympy.Rational(3, 2), 5):
        at = start + side * distance
        place = as_expression(found.transform.subs(w, at))
        assert sympy.diff(found.transform, w).subs(w, at).evalf(30) == pytest.approx(
            (1 / noise_amplitude(model)).subs(w, at).evalf(30), rel=1e-25
        )
        assert abs(as_expression(found.inverse.subs(y, place)).evalf(30) - at) < 1e-25
        drift = as_expression(found.model.drift.subs(y, place)).evalf(30)
        expected = as_expression(by_ito.subs(w, at)).evalf(30)
        assert abs(drift - expected) < 1e-22 * (1 + abs(drift))
    assert found.model.noise == found.model.eta == 1


@pytest.mark.parametrize("noise", ["1 + w**4", "exp(w)", "1 + w", "1 - w**2", "abs(w) + 1"])
def test_other_noises_have_no_unit_coordinate_here(noise: str) -> None:
    model = Diffusion.from_loss("w**2", noise, eta="1", interpretation="ito")
    with pytest.raises(InputError, match="Lamperti"):
        unit_noise(model, sympy.Integer(0))


def test_a_start_without_noise_is_refused() -> None:
    model = Diffusion.from_loss("w**2", "(w - 1)**2", eta="1", interpretation="ito")
    with pytest.raises(InputError, match="C > 0"):
        unit_noise(model, sympy.Integer(1))
