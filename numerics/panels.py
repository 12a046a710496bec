"""Panels: the interval cut into discs on which log p is a short power series.

Notation of `numerics.core`. Nothing here needs a closed form of `∫2L'/(ηC)`.

A panel is planned in double precision and then proved: its disc by boxes on which every function is
analytic and C has no zero, its bounds by majorants of the Taylor coefficients.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile

from flint import arb, arb_poly, arb_series, ctx

from numerics import recurrence
from numerics.discs import (
    LOW_PRECISION,
    DiscSeries,
    bound_on_disc,
    exp_ball,
    log_upper,
    up,
)
from numerics.evaluators import evaluate_arb, evaluate_series
from numerics.factored import factored
from numerics.program import Program

STABLE_TERMS = 150
"""Up to here FLINT exponentiates by recurrence at any precision; beyond it by doublings."""

PLAN_ORDER = 32
"""Terms of the cheap series from which a panel is planned and bounded."""

REACH = 2.7
"""Radius of analyticity over half-width: e minimises terms per unit of length."""

CAUCHY_FACTORS = (1.6, 2.1, 2.7, 3.5, 5.0, 8.0, 14.0)
"""Candidate radii for Cauchy's estimate, in half-widths."""


class NegativeNoise(Exception):
    """C < 0 at a point of the interval: the caller finds out where it begins."""

    def __init__(self, point: float, value: float) -> None:
        super().__init__(point, value)
        self.point, self.value = point, value


@dataclass(frozen=True)
class Profile:
    """`exp(scale) · values` bound the integrals of p and of 1/p over the parts of a panel."""

    speed_scale: float
    speed: list[float]
    scale_scale: float
    scale: list[float]


