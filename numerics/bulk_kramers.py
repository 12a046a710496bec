"""Kramers' formulas in double precision over arrays of parameters, and exact times over them.

The minimum a is where the descent of L from the start ends, the saddle b the highest maximum of L
between a and the exit, as in `numerics.kramers_points`: here both are found on a grid, so that what
two grids tell differently, or what is nearly degenerate, is left to balls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from numerics.bulk import ArrayLike, BulkResult, Integers, Values, columns, mean_exit_time
from numerics.evaluators import numpy_function
from numerics.lowering import Model
from numerics.program import Program

GRIDS = (512, 1344)
"""Two grids that share few points: critical points that one of them misses are left to balls."""
DOUBLINGS = 10
EQUAL_HEIGHTS = 1e-6
"""Saddles whose heights differ by less than this part of the barrier are left to balls."""
EPSILON = 2.220446049250313e-16

Function = Callable[[Values], Values]


@dataclass(frozen=True)
class CriticalPoints:
    """Minimum and saddle for each parameter set; nan where they were not found for certain."""

    minimum: Values
    saddle: Values


def kramers_ratio(
    model: Model,
    start: ArrayLike,
    exit_above: ArrayLike,
    formula: Program,
    *,
    valid: Program | None = None,
    parameters: Mapping[str, ArrayLike] | None = None,
) -> BulkResult:
    """The exact mean exit time over Kramers' formula, for each parameter set.

    The inputs of `formula` are among `numerics.kramers_points.FORMULA_INPUTS` and the parameters.
    Status 2 (left to balls) also where the formula overflows, or where minimum and saddle are not
    told for certain, or where `valid` (of the same inputs) is not 1.
    """
    exact = mean_exit_time(model, start, exit_above=exit_above, parameters=parameters)
    value, error = kramers_time(
        model, start, exit_above, formula, valid=valid, parameters=parameters
    )
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        mantissa, shift = np.frexp(exact.mantissa / value)
        total = exact.relative_error + error + EPSILON
    lost = (exact.status == 0) & ~(np.isfinite(mantissa) & np.isfinite(total) & (mantissa > 0))
    status: Integers = np.where(lost, 2, exact.status)
    return BulkResult(
        np.where(status == 0, mantissa, np.nan),
        np.where(status == 0, exact.exponent + shift, 0),
        total,
        status,
    )


def kramers_time(
    model: Model,
    start: ArrayLike,
    exit_above: ArrayLike,
    formula: Program,
    *,
    valid: Program | None = None,
    parameters: Mapping[str, ArrayLike] | None = None,
) -> tuple[Values, Values]:
    """The formula's values and estimates of their relative errors; nan where there are none."""
    table, (x, end) = columns(model, parameters, start, exit_above)
    free = [table[:, i : i + 1] for i in range(table.shape[1])]

    def of(program: Program) -> Function:
        function = numpy_function(program)
        return lambda w: np.broadcast_to(function(w, *free)[0], w.shape).astype(float)

    def constant(program: Program) -> Values:
        found = numpy_function(program)(*free)[0]
        return np.broadcast_to(np.asarray(found, dtype=float), (len(table), 1))

    with np.errstate(all="ignore"):
        points = critical_points(of(model.gradient), x, end)
        a, b = points.minimum[:, None], points.saddle[:, None]
        eta, theta = constant(model.eta), constant(model.theta)
        force, noise = of(model.gradient), of(model.noise)
        exponent, doubt = _integral(lambda w: 2 * force(w) / (eta * noise(w)), a, b)
        rise, rise_doubt = _integral(force, a, b)
        parameter_values = dict(zip(model.parameters, free, strict=True))
        inputs = {
            **parameter_values,
            "Delta_L": rise,
            "exponent": exponent,
            "eta": eta,
            "theta": theta,
        }
        errors = {"Delta_L": rise_doubt, "exponent": doubt}
        for name, function in (("H", of(model.gradient_slope)), ("C", noise)):
            for side, w in (("a", a), ("b", b)):
                key = f"{name}_{side}"
                inputs[key] = function(w)
                moved = np.abs(function(w * (1 + 8 * EPSILON)) - inputs[key])
                errors[key] = moved + 8 * EPSILON * np.abs(inputs[key])

        def at(given: Mapping[str, Values], program: Program = formula) -> Values:
            function = numpy_function(program)
            return np.asarray(function(*(given[name] for name in program.inputs))[0], dtype=float)

        value = at(inputs)
        error = np.full_like(value, 8 * EPSILON)
        for name, amount in errors.items():
            error += np.abs(at({**inputs, name: inputs[name] + amount}) / value - 1)
        shaped = (inputs["H_a"] > 0) & (inputs["H_b"] < 0) & _positive(noise, a, b)
        if valid is not None:
            shaped &= at(inputs, valid) == 1
        value = np.where(shaped, value, np.nan)
    return value[:, 0], error[:, 0]


