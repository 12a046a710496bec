"""Ends towards which exponentials tend to 0 or ∞: the model's limit there, and what it leaves out.

With the forms of `numerics.transseries`, `C = e^(S_C) (C₀ + γ)` and `q = e^(S_q) (q₀ + δ)` with γ
and δ exponentially small. Where S_q = 0, the tail is that of the limit model `(C₀, q₀)`, which has
no exponentials: on all of `|x| >= X`

    p = p₀ exp(±∫_X^∞ |δ|),        C = e^(S_C) C₀ exp(±sup |log(1 + γ/C₀)|),

so that integrals of products of p and 1/C, all positive, keep within such factors as well.
Where S_q grows, p falls (or rises) like an exponential of an exponential.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from flint import arb, arb_poly, fmpq_poly

from numerics.discs import up
from numerics.local import End, NotLocal
from numerics.program import Builder, Program, combined
from numerics.rational import emit_polynomial
from numerics.spans import Span, spans
from numerics.transseries import Form, canonical, forms, growth


@dataclass(frozen=True)
class Errors:
    """What a limit model misses beyond a cut, as logarithms of bounds (−∞: nothing)."""

    integral: float
    """of ∫ |δ| dx"""
    exponent: float
    """of |x δ|, the error of d log p/d log t"""
    noise: float
    """of |log(1 + γ/C₀)|"""


@dataclass(frozen=True)
class ExponentialEnd:
    """(C, q) of a program at an infinite end."""

    program: Program
    end: End
    noise: Form
    slope: Form
    limit: Program
    """(C₀, q₀)"""
    noise_error: Program | None
    """γ/C₀ without its factor e^(−gap)"""

    @property
    def slope_growth(self) -> int:
        """+1 where q grows exponentially, −1 where it vanishes so, 0 where q₀ is its limit."""
        return -1 if self.slope.vanishes else growth(self.slope.rate, self.end)

    @property
    def noise_growth(self) -> int:
        """The same of C."""
        return growth(self.noise.rate, self.end)

    def noise_grows(self, top: float) -> bool:
        """Whether e^(S_C) increases and is at least 1 beyond 1/top."""
        rate, far = _outward(self.noise.rate, self.end), 1 / arb(top)
        return bool(_least_slope(rate, far) >= 0 and rate(far) >= 0)

    def errors(self, top: float) -> Errors:
        """Bounds for all x beyond 1/top, S_q = 0.

        Raises
        ------
        NotLocal : none at this distance.
        """
        slope = _Small(self.slope.gap, self.slope.rest, self.end, top)
        noise = _Small(self.noise.gap, self.noise_error, self.end, top).largest(0)
        if noise > -2.0:
            raise NotLocal("an exponential that is not yet small")
        return Errors(slope.integral(), slope.largest(1), up(noise + 2 * math.exp(noise)))

    def lowest(self, top: float, scales: int) -> tuple[float, float, float]:
        """(e, log of C t^(−order), order) from below for all t <= top, where q grows: S_q → ∞.

        With `scales` factors 1/C, e is one of `e − scales·(d log C/d log t)` where C vanishes.

        Raises
        ------
        NotLocal : no such bounds at this distance.
        """
        far = 1 / arb(top)
        bracket = _span(_bracket(self.slope), self.end, top)
        low = bracket.low if self.end.outward > 0 else -bracket.high
        noise = spans(self.limit.select(0), self.end, top)[0]
        error = _Small(self.noise.gap, self.noise_error, self.end, top).largest(0)
        if not low > 0 or not noise.low > 0 or error > -2.0:
            raise NotLocal("a density not proved to fall")
        # e = |x| e^(S_q) |q₀ + δ| >= |x|^power e^(S_q) low, which increases with |x|.
        rate = _outward(self.slope.rate, self.end)
        power = 1 - float(bracket.order)
        steepness = _least_slope(rate, far)
        size = float((rate(far) + power * far.log() + arb(low).log()).lower())
        needed = max(-power, 0.0)
        log_noise = math.log(noise.low) - 1.1 * math.exp(error)
        if self.noise_growth != 0:
            noise_rate = _outward(self.noise.rate, self.end)
            log_noise += float(noise_rate(far).lower())
            if self.noise_growth > 0 and not _least_slope(noise_rate, far) >= 0:
                raise NotLocal("an exponential that does not grow from here on")
            if self.noise_growth < 0 and scales:
                # d log C/d log t = −|x| dS_C/d|x| <= factor · |x|^degree
                degree = noise_rate.degree()
                factor = _largest(-noise_rate.derivative(), far)
                if not float((scales * factor * far**degree).log().upper()) < size - 0.7:
                    raise NotLocal("a noise that vanishes as fast as the density")
                size -= 0.7
                needed += degree
        if not steepness * far >= needed:
            raise NotLocal("an exponential that does not outgrow the powers beside it yet")
        return math.exp(min(size, 600.0)) * (1 - 1e-9), log_noise - 1e-9, float(noise.order)

    def tilted(self) -> Program:
        """(C₀, q₀ − S_C'), the limit of the slope of C p in place of that of p."""
        builder = Builder(self.program.inputs)
        x = builder.input(self.program.inputs[0])
        noise, slope = builder.include(self.limit, {})
        steepness = emit_polynomial(builder, self.noise.rate.derivative(), x)
        if self.slope_growth < 0:
            slope = builder.constant(0)
        tilted = builder.program([builder.emit("sub", slope, steepness)])
        return combined(self.program.inputs, [builder.program([noise]), canonical(tilted)])


@lru_cache(maxsize=256)
def exponential_end(program: Program, end: End) -> ExponentialEnd | None:
    """The limit of a core program (C, q) at an infinite end, None where it has none."""
    found = forms(program, end)
    if found is None:
        return None
    noise, slope = found
    if noise.vanishes:
        return None
    limit = combined(program.inputs, [noise.limit, slope.limit])
    error = None if noise.rest is None else _quotient(noise.rest, noise.limit)
    return ExponentialEnd(program, end, noise, slope, limit, error)


def _quotient(above: Program, below: Program) -> Program:
    builder = Builder(above.inputs)
    [a], [b] = builder.include(above, {}), builder.include(below, {})
    return builder.program([builder.emit("div", a, b)])


def _bracket(form: Form) -> Program:
    """`limit + e^(−gap) rest`."""
    if form.rest is None:
        return form.limit
    builder = Builder(form.limit.inputs)
    x = builder.input(form.limit.inputs[0])
    [limit], [rest] = builder.include(form.limit, {}), builder.include(form.rest, {})
    small = builder.emit("exp", emit_polynomial(builder, -form.gap, x))
    return builder.program([builder.emit("add", limit, builder.emit("mul", small, rest))])


def _span(program: Program, end: End, top: float) -> Span:
    return spans(program, end, top)[0]


def least_value(form: Form, end: End, top: float) -> float:
    """A lower bound beyond 1/top of a function whose rate is not 0.

    Raises
    ------
    NotLocal : none at this distance.
    """
    bracket = _bracket(form)
    if growth(form.rate, end) < 0:
        return -math.exp(min(_Small(-form.rate, bracket, end, top).largest(0), 700.0))
    bounds, far = _span(bracket, end, top), 1 / arb(top)
    rate, order = _outward(form.rate, end), float(bounds.order)
    if not bounds.low > 0 or not _least_slope(rate, far) * far >= max(order, 0.0):
        raise NotLocal("a function not proved to grow")
    size = rate(far) - order * far.log() + arb(bounds.low).log()
    return math.exp(min(float(size.lower()), 600.0)) * (1 - 1e-9)


def missed_by_limit(form: Form, end: End, top: float) -> float:
    """A bound beyond 1/top of |f − limit| for a function of rate 0.

    Raises
    ------
    NotLocal : none at this distance.
    """
    return math.exp(min(_Small(form.gap, form.rest, end, top).largest(0), 700.0)) * (1 + 1e-9)


# --- polynomials of |x| ---------------------------------------------------------------------------


def _outward(polynomial: fmpq_poly, end: End) -> arb_poly:
    """The polynomial as a function of |x|."""
    return arb_poly(polynomial(fmpq_poly([0, end.outward])))


def _least_slope(polynomial: arb_poly, far: arb) -> arb:
    """A lower bound, not negative, of the derivative on [far, ∞), or −1."""
    slope = polynomial.derivative()
    degree = slope.degree()
    if degree < 0:
        return arb(0)
    lead = slope[degree]
    for k in range(degree):
        lead -= abs(slope[k]) * far ** (k - degree)
    return lead * far**degree if lead > 0 else arb(-1)


def _largest(polynomial: arb_poly, far: arb) -> arb:
    """c with |polynomial(y)| <= c y^degree for all y >= far."""
    degree = polynomial.degree()
    return sum((abs(polynomial[k]) * far ** (k - degree) for k in range(degree + 1)), arb(0))


class _Small:
    """`e^(−gap) rest` beyond a cut."""

    def __init__(self, gap: fmpq_poly, rest: Program | None, end: End, top: float) -> None:
        self.absent = rest is None
        if rest is None:
            return
        bounds = _span(rest, end, top)
        size = max(-bounds.low, bounds.high)
        if not math.isfinite(size):
            raise NotLocal("a quantity without bounds")
        self.far = 1 / arb(top)
        self.gap = _outward(gap, end)
        self.power = -float(bounds.order)
        self.log_size = math.log(size) if size > 0 else -math.inf

    def _at_cut(self, power: float) -> tuple[float, arb]:
        """log of |x|^power times the bound at the cut, and its rate of decay from there on."""
        total = power + self.power
        rate = _least_slope(self.gap, self.far) - max(total, 0.0) / self.far
        if not rate > 0:
            raise NotLocal("an exponential that does not outgrow the powers beside it yet")
        here = total * self.far.log() - self.gap(self.far)
        return up(float(arb(here).upper()) + self.log_size), rate

    def largest(self, power: int) -> float:
        """log sup |x^power e^(−gap) rest|."""
        return -math.inf if self.absent else self._at_cut(power)[0]

    def integral(self) -> float:
        """log ∫ |e^(−gap) rest| dx: it decays at least like an exponential of that rate."""
        if self.absent:
            return -math.inf
        here, rate = self._at_cut(0)
        return up(here - float(rate.log().lower()))


__all__ = ["Errors", "ExponentialEnd", "exponential_end", "least_value", "missed_by_limit"]