@dataclass
class Panel:
    """`[left, right]` inside a disc around `centre` on which C and q are analytic and C ≠ 0."""

    program: Program
    left: arb
    right: arb
    centre: arb
    half: float
    """Upper bound of the distance from the centre to either end."""
    radius: float
    slope_bound: float
    """log of a bound of |q| on the disc"""
    inverse_noise_bound: float
    """log of a bound of |1/C| on the disc"""
    noise_scale: float
    """log(1/C) at the centre, a double"""
    majorant: list[float]
    """|u_k| for k from 1 on, to PLAN_ORDER terms at most, from above"""
    low: arb_poly
    """u around the centre to PLAN_ORDER terms, in low precision"""
    ranges: list[tuple[float, float]] = field(default_factory=list)
    """Enclosures of u − u(left) on equal parts of the panel, in doubles"""
    rise: float = 0.0
    """u(right) − u(left), a double"""
    before: Program | None = None
    """The program left of this panel where a switch lies at its left end: p may jump there"""

    @cached_property
    def profile(self) -> Profile:
        """Bounds of ∫p and ∫1/p over the parts from above, relative to p(left) = 1."""
        return self._profile([high for _, high in self.ranges], [low for low, _ in self.ranges])

    @cached_property
    def profile_below(self) -> Profile:
        """Bounds of ∫p and ∫1/p over the parts from below, relative to p(left) = 1."""
        return self._profile([low for low, _ in self.ranges], [high for _, high in self.ranges])

    def _profile(self, speed: list[float], scale: list[float]) -> Profile:
        part = self.width / len(self.ranges) * (1 + 1e-12)
        highest, lowest = max(speed), min(scale)
        return Profile(
            highest,
            [math.exp(u - highest) * part for u in speed],
            -lowest,
            [math.exp(lowest - u) * part for u in scale],
        )

    @property
    def width(self) -> float:
        return 2 * self.half

    def variation(self, radius: float) -> float:
        """A bound of |u(t) − u(0)| on |t| <= radius (< self.radius)."""
        total = 0.0
        for coefficient in reversed(self.majorant):
            total = total * radius + coefficient
        return (total * radius + self.tail(radius)) * (1 + 1e-13)

    def tail(self, radius: float) -> float:
        """A bound of the terms of u from PLAN_ORDER on, at |t| <= radius."""
        ratio = radius / self.radius
        order = len(self.majorant) + 1
        log_tail = (
            self.slope_bound
            + math.log(self.radius)
            + order * math.log(ratio)
            - math.log(order * (1 - ratio))
        )
        return math.exp(up(log_tail)) if log_tail < 700 else math.inf

    def slope_tail(self, radius: float) -> float:
        """log of a bound of the terms of q from PLAN_ORDER − 1 on, at |t| <= radius."""
        ratio = radius / self.radius
        rest = len(self.majorant) * math.log(ratio) - math.log(1 - ratio)
        return up(self.slope_bound + rest)

    def order(self, accuracy: float, kernels: int, share: float = 1.0) -> tuple[int, float]:
        """Terms, and the radius of Cauchy's estimate, for `exp(-accuracy)` with `kernels` factors.

        `share` asks for a part of the half-width (to judge a split).
        """
        best = (10**9, 0.0)
        half = share * self.half
        for factor in CAUCHY_FACTORS:
            radius = min(factor * half, 0.9 * self.radius)
            growth = kernels * self.variation(radius)
            if growth < math.inf:
                terms = math.ceil((max(accuracy, 3.0) + growth) / math.log(radius / half)) + 3
                best = min(best, (terms, radius))
            if radius < factor * half:
                break
        return best

    def log_density_series(self, terms: int) -> arb_series:
        """u to the given number of terms, u(centre) = 0, at the working precision."""
        ctx.cap = terms
        q = evaluate_series(self.program, arb_series([self.centre, arb(1)]))[1]
        return -as_series(q).integral()

    def log_density(self, terms: int) -> DiscSeries:
        """u as a function on the whole disc, for the increments u(right) − u(left)."""
        bound = up(self.slope_bound + math.log(self.radius))
        return DiscSeries(self.log_density_series(terms), self.radius, bound)

    def crossing_order(self, accuracy: float) -> int:
        """Terms of u for increments certain to `exp(-accuracy)`, by Cauchy's estimate for q."""
        size = self.slope_bound + math.log(self.radius)
        ratio = math.log(self.radius / self.half)
        return max(4, math.ceil((max(accuracy, 8.0) + max(size, 0.0) + 1) / ratio) + 2)

    def expansion(self, terms: int, radius: float, rate: arb) -> Expansion:
        """The functions of this panel to so many terms, bounded on the disc of that radius."""
        return Expansion(self, terms, radius, rate)

    def recurrences(self, terms: int) -> recurrence.LinearForms | None:
        """The equations by which long series are computed, where they exist and lose little."""
        if not recurrence.available(terms):
            return None
        forms = recurrence.linear_forms(self.program)
        return forms if forms is not None and self.lost_bits(terms) < terms else None

    def exponential_by_recurrence(self, terms: int) -> bool:
        """Whether exp(u) comes from a recurrence, FLINT's (u a polynomial, or short) or ours."""
        forms = recurrence.linear_forms(self.program)
        if forms is not None and forms.polynomial:
            return True
        return terms <= STABLE_TERMS or self.recurrences(terms) is not None

    def lost_bits(self, terms: int) -> float:
        """Bits that the recurrences lose on this panel; 0 where they are not used."""
        if not recurrence.available(terms):
            return 0.0
        forms = recurrence.linear_forms(self.program)
        if forms is None:
            return 0.0
        with ctx.workprec(LOW_PRECISION):
            return max(
                recurrence.extra_bits(recurrence.shifted(f[0], self.centre), self.half, terms)
                for f in (forms.speed, forms.scale)
            )


