"""First exits from an interval, by lanes that are refilled as paths leave.

Between two grid points the path may cross and come back. Three treatments are offered:

- `bridge`: given both ends of a step, the crossing probability of a bound at Lamperti distances
  `d₀, d₁` (`d = |∫ dw/√v|`, by Simpson's rule) is that of the Brownian bridge, `exp(−2d₀d₁/h)`;
  a uniform of the path decides, and the time of the crossing within the step is drawn from its
  law, `hY/(1+Y)` with Y inverse Gaussian of mean `d₀/|d₁|` and shape `d₀²/h`;
- `shift`: the grid is watched, with bounds moved inwards by `0.5826… √(v(bound) h)`
  (Broadie, Glasserman and Kou 1997; Gobet and Menozzi 2010), `0.5826… = −ζ(1/2)/√(2π)`;
- `grid`: the grid alone is watched: the exit time of the discrete chain itself.

Where drift or noise is so steep that a step h would be near instability (`calm_interval`), a path
takes smaller steps whose size follows its state; the `grid` treatment never does.

A uniform is drawn only where `d₀d₁` is small enough for the crossing to have a probability above
about 10⁻⁸; whether it is depends on the path alone, so that streams stay reproducible.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from numerics.errors import ComputationError
from numerics.lowering import Model
from numerics.scheduling import (
    ChunkStore,
    Progress,
    Scheduler,
    Threads,
    even_ranges,
    run_chunks,
)
from numerics.simulation.crossing import CALM, CAREFUL, NEAR, REACH, SETTLE
from numerics.simulation.requirements import (
    require_positive,
    require_positive_integer,
)
from numerics.simulation.schemes import (
    SCHEMES,
    KernelModel,
    Point,
    Scheme,
    as_float,
    calm_interval,
    code_digest,
    kernel_function,
    kernel_model,
    scheme_named,
)
from numerics.simulation.streams import Key, stream_key
from numerics.simulation.sums import Moments

DEFAULT_SCHEME = "taylor-bridge"
MULTILEVEL = "multilevel"
"""The scheme that sums coupled levels; its steps and exits are those of the default."""

WATCHES = ("bridge", "shift", "grid")

CHUNK, LEAST_CHUNK = 8192, 256
"""Most paths per chunk, and fewest where there are several.

