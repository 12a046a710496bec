"""First entries of a region in d dimensions, the boundary moved towards the start.

The exit region is where a program f is negative; the chain is stopped where

    f <= 0.5826… √(h ∇fᵀ(ηC)∇f),    0.5826… = −ζ(1/2)/√(2π),

the half-space shift of Gobet and Menozzi (2010) at the nearest piece of the boundary, which leaves
a bias O(h) there whatever the steps, and one that falls more slowly where pieces meet at an edge.
Levels h and h/4 are extrapolated for every scheme, and the bias bound is at least a third of their
difference: a bias c h^α keeps (4 − 4^α)/(4^α − 1) of that bound, in size, and is covered where
4^α >= 5/2, α >= 0.67. The fine level alone would be covered for α >= 1 only.

The same LANES of paths side by side as in one dimension, refilled as paths leave, and the same
streams: one for each (seed, path). Entries that are rare are left to
`numerics.simulation.region_splitting`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from numerics.errors import ComputationError
from numerics.finite_elements import occupied_box
from numerics.multivariate import MultivariateModel
from numerics.program import Program
from numerics.scheduling import ChunkStore, Progress, Scheduler, Threads
from numerics.simulation.estimate import Estimate
from numerics.simulation.exit import SHIFT, Levels, Workplace, refuse_broken
from numerics.simulation.importance import Importance, chosen_importance
from numerics.simulation.mean_exit import LevelDriver
from numerics.simulation.multivariate import VectorKernel, vector_kernel
from numerics.simulation.requirements import (
    require_fraction,
    require_positive,
    require_positive_integer,
)
from numerics.simulation.schemes import Point, Scheme, as_float, with_lines
from numerics.simulation.streams import Key
from numerics.simulation.vector_schemes import NAMES

DEFAULT_SCHEME = "euler-shift"
WATCH = "shift"
"""The one way to watch a region."""

SIDE_INDEFINITE, SIDE_UNDEFINED = 3, 4
"""The sides of paths that came where C is not positive definite, or the region has no value."""

_EXITS = '''
@njit(cache=True, nogil=True, error_model="numpy")
def region_exits(key, first, start, h, limit, p, times, sides):
    """Fill entry times and sides of paths first, first+1, …; return the path-steps taken.

    Side 1: entered, 0: still outside after `limit` steps, 2: not finite, 3: C not definite,
    4: the region's function not finite.
    """
    UNPACK
    count = times.shape[0]
    state = np.empty((4, LANES), np.uint64)
    place = np.empty((DIMENSION, LANES))
    verdict = np.zeros(LANES, np.uint8)
    path = np.full(LANES, -1, np.int64)
    born = np.zeros(LANES, np.int64)
    begun = finished = passes = steps = 0
    for lane in range(LANES):
        for i in range(DIMENSION):
            place[i, lane] = start[i]
        s0, s1, s2, s3 = initial_state(key, first + begun)
        state[0, lane], state[1, lane], state[2, lane], state[3, lane] = s0, s1, s2, s3
        if begun < count:
            path[lane] = begun
            begun += 1
    deadline = limit
    while finished < count:
        flagged = 0
        for lane in range(LANES):
            STEP
            flagged |= found
        passes += 1
        if not flagged and passes < deadline:
            continue
        for lane in range(LANES):
            age = passes - born[lane]
            if path[lane] >= 0 and not (verdict[lane] or age >= limit):
                continue
            for i in range(DIMENSION):
                place[i, lane] = start[i]
            if path[lane] < 0:
                continue
            times[path[lane]] = age * h
            sides[path[lane]] = verdict[lane]
            steps += age
            finished += 1
            born[lane] = passes
            path[lane] = -1
            if begun < count:
                path[lane] = begun
                s0, s1, s2, s3 = initial_state(key, first + begun)
                state[0, lane], state[1, lane], state[2, lane], state[3, lane] = s0, s1, s2, s3
                begun += 1
        if passes >= deadline:
            deadline = passes + limit
            for lane in range(LANES):
                if path[lane] >= 0:
                    deadline = min(deadline, born[lane] + limit)
    return steps
'''


def entry_lines(kernel: VectorKernel) -> list[str]:
    """Lines that decide, at `y0, …`, whether the path has `entered` the shifted region.

    They set the region's function `level` and the distance `away` from 0 as well. The slope of f is
    by forward differences, along the coordinates on which it depends; the condition is squared and
    multiplied by the square of their length `tiny`: no root and no division.
    """
    d = kernel.dimension
    after = [f"y{i}" for i in range(d)]
    lines = [
        f"level = region({kernel.passed(after)})",
        f"away = {' + '.join(f'abs({y})' for y in after)}",
        "tiny = 1e-6 * (1.0 + away)",
    ]
    for i in kernel.watched:
        moved = [f"y{k} + tiny" if k == i else f"y{k}" for k in range(d)]
        lines.append(f"f{i} = region({kernel.passed(moved)}) - level")
    columns = []
    for j in range(d):
        products = [f"g{i}_{k} * f{i}" for i, k in kernel.factor if k == j and i in kernel.watched]
        if products:
            lines.append(f"b{j} = {' + '.join(products)}")
            columns.append(f"b{j} * b{j}")
    spread = " + ".join(columns) or "0.0"
    return [
        *lines,
        "short = level * tiny",
        f"entered = (level <= 0.0) | (short * short <= {SHIFT**2!r} * eta * h * ({spread}))",
    ]


def lane_step(kernel: VectorKernel) -> str:
    """Lines of one step of a path in its lane: of `place`, `state` (its stream), and `verdict`.

    The verdict `found`: 0, or 1 entered, 2 not finite, 3 C not definite, 4 no value of the region.
    """
    words = "state[0, lane], state[1, lane], state[2, lane], state[3, lane]"
    d = range(kernel.dimension)
    return "\n".join(
        [
            f"s0, s1, s2, s3 = {words}",
            *(f"x{i} = place[{i}, lane]" for i in d),
            *kernel.normals(),
            *kernel.step(),
            f"{words} = s0, s1, s2, s3",
            *(f"place[{i}, lane] = y{i}" for i in d),
            *entry_lines(kernel),
            "found = 1 if entered else 0",
            "found = found if level - level == 0.0 else 4",
            "found = found if away - away == 0.0 else 2",
            "found = 3 if indefinite else found",
            "verdict[lane] = found",
        ]
    )


@dataclass(frozen=True)
class RegionExit:
    """Paths from `start` until they enter the exit region."""

    kernel: VectorKernel
    start: tuple[float, ...]
    importance: Importance | None = None
    """what splitting goes by; None: chosen by itself"""
    model: MultivariateModel = field(kw_only=True, repr=False)
    exit_region: Program = field(kw_only=True, repr=False)

    @property
    def scheme(self) -> Scheme:
        """That of the steps."""
        return self.kernel.scheme

    @property
    def watch(self) -> str:
        """The boundary shift."""
        return WATCH

    @property
    def name(self) -> str:
        """The name under which the treatment is reported."""
        return f"{self.scheme.name}-{WATCH}"

    @property
    def extrapolated(self) -> bool:
        """Whatever the steps: the shifted boundary leaves O(h), and falls more slowly at edges."""
        return True

    @property
    def splits(self) -> bool:
        """Rare entries can be split."""
        return True

    def box(self) -> tuple[float, float, float, float]:
        """In the plane: a box around all that paths reach before the weight is negligible.

        Raises
        ------
        ComputationError : there is none
        """
        return occupied_box(self.model, self.start, self.exit_region)

    def rare_levels(self, seed: int, workplace: Workplace, h: float) -> Levels:
        """Levels by splitting."""
        from numerics.simulation.region_splitting import RegionSplitting

        return RegionSplitting(self, seed, workplace, h)

    def sample(
        self, key: Key, first: int, count: int, h: float, horizon: float = math.inf
    ) -> tuple[np.ndarray, np.ndarray, int]:
        """Entry times and sides (1, or 0 at the horizon) of paths first … first+count−1.

        Raises
        ------
        ComputationError : a path exploded, became NaN, or met a C that is not positive definite
        """
        text = with_lines(_EXITS, "STEP", lane_step(self.kernel))
        run = self.kernel.function(text, "region_exits")
        times, sides = np.empty(count), np.empty(count, dtype=np.int8)
        steps = run(
            np.array(key, dtype=np.uint64),
            first,
            np.array(self.start),
            h,
            math.ceil(min(horizon / h, 2.0**61)),
            self.kernel.arguments(),
            times,
            sides,
        )
        refuse_sides(sides, h)
        return times, sides, int(steps)

    def coarse_step(self) -> float:
        """A first step from the rates of drift and noise at the start, and the way to the exit.

        Over one step the region's function is to change by about a seventh of its value: its
        spread along the columns of √(ηCh), and its mean change by curvature.

        Raises
        ------
        ComputationError : a start inside the exit region, or C not positive definite there
        """
        start = np.array(self.start)
        _, noise, level = self.kernel.coefficients(start[:, np.newaxis])
        covariance = noise[:, :, 0]
        try:
            columns = np.linalg.cholesky(covariance)
        except np.linalg.LinAlgError:
            columns = np.full_like(covariance, math.nan)
        if not np.isfinite(columns).all():
            raise ComputationError(
                "a noise C that is positive definite at the start",
                f"C = {(covariance / self.kernel.eta).tolist()}",
                "correct the noise, or give another start",
            )
        if not level[0] > 0.0:
            raise ComputationError(
                "a start outside the exit region",
                f"start ({', '.join(f'{x:g}' for x in self.start)})",
                "move it",
            )
        h = min(1.0, 0.1 / self._rate(start))
        for _ in range(60):
            moves = math.sqrt(h) * columns
            _, _, up = self.kernel.coefficients(start[:, np.newaxis] + moves)
            _, _, down = self.kernel.coefficients(start[:, np.newaxis] - moves)
            spread = math.sqrt(np.sum(np.maximum(np.abs(up - level), np.abs(down - level)) ** 2))
            bend = abs(float(np.sum(up + down - 2.0 * level))) / 2.0
            if spread + bend <= float(level[0]) / 7.0:
                break
            h /= 2.0
        return h

    def _rate(self, start: np.ndarray) -> float:
        """The largest column sum of the drift's slopes at the start."""
        d = 1e-4 * (1.0 + float(np.linalg.norm(start)))
        moves = d * np.eye(self.kernel.dimension)
        up, _, _ = self.kernel.coefficients(start[:, np.newaxis] + moves)
        down, _, _ = self.kernel.coefficients(start[:, np.newaxis] - moves)
        return max(float(np.abs(up - down).sum(axis=0).max()) / (2.0 * d), 1e-12)


