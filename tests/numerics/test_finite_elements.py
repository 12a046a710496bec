"""Finite elements in the plane against one-dimensional and radial exact times."""

from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy

from numerics import finite_elements, mpmath_route
from numerics.errors import ComputationError
from numerics.lowering import lower_diffusion, lower_multivariate, lower_region

x, y = sympy.symbols("x y", real=True)
HALF = sympy.Rational(1, 2)


def gradient(loss: Any) -> tuple[Any, Any]:
    return sympy.diff(loss, x), sympy.diff(loss, y)


def one_dimension(
    loss: sympy.Expr, noise: object, eta: object, theta: object, start, exit
) -> float:
    model = lower_diffusion(
        variable=x, gradient=sympy.diff(loss, x), noise=noise, eta=eta, theta=theta, loss=loss
    )
    return float(mpmath_route.mean_exit_time(model, start, exit_above=exit, digits=12))


@pytest.mark.parametrize("theta", [0, HALF, 1])
def test_separable_well_with_state_dependent_noise(theta: object):
    """L = (x² − 1)²/4 + y²/2, C = diag(1 + x²/2, 1): x alone decides."""
    well = (x**2 - 1) ** 2 / 4
    force = gradient(well + y**2 / 2)
    interpretation = sympy.Rational(str(theta))
    model = lower_multivariate((x, y), force, [1 + x**2 / 2, 1], eta=HALF, theta=interpretation)
    found = finite_elements.mean_exit_time(model, (-1, 0), lower_region(x >= HALF, (x, y)))
    exact = one_dimension(well, 1 + x**2 / 2, HALF, theta, -1, Fraction(1, 2))
    assert abs(found.value - exact) <= found.error
    assert found.error <= 1e-3 * exact
    assert found.digits_kind == "estimated"


@pytest.mark.parametrize("rotation", [0, 2], ids=["reversible", "rotating"])
def test_disc_with_a_radial_well(rotation: int):
    """L = r²/2, C = 1: τ = ½∫_0^(R²/η) (e^u − 1)/u du; a rotation does not change it."""
    eta, radius = sympy.Rational(1, 2), 1
    force = (x - rotation * y, y + rotation * x)
    model = lower_multivariate((x, y), force, sympy.Integer(1), eta=eta, theta=sympy.Integer(0))
    region = lower_region(x**2 + y**2 >= radius, (x, y))
    found = finite_elements.mean_exit_time(model, (0, 0), region, tolerance=5e-3)
    u = 2
    exact = float((mpmath.ei(u) - mpmath.log(u) - mpmath.euler) / 2)
    assert abs(found.value - exact) <= found.error
    assert found.error <= 5e-3 * exact


def test_full_covariance_is_a_rotated_separable_problem():
    """Axes turned by 45°: u = (x + y)/√2 exits at 1/2, C has eigenvalues 2 and 1."""
    u, v = (x + y) / sympy.sqrt(2), (x - y) / sympy.sqrt(2)
    loss = sympy.expand(u**2 / 2 + v**2 / 2)
    covariance = [[3 * HALF, HALF], [HALF, 3 * HALF]]
    model = lower_multivariate((x, y), gradient(loss), covariance, eta=HALF, theta=sympy.Integer(0))
    region = lower_region(x + y >= sympy.sqrt(2) / 2, (x, y))
    found = finite_elements.mean_exit_time(model, (0, 0), region, tolerance=2e-3)
    exact = one_dimension(x**2 / 2, 2, HALF, 0, 0, Fraction(1, 2))
    assert abs(found.value - exact) <= found.error


def test_committor_between_half_planes():
    """Brownian motion between x <= −1 and x >= 1: (1 + x)/2."""
    model = lower_multivariate(
        (x, y), (sympy.Integer(0), y), sympy.Integer(1), eta=sympy.Integer(2), theta=HALF
    )
    found = finite_elements.committor(
        model, (0.3, 0), lower_region(x <= -1, (x, y)), lower_region(x >= 1, (x, y))
    )
    np.testing.assert_allclose(found.value, 0.65, atol=max(found.error, 1e-9))


def test_refusals():
    model = lower_multivariate(
        (x, y), (x, y), sympy.Integer(1), eta=sympy.Integer(1), theta=sympy.Integer(0)
    )
    with pytest.raises(ComputationError, match="outside the exit region"):
        finite_elements.mean_exit_time(model, (2, 0), lower_region(x >= 1, (x, y)))
    with pytest.raises(ComputationError, match="symmetric"):
        lower_multivariate((x, y), (x, y), [[1, x], [y, 1]], eta=HALF, theta=HALF)
    indefinite = lower_multivariate((x, y), (x, y), [x, 1], eta=HALF, theta=HALF)
    with pytest.raises(ComputationError, match="positive definite"):
        finite_elements.mean_exit_time(indefinite, (0, 0), lower_region(x >= 1, (x, y)))
