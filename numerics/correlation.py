"""Values along a path depend on each other: how long, and which of them may pass for independent.

Tests of independent values reject far too often on correlated ones: 1000 values of an
autoregression with coefficient 0.9 fail Kolmogorov's test of level 10⁻³ half of the time. The
integrated autocorrelation time of a function f, in values,

    τ_f = 1 + 2 Σ_(k>=1) corr(f(x_0), f(x_k)),

is how many values of a path count as one in an average of f. Here f runs over bounded functions of
the rank U in (0, 1), which have correlations whatever the tails: U, |U − ½|, and whether U is in
the upper or the lower tenth; τ is the largest of the four.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from numerics.errors import ComputationError

WINDOW = 5.0
"""The sum ends at the first lag of so many τ (Sokal 1997): later terms are noise."""
SPACING = 3.0
"""One value is kept in so many τ. For correlations e^(−k/c), τ ≈ 2c, those kept have e^(−6)."""
NEGLIGIBLE = 1.1
"""Values whose τ is below this by two standard errors are all kept."""
LEAST_KEPT = 30
"""Fewer values in a thinned sample decide nothing, and τ itself is not known well enough."""
_CONTRADICTION = 6.0
"""Standard errors, those under independence, that contradict it: of τ above 1, or of the
correlation of the ranks of successive values."""


@dataclass(frozen=True)
class Thinned:
    """Values that count as independent, and how they were chosen."""

    values: np.ndarray
    given: int
    """Values there were, those discarded at the beginning of series not counted."""
    time: float
    """Estimate of τ, in values."""
    time_error: float
    stride: int
    """One value in so many is kept; 0: the last of each series."""
    stated: bool
    """Whether independence was stated by the caller."""

    def explained(self) -> str:
        """What was done, in words."""
        estimate = f"autocorrelation time {self.time:.3g} ± {self.time_error:.2g} values"
        if self.stated:
            return f"all {self.given} values, independent as stated ({estimate})"
        if self.stride == 1:
            return f"all {self.given} values ({estimate}: no correlation that matters)"
        kept = f"{self.values.size} of {self.given} values"
        if self.stride == 0:
            return f"{kept}, the last of each series ({estimate}: too long for the series)"
        return f"{kept}, one in {self.stride} ({estimate}; {SPACING:g} of them lie between two)"


def thin(series: Sequence[np.ndarray], *, independent: bool = False, discard: int = 0) -> Thinned:
    """The values of one or more series, thinned until they may pass for independent.

    The series are stationary and independent of each other. One value is kept in `3τ`, in each
    series from its first one on; all of them if τ < 1.1 by two standard errors, or if `independent`
    states that they are and the estimate does not contradict it. Where τ is not seen within half
    the length of the longest series, the last value of each series is kept.

    Parameters
    ----------
    series : one-dimensional arrays, in the order of time
    discard : values left out at the beginning of each series, where it is not yet stationary

    Raises
    ------
    ComputationError : values that are not finite or all equal, correlations that contradict
        `independent`, fewer than 30 values left
    """
    kept = [np.asarray(one, dtype=np.float64).ravel()[discard:] for one in series]
    kept = [one for one in kept if one.size]
    count = sum(one.size for one in kept)
    if count < LEAST_KEPT:
        raise ComputationError(
            f"at least {LEAST_KEPT} values",
            f"{count}" + (f" beside {discard} discarded in each series" if discard else ""),
            "give a longer sample",
        )
    joined = np.concatenate(kept)
    if not np.all(np.isfinite(joined)):
        raise ComputationError("finite values", "nan or infinite ones", "check the sample")
    if np.all(joined == joined[0]):
        raise ComputationError("values that differ", f"{count} equal ones", "check the sample")
    time, error, seen = autocorrelation_time(kept)
    if independent:
        first = _first_correlation(kept)
        if max((time - 1.0) * time / error, abs(first) * math.sqrt(count)) > _CONTRADICTION:
            raise ComputationError(
                "independent values, as stated",
                f"an autocorrelation time of {time:.3g} ± {error:.2g} values in the order given, "
                f"and {first:.2g} between the ranks of successive ones",
                "leave the statement out: the sample is then thinned",
            )
        return Thinned(joined, count, time, error, 1, True)
    if seen and time + 2.0 * error <= NEGLIGIBLE:
        return Thinned(joined, count, time, error, 1, False)
    stride = math.ceil(SPACING * time) if seen else 0
    chosen = np.concatenate([one[::stride] if stride else one[-1:] for one in kept])
    if chosen.size < LEAST_KEPT:
        raise ComputationError(
            f"a sample of at least {LEAST_KEPT} values that count as independent",
            f"{count} values with an autocorrelation time of about {time:.3g}"
            + ("" if seen else " or more"),
            "give a longer run, or several of them (as series)",
        )
    return Thinned(chosen, count, time, error, stride, False)


def autocorrelation_time(series: Sequence[np.ndarray]) -> tuple[float, float, bool]:
    """τ in values, its standard error, and whether it is seen within half of the longest series.

    The standard error is `τ √(2(2M+1)/N)`, M the window of the sum (Madras and Sokal 1988).
    """
    from scipy.stats import rankdata

    joined = np.concatenate(series)
    ranks = (rankdata(joined) - 0.5) / joined.size
    ends = np.cumsum([one.size for one in series])[:-1]
    found = []
    for function in (
        ranks,
        np.abs(ranks - 0.5),
        (ranks > 0.9).astype(np.float64),
        (ranks < 0.1).astype(np.float64),
    ):
        spread = float(np.var(function))
        if spread == 0.0:
            continue
        parts = np.split(function - np.mean(function), ends)
        found.append(_time(_correlations(parts) / spread, joined.size))
    time, error, _ = max(found)
    return time, error, all(seen for _, _, seen in found)


def _first_correlation(series: Sequence[np.ndarray]) -> float:
    """Correlation of the ranks of successive values."""
    from scipy.stats import rankdata

    ranks = rankdata(np.concatenate(series))
    parts = np.split(ranks - np.mean(ranks), np.cumsum([one.size for one in series])[:-1])
    products = sum(float(one[:-1] @ one[1:]) for one in parts)
    return products / (ranks.size * float(np.var(ranks)))


def _correlations(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Means of f(x_0)f(x_k) over all pairs of all series, lags up to half of the longest one."""
    lags = max(1, max(one.size for one in parts) // 2)
    sums, pairs = np.zeros(lags), np.zeros(lags)
    for one in parts:
        padded = 1 << (2 * one.size - 1).bit_length()
        power = np.abs(np.fft.rfft(one, padded)) ** 2
        seen = min(lags, one.size)
        sums[:seen] += np.fft.irfft(power, padded)[:seen]
        pairs[:seen] += one.size - np.arange(seen)
    return sums / pairs


def _time(correlations: np.ndarray, count: int) -> tuple[float, float, bool]:
    sums = 2.0 * np.cumsum(correlations) - correlations[0]
    lags = np.arange(sums.size)
    far = np.flatnonzero(lags >= WINDOW * np.maximum(sums, 1.0))
    seen = far.size > 0
    window = int(far[0]) if seen else sums.size - 1
    time = max(1.0, float(sums[window]))
    return time, time * math.sqrt(2.0 * (2.0 * window + 1.0) / count), seen