def refuse_sides(sides: np.ndarray, h: float) -> None:
    """Raise if a path exploded, became NaN, or came where C or the region has no meaning."""
    for side, expected, advice in (
        (
            SIDE_INDEFINITE,
            "a noise C that is positive definite wherever paths come",
            "correct the noise, or let the exit region hold such states",
        ),
        (
            SIDE_UNDEFINED,
            "an exit region whose formulas have a value wherever paths come",
            "correct the region",
        ),
    ):
        met = int(np.count_nonzero(sides == side))
        if met:
            received = f"{met} of {sides.size} paths that came where it is not so, at dt = {h:.3g}"
            raise ComputationError(expected, received, advice)
    refuse_broken(sides, h)


def stepper_of(scheme: str | None) -> str:
    """The steps that `STEP` or `STEP-shift` names; Euler's by default.

    Raises
    ------
    ComputationError : another name
    """
    stepper, _, watch = (scheme or DEFAULT_SCHEME).partition("-")
    if stepper not in NAMES or watch not in ("", WATCH):
        raise ComputationError(
            "a scheme in several dimensions among "
            + ", ".join(f"{name}-{WATCH}" for name in NAMES),
            repr(scheme),
            f"choose one, or leave it out ({DEFAULT_SCHEME})",
        )
    return stepper


