"""Mean exit times to which a few paths contribute most: the way is cut at points.

From close to an exit, or from beyond a saddle, nearly every path leaves at once, and the mean is
made by the few that fall back into a well and stay there. A sample of paths sees none of them, or
one, and its spread tells nothing about it. Where the model says so (`hidden`), paths are run
between neighbours of points `y_0 < … < y_n` instead. A continuous path that is at y_i comes to
y_{i+1}, with probability p_i, or to y_{i−1}, q_i = 1 − p_i, after a mean time t_i, and starts
afresh there (the strong Markov property):

    τ_i = t_i + p_i τ_{i+1} + q_i τ_{i−1},        τ = 0 at the exits.

With one exit the outermost point has one neighbour, and no more than BEYOND of the mean time is
spent on its other side. Each t_i and p_i is measured by paths of its own from an exact start; the
steps between neighbours fit their distance, so that only the time step biases, and levels h
and h/4 bound it, as for plain paths. The error is that of the linearised solution: an error of p_i
counts `g_i (τ_{i+1} − τ_{i−1})`, g_i the mean number of visits of y_i.

What is hidden, and where the points are put, is told by the same equations on a fine grid, with
drift and noise taken as constant between neighbours. It is good to a few per cent, decides how
paths are run, and enters no estimate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from numerics.errors import ComputationError
from numerics.simulation.exit import ExitChunk, ExitProblem, LevelResult, Workplace, coarse_step
from numerics.simulation.streams import stream_key

HIDDEN = 30.0
"""Variance over squared mean of the exit time beyond which plain paths are not trusted.

An exit from a well has 1, a start in its flank a few; one path in 15 makes the mean at 30.
"""

BEYOND = 1e-7
"""Share of the mean time that is spent beyond the outermost point of an open side."""

_TURN = 1.5
"""Most by which the logarithm of the scale density changes between neighbours."""

_GROWTH = 2.0
"""Most by which a distance between neighbours exceeds the one before it."""

MOST_POINTS = 400
FINEST = 1e-9
"""Smallest distance of grid points to start and exits, relative to their distance."""

_REACH = 1e6
"""How far the grid goes on an open side, in distances of start and exits."""


def solve_chain(up: np.ndarray, down: np.ndarray, source: np.ndarray) -> np.ndarray:
    """x with `x_i = source_i + up_i x_{i+1} + down_i x_{i−1}` for chances `up + down = 1`.

    x is 0 beyond both ends; an end without exit has no chance to go there. Sources may be columns.
    Every term is positive and nothing is subtracted, so that probabilities of 10⁻³⁰⁰ keep their
    digits (Grassmann, Taksar and Heyman 1985).
    """
    # Plain floats where there is one column: a loop over them is several times as fast.
    rows = source.tolist() if source.ndim == 1 else list(source)
    lost, carried = 1.0, 0.0 * rows[0]
    eliminated = []
    for chance, back, row in zip(up.tolist(), down.tolist(), rows, strict=True):
        stays = chance + back * lost
        carried = (row + back * carried) / stays
        onward, lost = chance / stays, back * lost / stays
        eliminated.append((onward, carried))
    found, following = [], 0.0 * rows[0]
    for onward, constant in reversed(eliminated):
        following = constant + onward * following
        found.append(following)
    return np.array(found[::-1])


def _distances(start: float, bound: float, other: float) -> np.ndarray:
    """Distances from the start of grid points on the side of a bound that may be infinite."""
    if math.isfinite(bound):
        width = abs(bound - start)
        near = np.geomspace(FINEST, 0.5, 200) * width
        return np.concatenate([near, width - near, np.linspace(0.0, width, 1025)[1:]])
    # Lengths of the model do not follow from a start close to its exit: all are tried.
    furthest = _REACH * max(abs(other - start), 1e-6 * (1.0 + abs(start)))
    return np.geomspace(1e-15, 1.0, 4000) * furthest


def _grid(problem: ExitProblem) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points between the exits, the start among them, Itô drift and squared noise there.

    As far as both are finite and the noise is positive: the domain may end there.
    """
    start, lower, upper = problem.start, problem.lower, problem.upper
    points = np.unique(
        np.concatenate(
            [
                start - _distances(start, lower, upper),
                [start],
                start + _distances(start, upper, lower),
            ]
        )
    )
    points = points[(points > lower) & (points < upper)]
    with np.errstate(all="ignore"):
        drift, variance = problem.kernel.coefficients(points)
        # So far out that the slope of the density is beyond doubles, no path comes.
        reach = np.abs(points) + abs(start) + 1.0
        wrong = ~(np.isfinite(drift) & (np.abs(drift / variance) * reach < 1e300))
        wrong |= ~(np.isfinite(variance) & (variance > 0.0))
    middle = int(np.searchsorted(points, start))
    below, above = np.flatnonzero(wrong[:middle]), np.flatnonzero(wrong[middle:])
    first = int(below[-1]) + 1 if below.size else 0
    end = middle + int(above[0]) if above.size else len(points)
    return points[first:end], drift[first:end], variance[first:end]


