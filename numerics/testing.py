"""Statistical tests with a budget: intervals, power, goodness of fit, tails, scaling, sequences.

Conventions. A test of level α rejects a true hypothesis with probability at most α. The simulation
hypothesis is composite, `H₀: |E[estimate] − value| <= bias bound`, because a bias bound is part of
every estimate. "Power against v" is the least probability of rejecting H₀ when the truth is v.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from numerics.errors import ComputationError

Decision = Literal["rejected", "accepted", "undecided"]


def _normal_isf(probability: float) -> float:
    from scipy.special import ndtri

    return -float(ndtri(probability))


def _normal_cdf(value: float) -> float:
    from scipy.special import ndtr

    return float(ndtr(value))


def _require_level(level: float) -> float:
    if not 0.0 < level < 1.0:
        raise ComputationError(
            "a level or confidence strictly between 0 and 1", repr(level), "give such a number"
        )
    return level


# --- intervals ---


def proportion_interval(
    successes: int, trials: int, confidence: float = 0.95
) -> tuple[float, float]:
    """The interval of Clopper and Pearson (1934): coverage at least `confidence`, exactly."""
    from scipy.special import betaincinv

    if not 0 <= successes <= trials or trials < 1:
        raise ComputationError(
            "0 <= successes <= trials, trials >= 1",
            f"{successes} of {trials}",
            "correct the counts",
        )
    tail = 0.5 * (1.0 - _require_level(confidence))
    low = 0.0 if successes == 0 else float(betaincinv(successes, trials - successes + 1, tail))
    high = (
        1.0
        if successes == trials
        else float(betaincinv(successes + 1, trials - successes, 1.0 - tail))
    )
    return low, high


# --- the test of a value against an estimate with a bias bound ---


def p_value(estimate: float, standard_error: float, value: float, bias_bound: float = 0.0) -> float:
    """The largest p-value over H₀: |E[estimate] − value| <= bias_bound."""
    distance = max(0.0, abs(estimate - value) - bias_bound)
    if standard_error == 0.0:
        return 1.0 if distance == 0.0 else 0.0
    return min(1.0, 2.0 * _normal_cdf(-distance / standard_error))


def rejects(
    estimate: float, standard_error: float, value: float, bias_bound: float, level: float
) -> bool:
    """Whether H₀ is rejected at a level."""
    return p_value(estimate, standard_error, value, bias_bound) < _require_level(level)


def power(
    value: float, alternative: float, standard_error: float, bias_bound: float, level: float
) -> float:
    """The least power of the test of `value` when the truth is `alternative`.

    The worst bias moves the estimate towards `value`: `Φ((|v − v'| − 2b)/e − z)`.
    """
    gap = abs(value - alternative) - 2.0 * bias_bound
    if standard_error == 0.0:
        return 1.0 if gap > 0.0 else 0.0
    return _normal_cdf(gap / standard_error - _normal_isf(0.5 * _require_level(level)))


def standard_error_for_power(
    value: float, alternative: float, bias_bound: float, level: float, wanted: float = 0.999
) -> float:
    """The largest standard error at which `power` reaches `wanted`.

    Raises
    ------
    ComputationError : the bias bound alone covers the gap: no number of paths is enough
    """
    gap = abs(value - alternative) - 2.0 * bias_bound
    if gap <= 0.0:
        raise ComputationError(
            "an alternative more than two bias bounds away",
            f"a gap of {abs(value - alternative):.3g} with bias bound {bias_bound:.3g}",
            "reduce the bias (smaller steps) or choose another alternative",
        )
    return gap / (_normal_isf(0.5 * _require_level(level)) + _normal_isf(1.0 - wanted))


# --- goodness of fit ---


def kolmogorov_smirnov(sample: np.ndarray, cumulative: Callable[[np.ndarray], np.ndarray]) -> float:
    """The two-sided p-value of Kolmogorov's test, from the exact law of the statistic.

    Parameters
    ----------
    sample : independent values
    cumulative : the continuous distribution function of the hypothesis
    """
    from scipy.stats import kstwo

    ordered = np.sort(np.asarray(sample, dtype=np.float64))
    n = ordered.size
    if n == 0 or not np.all(np.isfinite(ordered)):
        raise ComputationError("a finite, non-empty sample", f"{n} values", "check the sample")
    levels = cumulative(ordered)
    ranks = np.arange(n + 1) / n
    distance = max(float(np.max(ranks[1:] - levels)), float(np.max(levels - ranks[:-1])))
    return float(kstwo.sf(distance, n))


def chi_square(
    counts: Sequence[int] | np.ndarray, probabilities: Sequence[float] | np.ndarray
) -> float:
    """The p-value of Pearson's test of cell counts; every expected count must be at least 20.

    The law of the statistic is the chi-square limit: with 20 expected in each cell its error is
    far below the statistical one down to p-values of about 10⁻⁶.
    """
    from scipy.special import gammaincc

    observed = np.asarray(counts, dtype=np.float64)
    expected = np.asarray(probabilities, dtype=np.float64) * observed.sum()
    if observed.size != expected.size or observed.size < 2 or not np.all(expected >= 20.0):
        raise ComputationError(
            "at least two cells with 20 expected counts each",
            f"{observed.size} cells, least expectation {np.min(expected, initial=np.inf):.3g}",
            "merge cells or enlarge the sample",
        )
    statistic = float(np.sum((observed - expected) ** 2 / expected))
    return float(gammaincc(0.5 * (observed.size - 1), 0.5 * statistic))


# --- tails ---


@dataclass(frozen=True)
class TailIndex:
    """Estimate of β in `P(|X| > x) ~ c x^(−β)`, from the `used` largest values."""

    index: float
    standard_error: float
    bias_bound: float
    used: int


def tail_index(sample: np.ndarray, *, least: int = 50) -> TailIndex:
    """Tail index by Hill's estimator, its number of order statistics chosen by Lepski's method.

    `1/β` is the mean excess of log |X| over the k+1 largest values; its noise is `1/(β√k)`, its
    bias grows with k. The largest k is taken whose estimate agrees with those of all smaller k
    (down to `least`) within 2.5 of their standard errors; what such an agreement can hide is the
    bias bound (kind "estimated").

    Parameters
    ----------
    sample : independent values with a regularly varying tail (both tails are joined)
    least : fewest order statistics

    Raises
    ------
    ComputationError : fewer than 20·least values
    """
    magnitudes = np.sort(np.abs(np.asarray(sample, dtype=np.float64)))[::-1]
    if magnitudes.size < 20 * least:
        raise ComputationError(
            f"at least {20 * least} values", str(magnitudes.size), "enlarge the sample"
        )
    logs = np.log(magnitudes[: magnitudes.size // 4])
    counts = np.unique(np.geomspace(least, logs.size - 1, 40).astype(int))
    sums = np.cumsum(logs)
    inverse = np.array([sums[k - 1] / k - logs[k] for k in counts])
    noise = inverse / np.sqrt(counts)
    chosen = 0
    for i in range(1, counts.size):
        if np.any(np.abs(inverse[i] - inverse[:i]) > 2.5 * noise[:i]):
            break
        chosen = i
    gamma, error = float(inverse[chosen]), float(noise[chosen])
    index = 1.0 / gamma
    # What an agreement within the threshold may hide, carried from 1/β to β.
    smaller = max(0, chosen - 8)
    bias = 2.5 * float(noise[smaller]) * index**2
    return TailIndex(index, error * index**2, bias, int(counts[chosen]))


# --- polynomial against exponential ---


@dataclass(frozen=True)
class ScalingFit:
    """A straight line `log τ = a + b·x` and its chi-square p-value."""

    intercept: float
    slope: float
    slope_error: float
    p_value: float


@dataclass(frozen=True)
class ScalingTest:
    """Polynomial (`x = log ΔL`) against exponential (`x = ΔL`) growth over a range of barriers.

    `power_against_exponential` is the probability that data from the fitted exponential would
    have rejected the polynomial law, and conversely: without power over this range, a good fit
    says nothing.
    """

    polynomial: ScalingFit
    exponential: ScalingFit
    power_against_exponential: float
    power_against_polynomial: float
    range: tuple[float, float]
    level: float

    @property
    def verdict(self) -> Literal["polynomial", "exponential", "neither", "undecided"]:
        """Which law stands: it is not rejected, and the other is."""
        polynomial = self.polynomial.p_value >= self.level
        exponential = self.exponential.p_value >= self.level
        if polynomial and exponential:
            return "undecided"
        if polynomial:
            return "polynomial"
        return "exponential" if exponential else "neither"


def scaling_test(
    barriers: Sequence[float] | np.ndarray,
    times: Sequence[float] | np.ndarray,
    relative_errors: Sequence[float] | np.ndarray,
    level: float = 1e-6,
) -> ScalingTest:
    """Test `log τ` linear in `log ΔL` against linear in `ΔL`.

    Parameters
    ----------
    barriers : ΔL > 0, at least four different values
    times : independent estimates of τ > 0
    relative_errors : their relative standard errors (bias included by the caller), all > 0
    level : of each of the two tests

    Raises
    ------
    ComputationError : bad input
    """
    from scipy.stats import chi2, ncx2

    x, tau = np.asarray(barriers, float), np.asarray(times, float)
    error = np.asarray(relative_errors, float)
    good = x.size == tau.size == error.size and np.unique(x).size >= 4
    if not (good and np.all(x > 0) and np.all(tau > 0) and np.all(error > 0)):
        raise ComputationError(
            "at least four different positive barriers with positive times and errors",
            f"{x.size} barriers, {tau.size} times, {error.size} errors",
            "correct the data",
        )
    y, weight = np.log(tau), 1.0 / error
    free = x.size - 2
    critical = float(chi2.isf(_require_level(level), free))

    def fit(abscissa: np.ndarray) -> tuple[ScalingFit, np.ndarray, np.ndarray]:
        design = np.stack([np.ones_like(abscissa), abscissa], axis=1) * weight[:, np.newaxis]
        covariance = np.linalg.inv(design.T @ design)
        solution = covariance @ (design.T @ (y * weight))
        residual = y * weight - design @ solution
        p = float(chi2.sf(float(residual @ residual), free))
        line = ScalingFit(float(solution[0]), float(solution[1]), float(covariance[1, 1] ** 0.5), p)
        return line, design, design @ solution

    polynomial, polynomial_design, polynomial_line = fit(np.log(x))
    exponential, exponential_design, exponential_line = fit(x)

    def rejection(design: np.ndarray, line: np.ndarray) -> float:
        missed = line - design @ np.linalg.lstsq(design, line, rcond=None)[0]
        return float(ncx2.sf(critical, free, float(missed @ missed) + 1e-300))

    return ScalingTest(
        polynomial,
        exponential,
        rejection(polynomial_design, exponential_line),
        rejection(exponential_design, polynomial_line),
        (float(x.min()), float(x.max())),
        level,
    )


# --- sequential tests ---


def confidence_sequence_half_width(
    count: int, deviation: float, level: float, tuned_for: int = 10_000
) -> float:
    """Half-width of a confidence sequence of a mean: valid at all sample sizes at once.

    Robbins' normal mixture, `s √(2(nρ²+1)/(nρ)² · ln(√(nρ²+1)/α))`, in the asymptotic form for
    independent values of finite variance (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2024,
    theorem 2.2); ρ makes it narrowest near `tuned_for` values.

    Parameters
    ----------
    count : number of values so far, at least 100 (the form is asymptotic)
    deviation : their standard deviation
    level : probability that the sequence ever excludes the mean
    """
    if count < 100:
        return math.inf
    _require_level(level)
    spread = -2.0 * math.log(level) + math.log(-2.0 * math.log(level) + 1.0)
    rho_squared = spread / tuned_for
    n = float(count)
    mass = n * rho_squared + 1.0
    return deviation * math.sqrt(
        2.0 * mass / (n * n * rho_squared) * math.log(math.sqrt(mass) / level)
    )


@dataclass(frozen=True)
class SequentialTest:
    """Anytime-valid test of a value against neighbours: look as often as you like.

    The value is rejected when the confidence sequence, widened by the bias bound, excludes it; it
    is accepted when it does not and every neighbour is excluded. Either error has probability at
    most `level`, however often `decide` is called and whenever the run stops.
    """

    value: float
    neighbours: tuple[float, ...]
    level: float
    tuned_for: int = 10_000

    def decide(
        self, count: int, mean: float, deviation: float, bias_bound: float = 0.0
    ) -> Decision:
        """The decision after `count` values with this mean and standard deviation."""
        half = confidence_sequence_half_width(count, deviation, self.level, self.tuned_for)
        reach = half + bias_bound
        if abs(mean - self.value) > reach:
            return "rejected"
        if all(abs(mean - other) > reach for other in self.neighbours):
            return "accepted"
        return "undecided"
