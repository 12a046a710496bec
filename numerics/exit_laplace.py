"""`𝓛u = λu` solved panel by panel: the Laplace transform E e^(−λτ) of the exit time, and shooting.

As a system, `u' = S f`, `f' = λ p u` with speed density p and scale density S: its transfer matrix
across a panel has determinant 1, and non-negative entries for λ > 0, so nothing cancels. On a disc
it is the Neumann series `Σ λ^k (∫S∫p)^k`, whose k-th term is at most `(λ M)^k |t|^(2k)/(2k)!`.
`carry` sums it for one λ; `RateSeries` keeps its terms, so that one panel serves every λ.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flint import arb, arb_poly, arb_series, ctx

from numerics import recurrence
from numerics.core import Core
from numerics.discs import LOW_PRECISION, DiscSeries, exp_ball, log_upper, up
from numerics.errors import ComputationError
from numerics.panels import Expansion, Panel, halves
from numerics.sweep import working_bits

LARGEST_GROWTH = 1.5
"""log-growth of u across a panel above which it is split: products of long series are dear."""
LARGEST_GROWTH_BY_RECURRENCE = 5.0
"""The same where terms come from a recurrence."""
MOST_GROWTH = 5000.0
"""log-growth of u from one end to the other that is still a matter of seconds."""


@dataclass
class Transfer:
    """`(u, f)` at a point, f relative to p there; `log_rise` is u of log p since the start."""

    u: arb
    f: arb
    log_rise: arb


def carry(core: Core, panels: list[Panel], u: arb, f: arb, rate: arb, accuracy: float) -> Transfer:
    """The solution carried across the panels from its value and flux at the left end.

    Parameters
    ----------
    u, f : value, and flux f = u'/S relative to p, at the left end of the first panel
    rate : λ > 0
    accuracy : nats

    Raises
    ------
    ComputationError : a rate at which u grows by more than e^`MOST_GROWTH`.
    """
    _require_moderate(core, panels, rate)
    state = Transfer(u, f, arb(0))
    for panel, terms, radius in _planned(
        core, panels, rate, accuracy, LARGEST_GROWTH_BY_RECURRENCE
    ):
        _cross(core, panel, state, rate, accuracy, terms, radius)
    return state


def _require_moderate(core: Core, panels: list[Panel], rate: arb) -> None:
    """Refuse at once what would take minutes: ∫√(λ/D), about the logarithm of the growth."""
    scale = float(rate) * float(core.rate)
    slopes = (math.sqrt(scale) * math.exp(min(p.noise_scale, 700.0) / 2) for p in panels)
    growth = sum(slope * p.width for slope, p in zip(slopes, panels, strict=True))
    if growth > MOST_GROWTH:
        raise ComputationError(
            f"a rate at which the transform is not below about e^(-{MOST_GROWTH:g})",
            f"one of about e^(-{growth:.3g})",
            "give a smaller rate, or an exit that is nearer",
        )


def _planned(
    core: Core, panels: list[Panel], rate: arb, accuracy: float, rational_growth: float
) -> Iterator[tuple[Panel, int, float]]:
    """Panels, split where needed, with order and radius."""
    pending = panels[::-1]
    while pending:
        panel = pending.pop()
        rational = recurrence.linear_pair(panel.program) is not None
        limit = rational_growth if rational else LARGEST_GROWTH
        plan = _plan(core, panel, rate, accuracy, limit)
        if plan is None:
            parts = halves(panel)
            if parts is not None:
                pending.extend(reversed(parts))
                continue
            plan = _order(core, panel, rate, accuracy)
        yield panel, *plan


def _log_strength(core: Core, panel: Panel, rate: arb, radius: float) -> float:
    """log of a bound of λ |p| |S| on |t| <= radius."""
    constants = log_upper(rate) + log_upper(core.rate) + panel.inverse_noise_bound
    return up(2 * panel.variation(radius) + constants)


def _growth(core: Core, panel: Panel, rate: arb, radius: float) -> float:
    """A bound of log cosh(√(λ|p||S|) |t|)."""
    exponent = _log_strength(core, panel, rate, radius) / 2 + math.log(radius)
    return math.exp(exponent) if exponent < 30 else math.inf


def _order(core: Core, panel: Panel, rate: arb, accuracy: float) -> tuple[int, float]:
    best = (10**9, 0.0)
    for factor in (1.3, 1.6, 2.1, 2.7, 3.5, 5.0, 8.0, 14.0):
        radius = min(factor * panel.half, 0.9 * panel.radius)
        growth = _growth(core, panel, rate, radius) + 2 * panel.variation(radius)
        if growth < 1e6:
            terms = math.ceil((accuracy + growth) / math.log(radius / panel.half)) + 4
            best = min(best, (terms, radius))
    return best


def _plan(
    core: Core, panel: Panel, rate: arb, accuracy: float, limit: float
) -> tuple[int, float] | None:
    """Order and radius, or None where halves are better."""
    if panel.variation(panel.half) > limit:
        return None
    if _growth(core, panel, rate, panel.half) > limit:
        return None
    terms, radius = _order(core, panel, rate, accuracy)
    return (terms, radius) if terms < 8 * accuracy + 100 else None


@dataclass(frozen=True)
class _Ends:
    """(u₁, u₂, f₁, f₂) at the ends of a panel: the solutions that are (1, 0) and (0, 1) inside."""

    left: tuple[arb, ...]
    """Those at the left end times 1/determinant"""
    right: tuple[arb, ...]
    into: arb
    """Flux in the panel's unit per flux relative to p(left)"""
    out: arb
    """Flux relative to p(right) per flux in the panel's unit"""
    rises: tuple[arb, arb]
    """log p at the ends, relative to that at the centre"""


