"""First entries of a region in d dimensions: Euler's scheme, the boundary moved to the start.

The exit region is where a program f is negative; the chain is stopped where

    f <= 0.5826… √(h ∇fᵀ(ηC)∇f),    0.5826… = −ζ(1/2)/√(2π),

the half-space shift of Gobet and Menozzi (2010) at the nearest piece of the boundary, which leaves
a bias O(h) there; levels h and h/4 are extrapolated as in one dimension. The same LANES of paths
side by side, refilled as paths leave, and the same streams: one for each (seed, path).
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from numerics.errors import ComputationError
from numerics.multivariate import MultivariateModel
from numerics.program import Program
from numerics.scheduling import ChunkStore, Progress, Scheduler, Threads
from numerics.simulation.estimate import Estimate
from numerics.simulation.exit import SHIFT, LevelDriver, Workplace, refuse_broken
from numerics.simulation.multivariate import VectorKernel, vector_kernel
from numerics.simulation.requirements import (
    require_fraction,
    require_positive,
    require_positive_integer,
)
from numerics.simulation.schemes import SCHEMES, Point, Scheme, as_float
from numerics.simulation.streams import Key

SCHEME = "euler-shift"
"""The one scheme of paths in d dimensions."""

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
            s0, s1, s2, s3 = state[0, lane], state[1, lane], state[2, lane], state[3, lane]
            STEP
            state[0, lane], state[1, lane], state[2, lane], state[3, lane] = s0, s1, s2, s3
            found = 1 if level <= threshold else 0
            found = found if level - level == 0.0 else 4
            found = found if away - away == 0.0 else 2
            found = 3 if indefinite else found
            verdict[lane] = found
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


def _step(kernel: VectorKernel) -> str:
    """Lines of one step in a lane, with the region's function and its shifted threshold.

    The slope of f by forward differences, along the coordinates on which it depends.
    """
    d = kernel.dimension
    after = [f"y{i}" for i in range(d)]
    lines = [f"x{i} = place[{i}, lane]" for i in range(d)]
    lines += [*kernel.normals(), *kernel.step()]
    lines += [f"place[{i}, lane] = y{i}" for i in range(d)]
    lines += [
        f"level = region({kernel.passed(after)})",
        f"away = {' + '.join(f'abs({y})' for y in after)}",
        "tiny = 1e-6 * (1.0 + away)",
    ]
    for i in kernel.watched:
        moved = [f"y{k} + tiny" if k == i else f"y{k}" for k in range(d)]
        lines.append(f"f{i} = (region({kernel.passed(moved)}) - level) / tiny")
    columns = []
    for j in range(d):
        products = [f"g{i}_{k} * f{i}" for i, k in kernel.factor if k == j and i in kernel.watched]
        if products:
            lines.append(f"b{j} = {' + '.join(products)}")
            columns.append(f"b{j} * b{j}")
    spread = " + ".join(columns) or "0.0"
    lines.append(f"threshold = {SHIFT!r} * math.sqrt(eta * h * ({spread}))")
    return "\n            ".join(lines)


@dataclass(frozen=True)
class RegionExit:
    """Paths from `start` until they enter the exit region."""

    kernel: VectorKernel
    start: tuple[float, ...]

    @property
    def scheme(self) -> Scheme:
        """Euler's."""
        return SCHEMES["euler"]

    @property
    def watch(self) -> str:
        """The boundary shift."""
        return "shift"

    def sample(
        self, key: Key, first: int, count: int, h: float, horizon: float = math.inf
    ) -> tuple[np.ndarray, np.ndarray, int]:
        """Entry times and sides (1, or 0 at the horizon) of paths first … first+count−1.

        Raises
        ------
        ComputationError : a path exploded, became NaN, or met a C that is not positive definite
        """
        run = self.kernel.function(_EXITS.replace("STEP", _step(self.kernel)), "region_exits")
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
                received = f"{met} of {count} paths that came where it is not so, at dt = {h:.3g}"
                raise ComputationError(expected, received, advice)
        refuse_broken(sides, h)
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


def region_exit(
    model: MultivariateModel, start: Sequence[Point], exit_region: Program
) -> RegionExit:
    """The exit problem of a model in d dimensions.

    Raises
    ------
    ComputationError : a start of another dimension, η, θ or C out of range
    """
    if len(start) != model.dimension:
        raise ComputationError(
            f"a start of {model.dimension} coordinates",
            f"{len(start)}",
            f"give one for each of {', '.join(model.variables)}",
        )
    where = tuple(as_float(coordinate, "a start") for coordinate in start)
    return RegionExit(vector_kernel(model, exit_region), where)


def mean_exit_time(
    model: MultivariateModel,
    start: Sequence[Point],
    exit_region: Program,
    *,
    paths: int | None = None,
    target_error: float | None = None,
    dt: float | None = None,
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
    paths, target_error, dt, seed, workers, scheduler, store, progress : as in one dimension

    Raises
    ------
    ComputationError : bad input, explosion, a region that is not entered within the work allowed
    """
    begun = time.perf_counter()
    problem = region_exit(model, start, exit_region)
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
        scheme=SCHEME,
        seed=seed,
        seconds=time.perf_counter() - begun,
    )
