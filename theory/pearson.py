"""Pearson type IV and Student laws: parameters, normaliser, moments, tail index, q-Gaussian.

    p(x) = k [1 + ((x - lambda)/alpha)**2]**(-m) exp(-nu atan((x - lambda)/alpha))

    power-law dynamic:  m = kappa + s,  nu = -2 kappa rho/Delta,  alpha = Delta/sigma_H,
                        lambda = -rho/sigma_H

Normalisable if and only if m > 1/2; the absolute moment of order r exists if and only if
r < 2m - 1; tails fall like |x|**(-2m).
Source of the normaliser: J. Heinrich, "A guide to the Pearson type IV distribution" (2004), as
recalled; proved here through the integral of cos(phi)**(2m-2) exp(-nu phi) (DLMF 5.12.5).
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy
from sympy import Expr, I, Rational, Symbol, pi

from theory import symbols
from theory.errors import InputError


@dataclass(frozen=True)
class PearsonIV:
    """Parameters m, nu, alpha > 0 and lambda (`location`) of a Pearson type IV law."""

    m: Expr = symbols.m
    nu: Expr = symbols.nu
    alpha: Expr = symbols.alpha
    location: Expr = symbols.location


def power_law_parameters(
    kappa: Expr, theta: Expr, rho: Expr, sigma_H: Expr, Delta: Expr
) -> PearsonIV:
    """Those of the power-law dynamic: m = kappa + 1 - theta, nu = -2 kappa rho/Delta,
    alpha = Delta/sigma_H, lambda = -rho/sigma_H.
    """
    return PearsonIV(
        m=kappa + 1 - theta,
        nu=-2 * kappa * rho / Delta,
        alpha=Delta / sigma_H,
        location=-rho / sigma_H,
    )


def unnormalised_density(x: Expr, law: PearsonIV) -> Expr:
    """[1 + ((x - lambda)/alpha)**2]**(-m) exp(-nu atan((x - lambda)/alpha))."""
    standard = (x - law.location) / law.alpha
    return (1 + standard**2) ** (-law.m) * sympy.exp(-law.nu * sympy.atan(standard))


def normaliser(law: PearsonIV) -> Expr:
    """k = 2**(2m-2) |Gamma(m + i nu/2)|**2 / (pi alpha Gamma(2m-1)), for m > 1/2.

    |Gamma(m + i nu/2)|**2 is written Gamma(m + i nu/2) Gamma(m - i nu/2).
    """
    m, nu = law.m, law.nu
    modulus_squared = sympy.gamma(m + I * nu / 2) * sympy.gamma(m - I * nu / 2)
    return 2 ** (2 * m - 2) * modulus_squared / (pi * law.alpha * sympy.gamma(2 * m - 1))


def density(x: Expr, law: PearsonIV) -> Expr:
    """The normalised density."""
    return normaliser(law) * unnormalised_density(x, law)


def student_normaliser(m: Expr, alpha: Expr) -> Expr:
    """Gamma(m)/(sqrt(pi) alpha Gamma(m - 1/2)): the normaliser at nu = 0."""
    return sympy.gamma(m) / (sympy.sqrt(pi) * alpha * sympy.gamma(m - Rational(1, 2)))


def degrees_of_freedom(m: Expr) -> Expr:
    """2m - 1, of the Student law at nu = 0; also the tail index (sup of existing moments)."""
    return 2 * m - 1


def student_scale(law: PearsonIV) -> Expr:
    """alpha/sqrt(2m - 1): the scale of Student's t in its usual form."""
    return law.alpha / sympy.sqrt(2 * law.m - 1)


def tail_index(law: PearsonIV) -> Expr:
    """sup of the r with E|X|**r finite: 2m - 1, for every nu."""
    return 2 * law.m - 1


def mean(law: PearsonIV) -> Expr:
    """lambda - alpha nu/(2(m - 1)), if and only if m > 1."""
    return law.location - law.alpha * law.nu / (2 * (law.m - 1))


def variance(law: PearsonIV) -> Expr:
    """alpha**2 (r**2 + nu**2)/(r**2 (r - 1)) with r = 2(m - 1), if and only if m > 3/2."""
    r = 2 * (law.m - 1)
    return law.alpha**2 * (r**2 + law.nu**2) / (r**2 * (r - 1))


def central_moment_about_location(law: PearsonIV, order: int) -> Expr:
    """E (X - lambda)**n, n = `order` < 2m - 1, by the recurrence of `moment_recurrence`."""
    if order < 0:
        raise InputError("an order >= 0", str(order))
    previous, value = sympy.Integer(0), sympy.Integer(1)
    for n in range(order):
        previous, value = value, moment_step(law, n, value, previous)
    return sympy.factor(value)


