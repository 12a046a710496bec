"""Mean exit times by exact simulation: plain paths, or milestone by milestone where exits are rare.

Up to an upper exit B stand milestones `l₀ < l₁ < … < lₙ = B`, the start among them, placed by
`numerics.simulation.waypoints` so that each next one is reached in numbers. With `Eₖ` the mean time
from lₖ to lₖ₊₁, a path from lₖ reaches lₖ₊₁ or comes back to lₖ₋₁, from where it takes `Eₖ₋₁` on
average to be at lₖ again (the strong Markov property; in one dimension a milestone is a point, and
cells end on it):

    Eₖ = E[Sₖ] + E[Rₖ] Eₖ₋₁,    τ(start) = Σ Eₖ over the milestones from the start on,

with Sₖ the time that a path spends until lₖ₊₁ without its Rₖ returns. The means are taken over
independent paths for each milestone, so that products of them are unbiased: there is neither a time
step nor a ratio of estimates. The work grows as the square of ln τ, through any number of wells.
A lower exit is an upper one seen in a mirror.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from numerics.errors import ComputationError
from numerics.scheduling import run_chunks
from numerics.simulation.estimate import Estimate, normal_quantile
from numerics.simulation.exact import EXACT, ExactProblem, beyond, exact_kernel
from numerics.simulation.exit import ExitChunk, LevelResult, Workplace, chunks_of
from numerics.simulation.schemes import code_digest
from numerics.simulation.streams import Key, stream_key
from numerics.simulation.sums import Moments
from numerics.simulation.waypoints import Outlook

MILESTONES_PAY = 1e8
"""Cells left by plain paths beyond which the way goes by milestones."""

MOST_CELLS = 1e10
"""Some hours."""

LEVEL_PILOT = 4000
STUCK_CELLS = 10**8


@dataclass(frozen=True)
class _Climb:
    """The job of a chunk: paths from milestone k to the next, a return to the last at a price."""

    problem: ExactProblem
    key: Key
    places: tuple[float, float, float]
    """y of milestones k−1 (or −∞), k and k+1"""
    penalty: float

    def __call__(self, item: tuple[int, int]) -> list[int]:
        first, count = item
        below, here, above = self.places
        times = np.empty(count)
        steps, returns = exact_kernel("exact_climbs")(
            np.array(self.key, dtype=np.uint64), first, here, self.problem.table.panel_of(here),
            below, above, self.penalty, STUCK_CELLS, *self.problem.arguments(), times,
        )  # fmt: skip
        if np.any(times < 0.0):
            raise beyond(self.problem)
        moments = Moments.of(times, steps)
        return [moments.count, moments.total, moments.squares, moments.steps, int(returns)]


@dataclass(frozen=True)
class _Passage:
    """What the paths of one milestone gave."""

    times: Moments
    returns: float
    """mean number"""


class Milestones:
    """The way to an upper exit, milestone by milestone."""

    suffix = "+milestones"

    def __init__(
        self, problem: ExactProblem, points: Sequence[float], seed: int, workplace: Workplace
    ) -> None:
        """`points` are states upwards, the start among them."""
        self.problem, self.seed, self.workplace = problem, seed, workplace
        self.start = points.index(problem.start)
        here, _, upper = problem.coordinates()
        places = [problem.table.coordinate(point) for point in points]
        places[self.start] = here
        self.places = [*places, upper]
        pilot = self._passages(0, [LEVEL_PILOT] * self.count)
        shares = self._shares(pilot)
        self.steps = sum(p.times.steps for p in pilot)
        # Least cost for a given error: paths in proportion to √(share of the variance / cost).
        costs = [max(1.0, p.times.steps / p.times.count) for p in pilot]
        self.weights = [math.sqrt(s / c) for s, c in zip(shares, costs, strict=True)]
        self.mean = self._mean(pilot)
        self.variance = sum(s / w for s, w in zip(shares, self.weights, strict=True) if w > 0.0)

    @property
    def count(self) -> int:
        """Milestones before the exit."""
        return len(self.places) - 1

    def paths_for(self, relative_error: float) -> float:
        """What `run` has to be given for a relative standard error."""
        return self.variance / (relative_error * self.mean) ** 2

    def run(self, index: int, paths: float) -> LevelResult:
        """The mean exit time with `paths` times the weight of each milestone, from new streams."""
        counts = [max(1000, math.ceil(paths * weight)) for weight in self.weights]
        passages = self._passages(index, counts)
        shares = self._shares(passages)
        variance = sum(s / p.times.count for s, p in zip(shares, passages, strict=True))
        steps = sum(p.times.steps for p in passages)
        self.steps += steps
        return LevelResult(self._mean(passages), math.sqrt(variance), sum(counts), steps)

    def _passages(self, index: int, counts: list[int]) -> list[_Passage]:
        passages: list[_Passage] = []
        for k, paths in enumerate(counts):
            below = self.places[k - 1] if k else -math.inf
            penalty = passages[-1].times.mean if k else 0.0
            climb = _Climb(
                self.problem,
                stream_key(self.seed, index, 7, k),
                (below, self.places[k], self.places[k + 1]),
                penalty,
            )
            parts = run_chunks(
                climb,
                chunks_of(paths),
                scheduler=self.workplace.scheduler,
                store=self.workplace.store,
                progress=self.workplace.progress,
                code=code_digest(),
            )
            moments = sum((Moments(*part[:4]) for part in parts), Moments())
            passages.append(_Passage(moments, sum(part[4] for part in parts) / paths))
        return passages

    def _mean(self, passages: list[_Passage]) -> float:
        return sum(p.times.mean for p in passages[self.start :])

    def _shares(self, passages: list[_Passage]) -> list[float]:
        """Variance of the result for one path of each milestone."""
        influence, shares = 0.0, []
        for k in range(len(passages) - 1, -1, -1):
            later = passages[k + 1].returns * influence if k + 1 < len(passages) else 0.0
            influence = later + (1.0 if k >= self.start else 0.0)
            shares.append(influence**2 * passages[k].times.variance)
        return shares[::-1]


def exact_mean_exit_time(
    problem: ExactProblem,
    seen: Outlook,
    *,
    seed: int,
    workplace: Workplace,
    paths: int | None,
    target: float,
    notes: tuple[str, ...] = (),
) -> Estimate:
    """Mean exit time by exact simulation; see `numerics.simulation.mean_exit.mean_exit_time`.

    Parameters
    ----------
    seen : what a grid tells of the problem: whether milestones pay, and no more

    Raises
    ------
    ComputationError : a rare exit with exits on both sides, a run that is too long
    """
    begun = time.perf_counter()
    scale = normal_quantile(0.975)
    wanted = paths or max(1000, math.ceil(1.2 * seen.variation * (scale / target) ** 2))
    work = seen.mean / problem.scale * wanted
    one_sided = math.isinf(problem.lower) or math.isinf(problem.upper)
    suffix, spent = "", 0
    if (seen.hidden or work > MILESTONES_PAY) and one_sided:
        way = Milestones(*_upwards(problem, seen.waypoints()), seed, workplace)
        suffix, share, spent = way.suffix, way.paths_for(0.9 * target / scale), way.steps
        if paths is not None:
            share = paths / max(way.weights)
        _require_affordable(share * sum(way.weights) * way.steps / (LEVEL_PILOT * way.count))

        def level(index: int, factor: float) -> LevelResult:
            return way.run(index, share * factor)

    elif seen.hidden:
        raise ComputationError(
            "an exit time to which all paths contribute, for exact simulation between two exits",
            f"a variance of about {seen.variation:.3g} times the squared mean",
            "leave out --scheme: the default cuts the way at points",
        )
    else:
        _require_affordable(work)

        def level(index: int, factor: float) -> LevelResult:
            count = math.ceil(wanted * factor)
            chunk = ExitChunk(problem, stream_key(seed, index), 0.0)
            moments = workplace.tally(chunk, count).times
            return LevelResult(moments.mean, moments.standard_error, count, moments.steps)

    factor, index = 1.0, 1
    while True:
        found = level(index, factor)
        spent += found.steps
        bias = abs(found.mean) * problem.table.error
        excess = (scale * found.standard_error + bias) / (target * abs(found.mean))
        if paths is not None or excess <= 1.0:
            break
        # From new streams: going on until the error looks small would bias the mean.
        factor, index = factor * min(4.0, max(1.2, 1.1 * excess**2)), index + 1
        _require_affordable(found.steps * factor)
    return Estimate(
        estimate=found.mean,
        standard_error=found.standard_error,
        bias_bound=bias,
        # No step biases, by a theorem; what the tables add has been measured.
        bias_kind="estimated",
        paths=found.paths,
        path_steps=spent,
        scheme=EXACT + suffix,
        seed=seed,
        seconds=time.perf_counter() - begun,
        notes=notes,
    )


def _upwards(
    problem: ExactProblem, points: tuple[float, ...]
) -> tuple[ExactProblem, tuple[float, ...]]:
    """The same problem and points, with the one exit above the start."""
    if math.isfinite(problem.upper):
        return problem, points
    mirrored = replace(
        problem,
        start=-problem.start, lower=-problem.upper, upper=-problem.lower, mirrored=True,
    )  # fmt: skip
    return mirrored, tuple(-point for point in reversed(points))


def _require_affordable(cells: float) -> None:
    if cells > MOST_CELLS:
        raise ComputationError(
            f"a run that leaves at most {MOST_CELLS:.1g} cells",
            f"about {cells:.2g}",
            "give a larger target error, or leave out --scheme: the default splits rare exits",
        )
