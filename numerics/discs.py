"""Analytic functions on a disc: Taylor polynomials with proven remainders.

A `DiscSeries` is a function analytic on `|t| < radius` with `|f| <= exp(log_bound)` there, and its
exact first Taylor coefficients (in balls). Cauchy's estimate bounds what the polynomial leaves out:
`|f(t) - f_n(t)| <= M (|t|/R)^n / (1 - |t|/R)`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from flint import acb, arb, arb_poly, arb_series, ctx

from numerics.evaluators import evaluate_acb
from numerics.program import Program

LOW_PRECISION = 64
"""Bits for bounds: they enter remainders only, where two digits would do."""


@dataclass(frozen=True)
class DiscSeries:
    """Coefficients, radius of the disc, and the logarithm of a bound of |f| on it."""

    series: arb_series
    radius: float
    log_bound: float

    def __mul__(self, other: DiscSeries) -> DiscSeries:
        return DiscSeries(self.series * other.series, self.radius, self.log_bound + other.log_bound)

    def __add__(self, other: DiscSeries) -> DiscSeries:
        bound = log_sum(self.log_bound, other.log_bound)
        return DiscSeries(self.series + other.series, self.radius, bound)

    def plus_constant(self, constant: arb) -> DiscSeries:
        """f + constant."""
        size = log_upper(constant)
        return DiscSeries(self.series + constant, self.radius, log_sum(self.log_bound, size))

    def antiderivative(self) -> DiscSeries:
        """∫₀ᵗ f."""
        return DiscSeries(
            self.series.integral(), self.radius, up(self.log_bound + math.log(self.radius))
        )

    def at(self, t: arb) -> arb:
        """f(t) with its remainder; `|t|` must be below the radius."""
        return arb_poly(self.series.coeffs())(t) + self.remainder(t)

    def remainder(self, t: arb) -> arb:
        """A ball around 0 that holds f(t) minus the polynomial kept."""
        ratio = log_upper(t) - math.log(self.radius)
        if ratio >= 0:
            return arb.nan()
        order = self.series.prec
        return exp_ball(up(self.log_bound + order * ratio - math.log(-math.expm1(ratio))))


def up(x: float) -> float:
    """A logarithm a little above x: absorbs the rounding of the few operations that made it."""
    return x + 1e-12 * (1 + abs(x)) if math.isfinite(x) else x


def log_sum(a: float, b: float) -> float:
    """log(eᵃ + eᵇ), rounded up."""
    high, low = max(a, b), min(a, b)
    if high == -math.inf:
        return high
    return up(high + math.log1p(math.exp(low - high)))


def log_sum_all(values: Sequence[float]) -> float:
    """log Σ e^v, to rounding."""
    high = max(values)
    if high == -math.inf:
        return high
    return high + math.log(sum(math.exp(v - high) for v in values))


def log_upper(x: arb | acb) -> float:
    """log |x| from above, as a double (-inf for zero, inf for anything not finite)."""
    bound = abs(x).upper() if isinstance(x, arb) else x.abs_upper()
    if not bound.is_finite():
        return math.inf
    if bound.is_zero():
        return -math.inf
    value = float(bound)
    if 1e-300 < value < 1e300:
        return up(math.log(value))
    return up(float(bound.log().upper()))


def log_lower(x: arb | acb) -> float:
    """log |x| from below, as a double."""
    bound = abs(x).lower() if isinstance(x, arb) else x.abs_lower()
    if not bound.is_finite() or not bound > 0:
        return -math.inf
    value = float(bound)
    if 1e-300 < value < 1e300:
        return -up(-math.log(value))
    return -up(-float(bound.log().lower()))


def exp_ball(log_bound: float) -> arb:
    """[-M, M] with log M = log_bound."""
    if log_bound == -math.inf:
        return arb(0)
    if not log_bound < math.inf:
        return arb.nan()
    return arb(0, arb(log_bound).exp().upper())


def cover_half_disc(radius: float, accept: Callable[[arb, arb], bool], depth: int = 5) -> bool:
    """Cover `{|t| <= radius, Im t >= 0}` by boxes that `accept(x, y)` accepts, splitting others.

    Functions real on the axis take conjugate values below it: the upper half is enough.
    """
    boxes = [(-0.5, 0.5, 0.5, 0), (0.5, 0.5, 0.5, 0)]
    while boxes:
        x, y, half, level = boxes.pop()
        if math.hypot(max(abs(x) - half, 0.0), max(y - half, 0.0)) > 1.0:
            continue
        # The boxes overlap by a hair: rounding in x * radius cannot open a gap.
        side = half * radius * (1 + 1e-12)
        if accept(arb(x * radius, side), arb(y * radius, side)):
            continue
        if level == depth:
            return False
        quarter = half / 2
        boxes.extend(
            (x + i * quarter, y + j * quarter, quarter, level + 1) for i in (-1, 1) for j in (-1, 1)
        )
    return True


@lru_cache(maxsize=4096)
def bound_on_disc(program: Program, middle: float, radius: float) -> tuple[float, ...] | None:
    """Logarithms of bounds of |output| and |1/first output| on a disc around a real centre.

    Proves on the way that every output is analytic on the disc and that the first has no zero
    there. None if that could not be shown. A second pass at more digits asks for the same discs.
    """
    centre = arb(middle)
    largest = [-math.inf] * (len(program.outputs) + 1)

    def accept(x: arb, y: arb) -> bool:
        values = evaluate_acb(program, acb(centre + x, y), analytic=True)
        if not all(v.is_finite() for v in values):
            return False
        lowest = log_lower(values[0])
        if lowest == -math.inf:
            return False
        for index, value in enumerate(values):
            largest[index] = max(largest[index], log_upper(value))
        largest[-1] = max(largest[-1], -lowest)
        return True

    with ctx.workprec(LOW_PRECISION):
        covered = cover_half_disc(radius, accept)
    return tuple(largest) if covered else None