class Expansion:
    """u, the speed density p/p(c) and the scale density times p(c), computed when asked for."""

    def __init__(self, panel: Panel, terms: int, radius: float, rate: arb) -> None:
        ctx.cap = terms
        self.panel, self.terms, self.radius, self.rate = panel, terms, radius, rate
        noise, q = evaluate_series(panel.program, arb_series([panel.centre, arb(1)]))
        self.noise, self._u = as_series(noise), -as_series(q).integral()
        self.growth = panel.variation(radius)
        self.forms = panel.recurrences(terms)

    @cached_property
    def u(self) -> DiscSeries:
        """log p − log p(c)."""
        bound = math.log(self.growth) if self.growth > 0 else -math.inf
        return DiscSeries(self._u, self.radius, bound)

    @cached_property
    def speed(self) -> DiscSeries:
        """p/p(c)."""
        if self.forms is None or self.forms.polynomial:
            return DiscSeries(self._u.exp(), self.radius, self.growth)
        equation, slope = (recurrence.shifted(f, self.panel.centre) for f in self.forms.speed)
        return DiscSeries(self._solved(equation, slope, [], arb(1)), self.radius, self.growth)

    @cached_property
    def scale_bound(self) -> float:
        """log of a bound of the scale density on the disc."""
        return up(self.growth + self.panel.inverse_noise_bound + log_upper(self.rate))

    @cached_property
    def scale(self) -> DiscSeries:
        """p(c)·(2/η)/(C p)."""
        if self.forms is None or self.forms.polynomial:
            # Not rate/(C p): inverting p by Newton's iteration multiplies its radii.
            series = (-self._u).exp() * (self.rate / self.noise)
        else:
            equation, slope, _ = self._scale_equation
            series = self._solved(equation, slope, [], self.rate / self.noise[0])
        return DiscSeries(series, self.radius, self.scale_bound)

    def scale_times_mass(self, mass: DiscSeries) -> DiscSeries:
        """(scale density)·P for P with P' = p: one recurrence where there is one."""
        if self.forms is None:
            return self.scale * mass
        equation, slope, quotient = self._scale_equation
        start = self.rate * mass.series[0] / self.noise[0]
        right = [self.rate * c for c in quotient]
        series = self._solved(equation, slope, right, start)
        return DiscSeries(series, self.radius, self.scale_bound + mass.log_bound)

    @cached_property
    def _scale_equation(self) -> list[list[arb]]:
        assert self.forms is not None
        return [recurrence.shifted(f, self.panel.centre) for f in self.forms.scale]

    def _solved(
        self, equation: list[arb], slope: list[arb], right: list[arb], start: arb
    ) -> arb_series:
        terms = recurrence.solve(equation, slope, right, start, self.terms)
        return arb_series(terms, self.terms)


def as_series(value: arb_series | arb) -> arb_series:
    """A ball as a constant power series."""
    return value if isinstance(value, arb_series) else arb_series([value])


def dyadic(x: float) -> arb:
    """The ball of a double, exact."""
    return arb(x)


def make_panel(
    program: Program, left: arb, right: arb, parent: Panel | None = None
) -> Panel | None:
    """The proved panel on [left, right], or None if no disc of sufficient radius is analytic.

    A disc inside that of a `parent` panel inherits its proof.
    """
    middle = (float(left) + float(right)) / 2
    centre = dyadic(middle)
    with ctx.workprec(LOW_PRECISION):
        half = max(float((centre - left).abs_upper()), float((right - centre).abs_upper()))
        half = half * (1 + 1e-12)
        if not half > 0:
            return None
        noise = evaluate_arb(program, centre)[0]
        if noise < 0:
            raise NegativeNoise(middle, float(noise))
        if not noise > 0:
            return None
        noise_scale = -float(noise.log())
        coefficients = _plan_coefficients(program, centre)
        if coefficients is None:
            return None
        q_abs, low = coefficients
        proof = _proof(program, centre, half, q_abs, parent)
        if proof is None:
            return None
        radius, slope_bound, inverse_noise = proof
    majorant = [a / (k + 1) * (1 + 1e-14) for k, a in enumerate(q_abs)]
    panel = Panel(
        program,
        left,
        right,
        centre,
        half,
        radius,
        slope_bound,
        inverse_noise,
        noise_scale,
        majorant,
        low,
    )
    _measure(panel)
    return panel


def _proof(
    program: Program, centre: arb, half: float, sizes: Sequence[float], parent: Panel | None
) -> tuple[float, float, float] | None:
    """Radius of a disc on which C and q are analytic and C ≠ 0; log bounds of |q| and |1/C|."""
    if parent is not None:
        radius = (parent.radius - abs(float(centre - parent.centre))) * (1 - 1e-12)
        if radius > 2.5 * half and _tells(radius, parent.slope_bound, half, sizes):
            return radius, parent.slope_bound, parent.inverse_noise_bound
    form = factored(program)
    if form is not None:
        distance = min(form.distance(centre), 40 * half)
        radius = 0.8 * distance
        if radius < 1.4 * half:
            return None
        return (radius, *form.bounds(centre, radius))
    estimate = singular_distance(sizes, half)
    widest: tuple[float, float, float] | None = None
    for share in (0.8, 0.6, 0.45, 0.3, 0.2, 0.1):
        radius = share * estimate
        if radius < 1.4 * half or (share < 0.45 and widest is None):
            break
        bounds = bound_on_disc(program, float(centre), radius)
        if bounds is not None:
            # An entire function may be huge on the widest disc: e^(−z²) off the real axis.
            widest = radius, bounds[1], bounds[2]
            if _tells(radius, bounds[1], half, sizes):
                return widest
    return widest


