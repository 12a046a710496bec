"""Sums of doubles without rounding, so that no order and no chunking can change a bit."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

_UNIT_EXPONENT = 1074
"""Every finite double is an integer multiple of 2⁻¹⁰⁷⁴."""


def exact_sum(values: np.ndarray) -> int:
    """The exact sum of finite doubles, in units of 2⁻¹⁰⁷⁴."""
    mantissas, exponents = np.frexp(np.asarray(values, dtype=np.float64).ravel())
    integers = np.ldexp(mantissas, 53).astype(np.int64)
    total = 0
    for exponent in np.unique(exponents):
        group = integers[exponents == exponent]
        # Halves of 32 bits: their sums stay within 64 bits for fewer than 2**31 terms.
        high, low = group >> 32, group & 0xFFFFFFFF
        partial = (int(high.sum()) << 32) + int(low.sum())
        shift = int(exponent) - 53 + _UNIT_EXPONENT
        # A subnormal has trailing zeros where the shift is negative.
        total += partial << shift if shift >= 0 else partial >> -shift
    return total


@dataclass(frozen=True)
class Moments:
    """Count, sum and sum of squares of a sample; addition is associative to the last bit."""

    count: int = 0
    total: int = 0
    squares: int = 0
    steps: int = 0

    @classmethod
    def of(cls, values: np.ndarray, steps: int = 0) -> Moments:
        """The moments of one chunk of values; squares are rounded once per value."""
        return cls(int(values.size), exact_sum(values), exact_sum(values * values), int(steps))

    def __add__(self, other: Moments) -> Moments:
        return Moments(
            self.count + other.count,
            self.total + other.total,
            self.squares + other.squares,
            self.steps + other.steps,
        )

    @property
    def mean(self) -> float:
        """The mean, rounded once."""
        return float(Fraction(self.total, self.count << _UNIT_EXPONENT))

    @property
    def variance(self) -> float:
        """The unbiased variance, without cancellation."""
        if self.count < 2:
            return float("inf")
        centred = self.count * (self.squares << _UNIT_EXPONENT) - self.total * self.total
        scale = self.count * (self.count - 1) << (2 * _UNIT_EXPONENT)
        return max(0.0, float(Fraction(centred, scale)))

    @property
    def standard_error(self) -> float:
        """The standard error of the mean."""
        return (self.variance / self.count) ** 0.5
