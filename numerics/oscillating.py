"""Tails under a force that oscillates at infinity, and of 𝓛u = λu: asymptotic series, proven.

Where L' or C are sums of `e^(iωx) N_ω(x)/Q(x)`, N and Q polynomials (sines in a loss or a noise
that grows), p has no power series at infinity, and a heavy tail reaches far beyond what panels of a
few periods cover. With q = −d log p/dx, a stage `Y = X/p^d` solves

    Y' = R + d q Y,      R = |x|^power Π Y_j   or   (2/η)/C · Π Y_j .

A trial `Σ e^(iωx) Σ_n y_(ω,n) t^n`, t = −1/x, is found order by order (it diverges like a factorial
and is cut off), put into the equation, and its residual r bounded for all t up to the cut: r times
M, the common denominator of q and 1/C (waves of lower degree than its mean included), has finitely
many coefficients. Then, for d = 1 and `d log p/d log t >= e`,

    |r| <= Σ a_j t^j     implies     |Y − trial| <= Σ a_j t^(j−1)/(j − 1 + e) .

The Laplace transform of an exit time needs the flux ratio ρ of `𝓛u = λu`: `Y = ρ/p` solves
Riccati's equation `Y' = λ + qY − (2/η)/C Y²`, by the same means, with waves or without. The term in
Y² only damps the error of a trial that is positive.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from flint import acb, acb_poly, acb_series, arb, ctx, fmpq, fmpq_poly

from numerics.core import Core
from numerics.discs import log_upper
from numerics.evaluators import as_fmpq, compiled, rational_constants
from numerics.local import End, NotLocal
from numerics.program import Program
from numerics.sweep import Stage, degrees

Modes = dict[fmpq, acb_poly]
"""Frequency ω and the polynomial in x that multiplies e^(iωx)."""

MOST_TERMS = 600
"""Terms of a trial: at the largest, accuracies of about 250 digits."""


@dataclass(frozen=True)
class Waves:
    """`Σ e^(iωx) N_ω(x) / Q(x)`; `plain` is the numerator where it has no waves, exactly.

    With a `divisor` the denominator is Q times the numerator of the divisor, which has waves.
    """

    modes: Modes
    below: fmpq_poly
    plain: fmpq_poly | None
    divisor: Waves | None = None

    @classmethod
    def of(cls, above: fmpq_poly, below: fmpq_poly) -> Waves:
        """A rational function."""
        return cls({fmpq(0): acb_poly(above)}, below, above)

    def __add__(self, other: Waves) -> Waves:
        if self.plain is not None and other.plain is not None:
            above = self.plain * other.below + other.plain * self.below
            return Waves.of(above, self.below * other.below)
        divisor = _only(self.divisor, other.divisor)
        modes: Modes = {}
        for waves, factor in ((self, other.below), (other, self.below)):
            above = waves.modes
            if waves.divisor is not divisor and divisor is not None:
                above = multiplied(above, divisor.modes)
            for frequency, part in above.items():
                _add(modes, frequency, part * acb_poly(factor))
        return Waves(modes, self.below * other.below, None, divisor)

    def __neg__(self) -> Waves:
        plain = None if self.plain is None else -self.plain
        return Waves({w: -n for w, n in self.modes.items()}, self.below, plain, self.divisor)

    def __sub__(self, other: Waves) -> Waves:
        return self + (-other)

    def __mul__(self, other: Waves) -> Waves:
        if self.plain is not None and other.plain is not None:
            return Waves.of(self.plain * other.plain, self.below * other.below)
        if self.divisor is not None and other.divisor is not None:
            raise NotLocal("division by the square of an oscillating function")
        divisor = self.divisor or other.divisor
        modes = multiplied(self.modes, other.modes)
        return Waves(modes, self.below * other.below, None, divisor)

    def __truediv__(self, other: Waves) -> Waves:
        if other.plain is not None:
            if other.plain.degree() < 0:
                raise NotLocal("division by zero")
            return self * Waves.of(other.below, other.plain)
        if self.divisor is not None or other.divisor is not None:
            raise NotLocal("division by the square of an oscillating function")
        factor = acb_poly(other.below)
        modes = {w: n * factor for w, n in self.modes.items()}
        return Waves(modes, self.below, None, other)


def _only(one: Waves | None, other: Waves | None) -> Waves | None:
    """The one divisor of two functions that are to be added."""
    if one is not None and other is not None and one is not other:
        raise NotLocal("division by two oscillating functions")
    return one if one is not None else other


def multiplied(one: Modes, other: Modes) -> Modes:
    """The product of two sums of waves."""
    modes: Modes = {}
    for v, a in one.items():
        for w, b in other.items():
            _add(modes, v + w, a * b)
    return modes


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

    def shift(self) -> int:
        """The power of |x| that C grows with."""
        return self.noise.modes[fmpq(0)].degree() - self.noise.below.degree()

    def equation(self, scales: bool) -> Equation:
        """The equation of a stage with C in its denominator or not."""
        below = acb_poly(self.slope.below)
        if self.noise.plain is not None:
            extra = acb_poly(self.noise.plain if scales else fmpq_poly([1]))
            force = {w: a * extra for w, a in self.slope.modes.items()}
            multiplier = {fmpq(0): below * extra}
        else:
            divided = self.slope.divisor is not None
            force = self.slope.modes
            force = force if divided else multiplied(force, self.noise.modes)
            multiplier = {w: n * below for w, n in self.noise.modes.items()}
        force = {w: a for w, a in force.items() if a.degree() >= 0}
        return Equation(multiplier, force, below * acb_poly(self.noise.below))


@dataclass(frozen=True)
class Equation:
    """`M Y' = M R + F Y`, F = Mq, and M/C where R divides by C: polynomials times waves."""

    multiplier: Modes
    force: Modes
    over_noise: acb_poly

    @property
    def mean(self) -> acb_poly:
        """M without its waves: of the highest degree."""
        return self.multiplier[fmpq(0)]

    def lowest(self, top: arb) -> arb | None:
        """A lower bound of `|M(−1/t)| t^degree` for 0 < t <= top."""
        return _lowest(self.multiplier, top)


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
        if noise.divisor is not None or slope.divisor not in (None, noise):
            return None
        noise, slope = _cleaned(noise), _cleaned(slope)
        mean = noise.modes.get(fmpq(0))
        if mean is None or not mean[mean.degree()].real.abs_lower() > 0:
            return None
        orders = {w: mean.degree() - n.degree() for w, n in noise.modes.items() if w != 0}
        degree = slope.below.degree() + (mean.degree() if slope.divisor is not None else 0)
        for frequency, above in slope.modes.items():
            # The force decays like 1/x at least.
            order = degree - above.degree()
            if order < 1:
                return None
            if frequency != 0:
                orders[frequency] = min(order, orders.get(frequency, order))
        if any(order < 1 for order in orders.values()):
            return None
        reach = max(_outermost(p) for p in (acb_poly(slope.below), acb_poly(noise.below), mean))
    slowest = min((abs(float(arb(w))) for w in orders), default=math.inf)
    return Oscillation(noise, slope, slowest, reach)


def wave_scale(program: Program, end: End) -> tuple[Fraction, float] | None:
    """The frequency of which all others are multiples, and how far out zeros of C and poles lie."""
    form = oscillation(program, end, 64)
    if form is None:
        return None
    found = Fraction(0)
    for modes in (form.noise.modes, form.slope.modes):
        for w in modes:
            frequency = Fraction(int(w.p), int(w.q))
            over = math.lcm(found.denominator, frequency.denominator)
            found = Fraction(math.gcd(int(found * over), int(frequency * over)), over)
    return found, form.reach


def _cleaned(x: Waves) -> Waves:
    """Without the waves that cancel exactly."""
    modes = {w: n for w, n in x.modes.items() if n.degree() >= 0 or w == 0}
    return Waves(modes, x.below, x.plain, x.divisor)


def _outermost(polynomial: acb_poly) -> float:
    """A bound of the |zeros| (Fujiwara's), in doubles."""
    sizes = [float(c.abs_upper()) for c in polynomial.coeffs()]
    lead, n = sizes[-1], len(sizes) - 1
    return max((2 * (c / lead) ** (1 / (n - k)) for k, c in enumerate(sizes[:-1])), default=0.0)


def mean_power(program: Program, end: End) -> arb | None:
    """a with `p ~ t^a` at the end, waves averaged; None where there are no waves.

    Waves of q that decay leave `∫q + a log t` a limit.
    """
    form = oscillation(program, end, max(ctx.prec, 128))
    if form is None:
        return None
    equation = form.equation(False)
    above = equation.force.get(fmpq(0))
    if above is None or equation.mean.degree() - above.degree() > 1:
        return arb(0)
    # d log p/d log t = −q/t = xq.
    return (above[above.degree()] / equation.mean[equation.mean.degree()]).real


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


def _series(above: acb_poly, below: acb_poly, terms: int) -> tuple[int, list[acb]]:
    """`(k, [c_0, …])` with above(x)/below(x) = t^k Σ c_n t^n, x = −1/t."""
    saved = ctx.cap
    ctx.cap = terms
    try:
        upper, lower = _reversed(above).coeffs(), _reversed(below).coeffs()
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
        if form is None or not x < -1.0 - 4 * form.reach or form.shift() < 2:
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
    if form.shift() < 2 or not lowest_exponent > 1:
        return None
    equation = form.equation(True)
    order, inverse = _series(equation.over_noise, equation.mean, terms)
    damping = ([acb(0)] * (order - 2) + [c * scale for c in inverse])[:terms]
    source = _kernel(equation, _RICCATI, rate, terms)
    source = {w: [c * rate for c in series] for w, series in source.items()}
    modes = _trial_modes(equation, source, -1, terms, float(1 / top), damping)
    if modes is None:
        return None
    lead = modes[fmpq(0)][0].real
    size = arb(0)
    for row in modes.values():
        for n, c in enumerate(row):
            size += c.abs_upper() * top**n
    if not 2 * lead > size:
        return None
    product = {fmpq(0): acb_poly([acb(rate)])}
    residual = _residual(equation, _RICCATI, product, rate, -1, modes, scale)
    lowest = equation.lowest(top)
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
    # R = t^(first + 1) (…)
    order = {sum(earlier[f].first for f in term) for term in stage.terms}
    if len(order) > 1:
        return None
    first = order.pop() + (form.shift() if _scales(stage) else 0) - stage.power - 1
    product = _product(stage, earlier)
    equation = form.equation(_scales(stage))
    source = _source(equation, stage, product, rate, terms)
    modes = _trial_modes(equation, source, first, terms, float(1 / top))
    if modes is None:
        return None
    residual = _residual(equation, stage, product, rate, first, modes)
    lowest, inherited = equation.lowest(top), _inherited(form, stage, earlier, rate, top)
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


def _kernel(equation: Equation, stage: Stage, rate: arb, terms: int) -> dict[fmpq, list[acb]]:
    """The kernel times M over the mean of M, without its leading power of t, truncated."""
    if _scales(stage):
        return {fmpq(0): [c * rate for c in _series(equation.over_noise, equation.mean, terms)[1]]}
    found = {fmpq(0): [acb(1)]}
    for w, part in equation.multiplier.items():
        if w != 0:
            order, series = _series(part, equation.mean, terms)
            found[w] = ([acb(0)] * order + series)[:terms]
    return found


def _source(
    equation: Equation, stage: Stage, product: Modes, rate: arb, terms: int
) -> dict[fmpq, list[acb]]:
    """R t^(−first − 1), times M over its mean, as truncated series."""
    kernel = {w: acb_poly(c) for w, c in _kernel(equation, stage, rate, terms).items()}
    cut = {w: acb_poly(series.coeffs()[:terms]) for w, series in product.items()}
    return {w: series.coeffs()[:terms] for w, series in multiplied(kernel, cut).items()}


def _trial_modes(
    equation: Equation,
    source: dict[fmpq, list[acb]],
    first: int,
    terms: int,
    distance: float,
    damping: Sequence[acb] = (),
) -> dict[fmpq, list[acb]] | None:
    """The coefficients, order by order, each rounded to an exact number.

    The series of e^(iωx) is best cut off after |ωx| terms: sums of frequencies may be small. With
    `damping`, the series of t^(−2) (2/η)/C, the equation is Riccati's: the source is λ.
    """
    mean = equation.mean
    forces = {w: _series(above, mean, terms) for w, above in equation.force.items()}
    inertia = {w: _series(m, mean, terms) for w, m in equation.multiplier.items() if w != 0}
    order, series = forces.get(fmpq(0), (1, [acb(0)] * terms))
    at_lead = series[1 - order] if order <= 1 else acb(0)
    gains: dict[fmpq, int] = {}
    for w, (power, _) in (*forces.items(), *inertia.items()):
        if w != 0:
            gains[w] = min(power, gains.get(w, power))
    frequencies = _frequencies(gains, math.log(distance), terms)
    modes: dict[fmpq, list[acb]] = {w: [] for w in frequencies}
    slopes: dict[fmpq, list[acb]] = {w: [] for w in frequencies}
    """Y' at e^(iωx) t^(first + n)"""

    def forced(w: fmpq, power: int) -> acb:
        """Source and q·Y at e^(iωx) t^power from the coefficients known."""
        given = source.get(w, [])
        at = power - first - 1
        total = given[at] if 0 <= at < len(given) else acb(0)
        for factors, rows, sign in ((forces, modes, 1), (inertia, slopes, -1)):
            for v, (start, coefficients) in factors.items():
                row = rows.get(w - v)
                if not row:
                    continue
                # t^(start + j) t^(first + m) = t^power
                highest = power - first - start
                part = acb(0)
                for m in range(max(0, highest - terms + 1), min(len(row), highest + 1)):
                    part += coefficients[highest - m] * row[m]
                total += sign * part
        return total - damped(w, power)

    squares: dict[fmpq, list[acb]] = {w: [] for w in frequencies}

    def squared(w: fmpq, index: int) -> acb:
        """Y² at e^(iωx) t^(index − 2) from the coefficients known."""
        total = acb(0)
        for v, row in modes.items():
            other = modes.get(w - v)
            if other is None:
                continue
            for a in range(max(0, index - len(other) + 1), min(len(row), index + 1)):
                if row[a] != 0:
                    total += row[a] * other[index - a]
        return total

    def damped(w: fmpq, power: int) -> acb:
        """(2/η)/C Y² at e^(iωx) t^power (first = −1) from the coefficients known."""
        total = acb(0)
        if not damping:
            return total
        kept = squares[w]
        complete = min(len(row) for row in modes.values())
        while len(kept) < min(complete, power + 1):
            kept.append(squared(w, len(kept)))
        for index in range(power + 1):
            square = kept[index] if index < len(kept) else squared(w, index)
            total += damping[power - index] * square
        return total

    def keep(w: fmpq, n: int, value: acb) -> None:
        modes[w].append(acb(value.mid()))
        before = modes[w][n - 1] * (first + n - 1) if n else acb(0)
        slopes[w].append(acb(0, 1) * acb(arb(w)) * modes[w][n] + before)

    if damping:
        # −y = λ − e y − (c) y²: the positive root.
        slope = at_lead.real + 1
        constant, square = source[fmpq(0)][0].real, damping[0].real
        root = constant / -slope
        if square > 0:
            root = (slope + (slope**2 + 4 * square * constant).sqrt()) / (2 * square)
        if not root > 0:
            return None
        keep(fmpq(0), 0, acb(root))
    for n in range(terms):
        for w in frequencies:
            if w == 0:
                continue
            if n > abs(float(w.p) / float(w.q)) * distance:
                keep(w, n, acb(0))
                continue
            before = modes[w][n - 1] * (first + n - 1) if n else acb(0)
            keep(w, n, (forced(w, first + n) - before) / (acb(0, 1) * acb(arb(w))))
        if damping and n == 0:
            continue
        divisor = first + n - at_lead
        if damping:
            divisor += 2 * damping[0] * modes[fmpq(0)][0]
        if divisor.contains(0):
            return None
        keep(fmpq(0), n, forced(fmpq(0), first + n + 1) / divisor)
    return modes


def _frequencies(gains: Mapping[fmpq, int], log_distance: float, terms: int) -> list[fmpq]:
    """Sums of the frequencies of the equation that count to an accuracy of e^−terms.

    Each product with a wave gains powers of t; R, made of trials, has no others worth keeping.
    """
    costs = {w: max(gain * log_distance - 1, 2.0) for w, gain in gains.items()}
    limit = terms + max(costs.values(), default=0.0)
    found, pending = {fmpq(0): 0.0}, [fmpq(0)]
    while pending:
        start = pending.pop()
        for w, cost in costs.items():
            reached, total = start + w, found[start] + cost
            if total <= limit and total < found.get(reached, math.inf):
                found[reached] = total
                pending.append(reached)
    return sorted(found, key=abs)


def _residual(
    equation: Equation,
    stage: Stage,
    product: Modes,
    rate: arb,
    first: int,
    modes: dict[fmpq, list[acb]],
    damping: arb | None = None,
) -> Modes:
    """`t^(n − first) M (Y' − R − qY)` of the trial, in full; the mean of M has degree n.

    With `damping` = 2/η the equation is Riccati's (first = −1), and R = `product`.
    """
    degree = equation.mean.degree()
    total: Modes = {}
    trial = {w: acb_poly(coefficients) for w, coefficients in modes.items()}
    # d/dx = iω + t² d/dt
    slopes = {
        w: y * acb(0, 1) * acb(arb(w)) + _raised(y, 1) * first + _raised(y.derivative(), 2)
        for w, y in trial.items()
    }
    multiplier = {w: _levelled(m, degree) for w, m in equation.multiplier.items()}
    for v, series in multiplier.items():
        for w, slope in slopes.items():
            _add(total, v + w, series * slope)
    for v, above in equation.force.items():
        series = _levelled(above, degree)
        for w, y in trial.items():
            _add(total, v + w, -series * y)
    if damping is not None:
        raised = _levelled(equation.over_noise * acb(damping), degree - 1)
        for v, y in trial.items():
            for w, z in trial.items():
                _add(total, v + w, raised * (y * z))
    # The power of t that 1/C brings is part of `first`.
    over_noise = {fmpq(0): _reversed(equation.over_noise * acb(rate))}
    kernel = over_noise if _scales(stage) else multiplier
    for w, series in multiplied(kernel, product).items():
        _add(total, w, -_raised(series, 1))
    return total


def _levelled(above: acb_poly, degree: int) -> acb_poly:
    """`t^degree · above(−1/t)`, degree at least that of the polynomial."""
    return _raised(_reversed(above), degree - above.degree())


def _lowest(waves: Modes, top: arb) -> arb | None:
    """A lower bound of `|Σ e^(iωx) N_ω(−1/t)| t^degree` for 0 < t <= top: the mean less waves."""
    mean = waves[fmpq(0)]
    degree, reversed_ = mean.degree(), _reversed(mean)
    others = arb(0)
    for w, above in waves.items():
        if w != 0:
            for k, c in enumerate(above.coeffs()):
                others += c.abs_upper() * top ** (degree - k)
    lowest: arb | None = None
    for part in range(32):
        here = top * arb(arb(part).union(arb(part + 1)) / 32)
        size = arb(reversed_(acb(here)).abs_lower()) - others
        if not size > 0:
            return None
        lowest = size if lowest is None else arb.min(lowest, size)
    return None if lowest is None else arb(lowest.lower())


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
        lowest = _lowest(form.noise.modes, top)
        if lowest is None:
            return None
        above = sum(
            (abs(arb(c)) * top ** (form.noise.below.degree() - k))
            for k, c in enumerate(form.noise.below.coeffs())
        )
        total = total * rate * above / lowest
    return arb(total.upper())
