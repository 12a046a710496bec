"""Stationary densities and moments from long runs of drift and diffusion.

Every path starts at `start`, relaxes for a time T, and is then sampled over the windows [T, 2T]
and [2T, 4T]. Estimates are averages over the second window; paths are independent, so the error
comes from the spread between path averages, whatever the correlation along a path.

Three biases are bounded from measured differences (kind "estimated"):

- start: relaxation is a sum of decaying exponentials; where the slowest that matters falls by
  e^−1.5 over T (T is doubled until no drift is seen), the second window's bias is at most a sixth
  of the difference of the two windows;
- step: levels h and h/4, as for exit times;
- density: `p(w) = E[N(w; X + a(X)δ, v(X)δ)]` over the stationary X, the law of one Euler step of
  length δ: no bin and no bandwidth, an error O(δ²) that δ and δ/2 on the same states extrapolate.
  At a kink of drift or noise it is O(√δ), and that of the chain's own law is no better: refused.

A slow mode does not show in the windows where paths run for much less than its time: a well is then
left by few of them. So T is also long enough for the mean from the start to settle on a grid
(`numerics.simulation.relaxation`). In several dimensions there is no grid, and a run sees only what
its paths reach: a well that none of them enters cannot show in any difference.

Neither does a run see whether there is a stationary law, nor whether the square of what it averages
has a finite mean: that is asked of the certified tail index first. What is proved to be wrong is
refused, and what is not proved is said in the notes of the estimate.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from numerics.enclosure import Enclosure
from numerics.errors import ComputationError, InfiniteDrift, InfiniteMean
from numerics.lowering import Model
from numerics.scheduling import (
    ChunkStore,
    Progress,
    Scheduler,
    Threads,
    even_ranges,
    run_chunks,
)
from numerics.simulation.coordinate import Coordinate
from numerics.simulation.crossing import CALM, CAREFUL, SETTLE
from numerics.simulation.estimate import Estimate
from numerics.simulation.exit import Explosion, Workplace
from numerics.simulation.jumps import refuse_kinks
from numerics.simulation.requirements import (
    require_fraction,
    require_positive,
    require_positive_integer,
)
from numerics.simulation.schemes import (
    LANES,
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
from numerics.stationary import tail_index

DEFAULT_SCHEME = "taylor"
CHUNK = 1024
MAX_LEVELS = 8
MAX_DOUBLINGS = 12
PILOT_PATHS = 512
MAX_PATHS = 10**9
MAX_STEPS = 1e13
MAX_PATH_STEPS = 3e7
"""Steps of one path, of which there are a thousand at least."""

SEEN = 10
"""Paths near the states of a density, at least, for an estimate with an error of its own."""

LARGEST_PILOT = 2**17
SAMPLES = 32
"""States kept per path and window."""

UNPROVED_LAW = "it is not proved that there is a stationary law"


def unproved_variance(observable: str, power: float) -> str:
    """What is said where E|f|^(2r) may be infinite."""
    return (
        f"it is not proved that E{observable}^{2 * power:g} is finite; "
        "if it is not, averages have no standard error and the interval means nothing"
    )


_STATES = (
    SETTLE["grid"]
    + CAREFUL
    + '''

@njit(cache=True, nogil=True, error_model="numpy")
def states(key, first, start, calm_low, calm_high, h, burn, stride, p, out):
    """States of paths first, first+1, … after burn + stride, burn + 2 stride, … passes."""
    UNPACK
    state = np.empty((4, LANES), np.uint64)
    normals = np.empty((3, LANES))
    place = np.empty(LANES)
    KEPT
    for block in range(0, out.shape[0], LANES):
        for lane in range(LANES):
            place[lane] = start
            s0, s1, s2, s3 = initial_state(key, first + block + lane)
            DRAW
        taken = min(LANES, out.shape[0] - block)
        for sample in range(out.shape[1]):
            for _ in range(stride + (burn if sample == 0 else 0)):
                flagged = False
                for lane in range(LANES):
                    x = place[lane]
                    square, cosine, sine = normals[0, lane], normals[1, lane], normals[2, lane]
                    y = step(x, h, square, cosine, ARGUMENTS)
                    place[lane] = step(y, h, square, sine, ARGUMENTS)
                    WATCH
                    s0, s1, s2, s3 = state[0, lane], state[1, lane], state[2, lane], state[3, lane]
                    DRAW
                RESCUE
            for lane in range(taken):
                out[block + lane, sample] = place[lane]
'''
)

_KEPT = """before = np.empty(LANES)
    middle = np.empty(LANES)"""

_WATCH = """before[lane] = x
                    middle[lane] = y
                    flagged |= not (CALM_X and CALM_Y)"""

_RESCUE = """if not flagged:
                    continue
                for lane in range(LANES):
                    x, y = before[lane], middle[lane]
                    if CALM_X and CALM_Y:
                        continue
                    s0, s1, s2, s3 = state[0, lane], state[1, lane], state[2, lane], state[3, lane]
                    side = 0
                    if not CALM_X:
                        y, side, _, s0, s1, s2, s3 = careful(
                            x, -math.inf, math.inf, h, s0, s1, s2, s3, ARGUMENTS
                        )
                    if side == 0:
                        y, side, _, s0, s1, s2, s3 = careful(
                            y, -math.inf, math.inf, h, s0, s1, s2, s3, ARGUMENTS
                        )
                    state[0, lane], state[1, lane], state[2, lane], state[3, lane] = s0, s1, s2, s3
                    place[lane] = y if side == 0 else math.nan"""


def _states_kernel(kernel: KernelModel, scheme: Scheme, steep: bool) -> Any:
    """The kernel; only one for a model that is `steep` somewhere watches for it."""
    watching = {"KEPT": _KEPT, "WATCH": _WATCH, "RESCUE": _RESCUE}
    body = _STATES
    for word, text in watching.items():
        body = body.replace(word, text if steep else "pass")
    body = body.replace("CALM_X", CALM.format(x="x")).replace("CALM_Y", CALM.format(x="y"))
    return kernel_function(kernel, scheme, body, "states")


@dataclass(frozen=True)
class Sampling:
    """How much is sampled, how finely and where: what all estimates of this module are given.

    The public functions document the fields.
    """

    paths: int | None
    target_error: float | None
    dt: float | None
    seed: int
    workers: int
    scheduler: Scheduler | None
    store: ChunkStore | None
    progress: Progress | None


class Functional(Protocol):
    """States of shape (paths, samples) to values of shape (quantities, paths, samples).

    Picklable, with a `repr` that names all it depends on: it is a part of the job of a chunk.
    """

    def __call__(self, states: np.ndarray) -> np.ndarray: ...


class Run(Protocol):
    """Paths of a model from a start, at one scheme, in one dimension or more.

    Picklable, with a `repr` that names all it depends on.
    """

    @property
    def scheme(self) -> Scheme: ...

    def states(
        self, key: Key, first: int, count: int, h: float, burn: int, stride: int, samples: int
    ) -> np.ndarray: ...

    def rates(self) -> tuple[float, float]: ...

    def forgetting_time(self, functional: Functional, tolerance: float) -> float:
        """When the mean of the functional has settled, as far as it is known; else 0."""
        ...


def require_finite(states: np.ndarray, h: float) -> np.ndarray:
    """The states, unless some of a path (a row) are not finite."""
    broken = int(np.count_nonzero(~np.isfinite(states.reshape(len(states), -1)).all(axis=1)))
    if broken:
        raise Explosion(
            "paths that stay finite",
            f"{broken} of {len(states)} paths exploded or became NaN at dt = {h:.3g}",
            "give a smaller dt, or another scheme",
        )
    return states


@dataclass(frozen=True)
class ErgodicRun:
    """Paths of a model from a start, at one scheme."""

    kernel: KernelModel
    scheme: Scheme
    start: float
    coordinate: Coordinate | None = None
    """where the kernel's states are not those of the process itself"""

    def states(
        self, key: Key, first: int, count: int, h: float, burn: int, stride: int, samples: int
    ) -> np.ndarray:
        """States of `count` paths at `samples` times, `2·stride` steps apart after `2·burn`.

        Raises
        ------
        ComputationError : a path exploded or became NaN
        """
        out = np.empty((count, samples))
        calm = calm_interval(self.kernel, self.start, -math.inf, math.inf, h)
        steep = calm != (-math.inf, math.inf)
        _states_kernel(self.kernel, self.scheme, steep)(
            np.array(key, dtype=np.uint64),
            first,
            self.start,
            *calm,
            h,
            burn,
            stride,
            self.kernel.arguments(),
            out,
        )
        if self.coordinate is not None:
            out = self.coordinate.states(out)
        return require_finite(out, h)

    def rates(self) -> tuple[float, float]:
        """Relaxation rate |a'| and stiffness |a'| + (b')² of the linearised model at the start."""
        d = 1e-4 * (1.0 + abs(self.start))
        around = np.array([self.start - d, self.start, self.start + d])
        drift, variance = self.kernel.coefficients(around)
        slope = abs(float(drift[2] - drift[0])) / (2.0 * d)
        spread = (float(variance[2] - variance[0]) / (2.0 * d)) ** 2 / (4.0 * float(variance[1]))
        return slope, slope + spread

    def forgetting_time(self, functional: Functional, tolerance: float) -> float:
        """When the mean from the start has settled to a relative tolerance, on a grid."""
        from numerics.simulation.relaxation import forgetting_time

        def of_place(states: np.ndarray) -> np.ndarray:
            return functional(states if self.coordinate is None else self.coordinate.states(states))

        return forgetting_time(self.kernel, self.start, of_place, tolerance)


