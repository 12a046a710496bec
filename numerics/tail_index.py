"""The tail index of a sample, with an interval for what the sample cannot decide.

`P(|X − m| > u + y | |X − m| > u) → (1 + ξy/σ)^(−1/ξ)` as u grows (Pickands 1975): beyond a high
threshold the excesses follow a generalised Pareto law. `ξ = 1/β > 0` for a power law of index β,
`ξ = 0` for exponential, normal and lognormal tails, `ξ < 0` for a bounded end. Its
likelihood does not depend on where the origin is, so that a shift of the sample changes nothing,
and light tails have a value, so that they are not taken for a power law of a high index. (Hill's
estimator has neither property: on exponential values it finds β ≈ log(n/k) with a small error.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from numerics.errors import ComputationError

Tail = Literal["both", "upper", "lower"]

LEAST = 25
"""Fewest excesses that are fitted."""
_SHARE = 4
"""The threshold leaves one value in so many at most."""
_LAG = 8
"""Half octaves between the two numbers of excesses that are compared: a factor 16."""
LEAST_VALUES = _SHARE * LEAST * 2 ** (_LAG // 2)


@dataclass(frozen=True)
class TailIndex:
    """Estimate of ξ = 1/β, β the index in `P(|X| > x) = x^(−β)·(slowly varying)`.

    The bias bound is an estimate, no proof: see `tail_index`.
    """

    shape: float
    standard_error: float
    bias_bound: float
    used: int
    """Excesses fitted."""
    confidence: float

    @property
    def index(self) -> float:
        """β = 1/ξ, infinite where the estimate of ξ is not positive."""
        return 1.0 / self.shape if self.shape > 0.0 else math.inf

    @property
    def interval(self) -> tuple[float, float]:
        """Bounds of β, the bias bound included; infinite above: perhaps no power law at all."""
        reach = _quantile(self.confidence) * self.standard_error + self.bias_bound
        low, high = self.shape - reach, self.shape + reach
        return (
            1.0 / high if high > 0.0 else math.inf,
            1.0 / low if low > 0.0 else math.inf,
        )

    @property
    def is_power_law(self) -> bool:
        """Whether every lighter tail is excluded."""
        return math.isfinite(self.interval[1])


def tail_index(sample: np.ndarray, *, tail: Tail = "both", confidence: float = 0.95) -> TailIndex:
    """The tail index by maximum likelihood of the excesses, at two thresholds that tell the bias.

    ξ is estimated from the k largest excesses over the next value, k = 25·2^(i/2) up to a quarter
    of the sample. Its noise is `e_k = (1+ξ)/√k` (Smith 1987); its bias grows with k. Where the bias
    is proportional to `k^ρ`, ρ >= 1/4, what is left of it at k is at most twice what k and k/16
    differ by. Hence the bias bound `2(|ξ_k − ξ_(k/16)| + 3/2·e_(k/16))`, of kind "estimated"; the k
    is taken whose interval is the narrowest.

    Measured (`experiments/inference_study.py`, 100 samples each of 2000 and 20,000 values, 30 of
    200,000; share of 95 % intervals that hold β): Student (1 to 6 degrees of freedom, shifted or
    not), Pareto, Burr, exponential and normal laws, all. Where the bias fades as a power of log n,
    no estimator bounds it: of 200,000 values 87 % for a power law times a logarithm and for
    e^(−√x), and 3 % for lognormal laws, which then pass for power laws.

    Parameters
    ----------
    sample : independent values of a law with a density
    tail : which tail, seen from the median; "both" joins them, and the heavier one decides
    confidence : of the interval

    Raises
    ------
    ComputationError : fewer than 1600 values, values that are not finite, or so many equal ones
        that no excess is left
    """
    values = np.asarray(sample, dtype=np.float64).ravel()
    if not np.all(np.isfinite(values)):
        raise ComputationError("finite values", "nan or infinite ones", "check the sample")
    if not 0.0 < confidence < 1.0:
        raise ComputationError(
            "a confidence strictly between 0 and 1", repr(confidence), "give such a number"
        )
    centred = values - np.median(values) if values.size else values
    magnitudes = np.abs(centred) if tail == "both" else centred if tail == "upper" else -centred
    if values.size < LEAST_VALUES:
        raise ComputationError(
            f"at least {LEAST_VALUES} values", str(values.size), "enlarge the sample"
        )
    ordered = np.sort(magnitudes)[::-1]
    most = ordered.size // _SHARE
    steps = np.arange(0.0, 2.0 * math.log2(most / LEAST) + 1e-9)
    counts = (LEAST * 2.0 ** (0.5 * steps)).astype(int)
    shapes = np.array([_shape(ordered[:k] - ordered[k]) for k in counts])
    noise = (1.0 + np.maximum(shapes, 0.0)) / np.sqrt(counts)
    bias = 2.0 * (np.abs(shapes[_LAG:] - shapes[:-_LAG]) + 1.5 * noise[:-_LAG])
    best = int(np.argmin(_quantile(confidence) * noise[_LAG:] + bias))
    return TailIndex(
        float(shapes[_LAG + best]),
        float(noise[_LAG + best]),
        float(bias[best]),
        int(counts[_LAG + best]),
        confidence,
    )


def _quantile(confidence: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(0.5 + 0.5 * confidence))


def _shape(excesses: np.ndarray) -> float:
    """ξ of the generalised Pareto law by maximum likelihood, over `θ = ξ/σ` alone (Davison 1984).

    For given θ the likelihood is largest at `ξ(θ) = ⟨log(1+θy)⟩`, where it is
    `−n·(log(ξ/θ) + ξ + 1)`. θ is written as `(2^s − 1)/median`, so that s is close to ξ.
    """
    from scipy.optimize import minimize_scalar

    median, largest = float(np.median(excesses)), float(np.max(excesses))
    if median <= 0.0:
        raise ComputationError(
            "a tail of different values",
            "one where half the excesses are 0",
            "give the values with more digits: a law with a density is meant",
        )
    scaled = excesses / median

    def cost(s: float) -> float:
        theta = 2.0**s - 1.0
        if abs(theta) < 1e-9:
            return math.log(float(np.mean(scaled))) + 1.0
        shape = float(np.mean(np.log1p(theta * scaled)))
        return math.log(shape / theta) + shape + 1.0

    # 1 + θy > 0 at the largest excess; ξ < −1/2, where the likelihood has no maximum, is cut off.
    lowest = max(math.log2(1.0 - median / largest) + 1e-9, -0.5) if median < largest else -0.5
    found = minimize_scalar(cost, bounds=(lowest, 40.0), method="bounded", options={"xatol": 1e-5})
    return float(np.mean(np.log1p((2.0 ** float(found.x) - 1.0) * scaled)))