def region_exit(
    model: MultivariateModel,
    start: Sequence[Point],
    exit_region: Program,
    *,
    scheme: str | None = None,
    importance: Program | str | None = None,
) -> RegionExit:
    """The exit problem of a model in d dimensions; arguments as for `mean_exit_time`.

    Raises
    ------
    ComputationError : a start of another dimension, η, θ or C out of range, another scheme
    """
    if len(start) != model.dimension:
        raise ComputationError(
            f"a start of {model.dimension} coordinates",
            f"{len(start)}",
            f"give one for each of {', '.join(model.variables)}",
        )
    where = tuple(as_float(coordinate, "a start") for coordinate in start)
    function = importance if isinstance(importance, Program) else None
    kernel = vector_kernel(model, exit_region, measure=function, scheme=stepper_of(scheme))
    return RegionExit(
        kernel, where, chosen_importance(importance), model=model, exit_region=exit_region
    )


def mean_exit_time(
    model: MultivariateModel,
    start: Sequence[Point],
    exit_region: Program,
    *,
    paths: int | None = None,
    target_error: float | None = None,
    dt: float | None = None,
    scheme: str | None = None,
    importance: Program | str | None = None,
    seed: int = 0,
    workers: int = 1,
    scheduler: Scheduler | None = None,
    store: ChunkStore | None = None,
    progress: Progress | None = None,
) -> Estimate:
    """Mean time to enter `exit_region` from `start`, from drift and diffusion alone.

    Parameters
    ----------
    model : drift and noise in d dimensions, η and θ
    start : d coordinates, outside the region
    exit_region : program of the d variables, negative inside the region
    scheme : euler-shift (the default), milstein-shift (noise that commutes) or platen-shift
    importance : what splitting goes by where an entry is rare: a program of the d variables that
        rises on the way to the region, `region` (minus the region's function) or `committor` (on a
        grid in the plane); no choice biases the result, a poor one costs time. By default the
        committor in two dimensions, where it can be had, else the region's function
    paths, target_error, dt, seed, workers, scheduler, store, progress : as in one dimension

    Raises
    ------
    ComputationError : bad input, explosion, a region that is not entered within the work allowed
    """
    begun = time.perf_counter()
    problem = region_exit(model, start, exit_region, scheme=scheme, importance=importance)
    h = problem.coarse_step()
    if dt is not None:
        h = require_positive("a time step dt", dt)
    if paths is not None:
        require_positive_integer("paths", paths, least=2)
    require_positive_integer("workers", workers)
    driver = LevelDriver(
        problem,
        seed,
        Workplace(scheduler or Threads(workers), store, progress),
        paths,
        require_fraction("a relative target error", target_error, default=0.01),
        fixed_step=dt is not None,
    )
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
    )
