"""Eyring-Kramers escape times in d dimensions, isotropic noise C(x) I.

    dx = -grad L dt + sqrt(eta C(x)) o_theta dB,    D = eta C/2
    J = -[p grad L + s p grad D + D grad p]

    H_a, H_b    Hessians at the minimum a and at the saddle b, which has one descending direction e
    det_a       det H_a
    det_b       |det H_b|
    H_be        |e . H_b e|, the size of the one negative eigenvalue of H_b
    Phi         int 2/(eta C) dL along any path; it exists where C is a function of L

The time is the mass of the well over the conductance of the saddle: with p ~ C**(-s) exp(-Phi),

    mass          int exp(-x'H_a x/(eta C_a)) C_a**(-s) dx
    conductance   [int exp(-z'H z/(eta C_b)) D_b p_b dz] / [int exp(-|H_be| y**2/(eta C_b)) dy]

over the d - 1 stable directions z and the unstable direction y of the saddle. The relative error is
O(eta).
"""

from __future__ import annotations

import sympy
from sympy import Expr, Rational, pi, sqrt

Value = Expr | int

HALF = Rational(1, 2)


def gaussian_integral(dimension: Value, determinant: Value, scale: Value) -> Expr:
    """int exp(-x'Hx/scale) dx = (pi scale)**(d/2)/sqrt(det H) over R**d, H positive definite."""
    return (pi * scale) ** (sympy.sympify(dimension) / 2) / sqrt(sympy.sympify(determinant))


def well_mass(dimension: Value, det_a: Value, C_a: Value, eta: Value, theta: Value) -> Expr:
    """Mass of p = C**(-s) exp(-Phi), Phi(a) = 0, near the minimum, to leading order in eta."""
    weight = sympy.sympify(C_a) ** (theta - sympy.Integer(1))
    return weight * gaussian_integral(dimension, det_a, eta * sympy.sympify(C_a))


def saddle_conductance(
    dimension: Value, det_b: Value, H_be: Value, C_b: Value, eta: Value, theta: Value, Phi_b: Value
) -> Expr:
    """Probability flow per unit difference of p/p_stationary over the saddle, to leading order."""
    scale = eta * sympy.sympify(C_b)
    stable = sympy.sympify(det_b) / H_be
    across = gaussian_integral(sympy.sympify(dimension) - 1, stable, scale)
    along = gaussian_integral(1, H_be, scale)
    density = sympy.sympify(C_b) ** (theta - sympy.Integer(1)) * sympy.exp(-sympy.sympify(Phi_b))
    return scale / 2 * density * across / along


def prefactor(det_a: Value, det_b: Value, H_be: Value) -> Expr:
    """2 pi sqrt(|det H_b|/det H_a)/|H_be|."""
    return 2 * pi * sqrt(sympy.sympify(det_b) / det_a) / H_be


def langevin_time(
    det_a: Value, det_b: Value, H_be: Value, Delta_L: Value, eta: Value, sigma: Value
) -> Expr:
    """Constant noise C = sigma: prefactor exp(2 Delta_L/(eta sigma)), every theta.

    Source: Eyring-Kramers law with 2 eps = eta sigma (Berglund 2013, as recalled).
    """
    barrier = 2 * sympy.sympify(Delta_L) / (sympy.sympify(eta) * sigma)
    return prefactor(det_a, det_b, H_be) * sympy.exp(barrier)


def multiplicative_time(
    dimension: Value,
    det_a: Value,
    det_b: Value,
    H_be: Value,
    C_a: Value,
    C_b: Value,
    Phi_b: Value,
    theta: Value,
) -> Expr:
    """prefactor (C_b/C_a)**(s - d/2) exp(Phi_b) for isotropic C that is a function of L.

    Phi_b = int_{L(a)}^{L(b)} 2/(eta C) dL. Derived here: `well_mass` over
    `saddle_conductance`.
    """
    ratio = sympy.sympify(C_b) / C_a
    exponent = 1 - sympy.sympify(theta) - sympy.sympify(dimension) / 2
    return prefactor(det_a, det_b, H_be) * ratio**exponent * sympy.exp(sympy.sympify(Phi_b))


def power_law_exponent(dimension: Value, kappa: Value, theta: Value) -> Expr:
    """kappa + s - d/2, the power of u = 1 + 2 Delta_L/(kappa eta sigma)."""
    return sympy.sympify(kappa) + 1 - theta - sympy.sympify(dimension) / 2


def power_law_factor(kappa: Value, theta: Value) -> Expr:
    """1/(1 + (s - 1/2)/kappa)."""
    return 1 / (1 + (HALF - theta) / sympy.sympify(kappa))


def power_law_time(
    dimension: Value,
    det_a: Value,
    det_b: Value,
    H_be: Value,
    u: Value,
    kappa: Value,
    theta: Value,
) -> Expr:
    """2 pi/(1 + (s-1/2)/kappa) sqrt(|det H_b|/det H_a)/|H_be| u**(kappa + s - d/2).

    C = sigma phi(L) I, phi = 1 + 2 (L - L(a))/(kappa eta sigma), kappa + s > d/2, one saddle with
    one descending direction; relative error O(eta) at fixed u. Derived here; in one dimension it is
    `theory.kramers.power_law_time`.
    """
    power = sympy.sympify(u) ** power_law_exponent(dimension, kappa, theta)
    return prefactor(det_a, det_b, H_be) * power_law_factor(kappa, theta) * power


def parabolic_factor(dimension: Value, kappa: Value, theta: Value) -> Expr:
    """kappa (m - (d+1)/2)/((m - 1)(m - d/2)), m = kappa + s.

    What parabolas of the power-law dynamic give in place of 1/(1 + (s - 1/2)/kappa), the flow taken
    along e alone: equal at d = 1, and 1 + (1/2 - s)/kappa + O(1/kappa**2) at every d.
    """
    m = sympy.sympify(kappa) + 1 - theta
    d = sympy.sympify(dimension)
    return kappa * (m - (d + 1) / 2) / ((m - 1) * (m - d / 2))