def critical_points(gradient: Function, start: Values, end: Values) -> CriticalPoints:
    """Minimum and saddle, from the signs of L' on two grids."""
    found = [_on_grid(gradient, start, end, size) for size in GRIDS]
    (minimum, saddle, sure), (other, another, also) = found
    scale = 1e-9 * (1 + np.abs(minimum) + np.abs(saddle))
    same = (np.abs(minimum - other) < scale) & (np.abs(saddle - another) < scale) & sure & also
    return CriticalPoints(np.where(same, minimum, np.nan), np.where(same, saddle, np.nan))


def _on_grid(
    gradient: Function, start: Values, end: Values, size: int
) -> tuple[Values, Values, np.ndarray[Any, np.dtype[np.bool_]]]:
    slope = gradient(start[:, None])[:, 0]
    minimum = np.where(slope == 0, start, np.nan)
    reach, near = end - start, start.copy()
    for _ in range(DOUBLINGS):
        missing = np.isnan(minimum)
        if not np.any(missing):
            break
        far = np.where(slope > 0, start - reach, end)
        grid = np.linspace(near, far, size, axis=1)
        signs = np.sign(gradient(grid))
        turned = (signs[:, :-1] == np.sign(slope)[:, None]) & (signs[:, 1:] != signs[:, :-1])
        root = _first_root(gradient, grid, turned)
        minimum = np.where(missing, root, minimum)
        near, reach = np.where(slope > 0, far, near), 2 * reach
    grid = np.linspace(minimum, end, size, axis=1)
    values = gradient(grid)
    signs = np.sign(values)
    falling = (signs[:, :-1] > 0) & (signs[:, 1:] <= 0)
    steps = (values[:, 1:] + values[:, :-1]) / 2 * np.diff(grid, axis=1)
    heights = np.where(falling, np.cumsum(steps, axis=1), -np.inf)
    highest = np.argmax(heights, axis=1)[:, None]
    chosen = np.zeros_like(falling)
    np.put_along_axis(chosen, highest, True, axis=1)
    saddle = _first_root(gradient, grid, chosen & falling)
    top = np.take_along_axis(heights, highest, axis=1)
    rivals = np.sum(heights > top - np.abs(top) * max(EQUAL_HEIGHTS, 4.0 / size), axis=1)
    return minimum, saddle, (rivals == 1) & np.isfinite(saddle)


def _first_root(
    gradient: Function, grid: Values, brackets: np.ndarray[Any, np.dtype[np.bool_]]
) -> Values:
    """The zero of L' in the first bracket of each row, by bisection; nan where there is none."""
    index = np.argmax(brackets, axis=1)[:, None]
    low = np.take_along_axis(grid, index, axis=1)
    high = np.take_along_axis(grid, index + 1, axis=1)
    sign = np.sign(gradient(low))
    for _ in range(70):
        middle = (low + high) / 2
        same = np.sign(gradient(middle)) == sign
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return np.where(np.any(brackets, axis=1), ((low + high) / 2)[:, 0], np.nan)


def _integral(function: Function, a: Values, b: Values) -> tuple[Values, Values]:
    """Gauss-Legendre sums over panels, and what doubling them and rounding change."""
    nodes, weights = np.polynomial.legendre.leggauss(16)
    sums = []
    for panels in (24, 48):
        left = np.linspace(0.0, 1.0, panels, endpoint=False)
        places = (left[:, None] + (nodes + 1) / (2 * panels)).ravel()
        heights = function(a + (b - a) * places) * np.tile(weights, panels) / (2 * panels)
        sums.append(((b - a) * heights.sum(axis=1, keepdims=True), np.abs(heights)))
    (coarse, _), (fine, sizes) = sums
    rounding = 2 * EPSILON * np.abs(b - a) * sizes.sum(axis=1, keepdims=True)
    return fine, np.abs(fine - coarse) + rounding


def _positive(noise: Function, a: Values, b: Values) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.all(noise(a + (b - a) * np.linspace(0, 1, 129)) > 0, axis=1, keepdims=True)
