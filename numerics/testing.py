"""Statistical tests with a budget: intervals, power, goodness of fit, scaling, sequences.

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

    Raises
    ------
    ComputationError : an empty sample, values that are not finite, a function that leaves [0, 1]
    """
    ordered = np.sort(np.asarray(sample, dtype=np.float64))
    n = ordered.size
    if n == 0 or not np.all(np.isfinite(ordered)):
        raise ComputationError("a finite, non-empty sample", f"{n} values", "check the sample")
    levels = np.asarray(cumulative(ordered), dtype=np.float64)
    if not np.all((levels >= 0.0) & (levels <= 1.0)):
        raise ComputationError(
            "a distribution function, between 0 and 1",
            f"values from {np.min(levels):.3g} to {np.max(levels):.3g}",
            "check the function at the sample's values",
        )
    ranks = np.arange(n + 1) / n
    distance = max(float(np.max(ranks[1:] - levels)), float(np.max(levels - ranks[:-1])))
    return kolmogorov_p_value(distance, n)


def kolmogorov_p_value(distance: float, count: int) -> float:
    """P(sup|F_n − F| >= distance) for `count` independent values of a continuous law F, exactly."""
    from scipy.stats import kstwo

    return float(kstwo.sf(distance, count))


def detectable_distance(count: int, level: float, wanted: float = 0.999) -> float:
    """A distance sup|F − F₀| from which on Kolmogorov's test of F₀ has the power `wanted`.

    `d + √(ln(1/(1−wanted))/(2n))`, d the critical distance: at the point where F and F₀ differ
    most, `F_n` is an average of n zeros and ones with mean F, and falls short of it by more than
    the root with probability at most 1 − wanted (Hoeffding's inequality). 1 or more: no power.
    """
    from scipy.stats import kstwo

    critical = float(kstwo.isf(_require_level(level), count))
    return critical + math.sqrt(-math.log1p(-_require_level(wanted)) / (2.0 * count))


def chi_square(
    counts: Sequence[int] | np.ndarray, probabilities: Sequence[float] | np.ndarray
) -> float:
    """The p-value of Pearson's test of cell counts; every expected count must be at least 20.

    A count has a heavier upper tail than the normal law of the chi-square limit: with 20 expected,
    1 in 10⁵ where the limit says 1 in 10⁶. The limit's p-value is therefore multiplied by
    `exp(z³/(6√E))`, the first term of the tail's expansion for the least expectation E, with z the
    normal quantile of the p-value.
    """
    from scipy.special import gammaincc

    observed = np.asarray(counts, dtype=np.float64)
    masses = np.asarray(probabilities, dtype=np.float64)
    if not (np.all(masses > 0.0) and abs(float(masses.sum()) - 1.0) < 1e-9):
        raise ComputationError(
            "positive probabilities whose sum is 1",
            f"{masses.size} with the sum {float(masses.sum()):.12g}",
            "give every cell, the rest as well",
        )
    expected = masses * observed.sum()
    if observed.size != expected.size or observed.size < 2 or not np.all(expected >= 20.0):
        raise ComputationError(
            "at least two cells with 20 expected counts each",
            f"{observed.size} cells, least expectation {np.min(expected, initial=np.inf):.3g}",
            "merge cells or enlarge the sample",
        )
    statistic = float(np.sum((observed - expected) ** 2 / expected))
    limit = float(gammaincc(0.5 * (observed.size - 1), 0.5 * statistic))
    if limit == 0.0:
        return 0.0
    quantile = max(0.0, _normal_isf(limit))
    return min(1.0, limit * math.exp(quantile**3 / (6.0 * math.sqrt(float(np.min(expected))))))


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
    range_with_power: tuple[float, float] | None
    """From the lowest barrier, the shortest range over which as many barriers, spaced likewise and
    with the same relative errors, have power 0.999 both ways, were one of the fitted laws true;
    None where no barriers below 1000 times the highest have it."""
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


SCALING_POWER = 0.999
_LARGEST_DEVIATION = 0.5
"""Of a time from its mean, at the critical value of the test: beyond, its logarithm is not normal
at all."""