Lanes run empty at its end, for as long as 4 paths take: three per cent of the time of the largest.
"""

SHIFT = 0.5825971579390106
"""−ζ(1/2)/√(2π)."""

SIDE_BELOW, SIDE_NONE, SIDE_ABOVE, SIDE_BROKEN = -1, 0, 1, 2

_EXITS = '''SETTLE
CAREFUL

@njit(cache=True, nogil=True, error_model="numpy")
def exits(key, numbers, starts, lower, upper, calm_low, calm_high, h, limit, p, times, sides):
    """Fill exit times and sides of paths by their numbers; return the path-steps taken."""
    UNPACK
    reach = REACH * eta * h
    count = times.shape[0]
    state = np.empty((4, LANES), np.uint64)
    normals = np.empty((3, LANES))
    before = np.empty(LANES)
    middle = np.empty(LANES)
    after = np.empty(LANES)
    draw = np.zeros((2, LANES))
    candidate = np.zeros(LANES, np.uint8)
    path = np.full(LANES, -1, np.int64)
    born = np.zeros(LANES, np.int64)
    begun = finished = passes = steps = 0
    for lane in range(LANES):
        # A lane too many does what the last path does, and nobody looks.
        after[lane] = starts[min(begun, count - 1)]
        s0, s1, s2, s3 = initial_state(key, numbers[min(begun, count - 1)])
        DRAW
        if begun < count:
            path[lane] = begun
            begun += 1
    deadline = limit
    while finished < count:
        flagged = 0
        for lane in range(LANES):
            x = after[lane]
            square, cosine, sine = normals[0, lane], normals[1, lane], normals[2, lane]
            y = step(x, h, square, cosine, ARGUMENTS)
            z = step(y, h, square, sine, ARGUMENTS)
            before[lane] = x
            middle[lane] = y
            after[lane] = z
            calm = CALM_X and CALM_Y
            flagged |= (not calm) | NEAR_XY | NEAR_YZ
            s0, s1, s2, s3 = state[0, lane], state[1, lane], state[2, lane], state[3, lane]
            DRAW
        passes += 1
        if not flagged and passes < deadline:
            continue
        flagged = 0
        SIFT
        if not flagged and passes < deadline:
            continue
        for lane in range(LANES):
            late = passes - born[lane] >= limit
            if not (candidate[lane] or late):
                continue
            if path[lane] < 0:
                after[lane] = starts[0]
                continue
            x, y, z = before[lane], middle[lane], after[lane]
            s0, s1, s2, s3 = state[0, lane], state[1, lane], state[2, lane], state[3, lane]
            age = 2 * (passes - born[lane] - 1)
            side = 0
            when = 0.0
            if CALM_X:
                if NEAR_XY:
                    side, when, s0, s1, s2, s3 = settle(
                        x, y, draw[0, lane], lower, upper, h, eta, s0, s1, s2, s3, CONSTANTS
                    )
            else:
                y, side, when, s0, s1, s2, s3 = careful(
                    x, lower, upper, h, s0, s1, s2, s3, ARGUMENTS
                )
            if side == 0:
                age += 1
                if CALM_X and CALM_Y:
                    if NEAR_YZ:
                        side, when, s0, s1, s2, s3 = settle(
                            y, z, draw[1, lane], lower, upper, h, eta, s0, s1, s2, s3, CONSTANTS
                        )
                else:
                    z, side, when, s0, s1, s2, s3 = careful(
                        y, lower, upper, h, s0, s1, s2, s3, ARGUMENTS
                    )
            if side == 0 and not late:
                after[lane] = z
            else:
                times[path[lane]] = age * h + (when if side != 0 else h)
                sides[path[lane]] = side
                steps += age + 1
                finished += 1
                after[lane] = starts[0]
                born[lane] = passes
                path[lane] = -1
                if begun < count:
                    path[lane] = begun
                    after[lane] = starts[begun]
                    s0, s1, s2, s3 = initial_state(key, numbers[begun])
                    begun += 1
                    DRAW
            state[0, lane], state[1, lane], state[2, lane], state[3, lane] = s0, s1, s2, s3
        if passes >= deadline:
            deadline = passes + limit
            for lane in range(LANES):
                if path[lane] >= 0:
                    deadline = min(deadline, born[lane] + limit)
    return steps
'''


_SIFT = {
    "bridge": """for lane in range(LANES):
            s0, s1, s2, s3 = state[0, lane], state[1, lane], state[2, lane], state[3, lane]
            x, y, z = before[lane], middle[lane], after[lane]
            first_near = NEAR_XY
            second_near = NEAR_YZ
            # Blends instead of branches: only paths that are near advance their streams.
            one, n0, n1, n2, n3 = next_word(s0, s1, s2, s3)
            mask = uint64(0) - uint64(first_near)
            s0 ^= (s0 ^ n0) & mask
            s1 ^= (s1 ^ n1) & mask
            s2 ^= (s2 ^ n2) & mask
            s3 ^= (s3 ^ n3) & mask
            two, n0, n1, n2, n3 = next_word(s0, s1, s2, s3)
            mask = uint64(0) - uint64(second_near)
            s0 ^= (s0 ^ n0) & mask
            s1 ^= (s1 ^ n1) & mask
            s2 ^= (s2 ^ n2) & mask
            s3 ^= (s3 ^ n3) & mask
            state[0, lane], state[1, lane], state[2, lane], state[3, lane] = s0, s1, s2, s3
            u, v = uniform(one), uniform(two)
            draw[0, lane] = u
            draw[1, lane] = v
            chosen = (
                (not (CALM_X and CALM_Y))
                | (first_near & may_cross(x, y, u, lower, upper, h, eta, CONSTANTS))
                | (second_near & may_cross(y, z, v, lower, upper, h, eta, CONSTANTS))
            )
            candidate[lane] = chosen
            flagged |= chosen""",
    "grid": """for lane in range(LANES):
            x, y, z = before[lane], middle[lane], after[lane]
            candidate[lane] = NEAR_XY or NEAR_YZ
            flagged |= candidate[lane]""",
}


def _exit_kernel(kernel: KernelModel, scheme: Scheme, watch: str, steep: bool) -> Any:
    crossing = "bridge" if watch == "bridge" else "grid"
    near = NEAR[crossing]
    body = (
        _EXITS.replace("SETTLE", SETTLE[crossing].strip())
        .replace("CAREFUL", CAREFUL.strip())
        .replace("SIFT", _SIFT[crossing])
        .replace("CALM_X", CALM.format(x="x") if steep else "True")
        .replace("CALM_Y", CALM.format(x="y") if steep else "True")
        .replace("NEAR_XY", near.format(x="x", y="y"))
        .replace("NEAR_YZ", near.format(x="y", y="z"))
        .replace("REACH", repr(REACH))
    )
    return kernel_function(kernel, scheme, body, "exits")


@dataclass(frozen=True)
class ExitProblem:
    """Paths from `start` until they leave (lower, upper), at one step size and treatment."""

    kernel: KernelModel
    scheme: Scheme
    watch: str
    start: float
    lower: float
    upper: float

    @property
    def name(self) -> str:
        """The name under which the treatment is reported."""
        return f"{self.scheme.name}-{self.watch}"

    @property
    def extrapolated(self) -> bool:
        """Steps of weak order 1; the watched grid has a bias that falls like their root."""
        return self.scheme.weak_order <= 1.0 and self.watch != "grid"

    @property
    def splits(self) -> bool:
        """Whether rare exits can be split: stages are watched by bridges."""
        return self.watch == "bridge"

    def rare_levels(self, seed: int, workplace: Workplace, h: float) -> Levels:
        """Levels by splitting."""
        from numerics.simulation.splitting import Splitting

        return Splitting(self, seed, workplace, h)

    def watched_bounds(self, h: float) -> tuple[float, float]:
        """The bounds that the kernel watches: moved inwards by the `shift` treatment."""
        if self.watch != "shift":
            return self.lower, self.upper
        bounds = np.array([self.lower, self.upper])
        finite = np.where(np.isfinite(bounds), bounds, self.start)
        _, variance = self.kernel.coefficients(finite)
        moved = bounds + np.array([SHIFT, -SHIFT]) * np.sqrt(variance * h)
        if not moved[0] < self.start < moved[1]:
            raise ComputationError(
                "a step whose boundary shift leaves the start inside",
                f"dt = {h:.3g}, bounds moved to {moved[0]:.6g} and {moved[1]:.6g}",
                "give a smaller dt",
            )
        return float(moved[0]), float(moved[1])

    def calm_interval(self, h: float) -> tuple[float, float]:
        """States around the start where a step h is far from instability; the plain chain: all.

        Outside of it (far tails, where a superlinear drift or noise would make an explicit step
        explode) paths take smaller steps whose size follows the state.
        """
        if self.watch == "grid":
            return -math.inf, math.inf
        return calm_interval(self.kernel, self.start, self.lower, self.upper, h)

    def sample(
        self, key: Key, first: int, count: int, h: float, horizon: float = math.inf
    ) -> tuple[np.ndarray, np.ndarray, int]:
        """Exit times and sides of paths first … first+count−1, and the path-steps they took.

        A side is −1 or 1 for the bound that was crossed, 0 for a path still inside at `horizon`.

        Raises
        ------
        ComputationError : a path exploded or became NaN
        """
        numbers = np.arange(first, first + count)
        return self.sample_from(key, numbers, np.full(count, self.start), h, horizon)

    def sample_from(
        self,
        key: Key,
        numbers: np.ndarray,
        starts: np.ndarray,
        h: float,
        horizon: float = math.inf,
    ) -> tuple[np.ndarray, np.ndarray, int]:
        """The same of paths by the numbers of their streams, each from a start of its own.

        Raises
        ------
        ComputationError : a path exploded or became NaN
        """
        lower, upper = self.watched_bounds(h)
        times = np.empty(len(numbers))
        sides = np.empty(len(numbers), dtype=np.int8)
        if not len(numbers):
            return times, sides, 0
        limit = math.ceil(min(horizon / (2.0 * h), 2.0**61))
        calm = self.calm_interval(h)
        steep = calm != (-math.inf, math.inf)
        steps = _exit_kernel(self.kernel, self.scheme, self.watch, steep)(
            np.array(key, dtype=np.uint64),
            numbers,
            starts,
            lower,
            upper,
            *calm,
            h,
            limit,
            self.kernel.arguments(),
            times,
            sides,
        )
        refuse_broken(sides, h)
        return times, sides, int(steps)


def refuse_broken(sides: np.ndarray, h: float) -> None:
    """Raise if a path exploded or became NaN."""
    broken = int(np.count_nonzero(sides == SIDE_BROKEN))
    if broken:
        raise Explosion(
            "paths that stay finite until they leave",
            f"{broken} of {sides.size} paths exploded or became NaN at dt = {h:.3g}",
            "give a smaller dt, or another scheme",
        )


@dataclass(frozen=True)
class LevelResult:
    """Mean exit time at one step size: standard error, paths, path-steps."""

    mean: float
    standard_error: float
    paths: int
    steps: int
    bias: float = 0.0
    """bound on a bias that is not one of the step"""

    @property
    def variation(self) -> float:
        """Relative standard deviation per path."""
        return self.standard_error * math.sqrt(self.paths) / self.mean


class Levels(Protocol):
    """A way to estimate the mean exit time at one step size, on streams of the level's own."""

    @property
    def suffix(self) -> str: ...

    def run(self, index: int, h: float, paths: int) -> LevelResult: ...