def moment_step(law: PearsonIV, n: int, moment: Expr, previous: Expr) -> Expr:
    """E z**(n+1) = (n alpha**2 E z**(n-1) - nu alpha E z**n)/(2m - 2 - n), z = X - lambda.

    From int d/dz [z**n (z**2 + alpha**2) p] dz = 0, which holds while n + 1 < 2m - 1, and
    (z**2 + alpha**2) p' = -(2 m z + nu alpha) p.
    """
    return (n * law.alpha**2 * previous - law.nu * law.alpha * moment) / (2 * law.m - 2 - n)


def raw_moment(law: PearsonIV, order: int) -> Expr:
    """E X**n, n = `order`, if and only if n < 2m - 1."""
    return sympy.Add(
        *(
            sympy.binomial(order, k)
            * law.location ** (order - k)
            * central_moment_about_location(law, k)
            for k in range(order + 1)
        )
    )


def moment_exists(law: PearsonIV, order: Expr) -> sympy.Basic:
    """r < 2m - 1: the condition under which E|X|**r is finite."""
    return sympy.Lt(order, 2 * law.m - 1)


def student_absolute_moment(m: Expr, alpha: Expr, order: Expr) -> Expr:
    """E|X|**r = alpha**r Gamma((r+1)/2) Gamma(m - (r+1)/2)/(sqrt(pi) Gamma(m - 1/2)).

    For nu = lambda = 0 and -1 < r < 2m - 1.
    From int_0^oo x**r (1 + x**2)**(-m) dx = B((r+1)/2, m - (r+1)/2)/2 (DLMF 5.12.3).
    """
    half = (order + 1) / sympy.Integer(2)
    return (
        alpha**order
        * sympy.gamma(half)
        * sympy.gamma(m - half)
        / (sympy.sqrt(pi) * sympy.gamma(m - Rational(1, 2)))
    )


# --- the power-law dynamic's own forms ------------------------------------------------------------


def power_law_mean(kappa: Expr, theta: Expr, rho: Expr, sigma_H: Expr) -> Expr:
    """theta rho/(sigma_H (kappa - theta)), if and only if kappa + s > 1."""
    return theta * rho / (sigma_H * (kappa - theta))


def power_law_variance(H: Expr, eta: Expr, theta: Expr, sigma_g: Expr, sigma_H: Expr) -> Expr:
    """eta sigma_g/(2H - (1 + 2 theta) eta sigma_H), if and only if m > 3/2.

    For rho = 0 and any theta; for theta = 0 with any rho.
    """
    return eta * sigma_g / (2 * H - (1 + 2 * theta) * eta * sigma_H)


def q_gaussian_index(m: Expr) -> Expr:
    """q = 1 + 1/m: index of the `q_gaussian` that equals the Student law."""
    return 1 + 1 / m


def q_gaussian(x: Expr, q: Expr, beta: Expr) -> Expr:
    """[1 + (q - 1) beta x**2]**(-1/(q-1)), q > 1, not normalised (Tsallis)."""
    return (1 + (q - 1) * beta * x**2) ** (-1 / (q - 1))


def q_gaussian_precision(m: Expr, alpha: Expr) -> Expr:
    """beta = m/alpha**2, with which the q-Gaussian of index 1 + 1/m equals the Student law."""
    return m / alpha**2


def normaliser_integrand(phi: Symbol, law: PearsonIV) -> Expr:
    """alpha cos(phi)**(2m-2) exp(-nu phi), -pi/2 < phi < pi/2.

    The unnormalised mass p dx after x = lambda + alpha tan phi. The odd part of the exponential
    drops out, so its integral is alpha `cosine_integral(2m - 1, i nu)`.
    """
    return law.alpha * sympy.cos(phi) ** (2 * law.m - 2) * sympy.exp(-law.nu * phi)


def cosine_integral(a: Expr, b: Expr) -> Expr:
    """int cos(t)**(a-1) cos(b t) dt over (-pi/2, pi/2) = pi 2**(1-a)/(a B((a+b+1)/2, (a-b+1)/2)).

    For Re a > 0; DLMF 5.12.5 doubled. The Beta function is written with Gamma functions.
    """
    first, second = (a + b + 1) / 2, (a - b + 1) / 2
    beta = sympy.gamma(first) * sympy.gamma(second) / sympy.gamma(a + 1)
    return pi * 2 ** (1 - a) / (a * beta)