@dataclass(frozen=True)
class _Level:
    """Moments over paths of each quantity: second window, and first minus second window."""

    values: tuple[Moments, ...]
    drifts: tuple[Moments, ...]


@dataclass(frozen=True)
class ErgodicChunk:
    """The job of a chunk: paths first … first+count−1, tallied for each quantity and window."""

    run: Run
    functional: Functional
    key: Key
    h: float
    stride: int

    def __call__(self, item: tuple[int, int]) -> list[list[list[int]]]:
        burn = SAMPLES * self.stride
        states = self.run.states(self.key, *item, self.h, burn, self.stride, 3 * SAMPLES)
        averages = self.functional(states)
        early = averages[:, :, :SAMPLES].mean(axis=2)
        late = averages[:, :, SAMPLES:].mean(axis=2)
        steps = item[1] * 2 * (burn + 3 * SAMPLES * self.stride)
        return [
            [_integers(Moments.of(value, steps)), _integers(Moments.of(drift))]
            for value, drift in zip(late, early - late, strict=True)
        ]


def _integers(moments: Moments) -> list[int]:
    return [moments.count, moments.total, moments.squares, moments.steps]


def _run_level(chunk: ErgodicChunk, paths: int, workplace: Workplace) -> _Level:
    parts = run_chunks(
        chunk,
        even_ranges(paths, CHUNK, unit=LANES),
        scheduler=workplace.scheduler,
        store=workplace.store,
        progress=workplace.progress,
        code=code_digest(),
    )
    values, drifts = (
        tuple(
            sum((Moments(*part[quantity][window]) for part in parts), Moments())
            for quantity in range(len(parts[0]))
        )
        for window in (0, 1)
    )
    return _Level(values, drifts)


