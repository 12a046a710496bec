"""Which parts of an interval matter to a mean exit time or a law: the rest need not be resolved.

Every mean exit time is a sum of products `q(y) p(z)` of scale and speed densities. Where all
products that a part of the interval enters lie below the accuracy aimed at, its densities may be
left out; only Φ has to be carried across. So τ = e^10000 is hardly dearer than τ = e^10. Double
precision, of logarithms on a grid: it decides about effort, never about a value above the accuracy
aimed at. Beside the mass of a stationary law, what lies between it and a point far out is of no
account either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from numerics.evaluators import evaluate_mpmath, numpy_function
from numerics.lowering import Model

_POINTS = 4001
_FARTHEST = 35.0
"""An infinite side is sampled to r ± sinh 35 ≈ 10^15."""
_MARGIN = 40.0
"""In units of log: for sums over many points, and coarse integration of Φ."""

_FAR_OUT = 2000.0
"""A point with a density of e^-2000 is far out in a tail."""

Logs = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Relevance:
    """log of the largest product that each position takes part in, relative to the largest."""

    positions: Logs
    levels: Logs
    margin: float

    def matters(self, low: float, high: float, bits: int) -> bool:
        """Whether some position of [low, high] counts at an accuracy of 2^-bits."""
        first = max(int(np.searchsorted(self.positions, low)) - 1, 0)
        last = int(np.searchsorted(self.positions, high, side="right")) + 1
        return bool(np.max(self.levels[first:last]) > -bits * np.log(2) - self.margin)


def relevance(
    model: Model, start: float, low: float | None, high: float | None, order: int = 1
) -> Relevance | None:
    """The relevance of positions to E[τ^order] from `start`; None where doubles do not reach.

    `low` and `high` are the exits; None is an open end. With two exits the order is 1.
    """
    grid = _grid(start, low, high)
    log_speed, log_scale = _densities(model, grid, start)
    inside = np.isfinite(log_speed) & np.isfinite(log_scale)
    # A far tail that doubles cannot hold is of no account; anything else is left to mpmath.
    if not inside[np.abs(grid - start) <= 1e3 * (1 + abs(start))].all():
        return None
    log_speed, log_scale = log_speed[inside], log_scale[inside]
    left = grid[inside] <= start
    levels = _levels(log_speed, log_scale, left, low is not None, high is not None, order)
    # What sampling misses at a peak between two points, near those that may matter.
    bends = np.abs(np.diff(log_speed, 2))[levels[1:-1] > -_FAR_OUT]
    bend = float(np.max(bends)) / 8 if bends.size else 0.0
    return Relevance(grid[inside], levels, order * (_MARGIN + bend))


def tail_relevance(model: Model, inside: float, at: float) -> Relevance | None:
    """The relevance of positions to the mass of the law, for a point far out in a tail.

    None where the point is not far out, or doubles do not reach. `inside` is a point of a law on
    the whole line.
    """
    grid = _grid(inside, None, None)
    log_speed, _ = _densities(model, grid, inside)
    held = np.isfinite(log_speed)
    if not held[np.abs(grid - inside) <= 1e3 * (1 + abs(inside))].all():
        return None
    grid, log_speed = grid[held], log_speed[held]
    levels = _relative(log_speed + np.log1p(np.abs(grid - inside)))
    place = min(int(np.searchsorted(grid, at)), len(grid) - 1)
    if levels[place] > -_FAR_OUT:
        return None
    bend = float(np.max(np.abs(np.diff(log_speed, 2))[levels[1:-1] > -_FAR_OUT])) / 8
    return Relevance(grid, levels, _MARGIN + bend)


def _densities(model: Model, grid: Logs, origin: float) -> tuple[Logs, Logs]:
    """log of speed and scale density on a grid, with Φ = 0 at its point `origin`."""
    with np.errstate(all="ignore"):
        gradient = numpy_function(model.gradient)(grid)[0] * np.ones_like(grid)
        noise = numpy_function(model.noise)(grid)[0] * np.ones_like(grid)
        eta = float(evaluate_mpmath(model.eta)[0])
        s = 1 - float(evaluate_mpmath(model.theta)[0])
        slope = 2 * gradient / (eta * noise)
        rises = np.diff(grid) * (slope[1:] + slope[:-1]) / 2
        # Outward from the origin: far tails must not swamp what lies near it.
        first = int(np.searchsorted(grid, origin))
        left = -np.cumsum(rises[:first][::-1])[::-1]
        phi = np.concatenate([left, [0.0], np.cumsum(rises[first:])])
        return -s * np.log(noise) - phi, (s - 1) * np.log(noise) + phi


def _grid(start: float, low: float | None, high: float | None) -> Logs:
    left = _side(start, low, -1)
    return np.concatenate([left[:0:-1], _side(start, high, 1)])


def _side(start: float, end: float | None, direction: int) -> Logs:
    if end is not None:
        return np.linspace(start, end, _POINTS)
    return start + direction * np.sinh(np.linspace(0.0, _FARTHEST, _POINTS))


def _levels(
    speed: Logs, scale: Logs, left: Any, lower_exit: bool, upper_exit: bool, order: int
) -> Logs:
    # The start is a point of both sides: the scale beside it may be the largest of its side.
    right = ~left
    right[np.count_nonzero(left) - 1] = True
    if not lower_exit:
        return _relative(_chains(speed, scale, right, order))
    if not upper_exit:
        return _relative(_chains(speed[::-1], scale[::-1], left[::-1], order)[::-1])
    # `(r ∫ l p + l ∫ r p)/(l + r)`: the two parts of the scale are needed in full themselves.
    below, above = _largest(scale[left]), _largest(scale[right])
    pairs = _relative(
        np.concatenate(
            [
                _products((speed[left] + above)[::-1], scale[left][::-1])[::-1],
                _products(speed[~left] + below, scale[~left]),
            ]
        )
    )
    return np.maximum(pairs, scale - np.where(left, below, above))


def _chains(speed: Logs, scale: Logs, onward: Any, order: int) -> Logs:
    """Largest `Σ scale[y_k] + speed[z_k]` that each position takes part in, for an exit above.

    `E τⁿ/n! = ∫q(y_1) ∫p(z_1) ∫q(y_2) ∫p(z_2) …` with `start <= y_1`, `z_k <= y_k` and
    `z_k <= y_(k+1)`.
    """
    weights = [scale, speed] * order
    forward = [np.where(onward, scale, -np.inf)]
    for k in range(1, 2 * order):
        before = forward[-1]
        if k % 2:
            reached = np.maximum.accumulate(before[::-1])[::-1]
        else:
            reached = np.maximum.accumulate(before)
        forward.append(reached + weights[k])
    backward = np.zeros_like(speed)
    levels = forward[-1]
    for k in range(2 * order - 1, 0, -1):
        after = backward + weights[k]
        if k % 2:
            backward = np.maximum.accumulate(after)
        else:
            backward = np.maximum.accumulate(after[::-1])[::-1]
        levels = np.maximum(levels, forward[k - 1] + backward)
    return levels


def _largest(values: Logs) -> float:
    return float(np.max(values)) if values.size else -np.inf


def _products(first: Logs, second: Logs) -> Logs:
    """Largest first[i] + second[j] with i <= j that each position takes part in."""
    if not first.size:
        return first
    earlier = np.maximum.accumulate(first) + second
    later = np.maximum.accumulate(second[::-1])[::-1] + first
    return np.maximum(earlier, later)


def _relative(levels: Logs) -> Logs:
    return levels - np.max(levels)
