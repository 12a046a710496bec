"""Stationary laws in d dimensions."""

import pytest
import sympy
from sympy import Function, ImmutableMatrix, Integer, Rational

from theory import symbols as s
from theory.diffusion import DiffusionND
from theory.errors import InputError
from theory.fokker_planck import current_nd
from theory.normal_form import is_zero
from theory.stationary_nd import (
    curl,
    is_normalisable,
    loss_affine_density,
    loss_affine_noise,
    power_law_density,
    power_law_mass,
    power_law_noise,
    shape_matrix,
    zero_flux_field,
)

X = sympy.symbols("x_1 x_2", real=True)
h1, h2, g1, g2 = sympy.symbols("h_1 h_2 g_1 g_2", positive=True)
DIAGONAL = ImmutableMatrix.diag(h1, h2), ImmutableMatrix.diag(g1, g2)
ROTATED = ImmutableMatrix([[3, 1], [1, 3]]), ImmutableMatrix([[2, -1], [-1, 2]])


def _model(H: ImmutableMatrix, Sigma: ImmutableMatrix) -> DiffusionND:
    x = sympy.Matrix(X)
    return DiffusionND(
        variables=X,
        gradient=tuple((H * x).flat()),
        noise=power_law_noise(X, H, Sigma, s.eta, s.kappa),
        eta=s.eta,
        theta=s.theta,
    )


@pytest.mark.parametrize(("H", "Sigma"), [DIAGONAL, ROTATED], ids=["diagonal", "rotated"])
def test_the_power_law_density_has_no_flux(H: ImmutableMatrix, Sigma: ImmutableMatrix) -> None:
    model = _model(H, Sigma)
    density = power_law_density(X, H, Sigma, s.eta, s.kappa, s.theta)
    assert all(is_zero(component) is True for component in current_nd(model, density))
    wrong = power_law_density(X, H, Sigma, s.eta, s.kappa, s.theta - 1)
    assert any(is_zero(component) is not True for component in current_nd(model, wrong))


@pytest.mark.parametrize(("H", "Sigma"), [DIAGONAL, ROTATED], ids=["diagonal", "rotated"])
def test_its_zero_flux_field_is_a_gradient(H: ImmutableMatrix, Sigma: ImmutableMatrix) -> None:
    field = zero_flux_field(_model(H, Sigma))
    assert all(is_zero(component) is True for component in curl(field, X))


def test_a_rotating_drift_has_no_zero_flux_law() -> None:
    model = DiffusionND.from_drift(
        ["-x_1 + x_2", "-x_2 - x_1"], 1, variables=X, eta=1, interpretation=0
    )
    assert curl(zero_flux_field(model), X) == (4,)


def test_noise_that_does_not_commute_is_refused() -> None:
    with pytest.raises(InputError, match="commuting"):
        shape_matrix(ImmutableMatrix.diag(1, 2), ROTATED[1], s.eta, s.kappa)


def test_isotropic_noise_affine_in_any_loss() -> None:
    L = Function("L")(*X)
    C = loss_affine_noise(L, Integer(0), s.sigma, s.eta, s.kappa)
    model = DiffusionND(
        variables=X,
        gradient=tuple(sympy.diff(L, v) for v in X),
        noise=ImmutableMatrix.diag(C, C),
        eta=s.eta,
        theta=s.theta,
        loss=L,
    )
    density = loss_affine_density(L, Integer(0), s.sigma, s.eta, s.kappa, s.theta)
    assert all(is_zero(component) is True for component in current_nd(model, density))
    assert is_zero(sympy.diff(C, L) - 2 / (s.eta * s.kappa)) is True


@pytest.mark.parametrize("d", [1, 2, 3])
def test_the_mass_in_polar_coordinates(d: int) -> None:
    """Surface of the unit sphere times int r**(d-1) (1 + r**2)**(-m) dr, at m = 4."""
    r = sympy.Symbol("r", positive=True)
    m = Integer(4)
    surface = 2 * sympy.pi ** Rational(d, 2) / sympy.gamma(Rational(d, 2))
    radial = sympy.integrate(r ** (d - 1) * (1 + r**2) ** (-m), (r, 0, sympy.oo))
    assert is_zero(surface * radial - power_law_mass(d, m, Integer(1))) is True


def test_normalisable_above_half_the_dimension() -> None:
    assert is_normalisable(3, Integer(1), Integer(0)) == sympy.true
    assert is_normalisable(4, Integer(1), Integer(0)) == sympy.false
