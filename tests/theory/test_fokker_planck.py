"""The theta-family of operators: one drift, two forms, duality, and a limit of discrete steps."""

import pytest
import sympy
from sympy import Function, Rational, Symbol

from theory import symbols
from theory.diffusion import Diffusion, DiffusionND
from theory.fokker_planck import (
    adjointness_defect,
    backward_generator,
    backward_generator_nd,
    current,
    current_nd,
    detailed_balance_defect,
    forward_operator,
    forward_operator_nd,
    ito_forward_operator,
    noise_induced_drift,
)
from theory.normal_form import is_zero
from theory.stationary import zero_flux_density

w, theta, eta = symbols.w, symbols.theta, symbols.eta
L, C, p, f = (Function(name)(w) for name in ("L", "C", "p", "f"))
MODEL = Diffusion(gradient=sympy.diff(L, w), noise=C, eta=eta, theta=theta, variable=w, loss=L)


def test_the_noise_induced_drift_is_theta_times_the_slope_of_D() -> None:
    assert is_zero(noise_induced_drift(MODEL) - theta * sympy.diff(MODEL.D, w)) is True


def test_the_drift_of_one_step_evaluated_at_theta() -> None:
    """E dw/dt of w' = w + sigma(w + theta dw) dB, expanded in sqrt(dt), is the induced drift."""
    step, B = sympy.symbols("step B", positive=True)  # step = sqrt(dt), B ~ N(0, 1)
    sigma = Function("sigma")
    first = sigma(w) * step * B
    second = (sigma(w) + theta * sympy.diff(sigma(w), w) * first) * step * B
    mean = sympy.expand(second / step**2).coeff(B, 2)  # E B**2 = 1, E B = 0
    model = Diffusion(
        gradient=sympy.Integer(0), noise=sigma(w) ** 2 / eta, eta=eta, theta=theta, variable=w
    )
    assert is_zero(mean - theta * sympy.diff(model.D, w)) is True


def test_both_forms_of_the_forward_operator_agree() -> None:
    assert is_zero(forward_operator(MODEL, p) - ito_forward_operator(MODEL, p)) is True


def test_forward_and_backward_are_adjoint() -> None:
    assert is_zero(adjointness_defect(MODEL, p, f)) is True


def test_a_wrong_interpretation_breaks_duality() -> None:
    wrong = MODEL.with_interpretation(1 - theta)
    defect = p * backward_generator(wrong, f) - f * forward_operator(MODEL, p)
    boundary = MODEL.D * p * sympy.diff(f, w) + f * current(MODEL, p)
    assert is_zero(defect - sympy.diff(boundary, w)) is not True


@pytest.mark.parametrize("at", [0, Rational(1, 4), Rational(1, 2), 1])
def test_zero_flux_is_detailed_balance(at: sympy.Expr) -> None:
    model = Diffusion.from_loss("(w**2-1)**2/4", "1 + w**2", eta="1/20", interpretation=at)
    density = zero_flux_density(model)
    assert is_zero(current(model, density)) is True
    assert is_zero(detailed_balance_defect(model, density, Function("f")(w))) is True
    assert is_zero(current(model, density * model.noise)) is not True


def test_d_dimensional_operators_reduce_to_one_dimension() -> None:
    x = Symbol("x", real=True)
    one = Diffusion.from_loss("x**4", "1 + x**2", eta="0.1", interpretation="0.3", variable=x)
    many = DiffusionND.from_loss("x**4", "1 + x**2", eta="0.1", interpretation="0.3", variables=[x])
    g = Function("g")(x)
    assert is_zero(forward_operator(one, g) - forward_operator_nd(many, g)) is True
    assert is_zero(backward_generator(one, g) - backward_generator_nd(many, g)) is True
    assert is_zero(current(one, g) - current_nd(many, g)[0]) is True


def test_duality_in_two_dimensions() -> None:
    x, y = sympy.symbols("x y", real=True)
    model = DiffusionND.from_drift(
        "[-x + y, -y**3]", "[[2, x], [x, 1 + x**2]]",
        variables=[x, y], eta="0.1", interpretation="1/3",
    )  # fmt: skip
    density, function = Function("p")(x, y), Function("f")(x, y)
    J = current_nd(model, density)
    boundary = [
        sum(model.D[i, j] * density * sympy.diff(function, v) for j, v in enumerate((x, y)))
        + function * J[i]
        for i in range(2)
    ]
    defect = density * backward_generator_nd(model, function) - function * forward_operator_nd(
        model, density
    )
    divergence = sympy.diff(boundary[0], x) + sympy.diff(boundary[1], y)
    assert is_zero(defect - divergence) is True