def between_neighbours(
    points: np.ndarray, drift: np.ndarray, variance: np.ndarray, lower: float, upper: float
) -> tuple[np.ndarray, np.ndarray]:
    """Chances to reach the upper neighbour first, and mean times, coefficients held constant.

    An open end has a neighbour at the distance of the other one, of which the path is reflected.
    """
    d = np.diff(points)
    low = np.concatenate([[points[0] - lower if math.isfinite(lower) else d[0]], d])
    high = np.concatenate([d, [upper - points[-1] if math.isfinite(upper) else d[-1]]])
    slope = 2.0 * drift / variance
    turn = slope * np.maximum(low, high)
    flat = np.abs(turn) < 1e-4
    safe = np.where(flat, 1.0, slope)
    up = np.where(flat, low, np.expm1(np.clip(safe * low, -500.0, 500.0)) / safe)
    down = np.where(flat, high, -np.expm1(np.clip(-safe * high, -500.0, 500.0)) / safe)
    chance = up / (up + down)
    straight = np.where(flat, 1.0, drift)
    times = np.where(flat, low * high / variance, (up * high - down * low) / (up + down) / straight)
    return chance, np.maximum(times, 0.0)


@dataclass(frozen=True)
class Outlook:
    """What the grid tells of an exit problem: mean, and squared variation, of the exit time."""

    problem: ExitProblem
    points: np.ndarray
    slope: np.ndarray
    """of the logarithm of the scale density"""
    up: np.ndarray
    down: np.ndarray
    times: np.ndarray
    start: int
    mean: float
    variation: float

    @property
    def hidden(self) -> bool:
        """Whether a few paths make the mean."""
        return self.variation > HIDDEN

    def waypoints(self) -> tuple[float, ...]:
        """Where to cut the way, upwards; the start is one of the points.

        Neighbours are no further apart than the scale density and the distance before allow.

        Raises
        ------
        ComputationError : too many of them
        """
        outwards = [self._outwards(sign, bound) for sign, bound in self._sides()]
        chosen = sorted({self.start, *outwards[0], *outwards[1]})
        if len(chosen) > MOST_POINTS:
            raise ComputationError(
                f"a way to the exits of at most {MOST_POINTS} points",
                f"{len(chosen)} between {self.points[chosen[0]]:.6g} and "
                f"{self.points[chosen[-1]]:.6g}",
                "start closer to the exit, or ask for the certified value (exitlaw evaluate)",
            )
        return tuple(float(self.points[i]) for i in chosen)

    def _sides(self) -> tuple[tuple[int, float], tuple[int, float]]:
        return (-1, self.problem.lower), (1, self.problem.upper)

    def _outwards(self, sign: int, bound: float) -> list[int]:
        """Positions on one side, the innermost first."""
        # Summed from the start: far out the exponent may be so large that no digit is left of it.
        side = slice(self.start, None) if sign > 0 else slice(self.start, None, -1)
        points, slope = sign * (self.points[side] - self.problem.start), np.abs(self.slope[side])
        turned = np.append(0.0, np.cumsum(0.5 * (slope[1:] + slope[:-1]) * np.diff(points)))
        spacing = min(abs(self.problem.start - b) for _, b in self._sides())
        reach = abs(bound - self.problem.start)
        found, here = [], 0
        while here < len(points) - 1 and len(found) <= MOST_POINTS:
            furthest = min(
                np.searchsorted(turned, turned[here] + _TURN, side="right"),
                np.searchsorted(points, points[here] + spacing, side="right"),
            )
            if furthest == len(points) and reach - points[here] <= spacing:
                break
            following = max(int(furthest) - 1, here + 1)
            spacing = _GROWTH * (points[following] - points[here])
            here = following
            found.append(self.start + sign * here)
        return found if math.isfinite(bound) else self._visited(sign, found)

    def _visited(self, sign: int, outside: list[int]) -> list[int]:
        """The points of an open side up to the first beyond which nearly no time is spent."""
        place = np.arange(len(self.times))
        beyond = np.stack([sign * (place - i) > 0 for i in outside], axis=1)
        sources = self.times[:, np.newaxis] * beyond
        share = solve_chain(self.up, self.down, sources)[self.start] / self.mean
        return outside[: int(np.argmax(share <= BEYOND)) + 1]


