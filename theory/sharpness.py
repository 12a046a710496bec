"""Sharpness ratios: escape time of a flat minimum over that of a sharp one, and how it grows.

Scaling law: `sigma_g ~ H^a`, `sigma_H ~ H^b`, `Delta_L ~ H^c`, `H_b ~ H`; `r = H_sharp/H_flat > 1`.
Values of the sharp minimum, all arguments SymPy expressions or numbers:

    A       2 Delta_L/(eta sigma_g)
    kappa   H_a/(eta sigma_H)
    u       1 + A/kappa, the ratio of the noise at the saddle to that at the minimum
    theta   interpretation, s = 1 - theta

Primed values are those of the flat minimum: `A' = A r^(a - c)`, `kappa' = kappa r^(b - 1)`.
Ratios are of `kramers.langevin_time` and `kramers.power_law_time`; nothing is rounded.
"""

from __future__ import annotations

from enum import StrEnum

import sympy
from sympy import Rational, exp, log
from sympy.core.expr import Expr

from theory import kramers

Value = Expr | int

HALF = Rational(1, 2)


class Growth(StrEnum):
    """How log R grows for r -> oo at fixed A and kappa.

    barrier     `A r^(a - c)`: the flat minimum keeps its Langevin exponent
    balanced    `kappa log(u) r^(b - 1)`: noise ratio unchanged, tail exponent grows
    tail        `kappa (a - c - b + 1) r^(b - 1) log r`: a growing power of a growing ratio
    polynomial  `O(log r)`: R is a power of r
    no-law      the flat minimum has no stationary law once r is large, its time is infinite
    """

    BARRIER = "barrier"
    BALANCED = "balanced"
    TAIL = "tail"
    POLYNOMIAL = "polynomial"
    NO_LAW = "no-law"


def flat_barrier(A: Value, r: Value, a: Value, c: Value) -> Expr:
    """`A' = A r^(a - c)`."""
    return A * sympy.sympify(r) ** (sympy.sympify(a) - c)


def flat_kappa(kappa: Value, r: Value, b: Value) -> Expr:
    """`kappa' = kappa r^(b - 1)`."""
    return kappa * sympy.sympify(r) ** (sympy.sympify(b) - 1)


def noise_ratio(A: Value, kappa: Value) -> Expr:
    """`u = 1 + A/kappa`."""
    return 1 + sympy.sympify(A) / kappa


def langevin_ratio(r: Value, A: Value, a: Value, c: Value) -> Expr:
    """`R = r exp(A (r^(a - c) - 1))` for constant noise inside each basin."""
    return r * exp(flat_barrier(A, r, a, c) - A)


def langevin_log_ratio(r: Value, A: Value, a: Value, c: Value) -> Expr:
    """`log R = log r + A (r^(a - c) - 1)`."""
    return log(r) + flat_barrier(A, r, a, c) - A


def log_time(A: Value, kappa: Value, theta: Value) -> Expr:
    """Logarithm of the power-law time in units of `2 pi/sqrt(H_a|H_b|)`.

    `(kappa + s - 1/2) log(1 + A/kappa) - log(1 + (s - 1/2)/kappa)`.
    """
    return kramers.power_law_exponent(kappa, theta) * log(noise_ratio(A, kappa)) - log(
        kramers.power_law_factor(kappa, theta)
    )


def power_law_ratio(
    r: Value, A: Value, kappa: Value, a: Value, b: Value, c: Value, theta: Value
) -> Expr:
    """`R` of the power-law dynamic from `kramers.power_law_time` of the two minima."""
    A_flat, kappa_flat = flat_barrier(A, r, a, c), flat_kappa(kappa, r, b)
    flat = noise_ratio(A_flat, kappa_flat) ** kramers.power_law_exponent(
        kappa_flat, theta
    ) / kramers.power_law_factor(kappa_flat, theta)
    sharp = noise_ratio(A, kappa) ** kramers.power_law_exponent(
        kappa, theta
    ) / kramers.power_law_factor(kappa, theta)
    return r * flat / sharp


