"""Stationary laws in d dimensions: when zero flux exists, and two solvable families.

    J = -[p grad L + s p div D + D grad p] = 0   <=>   grad log p = -D**(-1) (grad L + s div D),

so a zero-flux law exists if and only if D**(-1) (grad L + s div D) is a gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import sympy
from sympy import Expr, ImmutableMatrix, Rational, Symbol

from theory.diffusion import DiffusionND
from theory.errors import InputError


def zero_flux_field(model: DiffusionND) -> tuple[Expr, ...]:
    """D**(-1) (grad L + s div D) = -grad log p of a zero-flux law, if it is a gradient."""
    force = sympy.Matrix(
        [
            gradient + model.s * divergence
            for gradient, divergence in zip(model.gradient, model.divergence_D, strict=True)
        ]
    )
    return tuple((model.D.inv() * force).flat())


def curl(field: Sequence[Expr], variables: Sequence[Symbol]) -> tuple[Expr, ...]:
    """d_i F_j - d_j F_i for i < j: all zero if and only if F is a gradient.

    On a simply connected set. In one dimension there is nothing to check: the tuple is empty.
    """
    return tuple(
        sympy.diff(field[j], variables[i]) - sympy.diff(field[i], variables[j])
        for i, j in combinations(range(len(variables)), 2)
    )


# --- the quadratic power law ---------------------------------------------------------------------


def quadratic_form(x: Sequence[Expr], matrix: sympy.MatrixBase) -> Expr:
    """x' A x."""
    column = sympy.Matrix(list(x))
    return (column.T * matrix * column)[0, 0]  # type: ignore[return-value]


def shape_matrix(
    H: sympy.MatrixBase, Sigma_g: sympy.MatrixBase, eta: Expr, kappa: Expr
) -> ImmutableMatrix:
    """A = H Sigma_g**(-1)/(eta kappa), for commuting H and Sigma_g.

    Raises
    ------
    InputError : H and Sigma_g do not commute, so that A would not be symmetric.
    """
    commutator = (H * Sigma_g - Sigma_g * H).applyfunc(sympy.expand)
    if not commutator.is_zero_matrix:
        raise InputError(
            "commuting H and Sigma_g", f"commutator {commutator.tolist()}", "diagonalise them first"
        )
    return ImmutableMatrix(H * Sigma_g.inv() / (eta * kappa))


def power_law_noise(
    x: Sequence[Expr], H: sympy.MatrixBase, Sigma_g: sympy.MatrixBase, eta: Expr, kappa: Expr
) -> ImmutableMatrix:
    """C(x) = Sigma_g (1 + x' H Sigma_g**(-1) x/(eta kappa))."""
    return ImmutableMatrix(Sigma_g * (1 + quadratic_form(x, shape_matrix(H, Sigma_g, eta, kappa))))


def power_law_density(
    x: Sequence[Expr],
    H: sympy.MatrixBase,
    Sigma_g: sympy.MatrixBase,
    eta: Expr,
    kappa: Expr,
    theta: Expr,
) -> Expr:
    """(1 + x' H Sigma_g**(-1) x/(eta kappa))**(-kappa-s) for L = x'Hx/2, not normalised.

    H and Sigma_g commute; normalisable if and only if kappa + s > d/2.
    """
    form = quadratic_form(x, shape_matrix(H, Sigma_g, eta, kappa))
    return (1 + form) ** (-(kappa + 1 - theta))


def power_law_mass(dimension: Expr | int, m: Expr, determinant: Expr) -> Expr:
    """int (1 + x'Ax)**(-m) dx = pi**(d/2) Gamma(m - d/2)/(Gamma(m) sqrt(det A)), for m > d/2."""
    half = sympy.sympify(dimension) / 2
    return sympy.pi**half * sympy.gamma(m - half) / (sympy.gamma(m) * sympy.sqrt(determinant))


def is_normalisable(dimension: Expr | int, kappa: Expr, theta: Expr) -> sympy.Basic:
    """kappa + s > d/2."""
    return sympy.Gt(kappa + 1 - theta, sympy.sympify(dimension) * Rational(1, 2))


# --- isotropic noise that is affine in the loss --------------------------------------------------


def loss_affine_noise(loss: Expr, minimum: Expr, sigma: Expr, eta: Expr, kappa: Expr) -> Expr:
    """C = sigma phi, phi = 1 + 2 (L - L(a))/(kappa eta sigma), so kappa = 2/(eta dC/dL)."""
    return sigma * (1 + 2 * (loss - minimum) / (kappa * eta * sigma))


def loss_affine_density(
    loss: Expr, minimum: Expr, sigma: Expr, eta: Expr, kappa: Expr, theta: Expr
) -> Expr:
    """phi**(-kappa-s) for C = sigma phi I and any loss, not normalised."""
    phi = loss_affine_noise(loss, minimum, sigma, eta, kappa) / sigma
    return phi ** (-(kappa + 1 - theta))
