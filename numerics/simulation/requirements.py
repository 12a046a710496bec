"""Checks of the numbers that a run is given."""

from __future__ import annotations

import math
import operator

from numerics.errors import ComputationError


def require_positive_integer(name: str, value: int, least: int = 1) -> int:
    """The value, an integer >= `least`."""
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if number < least:
        raise ComputationError(f"{name}: an integer >= {least}", repr(value), "give such a number")
    return number


def require_positive(what: str, value: float) -> float:
    """The value as a positive finite double."""
    number = float(value)
    if not (math.isfinite(number) and number > 0.0):
        raise ComputationError(f"{what} > 0 and finite", repr(value), "give such a number")
    return number


def require_fraction(what: str, value: float | None, default: float) -> float:
    """The value, or its default, strictly between 0 and 1."""
    if value is None:
        return default
    number = float(value)
    if not 0.0 < number < 1.0:
        raise ComputationError(f"{what} between 0 and 1", repr(value), "give such a number")
    return number