def _tells(radius: float, slope_bound: float, half: float, sizes: Sequence[float]) -> bool:
    """Whether what the bound on the disc leaves of u on the panel is small, or small beside u."""
    known = max(
        (math.log(a) + (k + 1) * math.log(half) - math.log(k + 1))
        for k, a in enumerate([*sizes, 1e-300])
        if a > 0
    )
    order = len(sizes) + 1
    missed = slope_bound + math.log(radius) + order * math.log(half / radius)
    return missed < max(0.0, known - 4.6)


def _plan_coefficients(program: Program, centre: arb) -> tuple[list[float], arb_poly] | None:
    """|q_k| from above and the polynomial u, both to PLAN_ORDER terms at most."""
    saved = ctx.cap
    ctx.cap = PLAN_ORDER
    try:
        q = as_series(evaluate_series(program, arb_series([centre, arb(1)]))[1])
        balls = q.coeffs()
        if not all(b.is_finite() for b in balls):
            return None
        # The antiderivative to PLAN_ORDER terms uses one term of q less.
        sizes = [float(b.abs_upper()) for b in balls[: PLAN_ORDER - 1]]
        sizes += [0.0] * (PLAN_ORDER - 1 - len(sizes))
        # Close to a singularity, at 10^-12 of it, say, the higher ones overflow: fewer terms then.
        sizes = list(takewhile(math.isfinite, sizes))
        return (sizes, arb_poly((-q.integral()).coeffs()[: len(sizes) + 1])) if sizes else None
    finally:
        ctx.cap = saved


def singular_distance(sizes: Sequence[float], half: float) -> float:
    """Distance to the nearest singularity as the coefficients tell it (an estimate, never trusted).

    Capped at 40 half-widths: entire functions have none.
    """
    start = max(8, len(sizes) // 2)
    logs = [math.log(a) if a > 0 else -math.inf for a in sizes]
    scale = max(a + k * math.log(half) for k, a in enumerate(logs))
    if scale == math.inf:
        return 0.0
    rates = [(a - scale) / k for k, a in enumerate(logs) if k >= start and a > -690]
    largest = max(rates, default=-math.inf)
    return half * min(math.exp(-max(largest + math.log(half), -5.0)), 40.0)


PARTS = 12


def _measure(panel: Panel) -> None:
    """Ranges of u − u(left) on the parts of the panel, rigorous, in low precision.

    Where u is monotone on a part its range is that of the ends: wide parts of a steep u must not
    look as if they reached beyond its extremes.
    """
    with ctx.workprec(LOW_PRECISION):
        slack = arb(0, panel.tail(panel.half))
        slope, slope_slack = panel.low.derivative(), exp_ball(panel.slope_tail(panel.half))
        left, right = panel.left - panel.centre, panel.right - panel.centre
        start = panel.low(left)
        panel.rise = float(panel.low(right) - start)
        step = (right - left) / PARTS
        edges = [left + step * part for part in range(PARTS + 1)]
        values = [panel.low(t) - start for t in edges]
        for part in range(PARTS):
            t = edges[part].union(edges[part + 1])
            steepness = slope(t) + slope_slack
            if steepness > 0 or steepness < 0:
                value = values[part].union(values[part + 1])
            else:
                value = panel.low(t) - start
            value += slack + slack
            panel.ranges.append((float(value.lower()), float(value.upper())))


def halves(panel: Panel) -> list[Panel] | None:
    """The two halves as panels of their own, or None if one of them has no disc."""
    made = [
        make_panel(panel.program, panel.left, panel.centre, panel),
        make_panel(panel.program, panel.centre, panel.right, panel),
    ]
    if made[0] is None or made[1] is None:
        return None
    made[0].before = panel.before
    return [made[0], made[1]]
