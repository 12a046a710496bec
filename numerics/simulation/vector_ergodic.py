"""Stationary moments and densities in d dimensions, from long runs of drift and diffusion.

The windows, the steps and the bounds on three biases are those of `numerics.simulation.ergodic`;
the density at a point of ℝᵈ is the average of the law of one Euler step,

    p(x) = E[N(x; X + a(X)δ, v(X)δ)],    v = ηC,

over the stationary X, extrapolated from δ and δ/2 on the same states. An average has a standard
error only where the square of what is averaged has a finite mean under the stationary law:
`numerics.ergodicity` is asked first. What is proved to be wrong is refused, and what is not proved
is said in the notes of the estimate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from numerics import ergodicity
from numerics.ergodicity import Finding
from numerics.errors import ComputationError
from numerics.evaluators import numpy_function
from numerics.multivariate import MultivariateModel
from numerics.program import Program
from numerics.scheduling import ChunkStore, Progress, Scheduler
from numerics.simulation.ergodic import (
    UNPROVED_LAW,
    Functional,
    Sampling,
    estimates,
    order_of_moment,
    require_finite,
    smoothing_length,
    unproved_variance,
)
from numerics.simulation.estimate import Estimate
from numerics.simulation.jumps import refuse_kinks
from numerics.simulation.multivariate import VectorKernel, vector_kernel
from numerics.simulation.schemes import Point, Scheme, as_float
from numerics.simulation.streams import Key

DEFAULT_SCHEME = "euler"
"""Its levels are extrapolated; `platen` costs 4d + 2 evaluations of the model for each step."""

_LARGEST = 1e150
"""Beyond it squares leave the range of doubles."""

_STATES = '''
@njit(cache=True, nogil=True, error_model="numpy")
def vector_states(key, first, start, h, burn, stride, p, out, refused):
    """States of paths first, first+1, … after burn + stride, burn + 2 stride, … steps.

    `out[path, sample, coordinate]`; `refused[path]` tells of a C that was not positive definite.
    """
    UNPACK
    state = np.empty((4, LANES), np.uint64)
    place = np.empty((DIMENSION, LANES))
    met = np.zeros(LANES, np.uint8)
    for block in range(0, out.shape[0], LANES):
        for lane in range(LANES):
            for i in range(DIMENSION):
                place[i, lane] = start[i]
            met[lane] = 0
            s0, s1, s2, s3 = initial_state(key, first + block + lane)
            state[0, lane], state[1, lane], state[2, lane], state[3, lane] = s0, s1, s2, s3
        taken = min(LANES, out.shape[0] - block)
        for sample in range(out.shape[1]):
            for _ in range(stride + (burn if sample == 0 else 0)):
                for lane in range(LANES):
                    s0, s1, s2, s3 = state[0, lane], state[1, lane], state[2, lane], state[3, lane]
                    STEP
                    state[0, lane], state[1, lane], state[2, lane], state[3, lane] = s0, s1, s2, s3
                    met[lane] |= indefinite
            for lane in range(taken):
                for i in range(DIMENSION):
                    out[block + lane, sample, i] = place[i, lane]
        for lane in range(taken):
            refused[block + lane] = met[lane]
'''


@dataclass(frozen=True)
class VectorRun:
    """Paths of a model in d dimensions from a start."""

    kernel: VectorKernel
    start: tuple[float, ...]

    @property
    def scheme(self) -> Scheme:
        """That of the steps."""
        return self.kernel.scheme

    def states(
        self, key: Key, first: int, count: int, h: float, burn: int, stride: int, samples: int
    ) -> np.ndarray:
        """States (count, samples, d), `2·stride` steps apart after `2·burn`.

        Raises
        ------
        ComputationError : a path exploded, became NaN, or met a C that is not positive definite
        """
        out = np.empty((count, samples, self.kernel.dimension))
        refused = np.zeros(count, dtype=np.uint8)
        _states_function(self.kernel)(
            np.array(key, dtype=np.uint64),
            first,
            np.array(self.start),
            h,
            2 * burn,
            2 * stride,
            self.kernel.arguments(),
            out,
            refused,
        )
        if refused.any():
            raise ComputationError(
                "a noise C that is positive definite wherever paths come",
                f"{int(refused.sum())} of {count} paths that came where it is not so, "
                f"at dt = {h:.3g}",
                "correct the noise",
            )
        return require_finite(out, h)

    def forgetting_time(self, functional: Functional, tolerance: float) -> float:
        """Not known: there is no grid in several dimensions."""
        return 0.0

    def rates(self) -> tuple[float, float]:
        """Slowest rate of the linearised drift at the start, and a bound of its fastest.

        The slowest is a first guess of the relaxation, which is measured: not below a fiftieth.
        """
        d = self.kernel.dimension
        start = np.array(self.start)[:, np.newaxis]
        step = 1e-4 * (1.0 + float(np.linalg.norm(start)))
        up, _, _ = self.kernel.coefficients(start + step * np.eye(d))
        down, _, _ = self.kernel.coefficients(start - step * np.eye(d))
        slopes = (up - down) / (2.0 * step)
        if not np.isfinite(slopes).all():
            raise ComputationError(
                "a drift with finite slopes at the start", f"{slopes.tolist()}", "move the start"
            )
        slowest = float(np.abs(np.linalg.eigvals(slopes)).min())
        fastest = float(np.abs(slopes).sum(axis=1).max())
        return max(slowest, fastest / 50.0), fastest


def _states_function(kernel: VectorKernel):
    d = kernel.dimension
    lines = [f"x{i} = place[{i}, lane]" for i in range(d)]
    lines += [*kernel.normals(), *kernel.step(), *(f"place[{i}, lane] = y{i}" for i in range(d))]
    text = _STATES.replace("STEP", "\n                    ".join(lines))
    return kernel.function(text, "vector_states")


@dataclass(frozen=True)
class PowerOf:
    """`f(x)^r`, or `|f(x)|^r`."""

    observable: Program
    order: float
    absolute: bool

    def __call__(self, states: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            (found,) = numpy_function(self.observable)(*np.moveaxis(states, -1, 0))
        values = np.broadcast_to(found, states.shape[:-1])
        if not np.isfinite(values).all():
            raise ComputationError(
                "an observable with a value wherever paths come",
                f"none at {int((~np.isfinite(values)).sum())} of {values.size} states",
                "correct its formula",
            )
        with np.errstate(over="ignore"):
            powers = np.abs(values) ** self.order if self.absolute else values ** int(self.order)
        if not np.abs(powers).max() < _LARGEST:
            raise ComputationError(
                "a process that becomes stationary",
                f"an observable whose powers grow beyond {_LARGEST:g}",
                "check that the stationary law and the moment exist; start where it has mass",
            )
        return powers[np.newaxis]


@dataclass(frozen=True)
class SmoothedDensity:
    """Density at a point of one Euler step of two lengths, extrapolated; then the correction."""

    kernel: VectorKernel
    point: tuple[float, ...]
    smoothing: float

    def __call__(self, states: np.ndarray) -> np.ndarray:
        shape, d = states.shape[:-1], self.kernel.dimension
        flat = states.reshape(-1, d).T
        drift, noise, _ = self.kernel.coefficients(flat)
        factor = np.linalg.cholesky(np.moveaxis(noise, -1, 0))
        scale = np.prod(np.einsum("nii->ni", factor), axis=1) * (2.0 * math.pi) ** (0.5 * d)
        wide, narrow = (
            self._densities(flat, drift, factor, scale, length).reshape(shape)
            for length in (self.smoothing, 0.5 * self.smoothing)
        )
        correction = (narrow - wide) / 3.0
        return np.stack([narrow + correction, correction])

    def _densities(
        self,
        states: np.ndarray,
        drift: np.ndarray,
        factor: np.ndarray,
        scale: np.ndarray,
        length: float,
    ) -> np.ndarray:
        away = (np.array(self.point)[:, np.newaxis] - states - length * drift).T
        scaled = np.linalg.solve(factor, away[:, :, np.newaxis])[:, :, 0]
        exponent = -0.5 * np.sum(scaled * scaled, axis=1) / length
        return np.exp(exponent) / (scale * length ** (0.5 * self.kernel.dimension))


def _run(model: MultivariateModel, start: Sequence[Point] | None, scheme: str | None) -> VectorRun:
    origin = _point(model, (0,) * model.dimension if start is None else start, "a start")
    kernel = vector_kernel(model, scheme=scheme or DEFAULT_SCHEME)
    _, noise, _ = kernel.coefficients(np.array(origin)[:, np.newaxis])
    covariance = noise[:, :, 0]
    if not (np.isfinite(covariance).all() and np.linalg.eigvalsh(covariance)[0] > 0.0):
        raise ComputationError(
            "a noise C that is positive definite at the start",
            f"C = {(covariance / kernel.eta).tolist()} at ({', '.join(f'{x:g}' for x in origin)})",
            "correct the noise, or give another start"
            if any(origin)
            else "correct the noise, or shift the state (x -> x + a): paths start at 0",
        )
    return VectorRun(kernel, origin)


def _point(model: MultivariateModel, given: Sequence[Point], what: str) -> tuple[float, ...]:
    if len(given) != model.dimension:
        raise ComputationError(
            f"{what} of {model.dimension} coordinates",
            f"{len(given)}",
            f"give one for each of {', '.join(model.variables)}",
        )
    return tuple(as_float(coordinate, what) for coordinate in given)


def moment(
    model: MultivariateModel,
    observable: Program,
    order: int | float = 1,
    *,
    absolute: bool = False,
    start: Sequence[Point] | None = None,
    paths: int | None = None,
    target_error: float | None = None,
    dt: float | None = None,
    scheme: str | None = None,
    seed: int = 0,
    workers: int = 1,
    scheduler: Scheduler | None = None,
    store: ChunkStore | None = None,
    progress: Progress | None = None,
) -> Estimate:
    """`E[f(x)^r]`, or `E|f(x)|^r`, under the stationary law, from drift and diffusion alone.

    Parameters
    ----------
    model : drift and noise in d dimensions, η and θ
    observable : program of f, with the d variables as inputs
    order : r, an integer unless `absolute`
    start : where every path begins (default: 0)
    scheme : euler (the default, extrapolated), milstein (noise that commutes) or platen
    paths, target_error, dt, seed, workers, scheduler, store, progress : as in one dimension

    Raises
    ------
    ComputationError : bad input, no stationary law, explosion, no relaxation seen, target out of
        reach, or tails so heavy that E|f|^(2r) is infinite: averages then have no standard error
    """
    power = order_of_moment(order, absolute)
    run = _run(model, start, scheme)
    notes = (*_law_notes(model), *_variance_notes(model, observable, power))
    sampling = Sampling(paths, target_error, dt, seed, workers, scheduler, store, progress)
    return estimates(run, PowerOf(observable, power, absolute), sampling, notes=notes)[0]


def _law_notes(model: MultivariateModel) -> tuple[str, ...]:
    """What every average takes for granted.

    Raises
    ------
    ComputationError : there is no stationary law
    """
    found = ergodicity.stationary_law(model)
    if found.verdict == "infinite":
        raise ComputationError(
            "a process that becomes stationary",
            "a drift and a noise by which paths go out to infinity, or come back after times of "
            f"infinite mean{_basis(found)}: there is no stationary law",
            "check the signs of the loss and the drift, and the interpretation",
        )
    return _notes(found, UNPROVED_LAW, "that there is a stationary law")


def _variance_notes(model: MultivariateModel, observable: Program, power: float) -> tuple[str, ...]:
    """What the standard error of the average of |f|^r takes for granted.

    Raises
    ------
    ComputationError : E|f|^(2r) is infinite
    """
    found = ergodicity.moment(model, observable, 2 * Fraction(power))
    if found.verdict != "infinite":
        return _notes(found, unproved_variance("|f|", power), f"that E|f|^{2 * power:g} is finite")
    tail = "tails too heavy for it" if found.index is None else f"|x| of tail index {found.index}"
    if ergodicity.moment(model, observable, Fraction(power)).verdict == "infinite":
        raise ComputationError(
            f"a stationary law with a finite moment of order {power:g} of the observable f",
            f"{tail}{_basis(found)}: E|f|^{power:g} is infinite",
            "give a lower order, or another observable",
        )
    raise ComputationError(
        f"a stationary law with a finite E|f|^{2 * power:g}, for the error of the moment of order "
        f"{power:g} of the observable f",
        f"{tail}{_basis(found)}: averages have no standard error",
        "give a lower order, or another observable",
    )


def _notes(found: Finding, unproved: str, what: str) -> tuple[str, ...]:
    if found.verdict == "undecided":
        return (f"{unproved} ({found.reason})",)
    return () if found.support == "proved" else (f"{what} rests on a minimum{_BY_DOUBLES}",)


def _basis(found: Finding) -> str:
    return "" if found.support == "proved" else f" (by a minimum{_BY_DOUBLES})"


_BY_DOUBLES = " over directions that was searched for in doubles"


def stationary_density(
    model: MultivariateModel,
    at: Sequence[Point],
    *,
    start: Sequence[Point] | None = None,
    paths: int | None = None,
    target_error: float | None = None,
    dt: float | None = None,
    scheme: str | None = None,
    seed: int = 0,
    workers: int = 1,
    scheduler: Scheduler | None = None,
    store: ChunkStore | None = None,
    progress: Progress | None = None,
) -> Estimate:
    """Stationary density at a point, from drift and diffusion alone, per unit of volume.

    The variance of one sample grows as δ^(−d/2): beyond three or four dimensions moments and
    probabilities of regions are the better question.

    Parameters
    ----------
    model : drift and noise in d dimensions, η and θ
    at : d coordinates
    start, scheme, paths, target_error, dt, seed, workers, scheduler, store, progress : as for
        `moment`

    Raises
    ------
    ComputationError : bad input, no stationary law, explosion, no relaxation seen, target out of
        reach
    """
    point = _point(model, at, "a state")
    run = _run(model, start, scheme)
    notes = _law_notes(model)
    length, place = smoothing_length(run), np.array(point)
    _, noise, _ = run.kernel.coefficients(place[:, np.newaxis])
    reach = np.sqrt(length * np.diagonal(noise[:, :, 0]))
    refuse_kinks(run.kernel.program, run.kernel.constants, place, reach)
    functional = SmoothedDensity(run.kernel, point, length)
    sampling = Sampling(paths, target_error, dt, seed, workers, scheduler, store, progress)
    return estimates(run, functional, sampling, smoothed=True, notes=notes)[0]