def scaling_test(
    barriers: Sequence[float] | np.ndarray,
    times: Sequence[float] | np.ndarray,
    relative_errors: Sequence[float] | np.ndarray,
    level: float = 1e-6,
) -> ScalingTest:
    """Test `log τ` linear in `log ΔL` against linear in `ΔL`.

    Each law is rejected by the χ² of its residuals. The logarithm of a normal estimate has a heavy
    lower tail: its spread is set to `−log(1 − ze)/z`, which exceeds the relative error e and covers
    that tail up to z, the root of the critical χ². The level is then kept by normal estimates and
    by means of exponential times alike.

    Parameters
    ----------
    barriers : ΔL > 0, at least four different values
    times : independent estimates of τ > 0
    relative_errors : their relative standard errors e (bias included by the caller), all > 0, with
        ze <= 1/2
    level : of each of the two tests

    Raises
    ------
    ComputationError : bad input
    """
    from scipy.stats import chi2

    x, tau = np.asarray(barriers, float), np.asarray(times, float)
    error = np.asarray(relative_errors, float)
    good = x.ndim == 1 and x.shape == tau.shape == error.shape and np.unique(x).size >= 4
    if not (good and all(np.all((part > 0) & np.isfinite(part)) for part in (x, tau))):
        raise ComputationError(
            "at least four different positive barriers, with as many positive times and errors",
            f"{x.size} barriers ({np.unique(x).size} different), {tau.size} times, "
            f"{error.size} errors",
            "correct the data",
        )
    if not np.all(error > 0):
        raise ComputationError(
            "standard errors above 0",
            "a time without error",
            "an exact time is on a straight line or not: give as its error the deviation from a "
            "law that still counts as that law",
        )
    free = x.size - 2
    critical = float(chi2.isf(_require_level(level), free))
    z = math.sqrt(critical)
    if not np.all(z * error <= _LARGEST_DEVIATION):
        raise ComputationError(
            f"relative errors of at most {_LARGEST_DEVIATION / z:.2g} at level {level:g}",
            f"{float(np.max(error)):.2g}",
            "draw more paths, or choose a higher level",
        )
    weight = -z / np.log1p(-z * error)
    polynomial = _fit(np.log(x), np.log(tau), weight)
    exponential = _fit(x, np.log(tau), weight)
    return ScalingTest(
        polynomial,
        exponential,
        *_scaling_powers(polynomial, exponential, x, weight, critical),
        (float(x.min()), float(x.max())),
        _range_with_power(polynomial, exponential, x, weight, critical),
        level,
    )


def _fit(abscissa: np.ndarray, y: np.ndarray, weight: np.ndarray) -> ScalingFit:
    """The weighted line, about the weighted mean of the abscissa: no cancellation far from 0."""
    from scipy.stats import chi2

    share = weight**2 / np.sum(weight**2)
    middle = float(share @ abscissa)
    centred = abscissa - middle
    spread = float(np.sum((weight * centred) ** 2))
    slope = float(np.sum(weight**2 * centred * y)) / spread
    height = float(share @ y)
    residual = weight * (y - height - slope * centred)
    p = float(chi2.sf(float(residual @ residual), abscissa.size - 2))
    return ScalingFit(height - slope * middle, slope, spread**-0.5, p)


def _scaling_powers(
    polynomial: ScalingFit,
    exponential: ScalingFit,
    x: np.ndarray,
    weight: np.ndarray,
    critical: float,
) -> tuple[float, float]:
    """Power against the exponential that was fitted, and against the polynomial."""
    from scipy.stats import ncx2

    def rejection(abscissa: np.ndarray, line: np.ndarray) -> float:
        share = weight**2 / np.sum(weight**2)
        centred, height = abscissa - share @ abscissa, line - share @ line
        scaled = weight * centred / math.sqrt(float(np.sum((weight * centred) ** 2)))
        missed = weight * height - scaled * float(scaled @ (weight * height))
        return float(ncx2.sf(critical, x.size - 2, float(missed @ missed) + 1e-300))

    return (
        rejection(np.log(x), exponential.slope * x),
        rejection(x, polynomial.slope * np.log(x)),
    )