def _cross(
    core: Core,
    panel: Panel,
    state: Transfer,
    rate: arb,
    accuracy: float,
    terms: int,
    radius: float,
) -> None:
    if panel.before is not None:
        jump = core.jump(panel.before, panel.program, panel.left)
        state.f, state.log_rise = state.f / jump, state.log_rise + jump.log()
    terms = max(terms, panel.crossing_order(accuracy))
    with ctx.workprec(_crossing_bits(core, panel, rate, accuracy, terms)):
        ends = _at_ends(core, panel, rate, accuracy, terms, radius)
        (a, b, c, d), (e, f, g, h) = ends.left, ends.right
        # The inverse of the matrix at the left end
        flux = state.f * ends.into
        u_centre, f_centre = d * state.u - b * flux, a * flux - c * state.u
        state.u = e * u_centre + f * f_centre
        state.f = (g * u_centre + h * f_centre) * ends.out
        state.log_rise += ends.rises[1] - ends.rises[0]


def _crossing_bits(core: Core, panel: Panel, rate: arb, accuracy: float, terms: int) -> int:
    bits = _bits(core, panel, rate, accuracy, terms)
    pair = recurrence.linear_pair(panel.program)
    if pair is not None:
        with ctx.workprec(LOW_PRECISION):
            equation = recurrence.shifted(pair.equation, panel.centre)
            bits += math.ceil(min(recurrence.extra_bits(equation, panel.half, terms), 4.0 * terms))
    return bits


def _at_ends(
    core: Core, panel: Panel, rate: arb, accuracy: float, terms: int, radius: float
) -> _Ends:
    pair = recurrence.linear_pair(panel.program)
    ends = panel.left - panel.centre, panel.right - panel.centre
    if pair is None:
        expansion = panel.expansion(terms, radius, core.rate)
        start, end = (expansion.u.at(t) for t in ends)
        functions = _fundamental(core, expansion, rate, accuracy)
        left, right = (tuple(g.at(t) for g in functions) for t in ends)
        # f relative to p at the centre, and back
        return _Ends(left, right, start.exp(), (-end).exp(), (start, end))
    start, end = (panel.log_density(terms).at(t) for t in ends)
    functions = _solutions(core, panel, pair, rate, terms, radius)
    left, right = (tuple(g.at(t) for g in functions) for t in ends)
    # The determinant at the left end is p(centre)/p(left).
    return _Ends(tuple(v * start.exp() for v in left), right, arb(1), arb(1), (start, end))


def _solutions(
    core: Core,
    panel: Panel,
    pair: recurrence.LinearPair,
    rate: arb,
    terms: int,
    radius: float,
) -> tuple[DiscSeries, ...]:
    """(u₁, u₂, g₁, g₂) with (u, g) = (1, 0) and (0, 1) at the centre, g = D u' = f/p."""
    ctx.cap = terms
    growth = panel.variation(radius)
    wide = _growth(core, panel, rate, radius)
    log_radius, log_rate = math.log(radius), log_upper(rate)
    scale_bound = growth + panel.inverse_noise_bound + log_upper(core.rate)
    one, nothing = arb(1), arb(0)
    u1, g1 = recurrence.solve_pair(pair, panel.centre, core.rate, rate, (one, nothing), terms)
    u2, g2 = recurrence.solve_pair(pair, panel.centre, core.rate, rate, (nothing, one), terms)
    bounds = (
        wide,
        wide + scale_bound + log_radius,
        wide + 2 * growth + log_rate + log_radius,
        wide + growth,
    )
    return tuple(
        DiscSeries(arb_series(series, terms), radius, up(bound))
        for series, bound in zip((u1, u2, g1, g2), bounds, strict=True)
    )


