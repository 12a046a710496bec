"""The covariance of minibatch gradient noise, from per-sample losses.

Sample i has the loss l_i; the gradient of a minibatch of size n is the mean of n sampled gradients.
Its covariance is the population covariance (1/N moments) of the per-sample gradients divided by n,
and, without replacement, multiplied by the finite-population factor (N - n)/(N - 1).
For gradients that are affine in the state it is quadratic in the state.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import sympy
from sympy import Expr, ImmutableMatrix, Integer, Symbol

from theory.errors import InputError
from theory.expressions import parse_expression


class QuadraticNoise(NamedTuple):
    """C(x) = sigma_g + 2 rho x + sigma_H x**2, x the deviation from the minimum."""

    sigma_g: Expr
    rho: Expr
    sigma_H: Expr

    def covariance(self, x: Expr) -> Expr:
        """C(x)."""
        return self.sigma_g + 2 * self.rho * x + self.sigma_H * x**2

    @property
    def discriminant(self) -> Expr:
        """Delta**2 = sigma_g sigma_H - rho**2, >= 0 for every data set (Cauchy-Schwarz)."""
        return self.sigma_g * self.sigma_H - self.rho**2


def minibatch_factor(
    batch: Expr | int = 1, samples: Expr | int | None = None, *, replacement: bool = True
) -> Expr:
    """Covariance of the mean of a minibatch over that of one sample.

    1/n with replacement, (N - n)/(n (N - 1)) without, n = `batch`, N = `samples`.

    Raises
    ------
    InputError : n < 1, n > N without replacement, or N missing there.
    """
    n = sympy.sympify(batch)
    if n.is_number and not (n.is_integer and n >= 1):
        raise InputError("a batch size n >= 1", str(n), "choose a positive integer")
    if replacement:
        return 1 / n
    if samples is None:
        raise InputError(
            "the number N of samples", "none", "sampling without replacement depends on it"
        )
    N = sympy.sympify(samples)
    if N.is_number and n.is_number and n > N:
        raise InputError(f"a batch of at most N = {N} samples", f"n = {n}", "reduce the batch")
    if N == 1:
        return Integer(0)
    return (N - n) / (n * (N - 1))


def covariance(first: Sequence[Expr], second: Sequence[Expr]) -> Expr:
    """Population covariance (1/N) sum_i a_i b_i - mean(a) mean(b) of two lists of equal length."""
    if len(first) != len(second) or not first:
        raise InputError(
            "two lists of equal, positive length", f"lengths {len(first)} and {len(second)}"
        )
    N = Integer(len(first))
    products = sympy.Add(*(a * b for a, b in zip(first, second, strict=True)))
    return sympy.expand(products / N - sympy.Add(*first) * sympy.Add(*second) / N**2)


def quadratic_noise(
    gradients: Sequence[Expr],
    curvatures: Sequence[Expr],
    *,
    batch: Expr | int = 1,
    replacement: bool = True,
) -> QuadraticNoise:
    """Noise of per-sample quadratic losses whose gradients at x are g_i + H_i x.

    sigma_g = Var g_i, rho = Cov(g_i, H_i), sigma_H = Var H_i, times the minibatch factor.
    """
    g = [sympy.sympify(value) for value in gradients]
    h = [sympy.sympify(value) for value in curvatures]
    factor = minibatch_factor(batch, len(g), replacement=replacement)
    return QuadraticNoise(
        factor * covariance(g, g), factor * covariance(g, h), factor * covariance(h, h)
    )


def gradient_covariance(
    losses: Sequence[Expr | str],
    variable: Symbol,
    *,
    batch: Expr | int = 1,
    replacement: bool = True,
) -> Expr:
    """C(w) of any differentiable per-sample losses l_i(w), in one dimension."""
    matrix = gradient_covariance_matrix(losses, [variable], batch=batch, replacement=replacement)
    return sympy.trace(matrix)


def gradient_covariance_matrix(
    losses: Sequence[Expr | str],
    variables: Sequence[Symbol],
    *,
    batch: Expr | int = 1,
    replacement: bool = True,
) -> ImmutableMatrix:
    """C_ij(x) = Cov(d_i l, d_j l) of any differentiable per-sample losses, in d dimensions."""
    known = {variable.name: variable for variable in variables}
    parsed = [parse_expression(loss, known) if isinstance(loss, str) else loss for loss in losses]
    factor = minibatch_factor(batch, len(parsed), replacement=replacement)
    gradients = [[sympy.diff(loss, variable) for loss in parsed] for variable in variables]
    size = len(variables)
    return ImmutableMatrix(
        size, size, lambda i, j: factor * covariance(gradients[int(i)], gradients[int(j)])
    )


def affine_covariance_matrix(
    gradients: Sequence[Sequence[Expr]],
    hessians: Sequence[Sequence[Sequence[Expr]]],
    state: Sequence[Expr],
    *,
    batch: Expr | int = 1,
    replacement: bool = True,
) -> ImmutableMatrix:
    """C_ij(x) = Cov(g_i + H_ik x_k, g_j + H_jl x_l) over samples, in d dimensions.

    gradients : per sample, the d components of g
    hessians : per sample, the d x d matrix H
    state : the d components of x
    """
    size = len(state)
    components = [
        [
            g[i] + sympy.Add(*(h[i][k] * state[k] for k in range(size)))
            for g, h in zip(gradients, hessians, strict=True)
        ]
        for i in range(size)
    ]
    factor = minibatch_factor(batch, len(gradients), replacement=replacement)
    return ImmutableMatrix(
        size, size, lambda i, j: factor * covariance(components[int(i)], components[int(j)])
    )


def linear_regression_noise(
    sigma_x: Expr, sigma_epsilon: Expr, *, batch: Expr | int = 1
) -> QuadraticNoise:
    """Noise of y = x w* + epsilon with the loss (y - x w)**2/2, u = w - w*.

    The per-sample gradient is u x**2 - x epsilon, x ~ N(0, sigma_x**2), epsilon independent and
    centred with variance sigma_epsilon**2. With E x**2 = sigma_x**2 and E x**4 = 3 sigma_x**4:
    C(u) = sigma_x**2 sigma_epsilon**2 + 2 sigma_x**4 u**2.
    """
    second, fourth = gaussian_moment(sigma_x, 2), gaussian_moment(sigma_x, 4)
    factor = minibatch_factor(batch)
    # Var(x epsilon) = E x^2 E epsilon^2; Cov(x^2, x epsilon) = E x^3 E epsilon = 0; Var(x^2).
    return QuadraticNoise(
        factor * second * sigma_epsilon**2, Integer(0), factor * (fourth - second**2)
    )


def gaussian_moment(sigma: Expr, order: int) -> Expr:
    """E x**order of x ~ N(0, sigma**2): sigma**order (order - 1)!! if even, else 0."""
    if order < 0:
        raise InputError("an order >= 0", str(order))
    if order % 2:
        return Integer(0)
    return sympy.factorial2(order - 1) * sigma**order
