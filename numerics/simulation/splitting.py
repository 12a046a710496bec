"""Rare exits by multilevel splitting on an exact renewal identity.

Let r be the point where the drift settles, `z > r` and B the upper exit. A continuous path that
leaves r goes to z; from z it reaches B, with probability p, or comes back to r and starts afresh.
By the strong Markov property at the points r and z (Hill's relation; Hill 1989, Bhatt, Zhang and
Zuckerman 2010),

    τ(r) = (E_r[T_z] + E_z[T_{r,B}]) / p,        p = P_z(B before r),

and with exits on both sides, `q` the share of paths that leave (z₋, z₊) upwards,

    τ(r) = (E_r[T_{z₋,z₊}] + Σ q± E_{z±}[T_{r,B±}]) / Σ q± p±.

The probability splits along levels `z = z₁ < z₂ < … < zₙ₊₁ = B`: `p = Π P_{zᵢ}(zᵢ₊₁ before r)`. In
one dimension a level is a point, so that stages are independent runs from exact starts and the
product of their frequencies is unbiased, whatever the levels; a pilot places them so that each
stage succeeds with a probability near TARGET. Only the time step biases: levels h and h/4 bound it,
as for plain paths. From another start x, `τ(x) = E_x[T_{r,exits}] + P_x(r first) τ(r)`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from numerics.errors import ComputationError
from numerics.simulation.exit import ExitChunk, ExitProblem, ExitTally, LevelResult, Workplace
from numerics.simulation.streams import Key, stream_key

TARGET = 0.2
"""Success of a stage: the work for a given error is flat around it."""

FIRST_LEVEL = 0.5
"""Distance of z from r in standard deviations of the linearised process."""

PILOT_PATHS = 2000
PILOT_STAGES = 24
STAGE_STEPS = 10**7
"""Steps after which a stage counts as stuck: another metastable state lies on the way."""


@dataclass(frozen=True)
class _Branch:
    """The way to one exit: levels from z to the exit, outwards."""

    levels: tuple[float, ...]

    @property
    def exit(self) -> float:
        return self.levels[-1]


def settling_point(problem: ExitProblem) -> tuple[float, float]:
    """Where the Itô drift carries the start, and the standard deviation of the process there.

    Raises
    ------
    ComputationError : the drift carries the start out: its exit is no rare event
    """
    ends = [b for b in (problem.lower, problem.upper) if math.isfinite(b)]
    span = max(abs(problem.start - b) for b in ends)
    drift, _ = problem.kernel.coefficients(np.array([problem.start]))
    point = problem.start
    if drift[0] != 0.0:
        sign = math.copysign(1.0, float(drift[0]))
        grid = problem.start + sign * span * np.linspace(0.0, 4.0, 8193)
        grid = grid[(grid > problem.lower) & (grid < problem.upper)]
        values, _ = problem.kernel.coefficients(grid)
        turned = np.flatnonzero(sign * values <= 0.0)
        if turned.size == 0:
            raise ComputationError(
                "a start from which the drift leads to a point of rest",
                f"a drift that leads from {problem.start:.6g} to {grid[-1]:.6g}",
                "simulate this exit with plain paths: it is no rare event",
            )
        low, high = grid[turned[0] - 1], grid[turned[0]]
        weight = values[turned[0] - 1] / (values[turned[0] - 1] - values[turned[0]])
        point = float(low + weight * (high - low))
    d = 1e-4 * span
    around = np.array([point - d, point, point + d])
    drift, variance = problem.kernel.coefficients(around)
    slope = float(drift[0] - drift[2]) / (2.0 * d)
    room = 0.2 * min(abs(point - b) for b in ends)
    deviation = math.sqrt(float(variance[1]) / (2.0 * slope)) if slope > 0.0 else room
    return point, deviation


class Splitting:
    """Splitting of one exit problem: levels placed once, then any number of independent runs."""

    suffix = "+splitting"

    def __init__(self, problem: ExitProblem, seed: int, workplace: Workplace, h: float) -> None:
        self.problem = problem
        self.seed = seed
        self.workplace = workplace
        self.rest, deviation = settling_point(problem)
        self.steps = 0
        self.branches: dict[int, _Branch] = {}
        for sign, bound in ((1, problem.upper), (-1, problem.lower)):
            if math.isfinite(bound):
                near = self.rest + sign * min(FIRST_LEVEL * deviation, 0.5 * abs(bound - self.rest))
                self.branches[sign] = self._place_levels(sign, near, bound, h)

    @property
    def stages(self) -> int:
        """Number of stages of both branches."""
        return sum(len(branch.levels) - 1 for branch in self.branches.values())

    def run(self, index: int, h: float, paths: int) -> LevelResult:
        """The mean exit time at step h, `paths` per stage, on streams of their own."""
        self.steps = 0
        first = self._stage(
            stream_key(self.seed, index, 0), paths, h, self.rest, self._first_exits()
        )
        shares = {1: first.above / paths, -1: first.below / paths}
        duration, error = first.times.mean, first.times.standard_error
        rate, rate_variance = 0.0, 0.0
        rates: dict[int, float] = {}
        for sign, branch in self.branches.items():
            label = 2 + sign
            excursion = self._stage(
                stream_key(self.seed, index, label, 0),
                paths,
                h,
                branch.levels[0],
                self._bounds(sign, branch.exit),
            )
            share = shares[sign]
            duration += share * excursion.times.mean
            error += share * excursion.times.standard_error
            error += excursion.times.mean * math.sqrt(share * (1.0 - share) / paths)
            probability, relative = self._probability(index, label, sign, branch, h, paths)
            rates[sign] = probability
            rate += share * probability
            rate_variance += (share * probability) ** 2 * relative
        if len(rates) == 2:
            share = shares[1]
            rate_variance += (rates[1] - rates[-1]) ** 2 * share * (1.0 - share) / paths
        if rate == 0.0:
            raise ComputationError(
                "a path through every level", "none", "give more paths per stage"
            )
        mean = duration / rate
        deviation = mean * math.hypot(error / duration, math.sqrt(rate_variance) / rate)
        mean, deviation = self._from_start(index, h, paths, mean, deviation)
        return LevelResult(mean, deviation, paths, self.steps)

    def _from_start(
        self, index: int, h: float, paths: int, mean: float, deviation: float
    ) -> tuple[float, float]:
        start, rest = self.problem.start, self.rest
        if abs(start - rest) < 1e-12 * (1.0 + abs(rest)):
            return mean, deviation
        bounds = (rest, self.problem.upper) if start > rest else (self.problem.lower, rest)
        way = self._stage(stream_key(self.seed, index, 4), paths, h, start, bounds)
        settled = (way.below if start > rest else way.above) / paths
        spread = math.sqrt(settled * (1.0 - settled) / paths) * mean
        deviation = math.hypot(way.times.standard_error + spread, settled * deviation)
        return way.times.mean + settled * mean, deviation

    def _first_exits(self) -> tuple[float, float]:
        lower = self.branches[-1].levels[0] if -1 in self.branches else -math.inf
        upper = self.branches[1].levels[0] if 1 in self.branches else math.inf
        return lower, upper

    def _bounds(self, sign: int, far: float) -> tuple[float, float]:
        return (self.rest, far) if sign > 0 else (far, self.rest)

    def _stage(
        self, key: Key, paths: int, h: float, start: float, bounds: tuple[float, float]
    ) -> ExitTally:
        problem = replace(self.problem, start=start, lower=bounds[0], upper=bounds[1])

        chunk = ExitChunk(problem, key, h, STAGE_STEPS * h)
        tally = self.workplace.tally(chunk, paths)
        if tally.inside:
            raise ComputationError(
                "stages that end within 10⁷ steps",
                f"paths from {start:.6g} that stay between {bounds[0]:.6g} and {bounds[1]:.6g}",
                "start from the metastable state nearest to the exit",
            )
        self.steps += tally.times.steps
        return tally

    def _success(self, key: Key, sign: int, near: float, far: float, h: float, paths: int) -> float:
        stage = self._stage(key, paths, h, near, self._bounds(sign, far))
        return (stage.above if sign > 0 else stage.below) / paths

    def _probability(
        self, index: int, label: int, sign: int, branch: _Branch, h: float, paths: int
    ) -> tuple[float, float]:
        """Unbiased estimate of P_z(exit before r) and its relative variance."""
        probability, spread = 1.0, 1.0
        for i, (near, far) in enumerate(zip(branch.levels, branch.levels[1:], strict=False)):
            key = stream_key(self.seed, index, label, i + 1)
            success = self._success(key, sign, near, far, h, paths)
            if success == 0.0:
                return 0.0, math.inf
            probability *= success
            spread *= 1.0 + (1.0 - success) / (success * (paths - 1))
        return probability, spread - 1.0

    def _place_levels(self, sign: int, near: float, bound: float, h: float) -> _Branch:
        """Levels with success near TARGET, by interpolating ln p of a pilot on even levels."""
        grid = np.linspace(near, bound, PILOT_STAGES + 1)
        cost = [0.0]
        for i in range(PILOT_STAGES):
            key = stream_key(self.seed, -1000, 2 + sign, i)
            hits = self._success(key, sign, float(grid[i]), float(grid[i + 1]), h, PILOT_PATHS)
            # A stage without any success is steeper than the pilot sees: a floor keeps it in.
            cost.append(cost[-1] - math.log(max(hits, 0.5 / PILOT_PATHS)))
        count = max(1, round(cost[-1] / -math.log(TARGET)))
        marks = np.linspace(0.0, cost[-1], count + 1)[1:-1]
        inner = np.interp(marks, cost, grid)
        return _Branch((near, *(float(x) for x in inner), bound))
