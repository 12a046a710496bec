"""The exact mean exit time of the discrete Euler chain: the oracle for the simulator itself.

The chain `X' = X + a(X)h + √(v(X)h) Z` has the density `K(x, y) = N(y; x + a(x)h, v(x)h)`, and
its mean exit time from (A, B) solves the Fredholm equation of the second kind

    u(x) = h + ∫_A^B K(x, y) u(y) dy.

Nyström's method on Gauss-Legendre points converges faster than any power, since K is smooth; the
equation itself then extends u from the points to the start (Kress 2014, section 12.2).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from numerics.errors import ComputationError
from numerics.lowering import Model
from numerics.simulation.requirements import require_positive
from numerics.simulation.schemes import KernelModel, Point, as_float, kernel_model

MAX_POINTS = 4096


def euler_mean_exit_time(
    model: Model,
    start: Point,
    *,
    exit_above: Point,
    exit_below: Point,
    dt: float,
    tolerance: float = 1e-7,
    parameters: Mapping[str, float] | None = None,
) -> tuple[float, float]:
    """Mean exit time of the Euler chain of step `dt` from (exit_below, exit_above).

    Parameters
    ----------
    model, start, exits, parameters : as for `mean_exit_time`; both exits are needed
    dt : the step of the chain
    tolerance : relative; the number of points is doubled until the value changes by less

    Returns
    -------
    (value, change) : in units of time; the change at the last doubling of the points

    Raises
    ------
    ComputationError : bad input, or no convergence with 4096 points (the step is too small)
    """
    kernel = kernel_model(model, parameters)
    h = require_positive("a time step dt", dt)
    lower, upper = as_float(exit_below, "a lower exit"), as_float(exit_above, "an upper exit")
    origin = as_float(start, "a start")
    if not lower < origin < upper:
        raise ComputationError(
            "a start strictly between the exits",
            f"start {origin:.6g}, exits {lower:.6g} and {upper:.6g}",
            "move the start or the exits",
        )
    count, previous, change = 64, math.nan, math.nan
    while count <= MAX_POINTS:
        value = _nystrom(kernel, origin, lower, upper, h, count)
        change = abs(value - previous)
        if change <= tolerance * abs(value):
            return value, change
        count, previous = 2 * count, value
    raise ComputationError(
        f"convergence with {MAX_POINTS} points",
        f"{previous:.6g} with a change of {change:.3g}",
        "give a larger dt: the kernel is too narrow for the interval",
    )


def _nystrom(
    kernel: KernelModel, start: float, lower: float, upper: float, h: float, count: int
) -> float:
    nodes, weights = np.polynomial.legendre.leggauss(count)
    half = 0.5 * (upper - lower)
    points = 0.5 * (upper + lower) + half * nodes
    rows = np.append(points, start)
    drift, variance = kernel.coefficients(rows)
    if not np.all(variance > 0.0):
        raise ComputationError(
            "a noise C that is positive between the exits",
            f"η·C = {np.nanmin(variance):.3g}",
            "correct the noise, or move the exits",
        )
    mean, spread = (rows + drift * h)[:, np.newaxis], (variance * h)[:, np.newaxis]
    density = np.exp(-0.5 * (points - mean) ** 2 / spread) / np.sqrt(2.0 * np.pi * spread)
    transition = density * (half * weights)
    times = np.linalg.solve(np.eye(count) - transition[:-1], np.full(count, h))
    return float(h + transition[-1] @ times)
