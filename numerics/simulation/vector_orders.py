"""Observed orders of the schemes in d dimensions; see `numerics.simulation.orders`.

A scheme is run at several steps and on a much finer grid with the same increments of the d
Brownian motions; random signs are each step's own. The ends of the fine path stand for the exact
ones: its own error, smaller by the ratio of the steps to the power of the order, bends slopes less
than the steps do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from numerics.errors import ComputationError
from numerics.multivariate import MultivariateModel
from numerics.simulation.multivariate import VectorKernel, vector_kernel
from numerics.simulation.orders import Order, fitted_order
from numerics.simulation.requirements import require_positive, require_positive_integer
from numerics.simulation.schemes import Point, as_float
from numerics.simulation.streams import stream_key

_LABEL = 0x766F
"""Label of the streams of this study."""

_COUPLED = '''
@njit(forceinline=True, error_model="numpy")
def advance(STATES, NOISES, h, eta, te, s0, s1, s2, s3, CONSTANTS):
    """One step with given normals times √(ηh)."""
    STEP
    return MOVED, s0, s1, s2, s3


@njit(cache=True, nogil=True, error_model="numpy")
def vector_ends(key, first, start, fine, count, ratios, p, out):
    """Ends (path, level, coordinate): those of the levels, then that of the fine path."""
    UNPACK
    levels = ratios.shape[0]
    place = np.empty((levels + 1, DIMENSION))
    moved = np.empty((levels + 1, DIMENSION))
    for path in range(out.shape[0]):
        s0, s1, s2, s3 = initial_state(key, first + path)
        place[:] = start
        moved[:] = 0.0
        for n in range(count):
            h = fine
            NORMALS
            for level in range(levels + 1):
                ADD
                ratio = ratios[level] if level < levels else 1
                if (n + 1) % ratio == 0:
                    AT_LEVEL
                    MOVED, s0, s1, s2, s3 = advance(
                        STATES, SUMS, fine * ratio, eta, te, s0, s1, s2, s3, CONSTANTS
                    )
                    KEEP
        out[path] = place
'''


@dataclass(frozen=True)
class VectorEnds:
    """Ends of paths that share their noise."""

    steps: tuple[float, ...]
    levels: np.ndarray
    """ends (paths, levels, d) at each step"""
    fine: np.ndarray
    """ends (paths, d) of the fine path"""


def coupled_ends(
    model: MultivariateModel,
    scheme: str,
    start: Sequence[Point],
    *,
    until: float,
    counts: Sequence[int],
    fine: int,
    paths: int,
    seed: int = 0,
) -> VectorEnds:
    """Ends at time `until` of a scheme at several steps, and on a fine grid, on the same noise.

    Parameters
    ----------
    scheme : euler, milstein or platen
    counts : numbers of steps up to `until`, each a divisor of `fine`
    fine : number of steps of the fine path
    model, start, paths, seed : as for exit times

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
    kernel = vector_kernel(model, scheme=scheme)
    out = np.empty((paths, len(counts) + 1, model.dimension))
    kernel.function(_filled(kernel), "vector_ends")(
        np.array(stream_key(seed, _LABEL), dtype=np.uint64),
        0,
        np.array([as_float(coordinate, "a start") for coordinate in start]),
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
    return VectorEnds(tuple(until / count for count in counts), out[:, :-1], out[:, -1])


def _filled(kernel: VectorKernel) -> str:
    d = range(kernel.dimension)
    drawn = [line for line in kernel.normals() if not line.startswith(("bits", "v_"))]
    signs = [line for line in kernel.normals() if line.startswith(("bits", "v_"))]
    return (
        _COUPLED.replace("STEP", "\n    ".join([*signs, *kernel.step()]))
        .replace("NORMALS", "\n            ".join(drawn))
        .replace("ADD", "\n                ".join(f"moved[level, {i}] += u{i}" for i in d))
        .replace("AT_LEVEL", "; ".join(f"x{i} = place[level, {i}]" for i in d))
        .replace("KEEP", "; ".join(f"place[level, {i}] = y{i}; moved[level, {i}] = 0.0" for i in d))
        .replace("MOVED", ", ".join(f"y{i}" for i in d))
        .replace("STATES", ", ".join(kernel.states))
        .replace("NOISES", ", ".join(f"u{i}" for i in d))
        .replace("SUMS", ", ".join(f"moved[level, {i}]" for i in d))
        .replace(", CONSTANTS", "".join(f", {name}" for name in kernel.form.constants))
    )


def strong_order(ends: VectorEnds) -> Order:
    """Order of `E|X_h − X|` (Euclidean) at the end, X the fine path's."""
    gaps = ends.levels - ends.fine[:, np.newaxis]
    return fitted_order(ends.steps, np.sqrt(np.sum(gaps**2, axis=2)))


def weak_order(ends: VectorEnds, weights: np.ndarray) -> Order:
    """Order of `|E X_hᵀWX_h − E XᵀWX|` at the end, W the weights (d, d), X the fine path's."""
    forms = np.einsum("nli,ij,nlj->nl", ends.levels, weights, ends.levels)
    exact = np.einsum("ni,ij,nj->n", ends.fine, weights, ends.fine)
    return fitted_order(ends.steps, forms - exact[:, np.newaxis])