def outlook(problem: ExitProblem) -> Outlook:
    """The mean exit time to a few per cent, and the squared variation of the exit time.

    Raises
    ------
    ComputationError : a mean outside the range of doubles
    """
    points, drift, variance = _grid(problem)
    lower, upper = problem.lower, problem.upper
    up, times = between_neighbours(points, drift, variance, lower, upper)
    # From the other side: 1 − up has no digit of a chance below 10⁻¹⁶.
    back, _ = between_neighbours(-points[::-1], -drift[::-1], variance[::-1], -upper, -lower)
    down = back[::-1].copy()
    if not math.isfinite(lower):
        up[0], down[0] = 1.0, 0.0
    if not math.isfinite(upper):
        up[-1], down[-1] = 0.0, 1.0
    start = int(np.searchsorted(points, problem.start))
    with np.errstate(all="ignore"):
        mean = solve_chain(up, down, times)
        onward = up * np.append(mean[1:], 0.0) + down * np.append(0.0, mean[:-1])
        second = solve_chain(up, down, 2.0 * times * (times + onward))
        variation = float(second[start] / mean[start] / mean[start]) - 1.0
    if not (math.isfinite(variation) and mean[start] > 0.0):
        raise ComputationError(
            "a mean exit time in the range of doubles",
            f"about {mean[start]:.3g}",
            "move the exits closer, or ask for the certified value (exitlaw evaluate)",
        )
    slope = 2.0 * drift / variance
    return Outlook(problem, points, slope, up, down, times, start, float(mean[start]), variation)


class Waypoints:
    """Paths between neighbours of points; the chain of these gives the mean exit time."""

    suffix = "+waypoints"

    def __init__(
        self,
        problem: ExitProblem,
        points: tuple[float, ...],
        seed: int,
        workplace: Workplace,
        unit: float | None,
    ) -> None:
        """`unit` is the step h that stands for the fitting one; None: h is the step throughout."""
        self.seed = seed
        self.workplace = workplace
        self.unit = unit
        self.place = points.index(problem.start)
        ends = (problem.lower, *points, problem.upper)
        self.legs = [
            replace(problem, start=ends[i], lower=ends[i - 1], upper=ends[i + 1])
            for i in range(1, len(ends) - 1)
        ]

    def run(self, index: int, h: float, paths: int) -> LevelResult:
        """The mean exit time at steps of a size, `paths` paths from each point."""
        up, down, times, spreads = (np.empty(len(self.legs)) for _ in range(4))
        steps = 0
        for i, leg in enumerate(self.legs):
            step = h if self.unit is None else coarse_step(leg) * (h / self.unit)
            chunk = ExitChunk(leg, stream_key(self.seed, index, i), step)
            tally = self.workplace.tally(chunk, paths)
            up[i], down[i] = tally.above / paths, tally.below / paths
            times[i], spreads[i] = tally.times.mean, tally.times.variance
            steps += tally.times.steps
        if not self._leads_out(up, down):
            raise ComputationError(
                "paths on every way between neighbouring points", "none", "give more paths"
            )
        # One column for the times, and one for each point: its visits from all others.
        found = solve_chain(up, down, np.column_stack([times, np.eye(len(up))]))
        mean, visits = found[:, 0], found[self.place, 1:]
        rise = np.append(mean[1:], 0.0) - np.append(0.0, mean[:-1])
        # Time and side of a path may go together: their errors are added.
        error = np.sqrt(spreads) + np.abs(rise) * np.sqrt(up * down)
        deviation = math.sqrt(float(np.sum((visits * error) ** 2)) / paths)
        return LevelResult(float(mean[self.place]), deviation, paths, steps)

    def _leads_out(self, up: np.ndarray, down: np.ndarray) -> bool:
        above = np.cumprod(up[self.place :] > 0.0)[-1]
        below = np.cumprod(down[self.place :: -1] > 0.0)[-1]
        return bool(above or below)
