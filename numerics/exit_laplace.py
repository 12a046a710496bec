"""The Laplace transform E e^(−λτ) of the exit time: `𝓛u = λu` solved panel by panel.

As a system, `u' = S f`, `f' = λ p u` with speed density p and scale density S: its transfer matrix
across a panel has non-negative entries and determinant 1, so nothing cancels. On a disc it is the
Neumann series `Σ λ^k (∫S∫p)^k`, whose k-th term is at most `(λ M)^k |t|^(2k)/(2k)!`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from flint import arb, arb_series, ctx

from numerics.core import Core
from numerics.discs import DiscSeries, exp_ball, log_upper, up
from numerics.panels import Expansion, Panel, halves
from numerics.sweep import working_bits

LARGEST_GROWTH = 6.0
"""log-growth of u across a panel above which the panel is split."""


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
    """
    state = Transfer(u, f, arb(0))
    pending = panels[::-1]
    while pending:
        panel = pending.pop()
        plan = _plan(core, panel, rate, accuracy)
        if plan is None:
            parts = halves(panel)
            if parts is not None:
                pending.extend(reversed(parts))
                continue
            plan = _order(core, panel, rate, accuracy)
        _cross(core, panel, state, rate, accuracy, *plan)
    return state


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


def _plan(core: Core, panel: Panel, rate: arb, accuracy: float) -> tuple[int, float] | None:
    """Order and radius, or None where halves are better."""
    if panel.variation(panel.half) > LARGEST_GROWTH:
        return None
    if _growth(core, panel, rate, panel.half) > LARGEST_GROWTH:
        return None
    terms, radius = _order(core, panel, rate, accuracy)
    return (terms, radius) if terms < 8 * accuracy + 100 else None


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
    saved = ctx.prec
    growth = _growth(core, panel, rate, panel.half)
    ctx.prec = working_bits(accuracy, panel, terms) + math.ceil(2 * growth / math.log(2))
    try:
        expansion = panel.expansion(terms, radius, core.rate)
        functions = _fundamental(core, expansion, rate, accuracy)
        left, right = panel.left - panel.centre, panel.right - panel.centre
        start, end = expansion.u.at(left), expansion.u.at(right)
        a, b, c, d = (g.at(left) for g in functions)
        # The inverse of the matrix at the left end: its determinant is 1.
        f = state.f * start.exp()
        u_centre, f_centre = d * state.u - b * f, a * f - c * state.u
        a, b, c, d = (g.at(right) for g in functions)
        state.u = a * u_centre + b * f_centre
        state.f = (c * u_centre + d * f_centre) * (-end).exp()
        state.log_rise += end - start
    finally:
        ctx.prec = saved


def _fundamental(
    core: Core, expansion: Expansion, rate: arb, accuracy: float
) -> tuple[DiscSeries, ...]:
    """(u₁, u₂, f₁, f₂): the solutions with (u, f) = (1, 0) and (0, 1) at the centre."""
    panel, radius = expansion.panel, expansion.radius
    speed, scale = expansion.speed.series * rate, expansion.scale.series
    count = _neumann_terms(core, panel, rate, accuracy)
    one = arb_series([1], expansion.terms)
    u1, f1 = _neumann(one, speed, scale, count)
    f2, u2 = _neumann(one, scale, speed, count)
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
    one: arb_series, inner: arb_series, outer: arb_series, count: int
) -> tuple[arb_series, arb_series]:
    """`(Σ_k (∫outer∫inner)^k 1, ∫inner of that)`."""
    term, total = one, one
    inside = (inner * term).integral()
    flux = inside
    for _ in range(count):
        term = (outer * inside).integral()
        total = total + term
        inside = (inner * term).integral()
        flux = flux + inside
    return total, flux


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