def power_law_log_ratio(
    r: Value, A: Value, kappa: Value, a: Value, b: Value, c: Value, theta: Value
) -> Expr:
    """`log R` of the power-law dynamic."""
    flat = log_time(flat_barrier(A, r, a, c), flat_kappa(kappa, r, b), theta)
    return log(r) + flat - log_time(A, kappa, theta)


def large_barrier_log_ratio(r: Value, A: Value, kappa: Value, b: Value) -> Expr:
    """`log R ~ kappa (r^(b-1) - 1) log A` for a = c, b > 1, r fixed and A -> oo."""
    return (flat_kappa(kappa, r, b) - kappa) * log(A)


def corrected_large_barrier_log_ratio(r: Value, A: Value, kappa: Value, b: Value) -> Expr:
    """`kappa' log(A/kappa') - kappa log(A/kappa)`: with its slow correction, A >> kappa'."""
    kappa_flat = flat_kappa(kappa, r, b)
    return kappa_flat * log(A / kappa_flat) - kappa * log(sympy.sympify(A) / kappa)


def saturated_ratio(r: Value, A: Value, kappa: Value, theta: Value) -> Expr:
    """Limit of R for a = c, b > 1, A fixed and r -> oo, where the flat minimum is Langevin's.

    `r e^A (1 + (s - 1/2)/kappa) u^(-(kappa + s - 1/2))`, linear in r.
    """
    power = noise_ratio(A, kappa) ** -kramers.power_law_exponent(kappa, theta)
    return r * exp(A) * kramers.power_law_factor(kappa, theta) * power


def label_noise_log_ratio(r: Value, A: Value, kappa: Value) -> Expr:
    """`log R ~ kappa (r - 1) log u` for label noise, a = 1, b = 2, c = 0, where u' = u."""
    return kappa * (sympy.sympify(r) - 1) * log(noise_ratio(A, kappa))


def hessian_noise_log_ratio(r: Value, A: Value) -> Expr:
    """`log R ~ A (r - 1)` of Langevin with noise proportional to the Hessian, a = 1, c = 0."""
    return A * (sympy.sympify(r) - 1)


def growth(a: Value, b: Value, c: Value, theta: Value) -> Growth:
    """The class of (a, b, c) for r -> oo at fixed A and kappa; exact numbers only."""
    rise = sympy.sympify(a) - c
    tail = sympy.sympify(b) - 1
    if tail < 0 and theta > HALF:
        return Growth.NO_LAW
    if rise <= 0 or tail <= 0:
        return Growth.POLYNOMIAL
    if rise < tail:
        return Growth.BARRIER
    return Growth.BALANCED if rise == tail else Growth.TAIL


def polynomial_degree(kappa: Value, a: Value, b: Value, c: Value, theta: Value) -> Expr:
    """Limit of log R/log r where the growth is polynomial; exact numbers a, b, c, theta."""
    kappa, theta = sympy.sympify(kappa), sympy.sympify(theta)
    rise = sympy.sympify(a) - c
    tail = sympy.sympify(b) - 1
    if tail > 0:
        return sympy.S.One
    if tail == 0:
        return 1 + sympy.Max(rise, 0) * kramers.power_law_exponent(kappa, theta)
    if theta == HALF:
        return sympy.S.One
    return 1 + tail + (HALF - theta) * sympy.Max(rise - tail, 0)


def leading_log_ratio(
    r: Value, A: Value, kappa: Value, a: Value, b: Value, c: Value, theta: Value
) -> Expr:
    """Leading term of log R for r -> oo in the class of (a, b, c); infinite without a law."""
    match growth(a, b, c, theta):
        case Growth.BARRIER:
            return flat_barrier(A, r, a, c)
        case Growth.BALANCED:
            return flat_kappa(kappa, r, b) * log(noise_ratio(A, kappa))
        case Growth.TAIL:
            excess = sympy.sympify(a) - c - b + 1
            return flat_kappa(kappa, r, b) * excess * log(r)
        case Growth.POLYNOMIAL:
            return polynomial_degree(kappa, a, b, c, theta) * log(r)
    return sympy.oo
