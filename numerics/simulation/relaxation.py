"""How long a path must run before it has forgotten where it started, on a grid.

Paths show a slow mode only where they pass between wells in numbers: over times much shorter than
the passage nothing drifts, and the share of the wells is that of the start. So the mean
`u(x, t) = E_x f(X_t)` is followed on a grid of states, with drift and noise taken as constant from
point to point, by implicit steps of growing length: `∂_t u = 𝓛u`, a chain of births and deaths. It
is good to some per cent, decides for how long paths run, and enters no estimate.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from numerics.errors import ComputationError
from numerics.simulation.schemes import KernelModel
from numerics.simulation.waypoints import between_neighbours

MASS = 1e-12
"""Share of the mass that may lie outside of the grid."""

CLIMB = 30.0
"""Rise of the scale density's logarithm that paths do not make."""

_POINTS = 600
_GROWTH = 1.05
_LONGEST = 1e18

_Grid = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Points, rates upwards and downwards, and the stationary law of the chain."""


def _chain(kernel: KernelModel, points: np.ndarray, start: float) -> _Grid:
    """The chain on the points, as far as the noise is positive on both sides of the start."""
    with np.errstate(all="ignore"):
        drift, variance = kernel.coefficients(points)
        wrong = ~(np.isfinite(drift) & np.isfinite(variance) & (variance > 0.0))
        middle = int(np.searchsorted(points, start))
        below, above = np.flatnonzero(wrong[:middle]), np.flatnonzero(wrong[middle:])
        kept = slice(
            int(below[-1]) + 1 if below.size else 0,
            middle + int(above[0]) if above.size else len(points),
        )
        points, drift, variance = points[kept], drift[kept], variance[kept]
        ends = (-np.inf, np.inf)
        up, times = between_neighbours(points, drift, variance, *ends)
        down, _ = between_neighbours(-points[::-1], -drift[::-1], variance[::-1], *ends)
        rise, fall = up / times, down[::-1] / times
        rise[-1] = fall[0] = 0.0
        logarithm = np.append(0.0, np.cumsum(np.log(rise[:-1]) - np.log(fall[1:])))
        law = np.exp(logarithm - np.max(logarithm))
    return points, rise, fall, law / law.sum()


def _climbed(kernel: KernelModel, outwards: np.ndarray) -> int:
    """The first position at which the way outwards has risen by CLIMB from its lowest point."""
    drift, variance = kernel.coefficients(outwards)
    slope = -2.0 * drift / variance
    rise = np.append(0.0, np.cumsum(0.5 * (slope[1:] + slope[:-1]) * np.diff(outwards)))
    high = np.flatnonzero(rise - np.minimum.accumulate(rise) > CLIMB)
    return int(high[0]) if high.size else len(outwards) - 1


def _grid(kernel: KernelModel, start: float) -> _Grid:
    """Points wide enough to hold the law, and wells into which the start may fall; no wider."""
    _, variance = kernel.coefficients(np.array([start]))
    scale = max(1.0, abs(start), float(variance[0]) ** 0.5)
    far = np.geomspace(1e-4, 1e8, 4000) * scale
    wide = np.concatenate([start - far[::-1], [start], start + far])
    points, _, _, law = _chain(kernel, wide, start)
    mass = np.cumsum(law)
    at = int(np.searchsorted(points, start))
    first = min(int(np.searchsorted(mass, MASS)) - 1, at - _climbed(kernel, points[at::-1]))
    last = max(int(np.searchsorted(mass, 1.0 - MASS)) + 1, at + _climbed(kernel, points[at:]))
    low, high = points[max(0, first)], points[min(len(points) - 1, last)]
    near = np.geomspace(1e-4, 1.0, _POINTS // 4)
    inside = np.concatenate(
        [
            np.linspace(low, high, _POINTS),
            [start],
            start - near * (start - low),
            start + near * (high - start),
        ]
    )
    return _chain(kernel, np.unique(inside), start)


def forgetting_time(
    kernel: KernelModel,
    start: float,
    functional: Callable[[np.ndarray], np.ndarray],
    tolerance: float,
) -> float:
    """The time from which on `|E_x f(X_t) − E f|` is below tolerance·max |E f| for all f.

    Where the means nearly vanish, a thousandth of the root mean square stands for them.

    Parameters
    ----------
    functional : the f: states of shape (1, n) to values of shape (functions, 1, n)

    Raises
    ------
    ComputationError : longer than any path can run
    """
    from scipy.linalg import solve_banded

    points, rise, fall, law = _grid(kernel, start)
    values = functional(points[np.newaxis])[:, 0, :].T
    settled = law @ values
    size = np.maximum(np.abs(settled), 1e-3 * np.sqrt(law @ values**2))
    allowed = tolerance * float(np.max(size))
    at = int(np.searchsorted(points, start))
    fastest = float(np.max(rise + fall))
    time, length, forgotten = 0.0, 1.0 / fastest, 0.0
    while time < _LONGEST / fastest:
        band = np.zeros((3, len(points)))
        band[0, 1:] = -length * rise[:-1]
        band[1] = 1.0 + length * (rise + fall)
        band[2, :-1] = -length * fall[1:]
        values = solve_banded((1, 1), band, values)
        time += length
        length *= _GROWTH
        if float(np.max(np.abs(values[at] - settled))) > allowed:
            forgotten = time
        elif float(np.max(np.ptp(values, axis=0))) <= allowed:
            return forgotten
    raise ComputationError(
        "a stationary average whose paths forget their start",
        f"a mean that still differs from it at time {time:.3g}",
        "ask for the certified value (exitlaw evaluate)",
    )
