"""α-stable noise, symmetric or skewed: `w' = w − L'(w)h + ε ΔX`.

X is the stable process with X₁ = S standard stable of stability α in (0, 2] and skewness β in
[−1, 1], in the parametrisation S1 (Samorodnitsky and Taqqu 1994; Nolan's `S(α, β, 1, 0; 1)`, the
default of SciPy):

    E exp(iuS) = exp(−|u|^α (1 − iβ sign(u) tan(πα/2))),          α ≠ 1,
               = exp(−|u| (1 + iβ (2/π) sign(u) ln|u|)),          α = 1,

    ΔX = h^(1/α) S,    but    ΔX = h S + (2/π) β h ln h    for α = 1,

where a skewed stable process is not strictly stable. By Chambers, Mallows and Stuck (1976), with V
uniform on (−π/2, π/2), W exponential, `B = atan(β tan(πα/2))/α`:

    S = (1 + β² tan²(πα/2))^(1/(2α)) sin(α(V+B))/cos(V)^(1/α) · (cos(V − α(V+B))/W)^((1−α)/α),
    S = (2/π) [(π/2 + βV) tan V − β ln((π/2) W cos V/(π/2 + βV))]                      for α = 1.

Near α = 1 the law S1 of a skewed S moves off as β tan(πα/2).
"""

from __future__ import annotations

import math

import numpy as np

from numerics.errors import ComputationError
from numerics.program import Program
from numerics.simulation.discrete import (
    DiscreteRun,
    checked_run,
    empty_outputs,
    gradient_source,
)
from numerics.simulation.requirements import require_positive, require_positive_integer
from numerics.simulation.schemes import compiled
from numerics.simulation.streams import stream_key

_STABLE = '''
@njit(forceinline=True, error_model="numpy")
def stable(law, s0, s1, s2, s3):
    """One standard α-stable value, and the stream after it; `law` holds α, β, B and the factor."""
    alpha, beta = law[0], law[1]
    one, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
    two, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
    angle = math.pi * (uniform(one) - 0.5 - 2.0**-53)
    wait = 0.5 * minus_two_log(uniform(two) - 2.0**-53)
    if alpha == 1.0:
        width = 0.5 * math.pi + beta * angle
        value = width * math.tan(angle)
        if beta != 0.0:
            value -= beta * math.log(0.5 * math.pi * wait * math.cos(angle) / width)
        return value / (0.5 * math.pi), s0, s1, s2, s3
    value = law[3] * math.sin(alpha * (angle + law[2])) / math.cos(angle) ** (1.0 / alpha)
    # Rounding at the ends of a totally skewed law must not make the cosine negative.
    rest = max(math.cos((1.0 - alpha) * angle - alpha * law[2]), 0.0)
    value *= (rest / wait) ** ((1.0 - alpha) / alpha)
    return value, s0, s1, s2, s3


@njit(cache=True, nogil=True, error_model="numpy")
def stable_values(key, first, law, out):
    """Row i: standard α-stable values of path first + i."""
    for path in range(out.shape[0]):
        s0, s1, s2, s3 = initial_state(key, first + path)
        for i in range(out.shape[1]):
            out[path, i], s0, s1, s2, s3 = stable(law, s0, s1, s2, s3)


@njit(cache=True, nogil=True, error_model="numpy")
def stable_exits(key, first, start, lower, upper, law, scale, shift, h, limit, states, counts):
    """Run `w' = w − L'(w)h + scale·S + shift` until it leaves (lower, upper), or `limit` steps."""
    for path in range(states.shape[0]):
        s0, s1, s2, s3 = initial_state(key, first + path)
        w = start
        made = 0
        while made < limit and w > lower and w < upper:
            value, s0, s1, s2, s3 = stable(law, s0, s1, s2, s3)
            w += scale * value + shift - gradient(w) * h
            made += 1
        states[path] = w
        counts[path] = made
'''


def stable_values(
    alpha: float, *, beta: float = 0.0, paths: int, length: int, seed: int = 0
) -> np.ndarray:
    """Standard α-stable values, shape (paths, length); row n is path n's stream.

    Parameters
    ----------
    alpha, beta : stability in (0, 2] and skewness in [−1, 1], parametrisation S1 (see the module)

    Raises
    ------
    ComputationError : α outside (0, 2], β outside [−1, 1]
    """
    out = np.empty((require_positive_integer("paths", paths), length))
    source = "@njit\ndef gradient(w):\n    return 0.0\n" + _STABLE
    compiled(source, "stable_values", "stable").stable_values(
        np.array(stream_key(seed, 0), dtype=np.uint64), 0, _law(alpha, beta), out
    )
    return out


def stable_exits(
    gradient: Program,
    *,
    alpha: float,
    beta: float = 0.0,
    scale: float,
    start: float,
    dt: float,
    steps: int,
    paths: int,
    exit_above: float = math.inf,
    exit_below: float = -math.inf,
    seed: int = 0,
) -> DiscreteRun:
    """Euler's chain of `dw = −L'(w)dt + ε dX`, X a standard α-stable process, until exit.

    Parameters
    ----------
    gradient : program of L' with the one input w
    alpha, beta : stability in (0, 2] and skewness in [−1, 1], parametrisation S1 (see the module)
    scale : ε
    dt, steps : step size, and the largest number of steps

    Raises
    ------
    ComputationError : bad input, or a path that became NaN
    """
    h = require_positive("a time step dt", dt)
    law, size = _law(alpha, beta), require_positive("a scale", scale)
    drift = 2.0 / math.pi * beta * h * math.log(h) if alpha == 1.0 else 0.0
    states, counts = empty_outputs(paths, steps)
    source = gradient_source(gradient) + _STABLE
    compiled(source, "stable_exits", "stable").stable_exits(
        np.array(stream_key(seed, 0), dtype=np.uint64),
        0,
        float(start),
        float(exit_below),
        float(exit_above),
        law,
        size * h ** (1.0 / alpha),
        size * drift,
        h,
        steps,
        states,
        counts,
    )
    return checked_run(states, counts, "a smaller dt")


def _law(alpha: float, beta: float) -> np.ndarray:
    """α, β, B and the factor of Chambers, Mallows and Stuck."""
    if not 0.0 < alpha <= 2.0:
        raise ComputationError("a stability α in (0, 2]", repr(alpha), "give such an α")
    if not -1.0 <= beta <= 1.0:
        raise ComputationError("a skewness β in [−1, 1]", repr(beta), "give such a β")
    skew = beta * math.tan(0.5 * math.pi * alpha) if alpha != 1.0 else 0.0
    return np.array([alpha, beta, math.atan(skew) / alpha, (1.0 + skew * skew) ** (0.5 / alpha)])
