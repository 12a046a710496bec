"""Families of landscapes whose curvatures and barrier can be chosen freely, all exactly rational.

Both families give the power-law dynamic `dw = -L'(w) dt + sqrt(eta C(w)) o_theta dB`,
`C = sigma_g + (2 sigma_H/H_a)(L - L(a))`, in a scaled coordinate `x` (`w - a = length x + const`),
where it reads `dx = -gradient(x) dt + sqrt(eta noise(x)) o_theta dB`: times are unchanged, and
minimum, saddle and exit lie at exact points. `sigma_H = 0` is constant noise.

    H_a, H_b   curvatures at minimum and saddle, H_a > 0 > H_b
    Delta_L    barrier
    beta       |H_b|/(H_a - |H_b|), the far minimum of the quartic family, 0 < beta <= 1
    q          |H_b|/(H_a + |H_b|), relative height of the joint of the parabolic family
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy
from sympy import Piecewise, Rational, sqrt
from sympy.core.expr import Expr
from sympy.core.symbol import Symbol

Value = Expr | int


@dataclass(frozen=True)
class Landscape:
    """Gradient and noise in the coordinate `variable`, with minimum, saddle and far point."""

    variable: Symbol
    gradient: Expr
    noise: Expr
    minimum: Expr
    saddle: Expr
    far: Expr


def quartic_gradient(x: Symbol, H_a: Value, H_b: Value) -> Expr:
    """`G (x + 1) x (x - beta)`: minimum at -1, saddle at 0, curvatures H_a and H_b."""
    G = sympy.sympify(H_a) + H_b
    return G * (x + 1) * x * (x + H_b / G)


def quartic_height(x: Symbol, H_a: Value, H_b: Value) -> Expr:
    """`(L(x) - L(-1))/Delta_L` of the quartic family: 0 at the minimum, 1 at the saddle."""
    beta = -sympy.sympify(H_b) / (sympy.sympify(H_a) + H_b)
    primitive = x**4 / 4 + (1 - beta) * x**3 / 3 - beta * x**2 / 2
    bottom = Rational(1, 4) - (1 - beta) / 3 - beta / 2
    return 1 - primitive / bottom


def quartic_length_squared(H_a: Value, H_b: Value, Delta_L: Value) -> Expr:
    """Square of the length unit that gives the quartic family the barrier `Delta_L`."""
    G = sympy.sympify(H_a) + H_b
    return 12 * sympy.sympify(Delta_L) / (G - 2 * sympy.sympify(H_b))


def quartic(
    x: Symbol, H_a: Value, H_b: Value, Delta_L: Value, sigma_g: Value, sigma_H: Value
) -> Landscape:
    """The quartic double well with noise affine in the loss; needs |H_b| <= H_a/2."""
    height = quartic_height(x, H_a, H_b)
    noise = sympy.sympify(sigma_g) + 2 * sympy.sympify(sigma_H) / H_a * Delta_L * height
    return Landscape(
        variable=x,
        gradient=quartic_gradient(x, H_a, H_b),
        noise=noise / quartic_length_squared(H_a, H_b, Delta_L),
        minimum=sympy.Integer(-1),
        saddle=sympy.Integer(0),
        far=-sympy.sympify(H_b) / (sympy.sympify(H_a) + H_b),
    )


def quartic_jets(
    H_a: Value, H_b: Value, Delta_L: Value
) -> tuple[tuple[Expr, Expr, Expr], tuple[Expr, Expr, Expr]]:
    """(L'', L''', L'''') of the quartic family at minimum and saddle, in the coordinate w."""
    G = sympy.sympify(H_a) + H_b
    length = sqrt(quartic_length_squared(H_a, H_b, Delta_L))
    fourth = 6 * G / length**2
    minimum = (sympy.sympify(H_a), (2 * H_b - 4 * G) / length, fourth)
    saddle = (sympy.sympify(H_b), 2 * (G + H_b) / length, fourth)
    return minimum, saddle


def joint_height(H_a: Value, H_b: Value) -> Expr:
    """`q = |H_b|/(H_a + |H_b|)`: relative height at which parabolic well and cap are joined."""
    return -sympy.sympify(H_b) / (sympy.sympify(H_a) - H_b)


def joined_parabolas(
    x: Symbol, H_a: Value, H_b: Value, Delta_L: Value, sigma_g: Value, sigma_H: Value
) -> Landscape:
    """Parabolic well joined to a parabolic cap, noise affine in the loss.

    Minimum at 0, saddle at 1, joint at x = q with continuous slope; far point `1 + sqrt(1 - q)`,
    where the far side has come down to the height of the minimum.
    """
    q = joint_height(H_a, H_b)
    well = sympy.sympify(H_a) * x**2 / 2
    cap = sympy.sympify(H_a) * q / 2 + sympy.sympify(H_b) * (x - 1) ** 2 / 2
    length_squared = 2 * sympy.sympify(Delta_L) / (H_a * q)
    constant = sympy.sympify(sigma_g) / length_squared
    slope = 2 * sympy.sympify(sigma_H) / H_a
    return Landscape(
        variable=x,
        gradient=Piecewise((H_a * x, x <= q), (H_b * (x - 1), True)),
        noise=Piecewise((constant + slope * well, x <= q), (constant + slope * cap, True)),
        minimum=sympy.Integer(0),
        saddle=sympy.Integer(1),
        far=1 + sqrt(1 - q),
    )
