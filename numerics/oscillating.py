"""Tails under a force that oscillates at infinity, and of 𝓛u = λu: asymptotic series, proven.

Where q = −d log p/dx is a sum of `e^(iωx) q_ω`, the q_ω quotients of polynomials (a loss with
sines over a noise that grows), p has no power series at infinity, and a heavy tail reaches far
beyond what panels of a few periods cover. A stage `Y = X/p^d` solves

    Y' = R + d q Y,      R = |x|^power Π Y_j   or   (2/η)/C · Π Y_j .

A trial `Σ e^(iωx) Σ_n y_(ω,n) t^n`, t = −1/x, is found order by order (it diverges like a factorial
and is cut off), put into the equation, and its residual r bounded for all t up to the cut: the
coefficients of r times a polynomial are finitely many. Then, for d = 1 and `d log p/d log t >= e`,

    |r| <= Σ a_j t^j     implies     |Y − trial| <= Σ a_j t^(j−1)/(j − 1 + e) .

The Laplace transform of an exit time needs the flux ratio ρ of `𝓛u = λu`: `Y = ρ/p` solves
Riccati's equation `Y' = λ + qY − (2/η)/C Y²`, by the same means, with waves or without. The term in
Y² only damps the error of a trial that is positive.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from flint import acb, acb_poly, acb_series, arb, arb_poly, ctx, fmpq, fmpq_poly

from numerics.core import Core
from numerics.discs import log_upper
from numerics.evaluators import as_fmpq, compiled, rational_constants
from numerics.local import End, NotLocal
from numerics.program import Program
from numerics.rational import complex_zeros, integer_polynomial
from numerics.sweep import Stage, degrees

Modes = dict[fmpq, acb_poly]
"""Frequency ω and the polynomial in x that multiplies e^(iωx)."""

MOST_TERMS = 600
"""Terms of a trial: at the largest, accuracies of about 250 digits."""


@dataclass(frozen=True)
class Waves:
    """`Σ e^(iωx) N_ω(x) / Q(x)`; `plain` is the numerator where it has no waves, exactly."""

    modes: Modes
    below: fmpq_poly
    plain: fmpq_poly | None

    @classmethod
    def of(cls, above: fmpq_poly, below: fmpq_poly) -> Waves:
        """A rational function."""
        return cls({fmpq(0): acb_poly(above)}, below, above)

    def __add__(self, other: Waves) -> Waves:
        if self.plain is not None and other.plain is not None:
            above = self.plain * other.below + other.plain * self.below
            return Waves.of(above, self.below * other.below)
        modes: Modes = {}
        for waves, factor in ((self, other.below), (other, self.below)):
            for frequency, above in waves.modes.items():
                added = above * acb_poly(factor)
                modes[frequency] = modes.get(frequency, acb_poly([])) + added
        return Waves(modes, self.below * other.below, None)

    def __neg__(self) -> Waves:
        plain = None if self.plain is None else -self.plain
        return Waves({w: -n for w, n in self.modes.items()}, self.below, plain)

    def __sub__(self, other: Waves) -> Waves:
        return self + (-other)

    def __mul__(self, other: Waves) -> Waves:
        if self.plain is not None and other.plain is not None:
            return Waves.of(self.plain * other.plain, self.below * other.below)
        modes: Modes = {}
        for v, a in self.modes.items():
            for w, b in other.modes.items():
                modes[v + w] = modes.get(v + w, acb_poly([])) + a * b
        return Waves(modes, self.below * other.below, None)

    def __truediv__(self, other: Waves) -> Waves:
        if other.plain is None or other.plain.degree() < 0:
            raise NotLocal("division by an oscillating function")
        return self * Waves.of(other.below, other.plain)


def _whole_power(x: Waves, n: int) -> Waves:
    if n < 0:
        return _whole_power(Waves.of(fmpq_poly([1]), fmpq_poly([1])) / x, -n)
    if n > 40:
        raise NotLocal("a high power")
    result = Waves.of(fmpq_poly([1]), fmpq_poly([1]))
    for _ in range(n):
        result = result * x
    return result


def _circular(weights: tuple[complex, complex]) -> Callable[[Waves], Waves]:
    """a e^(iy) + b e^(−iy) of `y = ωx + φ` with rational ω and φ."""

    def call(y: Waves) -> Waves:
        if y.plain is None or y.below.degree() > 0 or y.plain.degree() > 1:
            raise NotLocal("waves of another argument than ωx + φ")
        line = y.plain / y.below[0]
        phase = (acb(0, 1) * acb(arb(line[0]))).exp()
        a, b = (acb(z.real, z.imag) for z in weights)
        waves = {line[1]: acb_poly([a * phase]), -line[1]: acb_poly([b / phase])}
        if line[1] == 0:
            raise NotLocal("a constant that is not rational")
        return Waves(waves, fmpq_poly([1]), None)

    return call


_OPERATIONS = {
    "whole_power": _whole_power,
    "sin_": _circular((-0.5j, 0.5j)),
    "cos_": _circular((0.5, 0.5)),
}


@dataclass(frozen=True)
class Oscillation:
    """C and q of a model at an infinite left end, as waves; the slowest frequency (∞: none)."""

    noise: Waves
    slope: Waves
    slowest: float
    reach: float
    """The largest |zero| of the denominators: the series are useful some times beyond it"""


@lru_cache(maxsize=128)
def oscillation(program: Program, end: End, precision: int) -> Oscillation | None:
    """The model as waves, or None where it is none, or not one that this module can expand."""
    form = _as_waves(program, end, precision)
    return form if form is not None and form.slowest < math.inf else None


@lru_cache(maxsize=128)
def _as_waves(program: Program, end: End, precision: int) -> Oscillation | None:
    if end.point is not None:
        return None
    supported = {"const", "input", "add", "sub", "mul", "div", "neg", "power", "sin", "cos"}
    for instruction in program.instructions:
        whole = instruction.op != "power" or isinstance(instruction.value, int)
        if instruction.op not in supported or not whole:
            return None
    one = fmpq_poly([1])
    constants = [Waves.of(fmpq_poly([as_fmpq(f)]), one) for f in rational_constants(program)]
    with ctx.workprec(precision):
        try:
            noise, slope = compiled(program, _OPERATIONS)(
                constants, Waves.of(fmpq_poly([0, 1]), one)
            )
        except NotLocal:
            return None
        if noise.plain is None:
            return None
        for frequency, above in slope.modes.items():
            # The mean force decays like 1/x, the waves faster.
            if above.degree() - slope.below.degree() > (-1 if frequency == 0 else -2):
                return None
        polynomials = [integer_polynomial(p) for p in (slope.below, noise.plain)]
        zeros = [z for p in polynomials for z, _ in complex_zeros(p)]
        reach = max((float(abs(z).upper()) for z in zeros), default=0.0)
    slowest = min((abs(float(arb(w))) for w in slope.modes if w != 0), default=math.inf)
    return Oscillation(noise, slope, slowest, reach)


# --- trial solutions ------------------------------------------------------------------------------


@dataclass
class _Trial:
    """`Σ_ω e^(iωx) Σ_n y_(ω,n) t^(first + n)` with exact coefficients.

    It differs from Y by at most `error t^first`; `size` bounds `|Y| t^(−first)` up to the cut.
    """

    first: int
    modes: dict[fmpq, list[acb]]
    error: arb
    size: arb


def _reversed(above: acb_poly) -> acb_poly:
    """`t^degree · above(−1/t)`."""
    return acb_poly([(-1) ** k * c for k, c in enumerate(above.coeffs())][::-1])


def _raised(series: acb_poly, power: int) -> acb_poly:
    """t^power · series, power >= 0."""
    return acb_poly([acb(0)] * power + series.coeffs())


def _add(total: Modes, frequency: fmpq, series: acb_poly) -> None:
    total[frequency] = total[frequency] + series if frequency in total else series


def _series(above: acb_poly, below: fmpq_poly, terms: int) -> tuple[int, list[acb]]:
    """`(k, [c_0, …])` with above(x)/below(x) = t^k Σ c_n t^n, x = −1/t."""
    saved = ctx.cap
    ctx.cap = terms
    try:
        upper, lower = _reversed(above).coeffs(), _reversed(acb_poly(below)).coeffs()
        quotient = acb_series(upper, terms) / acb_series(lower, terms)
        coefficients = quotient.coeffs()
    finally:
        ctx.cap = saved
    coefficients += [acb(0)] * (terms - len(coefficients))
    return below.degree() - above.degree(), coefficients


def within_reach(program: Program, end: End, x: float, goal: float) -> bool:
    """Whether x is so far out that trials of the accuracy `goal` (nats) may exist there."""
    form = oscillation(program, end, 64)
    if form is None or not x < -1.0 - 3 * form.reach:
        return False
    return form.slowest * abs(x) > goal + 12


def tail_states(
    program: Program,
    end: End,
    stages: Sequence[Stage],
    active: int,
    core: Core,
    x: arb,
    lowest_exponent: float,
    goal: float,
) -> list[arb] | None:
    """The stages integrated from −∞ to x, relative to p(x); None where the trials are too coarse.

    `lowest_exponent` bounds d log p/d log t from below on all of (−∞, x]; `goal` is the accuracy in
    nats that the trials must reach.
    """
    if any(d != 1 for d in degrees(stages)[:active]):
        return None
    saved = ctx.prec
    terms = min(MOST_TERMS, math.ceil(goal) + 12)
    ctx.prec = math.ceil(2 * goal / math.log(2)) + 4 * terms + 60
    try:
        form = oscillation(program, end, ctx.prec)
        if form is None:
            return None
        top = -1 / x
        trials: list[_Trial] = []
        for stage in stages[:active]:
            trial = _solve(form, stage, trials, core.rate, top, lowest_exponent, terms)
            if trial is None:
                return None
            trials.append(trial)
        states = [_value(trial, x, top) for trial in trials]
        if any(not log_upper(arb(s.rad())) < log_upper(s) - goal for s in states):
            return None
        return states
    finally:
        ctx.prec = saved


def flux_ratio(
    program: Program,
    end: End,
    core: Core,
    rate: arb,
    x: arb,
    lowest_exponent: float,
    goal: float,
) -> arb | None:
    """ρ/p at x for the solution of 𝓛u = λu without flux at −∞, λ = `rate`; None: not this far out.

    The mean force must fall like 1/x, and C grow like x² at least.
    """
    terms = min(MOST_TERMS, math.ceil(goal) + 12)
    saved = ctx.prec
    ctx.prec = math.ceil(2 * goal / math.log(2)) + 4 * terms + 60
    try:
        form = _as_waves(program, end, ctx.prec)
        if form is None or not x < -1.0 - 4 * form.reach:
            return None
        if not form.slowest * abs(float(x)) > goal + 12:
            return None
        top = -1 / x
        trial = _solve_riccati(form, core.rate, rate, top, lowest_exponent, terms)
        if trial is None:
            return None
        value = _value(trial, x, top)
        return value if log_upper(arb(value.rad())) < log_upper(value) - goal else None
    finally:
        ctx.prec = saved


def _solve_riccati(
    form: Oscillation, scale: arb, rate: arb, top: arb, lowest_exponent: float, terms: int
) -> _Trial | None:
    assert form.noise.plain is not None
    shift = form.noise.plain.degree() - form.noise.below.degree()
    if shift < 2 or not lowest_exponent > 1:
        return None
    inverse = _series(acb_poly(form.noise.below), form.noise.plain, terms)[1]
    damping = [acb(0)] * (shift - 2) + [c * scale for c in inverse]
    harmonics = 1 + math.ceil(terms / max(-2 * float(top.log()) - 1, 2.0))
    distance = float(1 / top)
    modes = _trial_modes(
        form, {fmpq(0): [acb(rate)]}, -1, terms, harmonics, distance, damping[:terms]
    )
    if modes is None:
        return None
    lead = modes[fmpq(0)][0].real
    size = arb(0)
    for row in modes.values():
        for n, c in enumerate(row):
            size += c.abs_upper() * top**n
    if not 2 * lead > size:
        return None
    residual, below = _residual(form, _RICCATI, {fmpq(0): acb_poly([1])}, rate, -1, modes, scale)
    lowest = _lowest(below, top)
    if lowest is None:
        return None
    error = _error_bound(residual, lowest, -1, lowest_exponent, arb(0), top)
    return None if error is None else _Trial(-1, modes, error, arb((size + error).upper()))


_RICCATI = Stage("speed")


def _value(trial: _Trial, x: arb, top: arb) -> arb:
    total = acb(0)
    for frequency, coefficients in trial.modes.items():
        total += (acb(0, 1) * acb(arb(frequency) * x)).exp() * acb_poly(coefficients)(acb(top))
    return (total.real + arb(0, trial.error.upper())) * top**trial.first


def _solve(
    form: Oscillation,
    stage: Stage,
    earlier: Sequence[_Trial],
    rate: arb,
    top: arb,
    lowest_exponent: float,
    terms: int,
) -> _Trial | None:
    assert form.noise.plain is not None
    # R = t^(first + 1) (…)
    order = {sum(earlier[f].first for f in term) for term in stage.terms}
    if len(order) > 1:
        return None
    shift = form.noise.plain.degree() - form.noise.below.degree() if _scales(stage) else 0
    first = order.pop() + shift - stage.power - 1
    product = _product(stage, earlier)
    source = _source(form, stage, product, rate, terms)
    # Each product with a wave of q gains a power 2 of t at least.
    harmonics = 1 + math.ceil(terms / max(-2 * float(top.log()) - 1, 2.0))
    modes = _trial_modes(form, source, first, terms, harmonics, float(1 / top))
    if modes is None:
        return None
    residual, below = _residual(form, stage, product, rate, first, modes)
    lowest, inherited = _lowest(below, top), _inherited(form, stage, earlier, rate, top)
    if lowest is None or inherited is None:
        return None
    error = _error_bound(residual, lowest, first, lowest_exponent, inherited, top)
    if error is None:
        return None
    size = sum((c.abs_upper() * top**n for row in modes.values() for n, c in enumerate(row)), error)
    return _Trial(first, modes, error, arb(size.upper()))


def _error_bound(
    residual: Modes,
    lowest: arb,
    first: int,
    lowest_exponent: float,
    inherited: arb,
    top: arb,
) -> arb | None:
    """A bound of |Y − trial| t^(−first) from that of r: `|r| <= t^first Σ a_j t^j`.

    Errors in the factors of R, `inherited`, count as one more term, of j = 1.
    """
    bounds = [arb(0), inherited]
    for series in residual.values():
        coefficients = series.coeffs()
        bounds += [arb(0)] * (len(coefficients) - len(bounds))
        for j, value in enumerate(coefficients):
            bounds[j] += value.abs_upper() / lowest
    error = arb(0)
    for j, bound in enumerate(bounds):
        if bound == 0:
            continue
        gap = first + j - 1 + lowest_exponent
        if not gap > 0:
            return None
        error += bound * top ** (j - 1) / arb(gap)
    return arb(error.upper())


def _scales(stage: Stage) -> bool:
    return stage.kernel == "scale"


def _product(stage: Stage, earlier: Sequence[_Trial]) -> Modes:
    """Σ Π of the earlier trials, in full, without their leading power of t."""
    total: Modes = {}
    for term in stage.terms:
        product: Modes = {fmpq(0): acb_poly([1])}
        for index in term:
            made: Modes = {}
            for v, a in product.items():
                for w, coefficients in earlier[index].modes.items():
                    _add(made, v + w, a * acb_poly(coefficients))
            product = made
        for w, series in product.items():
            _add(total, w, series)
    return total


def _source(
    form: Oscillation, stage: Stage, product: Modes, rate: arb, terms: int
) -> dict[fmpq, list[acb]]:
    """R t^(−first − 1) as truncated series."""
    kernel = acb_poly([1])
    if _scales(stage):
        assert form.noise.plain is not None
        inverse = _series(acb_poly(form.noise.below), form.noise.plain, terms)[1]
        kernel = acb_poly(inverse) * acb(rate)
    cut = {w: acb_poly(series.coeffs()[:terms]) for w, series in product.items()}
    return {w: (series * kernel).coeffs() for w, series in cut.items()}


def _trial_modes(
    form: Oscillation,
    source: dict[fmpq, list[acb]],
    first: int,
    terms: int,
    harmonics: int,
    distance: float,
    damping: Sequence[acb] = (),
) -> dict[fmpq, list[acb]] | None:
    """The coefficients, order by order, each rounded to an exact number.

    The series of e^(iωx) is best cut off after |ωx| terms: sums of frequencies may be small. With
    `damping`, the series of t^(−2) (2/η)/C, the equation is Riccati's: the source is λ.
    """
    slopes = {
        w: _series(above, form.slope.below, terms)
        for w, above in form.slope.modes.items()
        if above.degree() >= 0
    }
    order, mean = slopes.get(fmpq(0), (1, [acb(0)] * terms))
    at_lead = mean[1 - order] if order <= 1 else acb(0)
    frequencies = _frequencies([w for w in slopes if w != 0], harmonics)
    modes: dict[fmpq, list[acb]] = {w: [] for w in frequencies}

    def forced(w: fmpq, power: int, n: int) -> acb:
        """Source and q·Y at e^(iωx) t^power from the coefficients below n."""
        given = source.get(w, [])
        at = power - first - 1
        total = given[at] if 0 <= at < len(given) else acb(0)
        for v, (start, coefficients) in slopes.items():
            row = modes.get(w - v)
            if row is None:
                continue
            # t^(start + j) t^(first + m) = t^power
            for m in range(min(n, len(row))):
                j = power - first - m - start
                if 0 <= j < terms:
                    total += coefficients[j] * row[m]
        return total - damped(w, power, n)

    def damped(w: fmpq, power: int, n: int) -> acb:
        """(2/η)/C Y² at e^(iωx) t^power (first = −1) from the coefficients below n."""
        total = acb(0)
        if not damping:
            return total
        for v, row in modes.items():
            other = modes.get(w - v)
            if other is None:
                continue
            for a in range(min(n, len(row), power + 1)):
                if row[a] == 0:
                    continue
                for b in range(min(n, len(other), power - a + 1)):
                    total += damping[power - a - b] * row[a] * other[b]
        return total

    if damping:
        # −y = λ − e y − (c) y²: the positive root.
        slope = at_lead.real + 1
        constant, square = source[fmpq(0)][0].real, damping[0].real
        root = constant / -slope
        if square > 0:
            root = (slope + (slope**2 + 4 * square * constant).sqrt()) / (2 * square)
        if not root > 0:
            return None
        modes[fmpq(0)].append(acb(root.mid()))
    for n in range(terms):
        for w in frequencies:
            if w == 0:
                continue
            if n > abs(float(w.p) / float(w.q)) * distance:
                modes[w].append(acb(0))
                continue
            before = modes[w][n - 1] * (first + n - 1) if n else acb(0)
            value = (forced(w, first + n, n) - before) / (acb(0, 1) * acb(arb(w)))
            modes[w].append(acb(value.mid()))
        if damping and n == 0:
            continue
        divisor = first + n - at_lead
        if damping:
            divisor += 2 * damping[0] * modes[fmpq(0)][0]
        if divisor.contains(0):
            return None
        value = forced(fmpq(0), first + n + 1, n) / divisor
        modes[fmpq(0)].append(acb(value.mid()))
    return modes


def _frequencies(waves: Sequence[fmpq], harmonics: int) -> list[fmpq]:
    """Sums of so many frequencies of q; R, made of trials, has no others worth keeping."""
    found = {fmpq(0)}
    for _ in range(harmonics):
        found |= {w + v for w in found for v in waves}
    return sorted(found, key=abs)


def _residual(
    form: Oscillation,
    stage: Stage,
    product: Modes,
    rate: arb,
    first: int,
    modes: dict[fmpq, list[acb]],
    damping: arb | None = None,
) -> tuple[Modes, fmpq_poly]:
    """`t^(n − first) D (Y' − R − qY)` of the trial, in full, and D(x), a polynomial of degree n.

    With `damping` = 2/η the equation is Riccati's (first = −1), and R = `rate`.
    """
    assert form.noise.plain is not None
    extra = form.noise.plain if _scales(stage) or damping is not None else fmpq_poly([1])
    below = form.slope.below * extra
    degree, factor = below.degree(), _reversed(acb_poly(below))
    total: Modes = {}
    trial = {w: acb_poly(coefficients) for w, coefficients in modes.items()}
    for w, y in trial.items():
        # d/dx = iω + t² d/dt
        slope = y * acb(0, 1) * acb(arb(w)) + _raised(y, 1) * first + _raised(y.derivative(), 2)
        _add(total, w, factor * slope)
    for v, above in form.slope.modes.items():
        if above.degree() < 0:
            continue
        force = above * acb_poly(extra)
        series = _raised(_reversed(force), degree - force.degree())
        for w, y in trial.items():
            _add(total, v + w, -series * y)
    kernel = acb_poly(below)
    if _scales(stage):
        kernel = acb_poly(form.slope.below * form.noise.below) * acb(rate)
    if damping is not None:
        kernel = kernel * acb(rate)
        square = acb_poly(form.slope.below * form.noise.below) * acb(damping)
        raised = _raised(_reversed(square), degree - square.degree() - 1)
        for v, y in trial.items():
            for w, z in trial.items():
                _add(total, v + w, raised * (y * z))
    source = _raised(_reversed(kernel), 1)
    for w, series in product.items():
        _add(total, w, -source * series)
    return total, below


def _lowest(below: fmpq_poly, top: arb) -> arb | None:
    """A lower bound of `|D(−1/t)| t^degree` for 0 < t <= top."""
    reversed_: Any = arb_poly([(-1) ** k * c for k, c in enumerate(arb_poly(below).coeffs())][::-1])
    lowest: arb | None = None
    for part in range(32):
        size = abs(reversed_(top * arb(arb(part).union(arb(part + 1)) / 32))).lower()
        if not size > 0:
            return None
        lowest = size if lowest is None else arb.min(lowest, size)
    return None if lowest is None else arb(lowest)


def _inherited(
    form: Oscillation, stage: Stage, earlier: Sequence[_Trial], rate: arb, top: arb
) -> arb | None:
    """A bound of `|R − R of the trials| t^(−lowest power)`: the errors of the factors."""
    total = arb(0)
    for term in stage.terms:
        whole, trial = arb(1), arb(1)
        for index in term:
            whole *= earlier[index].size + earlier[index].error
            trial *= earlier[index].size
        total += whole - trial
    if stage.kernel == "scale":
        assert form.noise.plain is not None
        lowest = _lowest(form.noise.plain, top)
        if lowest is None:
            return None
        above = sum(
            (abs(arb(c)) * top ** (form.noise.below.degree() - k))
            for k, c in enumerate(form.noise.below.coeffs())
        )
        total = total * rate * above / lowest
    return arb(total.upper())
