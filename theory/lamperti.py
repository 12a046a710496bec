"""The unit-noise (Lamperti) transform and the Schroedinger form of the generator, 1-D.

With sigma = sqrt(eta C) and dy/dw = 1/sigma, y has unit noise, dy = alpha dt + dB, where

    alpha = -L'/sigma + (theta - 1/2) sigma'            (prime: d/dw)
    V     = (alpha**2 + d alpha/dy)/2,  d/dy = sigma d/dw

and -G is unitarily equivalent to -(1/2) d**2/dy**2 + V.

Power-law dynamic: sinh(k y) = (sigma_H x + rho)/Delta, k = sqrt(eta sigma_H),

    alpha = -c tanh(k y) + (H rho/(k Delta)) sech(k y),    c = k (m - 1/2),

a Poeschl-Teller well (Scarf II if rho != 0).
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy
from sympy import Expr, Rational, Symbol

from theory.diffusion import Diffusion, as_expression
from theory.errors import InputError

HALF = Rational(1, 2)


def noise_amplitude(model: Diffusion) -> Expr:
    """sigma(w) = sqrt(eta C)."""
    return sympy.sqrt(model.eta * model.noise)


def unit_noise_drift(model: Diffusion) -> Expr:
    """alpha = -L'/sigma + (theta - 1/2) sigma', as a function of w."""
    sigma = noise_amplitude(model)
    return model.drift / sigma + (model.theta - HALF) * sympy.diff(sigma, model.variable)


def unit_noise_drift_by_ito(model: Diffusion, transform: Expr) -> Expr:
    """G y for y = `transform`(w): the drift of y by Ito's formula (its noise is sigma dy/dw)."""
    w = model.variable
    return model.ito_drift * sympy.diff(transform, w) + model.D * sympy.diff(transform, w, 2)


def schroedinger_potential(model: Diffusion) -> Expr:
    """V = (alpha**2 + sigma alpha')/2, as a function of w."""
    alpha = unit_noise_drift(model)
    return (alpha**2 + noise_amplitude(model) * sympy.diff(alpha, model.variable)) / 2


# --- closed forms ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class UnitNoise:
    """A model in a coordinate y of unit noise, increasing in w.

    Attributes
    ----------
    transform : y(w)
    inverse : w(y)
    model : dy = alpha(y) dt + dB, as a diffusion with noise 1 and eta = 1
    """

    transform: Expr
    inverse: Expr
    model: Diffusion


def unit_noise(model: Diffusion, start: Expr) -> UnitNoise:
    """The model in unit-noise coordinates, where y = int dw/sqrt(eta C) has a closed form.

    C constant: y = w/sqrt(eta C). C quadratic without a real zero: y = asinh((c2 w + c1)/Delta)/k.
    C = c2 (w - l)**2: y = s log(s (w - l))/k, s = +-1 the side of l that holds the start. With
    these y runs over the whole line. Since dw/dy = sigma, alpha = -L'/w' + (theta - 1/2) w''/w'.

    Parameters
    ----------
    model : numbers for all parameters
    start : a state; the side of a double zero of C on which the process stays

    Raises
    ------
    InputError : another noise, or a start where C = 0
    """
    w, eta = model.variable, model.eta
    y = Symbol("y", real=True)
    if not model.noise.is_polynomial(w) or sympy.Poly(model.noise, w).degree() > 2:
        raise _no_closed_form(model)
    polynomial = sympy.expand(model.noise)
    c2, c1, c0 = (as_expression(polynomial.coeff(w, n)) for n in (2, 1, 0))
    c1 = c1 / 2
    square = as_expression(sympy.simplify(c0 * c2 - c1**2))  # Delta**2
    k = sympy.sqrt(eta * c2)
    if c2 == 0 and c1 == 0 and c0.is_positive:
        transform, inverse = w / sympy.sqrt(eta * c0), sympy.sqrt(eta * c0) * y
    elif c2.is_positive and square.is_positive:
        shape = (eta, c1, c2, sympy.sqrt(square))
        transform, inverse = power_law_transform(w, *shape), power_law_inverse(y, *shape)
    elif c2.is_positive and square.is_zero:
        zero = -c1 / c2
        side = sympy.sign(sympy.simplify(start - zero))
        if side not in (1, -1):
            raise InputError("a start where C > 0", f"{start}, where C = 0", "move the start")
        transform = side * sympy.log(side * (w - zero)) / k
        inverse = zero + side * sympy.exp(side * k * y)
    else:
        raise _no_closed_form(model)
    first = sympy.diff(inverse, y)
    drift = -model.gradient.subs(w, inverse) / first
    drift += (model.theta - HALF) * sympy.diff(inverse, y, 2) / first
    unit = Diffusion.from_drift(
        drift, sympy.Integer(1), eta=sympy.Integer(1), interpretation=sympy.Integer(0), variable=y
    )
    return UnitNoise(transform, inverse, unit)


