"""What a sample says about a model: its stationary law, its tail, the growth of its exit times.

Observed weights are given as one array, in the order in which they were observed, or as several
series (the rows of a matrix, or a list of arrays). Values along a path depend on each other, and
the tests are those of independent values: a sample is thinned first, by a rule that every result
states (`numerics.correlation.thin`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exitlaw.diffusion import Diffusion
from numerics import testing
from numerics.correlation import Thinned, thin
from numerics.kolmogorov import TOLERANCE, kolmogorov_distance
from numerics.tail_index import LEAST_VALUES, Tail, TailIndex
from numerics.tail_index import tail_index as estimated_tail_index
from numerics.testing import ScalingTest
from theory.errors import InputError

if TYPE_CHECKING:
    from numerics.enclosure import Enclosure

Sample = np.ndarray | Sequence[float] | Sequence[np.ndarray] | Sequence[Sequence[float]]

LEVEL = 0.01
"""Level of a test, if none is given."""
POWER = 0.999
"""The power that `detectable` stands for."""
_DIGITS = 9
"""Certified digits of the distribution function: far below the tolerance of the distance."""


@dataclass(frozen=True)
class GoodnessOfFit:
    """Kolmogorov's test of H₀: the values are independent ones of the model's stationary law.

    `statistic` is sup|F_n − F|, from below within 0.002/√n, F certified; `p_value` is exact for it.
    Every law whose distribution function is `detectable` or more away from F at some point is
    rejected with probability 0.999 at least: a sample that is not rejected says no more than that.
    """

    statistic: float
    p_value: float
    level: float
    detectable: float
    evaluations: int
    """Points at which F was enclosed."""
    sample: Thinned
    """The values that were tested, and why these."""

    @property
    def rejected(self) -> bool:
        return self.p_value < self.level


@dataclass(frozen=True)
class TailInference:
    """The tail index of a sample, and whether it can be the model's.

    `estimate.interval` holds the index with its confidence, bias bound (estimated) included; an
    infinite upper end says that no power law is shown.
    """

    estimate: TailIndex
    model_index: Enclosure | None
    """The certified index of the model's stationary law, if there is a model."""
    sample: Thinned

    @property
    def rejected(self) -> bool:
        """Whether the model's index is outside of the interval."""
        if self.model_index is None:
            return False
        low, high = self.estimate.interval
        if self.model_index.infinite:
            return self.estimate.is_power_law
        return float(self.model_index.upper) < low or float(self.model_index.lower) > high


def goodness_of_fit(
    sample: Sample,
    model: Diffusion,
    *,
    level: float = LEVEL,
    independent: bool = False,
    discard: int = 0,
) -> GoodnessOfFit:
    """Test observed values against the stationary law of a model whose parameters have values.

    Parameters
    ----------
    sample : values in the order of observation, or several series of them
    independent : states that they are independent of each other, in place of thinning them; refused
        where the values contradict it
    discard : values left out at the beginning of each series, where it is not yet stationary

    Raises
    ------
    InputError, ComputationError : a sample too short for its correlations, no stationary law, …

    Example
    -------
    >>> import numpy, exitlaw
    >>> well = exitlaw.Diffusion.from_loss("w**2/2", "1", eta="1/2", interpretation="ito")
    >>> values = numpy.random.default_rng(1).normal(0, 0.5, 1000)
    >>> found = exitlaw.goodness_of_fit(values, well, independent=True)
    >>> found.rejected, round(found.detectable, 3)
    (False, 0.11)
    """
    chosen = thin(_series(sample), independent=independent, discard=discard)

    def enclosed(at: float) -> tuple[float, float]:
        value = model.cumulative(at, digits=_DIGITS, method="arb")
        return float(value.lower), float(value.upper)

    found = kolmogorov_distance(chosen.values, enclosed)
    count = chosen.values.size
    reach = testing.detectable_distance(count, level, POWER) + TOLERANCE / count**0.5
    return GoodnessOfFit(
        found.lower,
        testing.kolmogorov_p_value(found.lower, count),
        level,
        min(1.0, reach),
        found.evaluations,
        chosen,
    )


def tail_index(
    sample: Sample,
    model: Diffusion | None = None,
    *,
    tail: Tail = "both",
    level: float = LEVEL,
    independent: bool = False,
    discard: int = 0,
) -> TailInference:
    """The index β of a tail like x^(−β), with an interval of confidence 1 − level.

    A model's certified index, if there is one, is compared with the interval. The other arguments
    are those of `goodness_of_fit`; `tail` is "both", "upper" or "lower", seen from the median.

    Raises
    ------
    InputError, ComputationError : fewer than 1600 values that count as independent, bad input
    """
    if tail not in ("both", "upper", "lower"):
        raise InputError("tail both, upper or lower", repr(tail), "both is the default")
    if model is not None and tail != "both":
        raise InputError(
            "both tails beside a model, whose index is that of the heavier one",
            f"the {tail} one",
            "leave out the tail or the model",
        )
    known = None if model is None else model.tail_index()
    chosen = thin(_series(sample), independent=independent, discard=discard)
    if chosen.values.size < LEAST_VALUES:
        raise InputError(
            f"at least {LEAST_VALUES} values that count as independent",
            chosen.explained(),
            "give a longer run, or several of them",
        )
    estimate = estimated_tail_index(chosen.values, tail=tail, confidence=1.0 - level)
    return TailInference(estimate, known, chosen)


def scaling_test(
    barriers: Sequence[float] | np.ndarray,
    times: Sequence[float] | np.ndarray,
    errors: Sequence[float] | np.ndarray,
    *,
    level: float = LEVEL,
) -> ScalingTest:
    """Whether mean exit times grow as a power of the barrier, or exponentially: or neither.

    `log τ` against `log ΔL`, and against `ΔL`: each line is rejected by the χ² of its residuals.
    The result says with which power each law would have been rejected, were the other one true, and
    over which range of barriers that power is 0.999: a verdict is about the range that was given.

    Parameters
    ----------
    barriers : heights ΔL > 0, at least four different ones
    times : independent estimates of the mean exit time
    errors : their standard errors, in the same unit; a bias bound should be added

    Raises
    ------
    ComputationError : bad input, relative errors too large for the level
    """
    found = np.asarray(times, dtype=np.float64)
    spread = np.asarray(errors, dtype=np.float64)
    relative = spread / found if found.shape == spread.shape and np.all(found > 0) else spread
    return testing.scaling_test(barriers, found, relative, level)


def _series(sample: Sample) -> list[np.ndarray]:
    try:
        whole = list(sample) if not isinstance(sample, np.ndarray) else sample
        rows = [np.asarray(row, dtype=np.float64) for row in whole]
        if all(row.ndim == 0 for row in rows):
            return [np.asarray(rows, dtype=np.float64)]
    except (TypeError, ValueError) as error:
        raise InputError("numbers, or series of numbers", str(error), "check the sample") from error
    if any(row.ndim != 1 for row in rows):
        raise InputError(
            "an array of values, or one row for each series",
            "arrays of other dimensions",
            "give one weight at a time",
        )
    return rows
