"""Another coordinate of the same process: a model that is stepped, and the way back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from numerics.evaluators import numpy_function
from numerics.lowering import Model
from numerics.program import Program


@dataclass(frozen=True)
class Coordinate:
    """Paths of `model` live in a coordinate y; `inverse` is the program of the state w(y)."""

    name: str
    """as it stands before the name of a scheme"""
    model: Model
    inverse: Program

    def states(self, values: np.ndarray) -> np.ndarray:
        """w of an array of y."""
        with np.errstate(all="ignore"):
            return numpy_function(self.inverse)(values)[0] * np.ones_like(values)