def _no_closed_form(model: Diffusion) -> InputError:
    return InputError(
        "a noise C that is constant, quadratic without a real zero, or c (w - l)**2, "
        "for unit-noise (Lamperti) coordinates",
        f"C = {model.noise}",
        "take another scheme",
    )


# --- the power-law dynamic ------------------------------------------------------------------------


def wave_number(eta: Expr, sigma_H: Expr) -> Expr:
    """k = sqrt(eta sigma_H)."""
    return sympy.sqrt(eta * sigma_H)


def power_law_transform(x: Expr, eta: Expr, rho: Expr, sigma_H: Expr, Delta: Expr) -> Expr:
    """y = asinh((sigma_H x + rho)/Delta)/k."""
    return sympy.asinh((sigma_H * x + rho) / Delta) / wave_number(eta, sigma_H)


def power_law_inverse(y: Expr, eta: Expr, rho: Expr, sigma_H: Expr, Delta: Expr) -> Expr:
    """x = (Delta sinh(k y) - rho)/sigma_H."""
    return (Delta * sympy.sinh(wave_number(eta, sigma_H) * y) - rho) / sigma_H


def power_law_drift(
    y: Expr, H: Expr, eta: Expr, theta: Expr, rho: Expr, sigma_H: Expr, Delta: Expr
) -> Expr:
    """alpha(y) = -c tanh(k y) + (H rho/(k Delta)) sech(k y), c = k (kappa + 1/2 - theta)."""
    k = wave_number(eta, sigma_H)
    c = k * (H / (eta * sigma_H) + HALF - theta)
    return -c * sympy.tanh(k * y) + H * rho / (k * Delta) * sympy.sech(k * y)


def scarf_potential(
    y: Expr, H: Expr, eta: Expr, theta: Expr, rho: Expr, sigma_H: Expr, Delta: Expr
) -> Expr:
    """V(y) = c**2/2 + [(g**2 - c**2 - c k) sech(k y)**2 - g (2 c + k) sech(k y) tanh(k y)]/2.

    g = H rho/(k Delta), c = k (m - 1/2): Scarf II, Poeschl-Teller at rho = 0. V -> c**2/2 far out.
    """
    k = wave_number(eta, sigma_H)
    c = k * (H / (eta * sigma_H) + HALF - theta)
    g = H * rho / (k * Delta)
    sech, tanh = sympy.sech(k * y), sympy.tanh(k * y)
    return c**2 / 2 + ((g**2 - c**2 - c * k) * sech**2 - g * (2 * c + k) * sech * tanh) / 2


def rejection_bounds(
    H: Expr, eta: Expr, theta: Expr, rho: Expr, sigma_H: Expr, Delta: Expr
) -> tuple[Expr, Expr]:
    """Bounds of V over the line, from |sech|**2 <= 1 and |sech tanh| <= 1/2 (not the sharpest).

    Exact simulation by rejection needs (alpha**2 + alpha')/2 bounded: it is.
    """
    k = wave_number(eta, sigma_H)
    c = k * (H / (eta * sigma_H) + HALF - theta)
    g = H * rho / (k * Delta)
    even = g**2 - c**2 - c * k
    spread = sympy.Abs(g * (2 * c + k)) / 4
    lower = c**2 / 2 + sympy.Min(even, 0) / 2 - spread
    upper = c**2 / 2 + sympy.Max(even, 0) / 2 + spread
    return lower, upper
