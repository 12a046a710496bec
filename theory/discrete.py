"""Discrete-time SGD near a quadratic minimum: exact variance, stability, Kesten tail index.

    x' = x - eta (H x + noise),   E noise = 0,   Var noise = C(x) = sigma_g + 2 rho x + sigma_H x**2

Only the first two moments of the noise enter the variance; the tail index depends on its law:
for per-sample curvatures h, x' = (1 - eta h) x - eta g, and P(|x| > r) ~ r**(-beta) with
E|1 - eta h|**beta = 1 (Kesten, Goldie; as recalled).
"""

from __future__ import annotations

import sympy
from sympy import Expr, Integral, Rational, oo

from theory.errors import InputError


def second_moment_step(
    mean: Expr, second: Expr, H: Expr, eta: Expr, sigma_g: Expr, rho: Expr, sigma_H: Expr
) -> Expr:
    """E x'**2 = (1 - eta H)**2 E x**2 + eta**2 (sigma_g + 2 rho E x + sigma_H E x**2)."""
    noise = sigma_g + 2 * rho * mean + sigma_H * second
    return (1 - eta * H) ** 2 * second + eta**2 * noise


def stationary_variance(H: Expr, eta: Expr, sigma_g: Expr, sigma_H: Expr) -> Expr:
    """eta sigma_g/(2H - eta H**2 - eta sigma_H), any rho, if and only if the denominator is > 0."""
    return eta * sigma_g / stability_margin(H, eta, sigma_H)


def stability_margin(H: Expr, eta: Expr, sigma_H: Expr) -> Expr:
    """2H - eta H**2 - eta sigma_H: the recursion is stable in mean square iff this is > 0."""
    return 2 * H - eta * H**2 - eta * sigma_H


def largest_stable_rate(H: Expr, sigma_H: Expr) -> Expr:
    """2H/(H**2 + sigma_H): mean-square stable iff 0 < eta < this."""
    return 2 * H / (H**2 + sigma_H)


# --- tail index -----------------------------------------------------------------------------------


def kesten_moment(beta: Expr, eta: Expr, density: Expr, variable: sympy.Symbol) -> Expr:
    """E|1 - eta h|**beta for a curvature h with the given density on the line, unevaluated."""
    return Integral(sympy.Abs(1 - eta * variable) ** beta * density, (variable, -oo, oo))


def kesten_moment_normal(beta: Expr, eta: Expr, mean: Expr, deviation: Expr) -> Expr:
    """E|1 - eta h|**beta for h ~ N(mean, deviation**2).

    1 - eta h is N(a, v) with a = 1 - eta mean, v = eta**2 deviation**2, so it equals
    (2v)**(beta/2) Gamma((1+beta)/2)/sqrt(pi) 1F1(-beta/2; 1/2; -a**2/(2v)):
    the absolute moment of a normal law, as recalled (a test compares it with quadrature).
    """
    offset, v = 1 - eta * mean, (eta * deviation) ** 2
    return (
        (2 * v) ** (beta / 2)
        * sympy.gamma((1 + beta) / 2)
        / sympy.sqrt(sympy.pi)
        * sympy.hyper([-beta / 2], [Rational(1, 2)], -(offset**2) / (2 * v))
    )


def kesten_moment_chi_squared(beta: Expr, eta: Expr, scale: Expr, degrees: Expr) -> Expr:
    """E|1 - eta h|**beta for h = scale * chi**2 with the given degrees of freedom, unevaluated."""
    h = sympy.Dummy("h", positive=True)
    half = degrees / sympy.Integer(2)
    density = h ** (half - 1) * sympy.exp(-h / 2) / (2**half * sympy.gamma(half))
    return Integral(sympy.Abs(1 - eta * scale * h) ** beta * density, (h, 0, oo))


def kesten_equation(moment: Expr) -> sympy.Basic:
    """E|1 - eta h|**beta = 1, whose positive root beta is the tail index."""
    return sympy.Eq(moment, 1, evaluate=False)


def second_kesten_moment(eta: Expr, mean: Expr, variance: Expr) -> Expr:
    """E(1 - eta h)**2 = (1 - eta mean)**2 + eta**2 variance: beta > 2 iff this is < 1."""
    return (1 - eta * mean) ** 2 + eta**2 * variance


def small_rate_index_equation(b: Expr) -> Expr:
    """b (log b - 1) - 1, whose root b > e gives beta a lambda/S -> b/2 as lambda -> 0.

    One-dimensional online least squares, x ~ N(0, a), rate lambda, batch S: the tail is a large
    deviation of the minibatch noise, so no diffusion recovers it (derived here).
    """
    return b * (sympy.log(b) - 1) - 1


def regression_tail_index_diffusion(rate: Expr, a: Expr, batch: Expr) -> Expr:
    """S/(a lambda) + 1: tail index 2 kappa + 1 of the Ito diffusion with the exact covariance.

    H = a, sigma_H = 2 a**2/S (Gaussian inputs), eta = lambda, so kappa = S/(2 a lambda).
    """
    if rate.is_number and not rate.is_positive:
        raise InputError("a learning rate > 0", str(rate))
    return batch / (a * rate) + 1
