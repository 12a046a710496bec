"""Spectrum and relaxation of the power-law dynamic L = H x**2/2, C quadratic, every theta, rho.

The generator G f = ((theta eta sigma_H - H) x + theta eta rho) f' + (eta/2) C f'' maps polynomials
of degree n to such, so -G has the eigenvalues

    lambda_n = n (H - theta eta sigma_H) - n (n - 1) eta sigma_H/2,   0 <= n < m - 1/2,

with polynomial eigenfunctions, then a continuous spectrum from eta sigma_H (m - 1/2)**2/2.
All integer moments follow in closed form in time.
Source: Pearson diffusions (Forman and Sorensen, as recalled), re-derived.
"""

from __future__ import annotations

import sympy
from sympy import Expr, Integer, Rational

from theory.errors import InputError


def eigenvalue(n: Expr | int, H: Expr, eta: Expr, theta: Expr, sigma_H: Expr) -> Expr:
    """lambda_n = n (H - theta eta sigma_H) - n (n - 1) eta sigma_H/2, for 0 <= n < m - 1/2."""
    return n * (H - theta * eta * sigma_H) - n * (n - 1) * eta * sigma_H / 2


def continuum_edge(H: Expr, eta: Expr, theta: Expr, sigma_H: Expr) -> Expr:
    """eta sigma_H (m - 1/2)**2/2, where the continuous spectrum begins."""
    m = H / (eta * sigma_H) + 1 - theta
    return eta * sigma_H * (m - Rational(1, 2)) ** 2 / 2


def discrete_condition(n: Expr | int, H: Expr, eta: Expr, theta: Expr, sigma_H: Expr) -> Expr:
    """m - 1/2 - n: lambda_n is a discrete eigenvalue if and only if this is positive."""
    return H / (eta * sigma_H) + Rational(1, 2) - theta - n


def eigenfunction(
    n: int, x: Expr, H: Expr, eta: Expr, theta: Expr, sigma_g: Expr, rho: Expr, sigma_H: Expr
) -> Expr:
    """P_n(x) = x**n + ..., with (G + lambda_n) P_n = 0.

    (lambda_n - lambda_j) p_j + (j + 1)(theta + j) eta rho p_{j+1}
    + (j + 2)(j + 1)(eta sigma_g/2) p_{j+2} = 0 for j < n, p_n = 1.
    """
    p = _eigenfunction_coefficients(n, H, eta, theta, sigma_g, rho, sigma_H)
    return sympy.Add(*(p[j] * x**j for j in range(n + 1)))


def _eigenfunction_coefficients(
    n: int, H: Expr, eta: Expr, theta: Expr, sigma_g: Expr, rho: Expr, sigma_H: Expr
) -> dict[int, Expr]:
    if n < 0:
        raise InputError("an index n >= 0", str(n))
    p: dict[int, Expr] = {n: Integer(1), n + 1: Integer(0)}
    for j in range(n - 1, -1, -1):
        gap = eigenvalue(n, H, eta, theta, sigma_H) - eigenvalue(j, H, eta, theta, sigma_H)
        source = (j + 1) * (theta + j) * eta * rho * p[j + 1]
        source += (j + 2) * (j + 1) * eta * sigma_g / 2 * p[j + 2]
        p[j] = sympy.factor(-source / gap)  # type: ignore[assignment]
    return p


def spectral_gap(H: Expr, eta: Expr, theta: Expr, sigma_H: Expr) -> Expr:
    """lambda_1 = H - theta eta sigma_H, while m > 3/2; below that, `continuum_edge` is the gap."""
    return eigenvalue(1, H, eta, theta, sigma_H)


def autocorrelation(t: Expr, H: Expr, eta: Expr, theta: Expr, sigma_H: Expr) -> Expr:
    """exp(-(H - theta eta sigma_H) t), the stationary autocorrelation; needs m > 3/2 (variance)."""
    return sympy.exp(-spectral_gap(H, eta, theta, sigma_H) * t)


def generator_on_power(
    n: int, x: Expr, H: Expr, eta: Expr, theta: Expr, sigma_g: Expr, rho: Expr, sigma_H: Expr
) -> Expr:
    """G x**n, equal to

    -lambda_n x**n + n (theta + n - 1) eta rho x**(n-1) + n (n - 1) (eta sigma_g/2) x**(n-2).
    """
    return (
        -eigenvalue(n, H, eta, theta, sigma_H) * x**n
        + n * (theta + n - 1) * eta * rho * x ** (n - 1)
        + n * (n - 1) * eta * sigma_g / 2 * x ** (n - 2)
    )


def moment_in_time(
    n: int,
    x0: Expr,
    t: Expr,
    H: Expr,
    eta: Expr,
    theta: Expr,
    sigma_g: Expr,
    rho: Expr,
    sigma_H: Expr,
) -> Expr:
    """E[x_t**n | x_0] = sum_j a_j exp(-lambda_j t) P_j(x0), where x**n = sum_j a_j P_j(x).

    Closed form for every integer n and finite t; as t -> oo it tends to the stationary moment if
    n < 2m - 1 and has no limit otherwise. Generic parameters: lambda_0, ..., lambda_n differ.
    """
    tables = {
        j: _eigenfunction_coefficients(j, H, eta, theta, sigma_g, rho, sigma_H)
        for j in range(n + 1)
    }
    remaining: dict[int, Expr] = {j: Integer(int(j == n)) for j in range(n + 1)}
    total: Expr = Integer(0)
    for j in range(n, -1, -1):
        weight = remaining[j]
        for i in range(j + 1):
            remaining[i] = remaining[i] - weight * tables[j][i]
        polynomial = sympy.Add(*(tables[j][i] * x0**i for i in range(j + 1)))
        decay = sympy.exp(-eigenvalue(j, H, eta, theta, sigma_H) * t)
        total += sympy.factor(weight) * decay * polynomial
    return total
