"""Discrete-time dynamics: stochastic gradient descent on given losses, and α-stable noise.

SGD: `w' = w − (η/B) Σ_{i in batch} ∂ℓ(w; z_i)/∂w`, the batch drawn with or without replacement
from the samples z. Its noise is that of the data; no Gaussian is put in.

α-stable: `w' = w − L'(w)h + ε h^(1/α) S`, with S standard symmetric stable,
`E exp(iuS) = exp(−|u|^α)`, by Chambers, Mallows and Stuck (1976):
`S = sin(αV)/cos(V)^(1/α) · (cos((1−α)V)/W)^((1−α)/α)`, V uniform on (−π/2, π/2), W exponential.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from numerics.errors import ComputationError
from numerics.evaluators import scalar_source
from numerics.program import Program
from numerics.simulation.requirements import require_positive, require_positive_integer
from numerics.simulation.schemes import compiled
from numerics.simulation.streams import stream_key

_SGD = '''
@njit(cache=True, nogil=True, error_model="numpy")
def descend(key, first, start, lower, upper, rate, batch, replace, limit, data, states, counts):
    """Run paths until they leave (lower, upper) or have made `limit` updates."""
    samples = data.shape[0]
    order = np.arange(samples)
    for path in range(states.shape[0]):
        s0, s1, s2, s3 = initial_state(key, first + path)
        for i in range(samples):
            order[i] = i
        w = start
        made = 0
        while made < limit and w > lower and w < upper:
            total = 0.0
            for i in range(batch):
                word, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
                # 32 high bits scaled: a bias below samples·2⁻³² in the choice of a sample.
                remaining = samples if replace else samples - i
                chosen = np.int64(((word >> uint64(32)) * uint64(remaining)) >> uint64(32))
                if replace:
                    index = chosen
                else:
                    index = order[i + chosen]
                    order[i + chosen] = order[i]
                    order[i] = index
                total += gradient(w, FIELDS)
            w -= rate * total / batch
            made += 1
        states[path] = w
        counts[path] = made
'''

_STABLE = '''
@njit(forceinline=True, error_model="numpy")
def stable(alpha, s0, s1, s2, s3):
    """One standard symmetric α-stable value, and the stream after it."""
    one, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
    two, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
    angle = math.pi * (uniform(one) - 0.5 - 2.0**-53)
    wait = 0.5 * minus_two_log(uniform(two) - 2.0**-53)
    value = math.sin(alpha * angle) / math.cos(angle) ** (1.0 / alpha)
    value *= (math.cos((1.0 - alpha) * angle) / wait) ** ((1.0 - alpha) / alpha)
    return value, s0, s1, s2, s3


@njit(cache=True, nogil=True, error_model="numpy")
def stable_values(key, first, alpha, out):
    """Row i: standard symmetric α-stable values of path first + i."""
    for path in range(out.shape[0]):
        s0, s1, s2, s3 = initial_state(key, first + path)
        for i in range(out.shape[1]):
            out[path, i], s0, s1, s2, s3 = stable(alpha, s0, s1, s2, s3)


@njit(cache=True, nogil=True, error_model="numpy")
def stable_exits(key, first, start, lower, upper, alpha, scale, h, limit, states, counts):
    """Run `w' = w − L'(w)h + scale·S` until it leaves (lower, upper) or has made `limit` steps."""
    for path in range(states.shape[0]):
        s0, s1, s2, s3 = initial_state(key, first + path)
        w = start
        made = 0
        while made < limit and w > lower and w < upper:
            value, s0, s1, s2, s3 = stable(alpha, s0, s1, s2, s3)
            w += scale * value - gradient(w) * h
            made += 1
        states[path] = w
        counts[path] = made
'''


@dataclass(frozen=True)
class DiscreteRun:
    """Final states and numbers of updates of independent paths.

    A path that left its interval has fewer updates than the limit, or ends outside.
    """

    states: np.ndarray
    counts: np.ndarray


def sgd(
    gradient: Program,
    data: np.ndarray,
    *,
    start: float,
    eta: float,
    batch: int = 1,
    replacement: bool = True,
    updates: int,
    paths: int,
    exit_above: float = math.inf,
    exit_below: float = -math.inf,
    seed: int = 0,
) -> DiscreteRun:
    """Stochastic gradient descent on per-sample losses, until exit or for a number of updates.

    Parameters
    ----------
    gradient : program of ∂ℓ/∂w with inputs (w, z₁, …, z_k)
    data : samples, shape (N, k)
    start, eta : initial state, learning rate
    batch, replacement : batch size B and how its samples are drawn
    updates : largest number of updates of a path
    paths, seed : independent paths; path n of a seed is the same for any number of them
    exit_above, exit_below : a path stops once outside

    Returns
    -------
    DiscreteRun : final states and numbers of updates

    Raises
    ------
    ComputationError : bad input, or a path that became NaN
    """
    table = np.ascontiguousarray(data, dtype=np.float64)
    fields = len(gradient.inputs) - 1
    if table.ndim != 2 or table.shape[1] != fields or not np.all(np.isfinite(table)):
        raise ComputationError(
            f"finite samples of shape (N, {fields})", f"shape {table.shape}", "correct the data"
        )
    require_positive_integer("batch", batch)
    if not replacement and batch > table.shape[0]:
        raise ComputationError(
            f"a batch of at most {table.shape[0]} without replacement",
            str(batch),
            "take a smaller batch",
        )
    passed = ", ".join(f"data[index, {j}]" for j in range(fields))
    source = _function(gradient) + _SGD.replace("FIELDS", passed)
    states, counts = _outputs(paths, updates)
    compiled(source, "descend", "sgd").descend(
        np.array(stream_key(seed, 0), dtype=np.uint64),
        0,
        float(start),
        float(exit_below),
        float(exit_above),
        require_positive("a learning rate eta", eta),
        batch,
        replacement,
        updates,
        table,
        states,
        counts,
    )
    return _checked(states, counts, "a smaller learning rate")


def stable_values(alpha: float, *, paths: int, length: int, seed: int = 0) -> np.ndarray:
    """Standard symmetric α-stable values, shape (paths, length); row n is path n's stream.

    Raises
    ------
    ComputationError : α outside (0, 2]
    """
    out = np.empty((require_positive_integer("paths", paths), length))
    source = "@njit\ndef gradient(w):\n    return 0.0\n" + _STABLE
    compiled(source, "stable_values", "stable").stable_values(
        np.array(stream_key(seed, 0), dtype=np.uint64), 0, _stability(alpha), out
    )
    return out


def stable_exits(
    gradient: Program,
    *,
    alpha: float,
    scale: float,
    start: float,
    dt: float,
    steps: int,
    paths: int,
    exit_above: float = math.inf,
    exit_below: float = -math.inf,
    seed: int = 0,
) -> DiscreteRun:
    """Euler's chain of `dw = −L'(w)dt + ε dS`, S standard symmetric α-stable, until exit.

    Parameters
    ----------
    gradient : program of L' with the one input w
    alpha, scale : stability in (0, 2] and ε
    dt, steps : step size, and the largest number of steps

    Raises
    ------
    ComputationError : bad input, or a path that became NaN
    """
    h = require_positive("a time step dt", dt)
    index = _stability(alpha)
    states, counts = _outputs(paths, steps)
    source = _function(gradient) + _STABLE
    compiled(source, "stable_exits", "stable").stable_exits(
        np.array(stream_key(seed, 0), dtype=np.uint64),
        0,
        float(start),
        float(exit_below),
        float(exit_above),
        index,
        require_positive("a scale", scale) * h ** (1.0 / index),
        h,
        steps,
        states,
        counts,
    )
    return _checked(states, counts, "a smaller dt")


def _function(gradient: Program) -> str:
    return '@njit(forceinline=True, error_model="numpy")\n' + scalar_source(gradient, "gradient")


def _outputs(paths: int, updates: int) -> tuple[np.ndarray, np.ndarray]:
    require_positive_integer("the number of updates", updates)
    count = require_positive_integer("paths", paths)
    return np.empty(count), np.empty(count, dtype=np.int64)


def _stability(alpha: float) -> float:
    if not 0.0 < alpha <= 2.0:
        raise ComputationError("a stability α in (0, 2]", repr(alpha), "give such an α")
    return float(alpha)


def _checked(states: np.ndarray, counts: np.ndarray, advice: str) -> DiscreteRun:
    broken = int(np.count_nonzero(np.isnan(states)))
    if broken:
        raise ComputationError(
            "paths that stay numbers", f"{broken} of {states.size} became NaN", f"give {advice}"
        )
    return DiscreteRun(states, counts)
