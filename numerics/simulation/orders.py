"""Observed orders of convergence: slopes of log error against log step, with standard errors.

`coupled_ends` runs a scheme at several steps on the same Brownian paths, together with the scheme
of strong order 1 (Milstein's) on a much finer grid, and returns the end of each Brownian path, so
that models with an explicit solution have an exact end as well. `fitted_order` fits

    log e_l = constant + p log h_l,    e_l = |mean of the samples of level l|

by least squares. Levels that share their paths are correlated; the standard error of p is that of
its linearisation, the mean over paths of `Σ_l w_l d_l/e_l` (delta method), and holds whatever the
correlation. A slope at finite steps is not the order itself: tests allow for a stated curvature.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from numerics.errors import ComputationError
from numerics.lowering import Model
from numerics.simulation.estimate import normal_quantile
from numerics.simulation.exit import ExitProblem
from numerics.simulation.requirements import require_positive, require_positive_integer
from numerics.simulation.schemes import (
    SCHEMES,
    Point,
    Scheme,
    as_float,
    kernel_function,
    kernel_model,
)
from numerics.simulation.streams import stream_key

REFERENCE = SCHEMES["milstein"]
"""The scheme of the fine path."""

_LABEL = 0x6F72
"""Label of the streams of this study."""

_COUPLED = '''
REFERENCE


@njit(cache=True, nogil=True, error_model="numpy")
def coupled_ends(key, first, start, h, count, ratios, p, out):
    """Ends of each path: those of the levels, that of the fine path, that of the Brownian path."""
    UNPACK
    levels = ratios.shape[0]
    rh = math.sqrt(h)
    place = np.empty(levels)
    moved = np.empty(levels)
    for path in range(out.shape[0]):
        s0, s1, s2, s3 = initial_state(key, first + path)
        x = start
        brownian = 0.0
        for level in range(levels):
            place[level] = start
            moved[level] = 0.0
        for n in range(count):
            one, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
            two, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
            square, cosine, _ = polar(one, two)
            normal = math.sqrt(square) * cosine
            x = fine_step(x, h, square, cosine, ARGUMENTS)
            brownian += rh * normal
            for level in range(levels):
                moved[level] += normal
                ratio = ratios[level]
                if (n + 1) % ratio == 0:
                    wide = h * ratio
                    z = moved[level] / math.sqrt(float(ratio))
                    place[level] = step(place[level], wide, 1.0, z, ARGUMENTS)
                    moved[level] = 0.0
        for level in range(levels):
            out[path, level] = place[level]
        out[path, levels] = x
        out[path, levels + 1] = brownian
'''


@dataclass(frozen=True)
class Order:
    """A fitted slope, its standard error, and the errors that it was fitted to."""

    slope: float
    standard_error: float
    steps: tuple[float, ...]
    errors: tuple[float, ...]
    error_bars: tuple[float, ...]
    """standard errors of `errors`"""

    def excludes(self, order: float, curvature: float, false_alarm: float) -> bool:
        """Whether H0: |slope − order| <= curvature, up to noise, is rejected at that rate."""
        distance = abs(self.slope - order) - curvature
        return distance > normal_quantile(1.0 - 0.5 * false_alarm) * self.standard_error


@dataclass(frozen=True)
class CoupledEnds:
    """Ends of paths that share their noise."""

    steps: tuple[float, ...]
    levels: np.ndarray
    """ends (paths, levels) at each step"""
    fine: np.ndarray
    """ends (paths) of the fine path"""
    brownian: np.ndarray
    """ends (paths) of the Brownian path"""


def coupled_ends(
    model: Model,
    scheme: Scheme,
    start: Point,
    *,
    until: float,
    counts: Sequence[int],
    fine: int,
    paths: int,
    seed: int = 0,
    parameters: Mapping[str, float] | None = None,
) -> CoupledEnds:
    """Ends at time `until` of a scheme at several steps, and of finer paths, on the same noise.

    Parameters
    ----------
    counts : numbers of steps up to `until`, each a divisor of `fine`
    fine : number of steps of the fine path
    model, start, paths, seed, parameters : as for exit times

    Raises
    ------
    ComputationError : counts that do not divide, or paths that explode
    """
    require_positive("an end of the paths", until)
    require_positive_integer("paths", paths, least=2)
    if any(count < 1 or fine % count for count in counts):
        raise ComputationError(
            "numbers of steps that divide that of the fine path",
            f"{tuple(counts)} and {fine}",
            "take powers of two",
        )
    kernel = kernel_model(model, parameters)
    body = _COUPLED.replace(
        "REFERENCE", REFERENCE.source.strip().replace("def step(", "def fine_step(")
    )
    out = np.empty((paths, len(counts) + 2))
    kernel_function(kernel, scheme, body, "coupled_ends")(
        np.array(stream_key(seed, _LABEL), dtype=np.uint64),
        0,
        as_float(start, "a start"),
        until / fine,
        fine,
        np.array([fine // count for count in counts]),
        kernel.arguments(),
        out,
    )
    if not np.isfinite(out).all():
        raise ComputationError(
            "paths that stay finite", "paths that exploded or became NaN", "take more steps"
        )
    steps = tuple(until / count for count in counts)
    return CoupledEnds(steps, out[:, :-2], out[:, -2], out[:, -1])


def fitted_order(steps: Sequence[float], samples: np.ndarray) -> Order:
    """The slope of the log of |mean| against the log of the step.

    Parameters
    ----------
    steps : h_l
    samples : shape (paths, levels); rows independent, the entries of a row may be correlated
    """
    means, paths = samples.mean(axis=0), samples.shape[0]
    weights = _weights(steps)
    influence = ((samples - means) / means) @ weights
    return Order(
        float(weights @ np.log(np.abs(means))),
        float(influence.std() / math.sqrt(paths)),
        tuple(steps),
        tuple(float(m) for m in np.abs(means)),
        tuple(float(s) for s in samples.std(axis=0) / math.sqrt(paths)),
    )


def _weights(steps: Sequence[float]) -> np.ndarray:
    """Weights of the logarithms of the errors in the slope of least squares."""
    place = np.log(np.asarray(steps))
    place = place - place.mean()
    return place / (place @ place)


def strong_order(ends: CoupledEnds, exact: np.ndarray | None = None) -> Order:
    """Order of `E|X_h − X|` at the end, X the given exact ends, or else the fine path."""
    target = ends.fine if exact is None else exact
    return fitted_order(ends.steps, np.abs(ends.levels - target[:, np.newaxis]))


def weak_order(ends: CoupledEnds, exact: np.ndarray) -> Order:
    """Order of `|E X_h² − E X²|` at the end; the exact ends of the same paths cancel the noise."""
    return fitted_order(ends.steps, ends.levels**2 - exact[:, np.newaxis] ** 2)


def exit_order(
    problem: ExitProblem, exact: float, steps: Sequence[float], paths: int, seed: int = 0
) -> Order:
    """Order of the bias of the mean exit time at single steps; levels are independent."""
    means, errors = [], []
    for level, h in enumerate(steps):
        times, _, _ = problem.sample(stream_key(seed, _LABEL, level), 0, paths, h)
        means.append(float(times.mean()) - exact)
        errors.append(float(times.std()) / math.sqrt(paths))
    biases, bars, weights = np.array(means), np.array(errors), _weights(steps)
    return Order(
        float(weights @ np.log(np.abs(biases))),
        float(np.linalg.norm(weights * bars / biases)),
        tuple(steps),
        tuple(float(b) for b in np.abs(biases)),
        tuple(errors),
    )