class Leaving(Protocol):
    """Paths that leave: what a chunk needs."""

    def sample(
        self, key: Key, first: int, count: int, h: float, horizon: float = math.inf
    ) -> tuple[np.ndarray, np.ndarray, int]: ...


class Sampled(Leaving, Protocol):
    """An exit problem as levels need it: in one dimension or more."""

    @property
    def scheme(self) -> Scheme: ...

    @property
    def watch(self) -> str: ...

    @property
    def extrapolated(self) -> bool:
        """Whether levels are extrapolated as for a bias that falls like the step."""
        ...

    @property
    def splits(self) -> bool: ...

    def rare_levels(self, seed: int, workplace: Workplace, h: float) -> Levels: ...


class Explosion(ComputationError):
    """A path left the range of numbers: the step is too large, or the model explodes."""


def exit_problem(
    model: Model,
    start: Point,
    *,
    exit_above: Point | None = None,
    exit_below: Point | None = None,
    scheme: str | None = None,
    parameters: Mapping[str, float] | None = None,
) -> ExitProblem:
    """The exit problem of a model; `scheme` is `STEP-WATCH`, e.g. `taylor-bridge` (the default).

    Raises
    ------
    ComputationError : no exit, start not strictly inside, unknown scheme, noise not positive
    """
    stepper, _, watch = (scheme or DEFAULT_SCHEME).partition("-")
    watch = watch or "bridge"
    if stepper not in SCHEMES or watch not in WATCHES:
        raise ComputationError(
            f"a scheme STEP-WATCH with STEP among {', '.join(SCHEMES)} "
            f"and WATCH among {', '.join(WATCHES)}",
            repr(scheme),
            f"choose one, or leave it out ({DEFAULT_SCHEME}); {MULTILEVEL} is for mean exit times",
        )
    chosen = scheme_named(stepper)
    kernel = kernel_model(model, parameters)
    if exit_above is None and exit_below is None:
        raise ComputationError("at least one exit", "none", "give an exit above or below the start")
    origin = as_float(start, "a start")
    lower = -math.inf if exit_below is None else as_float(exit_below, "a lower exit")
    upper = math.inf if exit_above is None else as_float(exit_above, "an upper exit")
    if not lower < origin < upper:
        raise ComputationError(
            "a start strictly between the exits",
            f"start {origin:.6g}, exits {lower:.6g} and {upper:.6g}",
            "move the start or the exits",
        )
    ends = [b for b in (lower, upper) if math.isfinite(b)]
    grid = np.linspace(min(origin, *ends), max(origin, *ends), 1025)
    _, variance = kernel.coefficients(grid)
    if not np.all(variance > 0.0):
        where = grid[np.argmin(np.where(np.isnan(variance), -np.inf, variance))]
        raise ComputationError(
            "a noise C that is positive between start and exits",
            f"η·C = {np.nanmin(variance):.3g} near {where:.6g}",
            "correct the noise, or move start and exits to where it is positive",
        )
    return ExitProblem(kernel, chosen, watch, origin, lower, upper)