def _range_with_power(
    polynomial: ScalingFit,
    exponential: ScalingFit,
    x: np.ndarray,
    weight: np.ndarray,
    critical: float,
) -> tuple[float, float] | None:
    """Bisection over s, the barriers being moved to `least·(x/least)^s`."""
    lowest, ratio = float(x.min()), x / x.min()
    most = 1.0 + math.log(1000.0) / math.log(float(ratio.max()))

    def suffices(s: float) -> bool:
        moved = lowest * ratio**s
        powers = _scaling_powers(polynomial, exponential, moved, weight, critical)
        return min(powers) >= SCALING_POWER

    if not suffices(most):
        return None
    low, high = 0.0, most
    while high - low > 1e-3 * high:
        middle = 0.5 * (low + high)
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return lowest, lowest * float(ratio.max()) ** high


# --- sequential tests ---


LEAST_FOR_LIMIT = 100
"""Fewest values at which a mean is taken for normal."""


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
    return (
        math.inf
        if count < LEAST_FOR_LIMIT
        else _mixture_half_width(count, deviation, level, tuned_for)
    )


def _mixture_half_width(count: int, deviation: float, level: float, tuned_for: int) -> float:
    if count == 0:
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
    """Anytime-valid test of a mean against neighbours: look as often as you like.

    H₀: the values are independent, with a mean within the bias bound of `value`. It is rejected
    when the confidence sequence, widened by the bias bound, excludes it; it is accepted when it
    does not and every neighbour is excluded (never, if there is none). Either error has probability
    at most `level`, however often `decide` is called and whenever the run stops:

    - exactly and at every number of values if `bounds` of the values are given: the sequence is
      Robbins' mixture for variables that are sub-Gaussian with half the distance of the bounds;
    - in the limit of many values without them. The limit is trusted from 100 values on, and from
      `n >= (2γz³/3)²` on, γ the skewness of the values and z the normal quantile of the level:
      there the tail of the studentised mean, `exp(γz³/(3√n))` times the normal one, is less than
      e^(1/2) times it. Rare large values that have not been drawn yet are not foreseen.

    `tuned_for` is the number of values at which the sequence is narrowest.
    """

    value: float
    neighbours: tuple[float, ...]
    level: float
    tuned_for: int = 10_000
    bounds: tuple[float, float] | None = None

    def half_width(self, values: np.ndarray) -> float:
        """Half-width of the confidence sequence of the mean after these values.

        Raises
        ------
        ComputationError : values that are not finite or outside of the bounds, bad level or bounds
        """
        count = values.size
        _require_level(self.level)
        if not np.all(np.isfinite(values)):
            raise ComputationError("finite values", "nan or infinite ones", "check the values")
        if self.bounds is not None:
            low, high = self.bounds
            if not low < high or (count and not low <= np.min(values) <= np.max(values) <= high):
                raise ComputationError(
                    f"values between the bounds {low:g} and {high:g}",
                    f"{np.min(values):g} to {np.max(values):g}" if count else "bounds out of order",
                    "give bounds that hold for certain",
                )
            return _mixture_half_width(count, 0.5 * (high - low), self.level, self.tuned_for)
        deviation = float(np.std(values)) if count else 0.0
        if count < LEAST_FOR_LIMIT or deviation == 0.0:
            return math.inf
        skewness = abs(float(np.mean(((values - np.mean(values)) / deviation) ** 3)))
        if count < (2.0 * skewness * _normal_isf(0.5 * self.level) ** 3 / 3.0) ** 2:
            return math.inf
        return confidence_sequence_half_width(count, deviation, self.level, self.tuned_for)

    def decide(self, values: Sequence[float] | np.ndarray, bias_bound: float = 0.0) -> Decision:
        """The decision after all values so far, in the order in which they were drawn."""
        drawn = np.asarray(values, dtype=np.float64).ravel()
        reach = self.half_width(drawn) + bias_bound
        if math.isinf(reach):
            return "undecided"
        mean = float(np.mean(drawn))
        if abs(mean - self.value) > reach:
            return "rejected"
        if self.neighbours and all(abs(mean - other) > reach for other in self.neighbours):
            return "accepted"
        return "undecided"