class _ErgodicDriver:
    """Chooses relaxation time, steps and paths until every error fits the target."""

    def __init__(
        self,
        run: Run,
        functional: Functional,
        sampling: Sampling,
        smoothed: bool,
    ) -> None:
        require_positive_integer("workers", sampling.workers)
        if sampling.paths is not None:
            require_positive_integer("paths", sampling.paths, least=2)
        self.target = require_fraction(
            "a relative target error", sampling.target_error, default=0.01
        )
        self.dt = None if sampling.dt is None else require_positive("a time step dt", sampling.dt)
        self.paths = sampling.paths
        self.seed = sampling.seed
        self.workplace = Workplace(
            sampling.scheduler or Threads(sampling.workers), sampling.store, sampling.progress
        )
        self.run = run
        self.functional = functional
        self.smoothed = smoothed
        self.steps = 0
        self.runs = 0

    def level(self, paths: int, h: float, relaxation: float) -> _Level:
        self.runs += 1
        stride = max(1, math.ceil(relaxation / (SAMPLES * 2.0 * h)))
        key = stream_key(self.seed, self.runs)
        chunk = ErgodicChunk(self.run, self.functional, key, h, stride)
        level = _run_level(chunk, paths, self.workplace)
        self.steps += level.values[0].steps
        return level

    def solve(self) -> list[tuple[float, float, float, int]]:
        """Estimate, standard error, bias bound and paths of each quantity."""
        rate, stiffness = self.run.rates()
        h = self.dt or (0.2 / stiffness if stiffness > 0.0 else 0.05)
        relaxation = 4.0 / rate if rate > 0.0 else 100.0 * h
        # The second window begins at 2T, and a tenth of the target is left of the start.
        slowest = self.run.forgetting_time(self.functional, 0.1 * self.target)
        relaxation = max(relaxation, 0.5 * slowest)
        if 4.0 * relaxation / h > MAX_PATH_STEPS:
            raise ComputationError(
                f"paths that forget their start within {MAX_PATH_STEPS:.1g} steps",
                f"a mean that settles at time {slowest:.3g}, {slowest / h:.2g} steps of {h:.3g}",
                "ask for the certified value (exitlaw evaluate), or raise η: wells are too rarely "
                "left",
            )
        h, relaxation, pilot = self._pilot(h, relaxation)
        paths = self.paths or self._paths_needed(pilot)
        coarse = self.level(paths, h, relaxation)
        while True:
            fine = self.level(paths, h / 4.0, relaxation)
            if not (self._seen(coarse) and self._seen(fine)):
                raise self._unseen(paths)
            results = [self._combine(coarse, fine, i) for i in range(self._quantities(fine))]
            scale = max(abs(r[0]) for r in results)
            self._refuse_zero(scale, max(r[1] for r in results))
            worst = max((1.96 * r[1] + r[2]) / scale for r in results) if scale else math.inf
            if self.paths is not None or worst <= self.target:
                return [(*r, paths) for r in results]
            # What is certain of the gap: finer steps do not help against its noise.
            self._refuse_smoothing(fine, scale)
            gap = max(
                abs(f.mean - c.mean) - 2.0 * math.hypot(f.standard_error, c.standard_error)
                for f, c in zip(fine.values, coarse.values, strict=True)
            ) / scale  # fmt: skip
            shift = max(abs(d.mean) - 3.0 * d.standard_error for d in fine.drifts) / scale
            if shift > 0.25 * self.target:
                relaxation *= 2.0
                self._affordable(paths, h / 4.0, relaxation)
                coarse = self.level(paths, h, relaxation)
            elif gap > 0.5 * self.target and self.dt is None:
                self._affordable(paths, h / 16.0, relaxation)
                h, coarse = h / 4.0, fine
            else:
                paths = math.ceil(paths * min(4.0, max(1.3, (worst / self.target) ** 2)))
                self._affordable(paths, h / 4.0, relaxation)
                coarse = self.level(paths, h, relaxation)

    def _seen(self, level: _Level) -> bool:
        """Whether enough paths come near the states of a density for an error by their spread.

        As many equal values as `(Σv)²/Σv²` would have the same relative spread.
        """
        return not self.smoothed or all(
            m.mean > 0.0 and m.count / (1.0 + m.variance / m.mean / m.mean) >= SEEN
            for m in level.values[: self._quantities(level)]
        )

    def _refuse_zero(self, scale: float, error: float) -> None:
        """An average that is zero within its error has no relative one."""
        if self.paths is None and scale <= 3.0 * error:
            raise ComputationError(
                "an estimate away from zero, for a relative target",
                f"{scale:.3g} with a standard error of {error:.3g}",
                "give the number of paths instead of a target error",
            )

    def _refuse_smoothing(self, level: _Level, scale: float) -> None:
        """More paths do not help against the bias of a smoothed density."""
        if not self.smoothed:
            return
        corrections = level.values[self._quantities(level) :]
        certain = max(0.5 * (abs(m.mean) - 2.0 * m.standard_error) for m in corrections)
        if certain > self.target * scale:
            raise ComputationError(
                f"a density that is smooth enough for a relative error of {self.target:.3g}",
                f"an error by smoothing of up to {certain / scale:.3g}: a kink, or a narrow law",
                "give a larger target error, or ask for the certified value (exitlaw evaluate)",
            )

    def _quantities(self, level: _Level) -> int:
        """How many of the values are estimates; smoothing differences follow them."""
        return len(level.values) // 2 if self.smoothed else len(level.values)

    def _pilot(self, h: float, relaxation: float) -> tuple[float, float, _Level]:
        """Steps at which a few paths stay finite, and a time by which they have relaxed."""
        for _ in range(MAX_LEVELS):
            try:
                for _ in range(MAX_DOUBLINGS):
                    pilot = self.level(PILOT_PATHS, h, relaxation)
                    if all(abs(d.mean) <= 3.0 * d.standard_error for d in pilot.drifts):
                        return h, relaxation, self._larger(pilot, h, relaxation)
                    relaxation *= 2.0
                raise ComputationError(
                    "a process that becomes stationary",
                    f"averages that still drift after a time {relaxation:.3g}",
                    "check that the stationary law and the moment exist; start where it has mass",
                )
            except Explosion:
                if self.dt is not None:
                    raise
                h /= 4.0
        raise ComputationError(
            "paths that stay finite",
            f"explosions down to dt = {h:.3g}",
            "check drift and noise for growth that makes the process explode",
        )

    def _larger(self, pilot: _Level, h: float, relaxation: float) -> _Level:
        """A pilot that comes near the states of a density, if one of LARGEST_PILOT paths does."""
        paths = PILOT_PATHS
        while self.paths is None and not self._seen(pilot):
            if paths >= LARGEST_PILOT:
                raise self._unseen(paths)
            paths *= 16
            pilot = self.level(paths, h, relaxation)
        return pilot

    def _unseen(self, paths: int) -> ComputationError:
        return ComputationError(
            "states of the density that paths come near",
            f"fewer than {SEEN} of {paths} paths that make its value",
            "ask for the certified value (exitlaw evaluate), or for states with more mass",
        )

    def _paths_needed(self, pilot: _Level) -> int:
        values = pilot.values[: self._quantities(pilot)]
        scale = max(abs(m.mean) for m in values)
        if scale == 0.0:
            raise ComputationError(
                "an estimate away from zero, for a relative target",
                "0 in every pilot path",
                "give the number of paths instead of a target error",
            )
        spread = max(m.variance for m in values) ** 0.5 / scale
        paths = max(1000, math.ceil((1.96 * spread / (0.4 * self.target)) ** 2))
        if paths > MAX_PATHS:
            raise ComputationError(
                f"a run of at most {MAX_PATHS:.1g} paths",
                f"about {paths:.2g} for a relative error {self.target:.3g}",
                "give a larger target error, or the number of paths (a mean near zero has none)",
            )
        return paths

    def _affordable(self, paths: int, h: float, relaxation: float) -> None:
        steps = 1.25 * paths * 4.0 * relaxation / h
        if steps > MAX_STEPS:
            raise ComputationError(
                f"a run of at most {MAX_STEPS:.1g} path-steps",
                f"about {steps:.2g} ({paths} paths of length {4 * relaxation:.3g}, dt = {h:.3g})",
                "give a larger target error, or the number of paths",
            )

    def _combine(self, coarse: _Level, fine: _Level, i: int) -> tuple[float, float, float]:
        gap = fine.values[i].mean - coarse.values[i].mean
        noise = math.hypot(coarse.values[i].standard_error, fine.values[i].standard_error)
        drift = abs(fine.drifts[i].mean) + 2.0 * fine.drifts[i].standard_error
        bias = (abs(gap) + 2.0 * noise) / 3.0 + drift / 6.0
        if self.smoothed:
            correction = fine.values[len(fine.values) // 2 + i]
            bias += 0.5 * (abs(correction.mean) + 2.0 * correction.standard_error)
        if self.run.scheme.weak_order > 1.0:
            return fine.values[i].mean, fine.values[i].standard_error, bias
        error = math.hypot(4.0 * fine.values[i].standard_error, coarse.values[i].standard_error)
        return fine.values[i].mean + gap / 3.0, error / 3.0, bias


def _prepare(
    model: Model,
    start: Point,
    scheme: str | None,
    parameters: Mapping[str, float] | None,
    coordinate: Coordinate | None = None,
) -> ErgodicRun:
    chosen = scheme_named(scheme or DEFAULT_SCHEME)
    kernel = kernel_model(model, parameters)
    origin = as_float(start, "a start")
    drift, variance = kernel.coefficients(np.array([origin]))
    elsewhere = (
        "correct the model, or shift its state (w -> w + a): paths start at 0"
        if origin == 0.0 and coordinate is None
        else "correct the model, or give another start"
    )
    if not variance[0] > 0.0:
        raise ComputationError(
            "a noise C that is positive at the start",
            f"η·C = {variance[0]:.3g} at {origin:.6g}",
            elsewhere,
        )
    if not math.isfinite(drift[0]):
        raise ComputationError(
            "a drift that is finite at the start",
            f"{drift[0]:.3g} at {origin:.6g}",
            elsewhere,
        )
    return ErgodicRun(kernel, chosen, origin, coordinate)


def estimates(
    run: Run,
    functional: Functional,
    sampling: Sampling,
    *,
    smoothed: bool = False,
    notes: tuple[str, ...] = (),
) -> list[Estimate]:
    """Averages of the functional over the stationary law.

    With `smoothed`, the second half of the functional's values are corrections that bound a bias.
    `notes` say what the intervals take for granted.
    """
    begun = time.perf_counter()
    driver = _ErgodicDriver(run, functional, sampling, smoothed)
    results = driver.solve()
    seconds = time.perf_counter() - begun
    return [
        Estimate(
            estimate=value,
            standard_error=error,
            bias_bound=bias,
            bias_kind="estimated",
            paths=used,
            path_steps=driver.steps,
            scheme=run.scheme.name,
            seed=sampling.seed,
            seconds=seconds,
            notes=notes,
        )
        for value, error, bias, used in results
    ]


def smoothing_length(run: Run) -> float:
    """The longer of the Euler steps whose law smooths a density: a tenth of the fastest time."""
    _, stiffness = run.rates()
    return 0.1 / stiffness if stiffness > 0.0 else 0.01


def order_of_moment(order: int | float, absolute: bool) -> float:
    """The order as a double.

    Raises
    ------
    ComputationError : not positive, or no integer and not absolute
    """
    power = float(order)
    if not (math.isfinite(power) and power > 0.0 and (absolute or power == int(power))):
        raise ComputationError(
            "a positive order, an integer unless absolute", repr(order), "give such an order"
        )
    return power


def stationary_density(
    model: Model,
    at: Point,
    *,
    start: Point = 0,
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
    """Stationary density at one state, from drift and diffusion alone.

    The one-state case of `stationary_densities`; `target_error` is relative to the estimate.
    """
    return stationary_densities(
        model,
        (at,),
        start=start,
        paths=paths,
        target_error=target_error,
        dt=dt,
        scheme=scheme,
        seed=seed,
        workers=workers,
        parameters=parameters,
        scheduler=scheduler,
        store=store,
        progress=progress,
    )[0]


def stationary_densities(
    model: Model,
    at: Sequence[Point],
    *,
    start: Point = 0,
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
) -> tuple[Estimate, ...]:
    """Stationary density at several states from one run, from drift and diffusion alone.

    Parameters
    ----------
    model : drift, noise, η and θ
    at : the states
    start : where every path begins; the noise must be positive there
    paths : paths per level; or
    target_error : (half-width + bias bound) relative to the largest estimate; default 0.01
    dt : the coarse step; by default chosen from the model and refined
    scheme : euler, milstein, platen or taylor (the default)
    seed, workers, parameters, scheduler, store, progress : as for `mean_exit_time`

    Returns
    -------
    one Estimate per state : per unit of state

    Raises
    ------
    ComputationError : bad input, no stationary law, explosion, no relaxation seen, target out of
        reach
    """
    points = tuple(as_float(p, "a state") for p in at)
    if not points:
        raise ComputationError("at least one state", "none", "give the states of the density")
    run = _prepare(model, start, scheme, parameters)
    length = smoothing_length(run)
    for point in points:
        _, variance = run.kernel.coefficients(np.array([point]))
        reach = np.sqrt(length * variance)
        refuse_kinks(run.kernel.program, run.kernel.constants, np.array([point]), reach)
    functional = SmoothedDensities(run.kernel, points, length)
    sampling = Sampling(paths, target_error, dt, seed, workers, scheduler, store, progress)
    notes = law_notes(model)
    return tuple(estimates(run, functional, sampling, smoothed=True, notes=notes))


@dataclass(frozen=True)
class SmoothedDensities:
    """Densities at points of one Euler step of two lengths, extrapolated; then the corrections."""

    kernel: KernelModel
    points: tuple[float, ...]
    smoothing: float

    def __call__(self, states: np.ndarray) -> np.ndarray:
        drift, variance = self.kernel.coefficients(states.ravel())
        wide, narrow = (
            _euler_densities(self.points, states, drift, variance, length)
            for length in (self.smoothing, 0.5 * self.smoothing)
        )
        correction = (narrow - wide) / 3.0
        return np.concatenate([narrow + correction, correction])


@dataclass(frozen=True)
class Powers:
    """`w^r`, or `|w|^r`."""

    order: float
    absolute: bool

    def __call__(self, states: np.ndarray) -> np.ndarray:
        if self.absolute:
            return (np.abs(states) ** self.order)[np.newaxis]
        return (states ** int(self.order))[np.newaxis]


def _euler_densities(
    points: Sequence[float], states: np.ndarray, drift: np.ndarray, variance: np.ndarray, h: float
) -> np.ndarray:
    """Density at the points of one Euler step from the states; shape (points, *states.shape)."""
    mean = states + h * drift.reshape(states.shape)
    precision = 1.0 / (h * variance.reshape(states.shape))
    peak = np.sqrt(precision / (2.0 * np.pi))
    return np.stack([peak * np.exp(-0.5 * precision * (p - mean) ** 2) for p in points])


def moment(
    model: Model,
    order: int | float,
    *,
    absolute: bool = False,
    start: Point = 0,
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
    coordinate: Coordinate | None = None,
) -> Estimate:
    """Raw moment `E[w^r]`, or `E|w|^r`, of the stationary law, from drift and diffusion alone.

    Parameters
    ----------
    order : r, an integer unless `absolute`
    absolute : whether of |w|
    start, paths, target_error, dt, scheme, seed, workers, parameters, scheduler, store, progress :
        as for `stationary_density`
    coordinate : where paths are to be stepped; start (and dt) are then those of this coordinate

    Raises
    ------
    ComputationError : bad input, no stationary law, explosion, no relaxation seen, target out of
        reach, or a tail so heavy that E|w|^(2r) is infinite: averages then have no standard error
    """
    power = order_of_moment(order, absolute)
    stepped = model if coordinate is None else coordinate.model
    run = _prepare(stepped, start, scheme, parameters, coordinate)
    notes = _variance_notes(model, power)
    sampling = Sampling(paths, target_error, dt, seed, workers, scheduler, store, progress)
    return estimates(run, Powers(power, absolute), sampling, notes=notes)[0]


def law_notes(model: Model) -> tuple[str, ...]:
    """What the density of a model takes for granted.

    Raises
    ------
    InfiniteMean : there is proved to be no stationary law
    """
    return () if _tail_index(model) is not None else (UNPROVED_LAW,)


def _variance_notes(model: Model, power: float) -> tuple[str, ...]:
    """What the standard error of the average of |w|^r takes for granted.

    Raises
    ------
    ComputationError : there is no law, or E|w|^(2r) is infinite
    """
    index = _tail_index(model)
    if index is None:
        return (UNPROVED_LAW, unproved_variance("|w|", power))
    if index.infinite or index.lower > 2.0 * power:
        return ()
    if index.upper <= power:
        raise ComputationError(
            f"a stationary law with a finite moment of order {power:g}",
            f"a tail index {float(index):.6g}: the moment is infinite or undefined",
            f"give an order below {float(index):.6g}",
        )
    raise ComputationError(
        f"a stationary law with a finite moment of order {2 * power:g}, for the error of that "
        f"of order {power:g}",
        f"a tail index {float(index):.6g}: averages have no standard error",
        f"give an order below {float(index) / 2:.6g}, or ask for the certified moment",
    )


def _tail_index(model: Model) -> Enclosure | None:
    """The tail index, or None where nothing is proved: as where numbers are left free."""
    if model.parameters:
        return None
    try:
        return tail_index(model, digits=6, method="arb")
    except (InfiniteMean, InfiniteDrift):
        raise
    except ComputationError:
        return None