@dataclass(frozen=True)
class ExitTally:
    """What a set of paths leaves behind; sums are exact, so no grouping changes a bit."""

    times: Moments = field(default_factory=Moments)
    below: int = 0
    inside: int = 0
    above: int = 0

    def __add__(self, other: ExitTally) -> ExitTally:
        return ExitTally(
            self.times + other.times,
            self.below + other.below,
            self.inside + other.inside,
            self.above + other.above,
        )


@dataclass(frozen=True)
class ExitChunk:
    """The job of a chunk: paths first … first+count−1 of an exit problem, tallied."""

    problem: Leaving
    key: Key
    h: float
    horizon: float = math.inf

    def __call__(self, item: tuple[int, int]) -> list[int]:
        times, sides, steps = self.problem.sample(self.key, *item, self.h, self.horizon)
        moments = Moments.of(times, steps)
        below, inside, above = (int(np.count_nonzero(sides == side)) for side in (-1, 0, 1))
        return [
            moments.count,
            moments.total,
            moments.squares,
            moments.steps,
            below,
            inside,
            above,
        ]


def chunks_of(paths: int) -> list[tuple[int, int]]:
    """Consecutive ranges (first, count) of paths, as many for each of two or four workers."""
    return even_ranges(paths, CHUNK, smallest=LEAST_CHUNK)