def _bits(core: Core, panel: Panel, rate: arb, accuracy: float, terms: int) -> int:
    growth = _growth(core, panel, rate, panel.half)
    return working_bits(accuracy, panel, terms) + math.ceil(2 * growth / math.log(2))


def _fundamental(
    core: Core, expansion: Expansion, rate: arb, accuracy: float
) -> tuple[DiscSeries, ...]:
    """(u₁, u₂, f₁, f₂): the solutions with (u, f) = (1, 0) and (0, 1) at the centre."""
    panel, radius = expansion.panel, expansion.radius
    speed, scale = expansion.speed.series * rate, expansion.scale.series
    count = _neumann_terms(core, panel, rate, accuracy)
    u1, f1 = _neumann(speed, scale, expansion.terms, count)
    f2, u2 = _neumann(scale, speed, expansion.terms, count)
    left_out = _left_out(core, panel, rate, count)
    wide = _growth(core, panel, rate, radius)
    inside = panel.variation(panel.half)
    log_rate = log_upper(rate)
    scale_constant = expansion.scale_bound - expansion.growth

    def bounded(series: arb_series, on_panel: float, on_disc: float) -> DiscSeries:
        # What the Neumann series leaves out, on the panel, goes into the constant term.
        return DiscSeries(series + exp_ball(up(left_out + on_panel)), radius, up(wide + on_disc))

    log_half, log_radius = math.log(panel.half), math.log(radius)
    return (
        bounded(u1, 0.0, 0.0),
        bounded(
            u2,
            inside + scale_constant + log_half,
            expansion.scale_bound + log_radius,
        ),
        bounded(f1, inside + log_rate + log_half, expansion.growth + log_rate + log_radius),
        bounded(f2, 0.0, 0.0),
    )


def _neumann(
    inner: arb_series, outer: arb_series, terms: int, count: int
) -> tuple[arb_series, arb_series]:
    """`(Σ_k (∫outer∫inner)^k 1, ∫inner of that)`."""
    total, flux = arb_series([0], terms), arb_series([0], terms)
    for value, inside in _iterates(inner, outer, terms, count):
        total, flux = total + value, flux + inside
    return total, flux


def _iterates(
    inner: arb_series, outer: arb_series, terms: int, count: int
) -> Iterator[tuple[arb_series, arb_series]]:
    """`v_k = (∫outer∫inner)^k 1` and `∫inner v_k`, k = 0 … count."""
    value = arb_series([1], terms)
    for k in range(count + 1):
        inside = (inner * value).integral()
        yield value, inside
        if k < count:
            value = (outer * inside).integral()


def _neumann_terms(core: Core, panel: Panel, rate: arb, accuracy: float) -> int:
    count = 1
    while _left_out(core, panel, rate, count) > -accuracy and count < 2000:
        count += 1
    return count


def _left_out(core: Core, panel: Panel, rate: arb, count: int) -> float:
    """log of a bound of Σ_{k>count} K^k/(2k)! on the panel, K = λ|p||S|h²."""
    log_k = _log_strength(core, panel, rate, panel.half) + 2 * math.log(panel.half)
    first = (count + 1) * log_k - math.lgamma(2 * count + 3)
    ratio = math.exp(min(log_k, 700.0)) / ((2 * count + 4) * (2 * count + 3))
    return up(first - math.log1p(-ratio)) if ratio < 1 else math.inf


# --- one panel as a matrix ------------------------------------------------------------------------


@dataclass(frozen=True)
class Matrix:
    """`(u, f) ← (a u + b f, c u + d f)`, with its determinant."""

    a: arb
    b: arb
    c: arb
    d: arb
    determinant: arb


def matrices(core: Core, panel: Panel, rate: arb, accuracy: float) -> Iterator[Matrix]:
    """Transfers of (u, f), f relative to p at each end, across the parts of a panel, for one λ."""
    for part, order, radius in _planned(
        core, [panel], rate, accuracy, LARGEST_GROWTH_BY_RECURRENCE
    ):
        terms = max(order, part.crossing_order(accuracy))
        with ctx.workprec(_crossing_bits(core, part, rate, accuracy, terms)):
            ends = _at_ends(core, part, rate, accuracy, terms, radius)
            into, determinant = ends.into, (ends.rises[0] - ends.rises[1]).exp()
            if part.before is not None:
                jump = core.jump(part.before, part.program, part.left)
                into, determinant = into / jump, determinant / jump
            yield _through(ends.left, ends.right, into, ends.out, determinant)


