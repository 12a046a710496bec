"""Chains in discrete time: what their kernels have in common."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from numerics.errors import ComputationError
from numerics.evaluators import scalar_source
from numerics.program import Program
from numerics.simulation.requirements import require_positive_integer


@dataclass(frozen=True)
class DiscreteRun:
    """Final states and numbers of updates of independent paths.

    A path that left its interval has fewer updates than the limit, or ends outside.
    """

    states: np.ndarray
    counts: np.ndarray


def gradient_source(gradient: Program) -> str:
    """Source text of the compiled function `gradient`."""
    return '@njit(forceinline=True, error_model="numpy")\n' + scalar_source(gradient, "gradient")


def empty_outputs(paths: int, updates: int) -> tuple[np.ndarray, np.ndarray]:
    """Arrays for the states and counts of `paths` paths."""
    require_positive_integer("the number of updates", updates)
    count = require_positive_integer("paths", paths)
    return np.empty(count), np.empty(count, dtype=np.int64)


def checked_run(states: np.ndarray, counts: np.ndarray, advice: str) -> DiscreteRun:
    """The run, or an error where a path became NaN."""
    broken = int(np.count_nonzero(np.isnan(states)))
    if broken:
        raise ComputationError(
            "paths that stay numbers", f"{broken} of {states.size} became NaN", f"give {advice}"
        )
    return DiscreteRun(states, counts)
