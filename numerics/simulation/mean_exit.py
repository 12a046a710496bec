"""Mean first exit times: levels of two step sizes, by plain paths, by splitting, or coupled.

The driver chooses step and paths until statistical error and bias bound fit a target.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from numerics.errors import ComputationError, InfiniteDrift, InfiniteMean
from numerics.first_passage import mean_square_is_finite
from numerics.lowering import Model
from numerics.scheduling import ChunkStore, Progress, Scheduler, Threads
from numerics.simulation.estimate import Estimate
from numerics.simulation.exact import EXACT, exact_problem
from numerics.simulation.exact_exit import exact_mean_exit_time
from numerics.simulation.exit import (
    MULTILEVEL,
    SIDE_NONE,
    ExitChunk,
    ExitProblem,
    Explosion,
    LevelResult,
    Levels,
    Sampled,
    Workplace,
    coarse_step,
    exit_problem,
)
from numerics.simulation.requirements import (
    require_fraction,
    require_positive,
    require_positive_integer,
)
from numerics.simulation.schemes import (
    Point,
)
from numerics.simulation.streams import stream_key
from numerics.simulation.waypoints import Waypoints, outlook

MAX_LEVELS = 8
PILOT_PATHS = 256
RARE_STEPS = 200_000
"""An exit that half of the pilot paths have not made within this many steps is rare."""

SPLITTING_PAYS = 4e9
"""Path-steps of plain paths beyond which splitting is cheaper."""

MAX_STEPS = 1e13

FINEST_STEP = 1e-6
"""Smallest step that is tried, relative to the one that fits the model."""

UNPROVED_SQUARE = (
    "it is not proved that the mean square of the exit time is finite; "
    "if it is not, its mean has no standard error and the interval means nothing"
)


def mean_exit_time(
    model: Model,
    start: Point,
    *,
    exit_above: Point | None = None,
    exit_below: Point | None = None,
    paths: int | None = None,
    target_error: float | None = None,
    dt: float | None = None,
    scheme: str | None = None,
    seed: int = 0,
    workers: int = 1,
    parameters: Mapping[str, float] | None = None,
    scheduler: Scheduler | None = None,
    store: ChunkStore | None = None,
    progress: Progress | None = None,
) -> Estimate:
    """Mean first exit time `E[inf{t : w_t >= exit_above or w_t <= exit_below}]` from `start`.

    Paths of two levels, steps h and h/4 on independent streams, are run until they leave; where
    plain paths would take too long, `numerics.simulation.splitting` runs each level instead (the
    scheme is then reported as `…+splitting`, and `paths` counts those of each stage), and where a
    few paths make the mean, `numerics.simulation.waypoints` does (`…+waypoints`). Schemes
    of weak order 1 are extrapolated, `τ = T(h/4) + (T(h/4) − T(h))/3`; for `platen` and `taylor`
    the fine level is reported. With a difference d of the levels and its standard error e, a bias
    that falls at least as fast as h is at most (|d| + 2e)/3: that is `bias_bound`, of kind
    "estimated".

    Parameters
    ----------
    model : drift, noise, η and θ
    start, exit_above, exit_below : states; at least one exit
    paths : paths per level; or
    target_error : relative, (half-width + bias bound)/estimate; default 0.01
    dt : the coarse step h; by default chosen from the model, refined until the target is met
    scheme : `STEP-WATCH`, STEP among euler, milstein, platen, taylor; WATCH among bridge, shift,
        grid; or `exact`, without a step (`numerics.simulation.exact_exit`); or `multilevel`
        (`numerics.simulation.multilevel`): cost ε⁻² for an error ε; takes no `paths`
    seed : integer; path n of a level uses its own stream, whatever the number of workers
    workers : threads of this process (the kernels hold no lock)
    parameters : values of the model's parameters by name
    scheduler : another place to run, e.g. `numerics.scheduling.Cluster(address)`
    store : where finished chunks are kept: a killed run continues there, with the same bits
    progress : called with the numbers of finished and of all chunks of the current stage

    Returns
    -------
    Estimate : in units of time

    Raises
    ------
    InfiniteMean : the mean exit time, or its mean square, is proved to be infinite
    ComputationError : bad input, explosion, a domain that is not left within the work allowed, or
        a target that the levels cannot reach
    """
    begun = time.perf_counter()
    multilevel, exact = scheme == MULTILEVEL, scheme == EXACT
    problem = exit_problem(
        model,
        start,
        exit_above=exit_above,
        exit_below=exit_below,
        scheme=None if multilevel or exact else scheme,
        parameters=parameters,
    )
    require_positive_integer("workers", workers)
    if multilevel and paths is not None:
        raise ComputationError(
            "a target error for multilevel, which chooses the paths of its levels",
            f"paths = {paths!r}",
            "give target_error instead of paths",
        )
    if paths is not None:
        require_positive_integer("paths", paths, least=2)
    if exact and dt is not None:
        raise ComputationError("no time step for exact simulation", f"dt = {dt!r}", "leave out dt")
    target = require_fraction("a relative target error", target_error, default=0.01)
    h = coarse_step(problem) if dt is None else _own_step(problem, dt)
    notes = _notes(model, start, exit_above, exit_below)
    workplace = Workplace(scheduler or Threads(workers), store, progress)
    seen = outlook(problem)
    if exact:
        return exact_mean_exit_time(
            exact_problem(model, problem, parameters),
            seen,
            seed=seed,
            workplace=workplace,
            paths=paths,
            target=target,
            notes=notes,
        )
    if seen.hidden and (multilevel or not problem.splits):
        raise ComputationError(
            "an exit time to which all paths contribute, for a scheme without bridges",
            f"a variance of about {seen.variation:.3g} times the squared mean: a few paths that "
            "stay inside make the mean",
            "leave the scheme out, or give one with bridges: the way is then cut at points",
        )
    if multilevel:
        from numerics.simulation.multilevel import Multilevel

        found = Multilevel(problem, seed, workplace, target).run(h, fixed_step=dt is not None)
        return Estimate(
            estimate=found.mean,
            standard_error=found.standard_error,
            bias_bound=found.bias_bound,
            bias_kind="estimated",
            paths=found.paths,
            path_steps=found.steps,
            scheme=MULTILEVEL,
            seed=seed,
            seconds=time.perf_counter() - begun,
            notes=notes,
        )
    driver = LevelDriver(problem, seed, workplace, paths, target, fixed_step=dt is not None)
    if seen.hidden:
        unit = h if dt is None else None
        driver.levels = Waypoints(problem, seen.waypoints(), seed, workplace, unit)
    value, error, bias, used = driver.run(h)
    return Estimate(
        estimate=value,
        standard_error=error,
        bias_bound=bias,
        bias_kind="estimated",
        paths=used,
        path_steps=driver.steps,
        scheme=problem.name + driver.levels.suffix,
        seed=seed,
        seconds=time.perf_counter() - begun,
        notes=notes,
    )


def _own_step(problem: ExitProblem, dt: float) -> float:
    """The step that was asked for.

    Raises
    ------
    ComputationError : so small that no path would come anywhere
    """
    least = FINEST_STEP * coarse_step(problem)
    if require_positive("a time step dt", dt) < least:
        raise ComputationError(
            f"a time step dt of at least {least:.3g}, {FINEST_STEP:g} of what fits the model",
            f"dt = {dt:.3g}",
            "give a larger one, or leave it out",
        )
    return float(dt)


def _notes(
    model: Model, start: Point, exit_above: Point | None, exit_below: Point | None
) -> tuple[str, ...]:
    """What the standard error takes for granted.

    Raises
    ------
    InfiniteMean : the mean exit time, or its mean square, is proved to be infinite
    InfiniteDrift : paths are drawn to a pole of the drift
    """
    proved = exit_above is not None and exit_below is not None
    if not proved and not model.parameters:
        points = (
            Fraction(p) if isinstance(p, float) else p for p in (start, exit_above, exit_below)
        )
        origin, above, below = points
        assert origin is not None
        try:
            proved = mean_square_is_finite(model, origin, exit_above=above, exit_below=below)
        except (InfiniteMean, InfiniteDrift):
            raise
        except ComputationError:
            proved = False
    return () if proved else (UNPROVED_SQUARE,)


@dataclass(frozen=True)
class PlainPaths:
    """Every path runs from the start until it leaves."""

    problem: Sampled
    seed: int
    workplace: Workplace
    suffix: str = ""

    def run(self, index: int, h: float, paths: int) -> LevelResult:
        """Mean over independent paths."""
        chunk = ExitChunk(self.problem, stream_key(self.seed, index), h)
        moments = self.workplace.tally(chunk, paths).times
        return LevelResult(moments.mean, moments.standard_error, paths, moments.steps)


class LevelDriver:
    """Runs levels h, h/4, h/16, … until statistical error and bias bound meet the target."""

    def __init__(
        self,
        problem: Sampled,
        seed: int,
        workplace: Workplace,
        paths: int | None,
        target: float,
        fixed_step: bool,
    ) -> None:
        self.problem = problem
        self.seed = seed
        self.workplace = workplace
        self.paths = paths
        self.target = target
        self.fixed_step = fixed_step
        self.steps = 0
        self.levels: Levels = PlainPaths(problem, seed, workplace)

    def level(self, index: int, h: float, paths: int) -> LevelResult:
        result = self.levels.run(index, h, paths)
        self.steps += result.steps
        return result

    def run(self, h: float) -> tuple[float, float, float, int]:
        """Estimate, standard error, bias bound and paths."""
        index, h, pilot = self._pilot(h)
        paths = self.paths or self._paths_needed(pilot)
        self._require_affordable(pilot, 0.25, paths)
        coarse = self.level(index, h, paths)
        while True:
            fine = self.level(index + 1, h / 4.0, paths)
            value, error, bias = self._combine(coarse, fine)
            spent = 1.959963984540054 * error + bias
            if self.paths is not None or spent <= self.target * abs(value):
                return value, error, bias, paths
            gap = abs(fine.mean - coarse.mean)
            noise = math.hypot(coarse.standard_error, fine.standard_error)
            # A gap that more paths may close is no reason for steps that cost four times as much.
            if gap > max(0.5 * self.target * abs(value), 2.0 * noise) and not self.fixed_step:
                self._require_affordable(fine, 0.25, paths)
                index, h, coarse = index + 1, h / 4.0, fine
                continue
            if gap > 2.5 * self.target * abs(value):
                raise ComputationError(
                    f"a bias that the steps {h:.3g} and {h / 4:.3g} resolve "
                    f"to {self.target:.3g} of the mean",
                    f"means {coarse.mean:.6g} and {fine.mean:.6g}",
                    "give a smaller dt, or a larger target error",
                )
            paths = math.ceil(paths * min(4.0, max(1.3, (spent / abs(value) / self.target) ** 2)))
            self._require_affordable(fine, 1.0, paths)
            coarse = self.level(index, h, paths)

    def _pilot(self, h: float) -> tuple[int, float, LevelResult]:
        """A step at which paths stay finite, the way to run levels, and a first estimate."""
        for index in range(MAX_LEVELS):
            try:
                if not isinstance(self.levels, PlainPaths):
                    return index, h, self.level(-2 - index, h, PILOT_PATHS)
                _, sides, steps = self.problem.sample(
                    stream_key(self.seed, -1, index), 0, PILOT_PATHS, h, RARE_STEPS * h
                )
                self.steps += steps
                rare = np.mean(sides == SIDE_NONE) > 0.5
                if not rare:
                    pilot = self.level(-2 - index, h, PILOT_PATHS)
                    work = pilot.steps / PILOT_PATHS * 5.0
                    paths = self.paths or self._paths_needed(pilot)
                    if work * paths <= SPLITTING_PAYS or not self.problem.splits:
                        return index, h, pilot
                    if not self._split(h, rare):
                        return index, h, pilot
                else:
                    self._split(h, rare)
                return index, h, self.level(-2 - index, h, PILOT_PATHS)
            except Explosion:
                if self.fixed_step:
                    raise
                h /= 4.0
        raise ComputationError(
            "paths that stay finite until they leave",
            f"explosions down to dt = {h:.3g}",
            "check drift and noise for growth that makes the process explode",
        )

    def _split(self, h: float, rare: bool) -> bool:
        """Turn to splitting, if the exit is rare and its problem can be split."""
        if not self.problem.splits:
            raise ComputationError(
                "a domain that paths leave",
                f"more than half of {PILOT_PATHS} paths still inside at time {RARE_STEPS * h:.4g}",
                "move the exits closer, or watch them by bridges: those split rare exits",
            )
        try:
            self.levels = self.problem.rare_levels(self.seed, self.workplace, h)
        except ComputationError:
            if rare:
                raise
            return False
        return True

    def _paths_needed(self, pilot: LevelResult) -> int:
        return max(1000, math.ceil((1.96 * pilot.variation / (0.58 * self.target)) ** 2))

    def _require_affordable(self, known: LevelResult, finer: float, paths: int) -> None:
        steps = known.steps / known.paths / finer * paths
        if steps > MAX_STEPS:
            raise ComputationError(
                f"a run of at most {MAX_STEPS:.1g} path-steps",
                f"about {steps:.2g} for {paths} paths of mean exit time {known.mean:.4g}",
                "give a larger target error, fewer paths or a larger dt",
            )

    def _combine(self, coarse: LevelResult, fine: LevelResult) -> tuple[float, float, float]:
        gap = fine.mean - coarse.mean
        noise = math.hypot(coarse.standard_error, fine.standard_error)
        # The bias of the watched grid falls as √h only: half of it is left at the fine level.
        share = 1.0 if self.problem.watch == "grid" else 1.0 / 3.0
        bias = share * (abs(gap) + 2.0 * noise) + fine.bias
        if not self.problem.extrapolated:
            return fine.mean, fine.standard_error, bias
        error = math.hypot(4.0 * fine.standard_error, coarse.standard_error) / 3.0
        return fine.mean + gap / 3.0, error, bias
