"""What a simulation reports: a number, its statistical error and the bound on its bias."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

BiasKind = Literal["proven", "estimated"]

CONFIDENCE = 0.95
"""The confidence of reported intervals."""


@dataclass(frozen=True)
class Estimate:
    """A Monte Carlo estimate with its error budget.

    The model of the error is `estimate = truth + b + standard_error·Z`, with |b| <= `bias_bound`
    and Z standard normal up to the central limit theorem. `interval()` is statistical only;
    `bias_bound` is absolute and comes on top of it.
    """

    estimate: float
    standard_error: float
    bias_bound: float
    bias_kind: BiasKind
    paths: int
    path_steps: int
    scheme: str
    seed: int
    seconds: float
    confidence: float = CONFIDENCE
    notes: tuple[str, ...] = ()
    """what the interval takes for granted and nobody has proved"""

    def interval(self, confidence: float | None = None) -> tuple[float, float]:
        """The two-sided interval at a confidence (default 0.95), statistical error only."""
        half = self.half_width(confidence)
        return (self.estimate - half, self.estimate + half)

    def half_width(self, confidence: float | None = None) -> float:
        """Half the width of `interval`."""
        level = self.confidence if confidence is None else confidence
        return normal_quantile(0.5 + 0.5 * level) * self.standard_error

    @property
    def relative_error(self) -> float:
        """(Half-width of the interval + bias bound) / |estimate|: what `target_error` bounds."""
        if self.estimate == 0.0:
            return math.inf
        return (self.half_width() + self.bias_bound) / abs(self.estimate)

    def excludes(self, value: float, false_alarm: float) -> bool:
        """Whether H0: |truth of this run − value| <= bias_bound is rejected at that rate."""
        distance = abs(self.estimate - value) - self.bias_bound
        return distance > normal_quantile(1.0 - 0.5 * false_alarm) * self.standard_error


def normal_quantile(probability: float) -> float:
    """The quantile of the standard normal law; accurate down to the smallest tail given."""
    from statistics import NormalDist

    # The lower tail keeps its digits where 1 - probability would lose them.
    if probability > 0.5:
        return -NormalDist().inv_cdf(max(1.0 - probability, 1e-300))
    return NormalDist().inv_cdf(max(probability, 1e-300))