def _through(
    left: Sequence[arb], right: Sequence[arb], into: arb, out: arb, determinant: arb
) -> Matrix:
    """From end to end: the inverse of the matrix at the left end, then that at the right end."""
    (a, b, c, d), (e, f, g, h) = left, right
    return Matrix(
        e * d - f * c,
        (f * a - e * b) * into,
        (g * d - h * c) * out,
        (h * a - g * b) * into * out,
        determinant,
    )


# --- one panel, every rate ------------------------------------------------------------------------


@dataclass(frozen=True)
class RateSeries:
    """The transfer across a panel as power series in x = λ/Λ, |x| <= 1.

    `left` and `right` are (u₁, u₂, f₁, f₂) at the ends; what the series leave out is at most
    `|x|^(count + 1)` times `left_out`. Fluxes are relative to p at the centre.
    """

    left: tuple[arb_poly, ...]
    right: tuple[arb_poly, ...]
    left_out: tuple[arb, ...]
    count: int
    into: arb
    """p(centre)-relative flux per p(left)-relative flux, a jump of p at the left end included."""
    out: arb
    bits: int

    def matrix(self, x: arb) -> Matrix:
        """The transfer of (u, f), f relative to p at each end."""
        with ctx.workprec(self.bits):
            tail = abs(x) ** (self.count + 1)
            left, right = (
                [s(x) + rest * tail for s, rest in zip(side, self.left_out, strict=True)]
                for side in (self.left, self.right)
            )
            return _through(left, right, self.into, self.out, self.into * self.out)


def rate_series(core: Core, panels: list[Panel], largest: arb, accuracy: float) -> list[RateSeries]:
    """Transfers in order, panels split where needed, for every |λ| <= Λ = `largest`."""
    return [
        _rate_series(core, panel, largest, accuracy, terms, radius)
        for panel, terms, radius in _planned(core, panels, largest, accuracy, LARGEST_GROWTH)
    ]


def _rate_series(
    core: Core, panel: Panel, largest: arb, accuracy: float, terms: int, radius: float
) -> RateSeries:
    terms = max(terms, panel.crossing_order(accuracy))
    bits = _bits(core, panel, largest, accuracy, terms)
    with ctx.workprec(bits):
        expansion = panel.expansion(terms, radius, core.rate)
        speed, scale = expansion.speed.series * largest, expansion.scale.series
        count = _neumann_terms(core, panel, largest, accuracy)
        ends = panel.left - panel.centre, panel.right - panel.centre
        start, end = (expansion.u.at(t) for t in ends)
        strength = _log_strength(core, panel, largest, radius) + 2 * math.log(radius)
        sizes = [up(k * strength - math.lgamma(2 * k + 1)) for k in range(count + 1)]
        log_rate, log_radius = log_upper(largest), math.log(radius)
        u2_size = expansion.scale_bound + log_radius
        f1_size = expansion.growth + log_rate + log_radius
        values: dict[str, list[list[arb]]] = {name: [[], []] for name in ("u1", "f1", "u2", "f2")}

        def keep(name: str, series: arb_series, log_bound: float) -> None:
            function = DiscSeries(series, radius, log_bound)
            for side, t in enumerate(ends):
                values[name][side].append(function.at(t))

        for size, (value, inside) in zip(sizes, _iterates(speed, scale, terms, count), strict=True):
            keep("u1", value, size)
            keep("f1", inside, up(size + f1_size))
        for size, (value, inside) in zip(sizes, _iterates(scale, speed, terms, count), strict=True):
            keep("f2", value, size)
            keep("u2", inside, up(size + u2_size))
        # f₁ alone has one factor λ more than its index.
        left, right = (
            tuple(
                arb_poly([arb(0), *values[n][side]] if n == "f1" else values[n][side])
                for n in ("u1", "u2", "f1", "f2")
            )
            for side in (0, 1)
        )
        rest = _left_out(core, panel, largest, count)
        inside = panel.variation(panel.half)
        log_half = math.log(panel.half)
        scale_constant = expansion.scale_bound - expansion.growth
        u2_rest = inside + scale_constant + log_half
        f1_rest = inside + log_rate + log_half
        left_out = tuple(exp_ball(up(rest + more)) for more in (0.0, u2_rest, f1_rest, 0.0))
        into = start.exp()
        if panel.before is not None:
            into = into / core.jump(panel.before, panel.program, panel.left)
        return RateSeries(left, right, left_out, count, into, (-end).exp(), bits)
