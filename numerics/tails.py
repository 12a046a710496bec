"""Integrals of the speed density up to an open end of the domain, with proven bounds.

At the end, `e(t) = d log p / d log t` in the parameter t of `numerics.local`. Where e is analytic
at t = 0 (power-law tails) the integral is a power of t times a power series, summed to the end
itself; where e grows (Gaussian and faster) it is bounded by p at a point far enough out. A model
with exponentials has the tail of its limit (`numerics.exponential_ends`), within proven factors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from flint import acb, arb, arb_poly, arb_series, ctx, fmpq, fmpq_series

from numerics import recurrence
from numerics.core import Core
from numerics.discs import LOW_PRECISION, cover_half_disc, exp_ball, log_sum, log_upper, up
from numerics.errors import ComputationError, InfiniteMean
from numerics.evaluators import evaluate_arb
from numerics.exponential_ends import ExponentialEnd, exponential_end
from numerics.local import End, Local, NotLocal, expand, expand_exactly, lower_log
from numerics.oscillating import mean_power
from numerics.panels import CAUCHY_FACTORS, PLAN_ORDER, as_series, singular_distance
from numerics.program import Program
from numerics.rational import AlgebraicNumber, rational_functions
from numerics.spans import Span, spans
from numerics.sweep import Stage, degrees, kernel_counts, positive_ball


@dataclass(frozen=True)
class Tail:
    """`e(t) = t^order · factor(t)` near the end, order <= 0 for a decaying density.

    For order 0 the exponent is analytic on `|t| < radius` and bounded by exp(log_bound) there.
    """

    program: Program
    end: End
    order: int
    leading: float
    radius: float
    log_bound: float
    majorant: tuple[float, ...] = ()
    """|e_k| of an end of order 0, from above"""
    expanded: bool = True
    """Whether e has an expansion in t; otherwise only the bounds of `numerics.spans` are known"""
    exponentials: ExponentialEnd | None = None
    """The model itself, where `program` is its limit without exponentials"""

    def log_error(self, t: arb, kernels: int) -> float:
        """log of the relative error of integrals of so many kernels taken from the limit model."""
        if self.exponentials is None:
            return -math.inf
        try:
            errors = self.exponentials.errors(float(t.upper()))
        except NotLocal:
            return math.inf
        return up(math.log(kernels) + log_sum(errors.integral, errors.noise))

    def widened(self, values: Sequence[arb], t: arb, kernels: Sequence[int]) -> list[arb]:
        """Integrals of the limit model up to t, as those of the model itself."""
        if self.exponentials is None:
            return list(values)
        result: list[arb] = []
        for value, count in zip(values, kernels, strict=True):
            error = self.log_error(t, count)
            # e^u − 1 <= 1.01 u for u <= 0.01
            result.append(value * (1 + exp_ball(up(error + 0.01))) if error < -5 else arb.nan())
        return result


def exponent(program: Program, end: End, t: arb_series | acb) -> Local:
    """e = t·(du/dx)(dx/dt) = −t q dx/dt, with du/dx = −q."""
    q = expand(program, end, t)[1]
    # x = ±1/t: dx/dt = −outward/t²; x = λ ± t: dx/dt = −outward.
    return q * Local(1 + end.power, arb(end.outward), t)


@lru_cache(maxsize=256)
def analyse(program: Program, end: End) -> Tail:
    """The behaviour at the end, from series in t; by bounds alone if there is no such series."""
    return (
        _expanded(program, end)
        or _beside_exponentials(program, end)
        or Tail(program, end, -1, 0.0, math.inf, 0.0, expanded=False)
    )


def _beside_exponentials(program: Program, end: End) -> Tail | None:
    """The tail of the limit model."""
    model = exponential_end(program, end)
    if model is None:
        return None
    if model.slope_growth < 0:
        # p has a limit.
        return Tail(model.limit, end, 1, 0.0, math.inf, 0.0, expanded=False, exponentials=model)
    if model.slope_growth == 0:
        tail = _expanded(model.limit, end)
        powers = tail is not None and tail.order >= 0
        if tail is not None and not (powers and model.noise_growth):
            return replace(tail, exponentials=model)
    return Tail(model.limit, end, -1, 0.0, math.inf, 0.0, expanded=False, exponentials=model)


def _expanded(program: Program, end: End) -> Tail | None:
    saved = ctx.cap
    ctx.cap = PLAN_ORDER + 4
    try:
        with ctx.workprec(LOW_PRECISION):
            e = exponent(program, end, arb_series([0, 1]))
            if e.is_zero:
                return Tail(program, end, 0, 0.0, math.inf, -math.inf)
            coefficients = as_series(e.factor).coeffs()
            if not all(c.is_finite() for c in coefficients):
                return None
            sizes = [float(c.abs_upper()) for c in coefficients]
            if math.inf in sizes:
                # The expansion begins so far out that doubles do not plan it.
                return None
            distance = singular_distance(sizes, _unit(sizes))
            for share in (0.8, 0.6, 0.4, 0.2):
                bound = _bound(program, end, share * distance)
                if bound is not None:
                    leading = float(coefficients[0])
                    known = min(as_series(e.factor).prec, PLAN_ORDER)
                    kept = [0.0] * max(e.order, 0) + sizes[:known]
                    kept += [0.0] * (max(e.order, 0) + known - len(kept))
                    return Tail(
                        program, end, e.order, leading, share * distance, bound, tuple(kept)
                    )
    except NotLocal:
        return None
    finally:
        ctx.cap = saved
    return None


def _unit(sizes: list[float]) -> float:
    """A length of t on which the coefficients are comparable."""
    lead = next((a for a in sizes if a > 0), 1.0)
    rates = [(a / lead) ** (1 / k) for k, a in enumerate(sizes) if k > 0 and a > 1e-300]
    return 1 / max(rates) if rates else 1.0


def _bound(program: Program, end: End, radius: float) -> float | None:
    """log sup |factor of e| on the disc, proving it analytic there and C free of zeros."""
    largest = -math.inf

    def accept(x: arb, y: arb) -> bool:
        nonlocal largest
        try:
            noise, q = expand(program, end, acb(x, y))
        except NotLocal:
            return False
        if noise.factor is None or not _is_finite(noise) or not _is_finite(q):
            return False
        if abs(noise.factor).lower() <= 0:
            return False
        if q.factor is not None:
            largest = max(largest, log_upper(q.factor))
        return True

    return largest if cover_half_disc(radius, accept) else None


def _is_finite(x: Local) -> bool:
    return x.factor is None or x.factor.is_finite()


# --- power-law ends: functions t^power f(t), f analytic ------------------------------------------


@dataclass(frozen=True)
class PowerSeries:
    """`t^power · f(t)` for real t > 0 with f analytic and bounded by exp(log_bound) on a disc."""

    power: arb
    series: arb_series
    radius: float
    log_bound: float

    def __mul__(self, other: PowerSeries) -> PowerSeries:
        return PowerSeries(
            self.power + other.power,
            self.series * other.series,
            self.radius,
            self.log_bound + other.log_bound,
        )

    def __add__(self, other: PowerSeries) -> PowerSeries:
        """The sum of two functions of the same power (as the terms of one stage are)."""
        return PowerSeries(
            self.power,
            self.series + other.series,
            self.radius,
            log_sum(self.log_bound, other.log_bound),
        )

    def integral(self, shift: int) -> PowerSeries:
        """∫₀ᵗ t^shift · self: the power + shift + 1 must be positive."""
        first = self.power + shift + 1
        if not first > 0:
            raise InfiniteMean(
                "an integral that converges at the end of the domain",
                f"a power t^({float(self.power + shift):.6g}) of the distance parameter there",
                "the quantity is infinite for this model",
            )
        coefficients = [c / (first + j) for j, c in enumerate(self.series.coeffs())]
        bound = up(self.log_bound - float(first.log().lower()))
        return PowerSeries(first, arb_series(coefficients, self.series.prec), self.radius, bound)

    def at(self, t: arb) -> arb:
        """The value at t, with its remainder."""
        ratio = log_upper(t) - math.log(self.radius)
        if ratio >= 0:
            return arb.nan()
        tail = self.log_bound + self.series.prec * ratio - math.log(-math.expm1(ratio))
        return (arb_poly(self.series.coeffs())(t) + exp_ball(up(tail))) * t**self.power


def power_states(
    tail: Tail, stages: Sequence[Stage], active: int, core: Core, t: arb, accuracy: float
) -> list[arb]:
    """The stages integrated from the end to t, relative to p(t): a power-law end (order 0)."""
    kernels = max(kernel_counts(stages)[:active])
    position = float(t.upper())
    terms, radius = _power_order(tail, position, accuracy, kernels)
    saved = ctx.prec, ctx.cap
    ctx.prec = math.ceil((accuracy + 3 * _growth(tail, position)) / math.log(2)) + 40
    if recurrence.available(terms):
        form = recurrence.end_form(tail.program, tail.end)
        if form is not None:
            ctx.prec += math.ceil(
                recurrence.extra_bits(arb_poly(form[0]).coeffs(), position, terms)
            )
    ctx.cap = terms
    try:
        rate = core.rate
        noise, e = _noise_and_exponent(tail, terms)
        leading = e[0] if e.prec else arb(0)
        coefficients = e.coeffs()
        # w(t) = ∫ (e − e₀)/t
        w = arb_series([0] + [c / (k + 1) for k, c in enumerate(coefficients[1:])], e.prec)
        growth = _growth(tail, radius)
        speed = PowerSeries(leading, _exponential(tail, w), radius, growth)
        scale = speed
        if any(stage.kernel == "scale" for stage in stages[:active]):
            scale = PowerSeries(
                -leading - noise.order,
                (-w).exp() * (rate / as_series(noise.factor)),
                radius,
                up(growth - _lowest_noise(tail, radius) + log_upper(rate)),
            )
        functions: list[PowerSeries] = []
        for stage in stages[:active]:
            integrand = speed if stage.kernel == "speed" else scale
            if stage.power:
                integrand = integrand * _state_power(tail, stage.power, terms, radius)
            product = _sum_of_products(stage, functions)
            if product is not None:
                integrand = integrand * product
            functions.append(integrand.integral(tail.end.power))
        here = speed.at(t)
        states = [f.at(t) / here**d for f, d in zip(functions, degrees(stages), strict=False)]
        return tail.widened(states, t, kernel_counts(stages)[:active])
    finally:
        ctx.prec, ctx.cap = saved


def _exponential(tail: Tail, w: arb_series) -> arb_series:
    """exp(w), by recurrence where that is cheaper."""
    terms = w.prec
    form = recurrence.end_form(tail.program, tail.end) if recurrence.available(terms) else None
    if form is None:
        return w.exp()
    equation, slope = (arb_poly(f).coeffs() for f in form)
    return arb_series(recurrence.solve(equation, slope, (), arb(1), terms), terms)


def _sum_of_products(stage: Stage, functions: Sequence[PowerSeries]) -> PowerSeries | None:
    """Σ Π of the earlier stages; all terms of a stage share one power of t up to whole steps."""
    if stage.terms == ((),):
        return None
    total: PowerSeries | None = None
    for term in stage.terms:
        product = functions[term[0]]
        for factor in term[1:]:
            product = product * functions[factor]
        total = product if total is None else total + product
    return total


def _state_power(tail: Tail, power: int, terms: int, radius: float) -> PowerSeries:
    """|x|^power as a function of t."""
    if tail.end.point is None:
        return PowerSeries(arb(-power), arb_series([1], terms), radius, 0.0)
    offset = tail.end.location()
    x = arb_series([offset, -tail.end.outward], terms)
    size = math.log(float(abs(offset).upper()) + radius)
    if offset.is_zero():
        return PowerSeries(arb(power), arb_series([1], terms), radius, 0.0)
    return PowerSeries(arb(0), (x if offset > 0 else -x) ** power, radius, up(power * size))


def _noise_and_exponent(tail: Tail, terms: int) -> tuple[Local, arb_series]:
    t = arb_series([0, 1])
    noise, q = expand(tail.program, tail.end, t)
    e = q * Local(1 + tail.end.power, arb(tail.end.outward), t)
    if e.is_zero:
        return noise, arb_series([0], terms)
    factor = as_series(e.factor)
    return noise, arb_series([0] * e.order + factor.coeffs(), min(terms, factor.prec + e.order))


def _growth(tail: Tail, radius: float) -> float:
    """A bound of |w(t)| on |t| <= radius: the majorant, and |e_k| <= M/R^k beyond it."""
    if tail.log_bound == -math.inf:
        return 0.0
    total = 0.0
    for k in range(len(tail.majorant) - 1, 0, -1):
        total = (total + tail.majorant[k] / k) * radius
    # A larger ratio bounds what underflows.
    ratio = max(radius / tail.radius, 1e-300)
    order = len(tail.majorant)
    # The bound is one of the factor of e: |e_k| <= M/R^(k − order of e), order >= 0.
    shift = max(tail.order, 0) * math.log(tail.radius)
    rest = tail.log_bound + shift + order * math.log(ratio) - math.log(order * (1 - ratio))
    return up(total + (math.exp(rest) if rest < 700 else math.inf))


def _lowest_noise(tail: Tail, radius: float) -> float:
    """log of a lower bound of the leading factor of C on the disc."""
    lowest = math.inf

    def accept(x: arb, y: arb) -> bool:
        nonlocal lowest
        here = lower_log(expand(tail.program, tail.end, acb(x, y))[0])
        if here == -math.inf:
            return False
        lowest = min(lowest, here)
        return True

    with ctx.workprec(LOW_PRECISION):
        return lowest if cover_half_disc(radius, accept) else -math.inf


def _power_order(tail: Tail, t: float, accuracy: float, kernels: int) -> tuple[int, float]:
    best = (10**9, 0.0)
    limit = 0.95 * tail.radius if tail.radius < math.inf else 100 * t
    for factor in CAUCHY_FACTORS:
        radius = min(factor * t, limit)
        growth = kernels * _growth(tail, radius)
        terms = math.ceil((accuracy + growth) / math.log(radius / t)) + 4
        best = min(best, (terms, radius))
        if radius < factor * t:
            break
    return best


# --- decaying ends: bounds -----------------------------------------------------------------------


def decay_states(
    tail: Tail, stages: Sequence[Stage], active: int, rate: arb, t: arb
) -> list[arb] | None:
    """Balls [0, bound] for the stages at t, relative to p(t); None if no decay is proved there.

    With `e >= e_low` on (0, t], `p(t') <= p(t)(t'/t)^e_low`: `∫₀ᵗ p t'^β <= p t^(β+1)/(e_low+β+1)`.
    """
    counts = scale_counts(stages)[:active]
    lowest = lowest_exponent(tail, t, max(counts))
    if lowest is None:
        return None
    e_low, noise_low, noise_order = lowest
    vanishing = tail.exponentials is not None and tail.exponentials.noise_growth < 0
    result: list[arb] = []
    bounds: list[tuple[float, float]] = []
    log_t = float(t.log().upper())
    for stage, degree, count in zip(stages[:active], degrees(stages), counts, strict=False):
        if vanishing and count and degree < 1:
            return None
        log_k, power = 0.0, 0.0
        if stage.kernel == "scale":
            log_k, power = log_upper(rate) - noise_low, -noise_order
        if stage.power:
            if tail.end.point is None:
                power -= stage.power
            else:
                log_k += stage.power * math.log(abs(float(tail.end.point)) + float(t.upper()))
        terms = [
            (sum(bounds[f][0] for f in term), sum(bounds[f][1] for f in term))
            for term in stage.terms
        ]
        # Every term as a multiple of the smallest power of t (t <= top).
        smallest = min(term[1] for term in terms)
        lifted = [k + (own - smallest) * log_t for k, own in terms]
        log_k += max(lifted) + math.log(len(lifted))
        power += smallest + tail.end.power + 1
        gap = (e_low * degree if degree > 0 else 0.0) + power
        if degree < 0 or gap <= 0:
            return None
        bounds.append((up(log_k - math.log(gap)), power))
        result.append(positive_ball(up(bounds[-1][0] + power * log_t)))
    return result


def scale_counts(stages: Sequence[Stage]) -> list[int]:
    """How many scale densities are nested in each stage."""
    result: list[int] = []
    for stage in stages:
        inner = max(sum(result[f] for f in term) for term in stage.terms)
        result.append(inner + (stage.kernel == "scale"))
    return result


def lowest_exponent(tail: Tail, t: arb, scales: int = 0) -> tuple[float, float, float] | None:
    """On (0, t]: a lower bound of e, the log of one of the factor of C, and the order of C.

    Close to the end from its expansion (or `numerics.spans`), further in by boxes of x. Where C
    vanishes exponentially, e is `d log(p C^(−scales))/d log t` and C stands for C(t).
    """
    if tail.order > 0:
        # p has a limit: it does not decay.
        return None
    top = float(t.upper())
    close = min(top, 0.8 * tail.radius)
    for _ in range(HALVINGS):
        found = _lowest_close(tail, close, scales)
        if found is not None:
            break
        close /= 2
    else:
        return None
    e_low, noise_low, noise_order = found
    if close >= top:
        return found
    inner = _lowest_by_boxes(tail, close, top, noise_order)
    return None if inner is None else (min(e_low, inner[0]), min(noise_low, inner[1]), noise_order)


def _lowest_close(tail: Tail, top: float, scales: int) -> tuple[float, float, float] | None:
    model = tail.exponentials
    if model is None:
        return _lowest_by_expansion(tail, top) if tail.expanded else _lowest_by_spans(tail, top)
    try:
        if model.slope_growth > 0:
            return model.lowest(top, scales)
        found = _lowest_by_expansion(tail, top) if tail.expanded else _lowest_by_spans(tail, top)
        if found is None or (scales and model.noise_growth < 0):
            return None
        errors = model.errors(top)
    except NotLocal:
        return None
    e_low, noise_low, noise_order = found
    e_low -= math.exp(min(errors.exponent, 700.0)) * (1 + 1e-9)
    # e^(S_C) >= 1 where it grows.
    noise_low -= math.exp(min(errors.noise, 700.0)) * (1 + 1e-9)
    if not e_low > 0 or (model.noise_growth > 0 and not model.noise_grows(top)):
        return None
    return e_low, noise_low, noise_order


def _lowest_by_expansion(tail: Tail, top: float) -> tuple[float, float, float] | None:
    # t^order >= top^order for order <= 0.
    parts, e_low, noise_low, noise_order = 16, math.inf, math.inf, 0
    with ctx.workprec(LOW_PRECISION):
        for part in range(parts):
            middle = arb((part + 0.5) * top / parts, top / parts * 0.5000001)
            noise, q = expand(tail.program, tail.end, acb(middle))
            e = q * Local(1 + tail.end.power, arb(tail.end.outward), middle)
            factor_low = 0.0 if e.factor is None else float(e.factor.real.lower())
            if not factor_low > 0:
                return None
            e_low = min(e_low, factor_low)
            noise_low = min(noise_low, lower_log(noise))
            noise_order = noise.order
    if e_low == math.inf or noise_low == -math.inf:
        return None
    exponent_low = math.log(e_low) + tail.order * math.log(top)
    return math.exp(min(exponent_low, 600.0)) * (1 - 1e-9), noise_low, noise_order


HALVINGS = 20
"""How much closer to the end bounds are looked for."""

MAX_BOXES = 1000
"""Boxes on which a decaying density is shown to decay, before the panels simply go on."""


def _lowest_by_boxes(
    tail: Tail, close: float, top: float, noise_order: float
) -> tuple[float, float] | None:
    """Lower bounds of e and of log(C t^−order) on [close, top], boxes of t split where needed."""
    pending = [(close * (1 - 1e-9), top * (1 + 1e-9))]
    program = tail.program if tail.exponentials is None else tail.exponentials.program
    e_low, noise_low = math.inf, math.inf
    with ctx.workprec(LOW_PRECISION):
        for _ in range(MAX_BOXES):
            if not pending:
                return e_low * (1 - 1e-9), noise_low - 1e-9 * (1 + abs(noise_low))
            low, high = pending.pop()
            t = arb(low).union(arb(high))
            noise, q = evaluate_arb(program, tail.end.ball(t))
            e = -t * q * tail.end.slope(t)
            if e > 0 and noise > 0:
                e_low = min(e_low, float(e.lower()))
                noise_low = min(noise_low, float((noise / t ** arb(noise_order)).log().lower()))
            elif high < low * (1 + 1e-6):
                return None
            else:
                middle = math.sqrt(low * high)
                pending += [(low, middle), (middle, high)]
    return None


def exponent_span(program: Program, end: End, top: float) -> tuple[Span, Span]:
    """Bounds of C and e on (0, top]."""
    noise, q = spans(program, end, top)
    outward = float(end.outward)
    return noise, q * Span(Fraction(1 + end.power), outward, outward, top)


def _lowest_by_spans(tail: Tail, top: float) -> tuple[float, float, float] | None:
    try:
        noise, e = exponent_span(tail.program, tail.end, top)
    except NotLocal:
        return None
    if not noise.low > 0 or not e.low > 0 or e.order > 0:
        return None
    e_low = e.low * top ** float(e.order)
    return min(e_low, 1e260) * (1 - 1e-9), math.log(noise.low) - 1e-9, float(noise.order)


# --- what the end allows -------------------------------------------------------------------------


def leading_exponents(program: Program, end: End) -> tuple[int, arb, int]:
    """`(order, e_0, order of C)`: exact where the model has rational coefficients there.

    Raises
    ------
    NotLocal : the model has no expansion in powers at this end.
    """
    saved = ctx.cap
    ctx.cap = 8
    try:
        noise, q = expand_exactly(program, end)
        e = q * Local(1 + end.power, fmpq(end.outward), None)
        first = fmpq(0) if e.factor is None else e.factor
        leading = first[0] if isinstance(first, fmpq_series) else first
    except NotLocal:
        noise, q = expand(program, end, arb_series([0, 1]))
        e = q * Local(1 + end.power, arb(end.outward), None)
        leading = arb(0) if e.factor is None else as_series(e.factor)[0]
        if isinstance(end.point, AlgebraicNumber) and e.order == 0:
            leading = _exact_residue(program, end.point, leading)
    finally:
        ctx.cap = saved
    if e.factor is None:
        return 0, arb(0), noise.order
    return e.order, arb(leading), noise.order


def _exact_residue(program: Program, point: AlgebraicNumber, ball: arb) -> arb:
    """e_0 = −(x − λ) q at an irrational λ, exact where it is a whole number: those decide."""
    functions = rational_functions(program)
    assert functions is not None
    above, below = functions[1]
    nearest = round(float(ball))
    excess = above + below.derivative() * nearest
    vanishes = excess.degree() < 0 or point.multiplicity(excess) > 0
    return arb(nearest) if vanishes else ball


def tail_power(program: Program, end: End) -> arb:
    """a with `p ~ t^a` (`|x|^(−a)` at an infinite end); ±∞ where p changes faster than any power.

    Raises
    ------
    ComputationError : bounds do not decide it.
    """
    try:
        order, leading, _ = leading_exponents(program, end)
    except NotLocal:
        averaged = mean_power(program, end)
        if averaged is not None:
            return averaged
        model = exponential_end(program, end)
        return _power_by_spans(program, end) if model is None else _power_of_limit(model)
    if order > 0:
        return arb(0)
    if order == 0:
        return leading
    if leading > 0:
        return arb.pos_inf()
    if leading < 0:
        return arb.neg_inf()
    raise _undecided(end, "a leading coefficient that may be zero")


def _power_of_limit(model: ExponentialEnd) -> arb:
    if model.slope_growth < 0:
        return arb(0)
    if model.slope_growth == 0:
        return tail_power(model.limit, model.end)
    # e = outward · |x| q
    sign = _sign_at_end(model.limit.select(1), model.end) * model.end.outward
    if not sign:
        raise _undecided(model.end, "an exponential slope of the density of unknown sign")
    return arb.pos_inf() if sign > 0 else arb.neg_inf()


def _sign_at_end(program: Program, end: End) -> int:
    """The sign of a function close to the end, 0 where it is not proved."""
    for k in range(4, 400, 4):
        try:
            sign = spans(program, end, 2.0**-k)[0].sign
        except NotLocal:
            continue
        if sign:
            return sign
    return 0


def _power_by_spans(program: Program, end: End) -> arb:
    """A ball for the limit of e from bounds closer and closer to the end."""
    best: arb | None = None
    for k in range(4, 400, 4):
        try:
            _, e = exponent_span(program, end, 2.0**-k)
        except NotLocal:
            continue
        if e.order < 0 and e.sign:
            return arb.pos_inf() if e.sign > 0 else arb.neg_inf()
        low, high = e.values()
        if math.isfinite(low) and math.isfinite(high):
            best = arb(low).union(arb(high))
            if best.rad() < 1e-60:
                return best
    if best is None:
        raise _undecided(end, "no bounds of the logarithmic slope of the density")
    return best


def _undecided(end: End, what: str) -> ComputationError:
    where = "infinity" if end.point is None else str(end.point)
    return ComputationError(
        f"a model whose behaviour towards {'−' if end.outward < 0 else ''}{where} can be decided",
        what,
        "give two finite exits, or a loss and a noise that grow like powers",
    )


def mass_excess(program: Program, end: End) -> arb:
    """a with ∫ p ~ t^a at the end: the speed mass is finite if a > 0, infinite if a <= 0."""
    return tail_power(program, end) + 1 + end.power


def scale_excess(program: Program, end: End) -> arb:
    """a with ∫ 1/(Cp) ~ t^(−a): the end is out of reach if a >= 0 (logarithmically at 0)."""
    model = exponential_end(program, end)
    if model is not None and model.slope_growth <= 0:
        as_limit = model.slope_growth == 0 and model.noise_growth == 0
        return scale_excess(model.limit if as_limit else model.tilted(), end)
    power = tail_power(program, end)
    if not power.is_finite():
        return power
    try:
        noise_order: float = leading_exponents(program, end)[2]
    except NotLocal:
        noise_order = _noise_order(program, end)
    return power + noise_order - end.power - 1


def _noise_order(program: Program, end: End) -> float:
    """A power of t that bounds C from above: C <= const · t^order."""
    for k in range(4, 400, 4):
        try:
            noise = spans(program, end, 2.0**-k)[0]
        except NotLocal:
            continue
        if math.isfinite(noise.high):
            return float(noise.order)
    raise _undecided(end, "a noise without an upper bound there")