@dataclass(frozen=True)
class Workplace:
    """Where chunks are computed, where finished ones are kept, and who is told."""

    scheduler: Scheduler = field(default_factory=Threads)
    store: ChunkStore | None = None
    progress: Progress | None = None

    def tally(self, chunk: ExitChunk, paths: int) -> ExitTally:
        """The tally of paths 0 … paths−1."""
        parts = run_chunks(
            chunk,
            chunks_of(paths),
            scheduler=self.scheduler,
            store=self.store,
            progress=self.progress,
            code=code_digest(),
        )
        return sum((ExitTally(Moments(*p[:4]), *p[4:]) for p in parts), ExitTally())


@dataclass(frozen=True)
class ExitSample:
    """Exit times of paths 0, 1, … and the side of each: −1, 1, or 0 if still inside at `horizon`.

    `times` is the horizon for a path that was still inside.
    """

    times: np.ndarray
    sides: np.ndarray
    horizon: float
    path_steps: int

    def survival(self, at: np.ndarray) -> np.ndarray:
        """Share of the paths still inside at each time (at most the horizon)."""
        ordered = np.sort(np.where(self.sides == SIDE_NONE, np.inf, self.times))
        return (ordered.size - np.searchsorted(ordered, at, side="right")) / ordered.size


def exit_times(
    model: Model,
    start: Point,
    *,
    exit_above: Point | None = None,
    exit_below: Point | None = None,
    paths: int,
    dt: float | None = None,
    horizon: float = math.inf,
    scheme: str | None = None,
    seed: int = 0,
    workers: int = 1,
    parameters: Mapping[str, float] | None = None,
) -> ExitSample:
    """Exit times and sides of single paths, at one step size: survival, exit sides, histograms.

    Parameters
    ----------
    paths : how many; path n of a seed is the same for any number of paths and workers
    dt : the step; by default a quarter of the coarse step of `mean_exit_time`
    horizon : time at which paths are stopped
    model, start, exits, scheme, seed, workers, parameters : as for `mean_exit_time`

    Raises
    ------
    ComputationError : bad input, or explosion
    """
    problem = exit_problem(
        model,
        start,
        exit_above=exit_above,
        exit_below=exit_below,
        scheme=scheme,
        parameters=parameters,
    )
    require_positive_integer("paths", paths)
    require_positive_integer("workers", workers)
    h = 0.25 * coarse_step(problem) if dt is None else require_positive("a time step dt", dt)
    if not horizon > 0.0:
        raise ComputationError("a horizon > 0", repr(horizon), "give such a time")
    key = stream_key(seed, 0)
    times, sides, steps = [], [], 0

    def sample(item: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, int]:
        return problem.sample(key, *item, h, horizon)

    for part in run_chunks(sample, chunks_of(paths), scheduler=Threads(workers)):
        times.append(part[0])
        sides.append(part[1])
        steps += part[2]
    joined = np.minimum(np.concatenate(times), horizon)
    where = np.concatenate(sides)
    where[joined >= horizon] = SIDE_NONE
    return ExitSample(joined, where, horizon, steps)


def coarse_step(problem: ExitProblem) -> float:
    """A first step size from the rates of the model between start and exits.

    `h = 0.2 / max(|a'| + (b')²)`, b = √v, at most a twentieth of the time to diffuse to the nearest
    exit. The levels of `mean_exit_time` measure and refine what this rule of thumb leaves.
    """
    ends = [b for b in (problem.lower, problem.upper) if math.isfinite(b)]
    grid = np.linspace(min(problem.start, *ends), max(problem.start, *ends), 257)
    drift, variance = problem.kernel.coefficients(grid)
    spacing = float(grid[1] - grid[0])
    rate = np.max(np.abs(np.diff(drift)) + np.diff(np.sqrt(variance)) ** 2 / spacing) / spacing
    nearest = min(abs(problem.start - b) for b in ends)
    diffusive = 0.05 * nearest**2 / float(np.max(variance))
    return min(0.2 / float(rate) if rate > 0.0 else math.inf, diffusive)
