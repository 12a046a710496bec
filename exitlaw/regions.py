"""Bounds certified over boxes: subdivision in ball arithmetic, exact counterexamples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

import sympy
from flint import arb, ctx

from exitlaw.claim import Bound, Domain, LimitStatement, Statement
from exitlaw.evaluation import BoxFormula, as_ball, as_point, describe, fraction, outside
from exitlaw.evidence import Finding
from exitlaw.verdict import Verdict

if TYPE_CHECKING:
    from exitlaw.evidence import BoundOverRegion, Context

Box = tuple[tuple[Fraction, Fraction], ...]


def uncovered(region: Mapping[sympy.Symbol, tuple[Any, Any]], domain: Domain) -> str | None:
    """Why the region does not cover the domain's ranges, or None if it does."""
    for symbol, allowed in domain.ranges.items():
        if symbol not in region:
            return f"{symbol} has no interval"
        low, high = (fraction(end) for end in region[symbol])
        ends = [fraction(v) for v in allowed.values] or [
            fraction(allowed.low),
            fraction(allowed.high),
        ]
        if low > min(ends) or high < max(ends):
            return f"{symbol} in [{low}, {high}] does not cover the domain's range"
    return None


@dataclass(frozen=True)
class _Gap:
    """What must be >= 0 (> 0 if strict), over boxes of balls and at exact points."""

    over: Callable[[Sequence[arb]], arb]
    slopes: Callable[[Sequence[arb]], list[float] | None]
    strict: bool

    def holds(self, box: Sequence[arb]) -> bool:
        value = self.over(box)
        return bool(value > 0) or (not self.strict and bool(value >= 0))


def _gap_of_formulas(lhs: sympy.Expr, statement: Bound | LimitStatement) -> sympy.Expr:
    if isinstance(statement, Bound):
        return statement.rhs - lhs
    assert statement.remainder is not None
    return statement.remainder - sympy.Abs(lhs / statement.rhs - 1)


def _gap(
    evidence: BoundOverRegion, statement: Bound | LimitStatement, symbols: list[sympy.Symbol]
) -> _Gap:
    strict = isinstance(statement, Bound) and statement.strict
    if evidence.lhs is None:
        if isinstance(statement, LimitStatement):
            # Two smooth gaps in place of one with a kink.
            assert statement.remainder is not None
            relative = statement.lhs / statement.rhs - 1
            sides = [
                BoxFormula(statement.remainder - relative, symbols),
                BoxFormula(statement.remainder + relative, symbols),
            ]
            return _Gap(lambda box: sides[0].over(box).min(sides[1].over(box)),
                        sides[0].slopes_over, strict)  # fmt: skip
        formula = BoxFormula(_gap_of_formulas(statement.lhs, statement), symbols)
        return _Gap(formula.over, formula.slopes_over, strict)
    given, rhs = evidence.lhs, BoxFormula(statement.rhs, symbols)
    margin = None
    if isinstance(statement, LimitStatement):
        assert statement.remainder is not None
        margin = BoxFormula(statement.remainder, symbols)

    def over(box: Sequence[arb]) -> arb:
        value = given(dict(zip(symbols, box, strict=True)))
        if margin is None:
            return rhs.over(box) - value
        return margin.over(box) - abs(value / rhs.over(box) - 1)

    return _Gap(over, lambda box: None, strict)


def decide_over_region(
    evidence: BoundOverRegion, statement: Statement, context: Context
) -> Finding:
    """Certified if the bound holds on every part of the region, refuted by an exact midpoint."""
    if not isinstance(statement, Bound) and not (
        isinstance(statement, LimitStatement) and statement.remainder is not None
    ):
        return Finding(Verdict.UNKNOWN, "only bounds and limits with a remainder are certified")
    reason = uncovered(evidence.region, context.domain)
    if reason is not None:
        return Finding(Verdict.UNKNOWN, f"the region does not cover the domain: {reason}")
    symbols = list(evidence.region)
    free = statement.lhs.free_symbols if evidence.lhs is None else set()
    missing = (statement.rhs.free_symbols | free) - set(symbols)
    boundless = (statement.rhs.free_symbols | free) - set(context.domain.ranges)
    if boundless:
        text = f"the domain gives no range for {boundless}: no region covers it"
        return Finding(Verdict.UNKNOWN, text)
    if missing:
        return Finding(Verdict.UNKNOWN, f"the region has no interval for {missing}")
    whole: Box = tuple((fraction(a), fraction(b)) for a, b in evidence.region.values())
    with ctx.workprec(evidence.bits):
        gap = _gap(evidence, statement, symbols)
        return _subdivide(gap, whole, symbols, evidence, context)


def _subdivide(
    gap: _Gap, whole: Box, symbols: list[sympy.Symbol], evidence: BoundOverRegion, context: Context
) -> Finding:
    # The largest part first: an undecidable corner then cannot use up all the boxes.
    parts, done, made = [(-1.0, 0, whole)], 0, 0
    while parts:
        size, _, box = heappop(parts)
        done += 1
        if done > evidence.max_boxes:
            text = f"undecided after {evidence.max_boxes} boxes"
            point = as_point(dict(zip(symbols, _middle(box), strict=True)))
            return Finding(Verdict.UNKNOWN, text, describe(point))
        balls = [as_ball(low, high) for low, high in box]
        if gap.holds(balls) or _no_part_of_domain(box, symbols, context.domain):
            continue
        middle = _middle(box)
        value = gap.over([as_ball(x, x) for x in middle])
        if value < 0 or (gap.strict and value <= 0):
            point = as_point(dict(zip(symbols, middle, strict=True)))
            if outside(point, context.domain) is None:
                text = f"the bound is violated: rhs - lhs = {value.str(10)}"
                return Finding(Verdict.REFUTED, text, describe(point), {"gap": value.str(20)})
        for half in _halves(box, whole, gap.slopes(balls)):
            made += 1
            heappush(parts, (size / 2, made, half))
    region = ", ".join(f"{s} in [{a}, {b}]" for s, (a, b) in zip(symbols, whole, strict=True))
    return Finding(Verdict.CERTIFIED, f"holds on {region} ({done} boxes)")


def _middle(box: Box) -> list[Fraction]:
    return [(low + high) / 2 for low, high in box]


def _halves(box: Box, whole: Box, slopes: list[float] | None) -> tuple[Box, Box]:
    """Cut where the gap varies most; without slopes, the side least cut so far."""

    def weight(index: int) -> float:
        low, high = box[index]
        if slopes is not None and slopes[index] < float("inf"):
            return float(high - low) * slopes[index]
        start, end = whole[index]
        return float(high - low) / float(end - start) if end > start else 0.0

    chosen = max(range(len(box)), key=weight)
    low, high = box[chosen]
    cut = (low + high) / 2
    first, second = list(box), list(box)
    first[chosen], second[chosen] = (low, cut), (cut, high)
    return tuple(first), tuple(second)


def _no_part_of_domain(box: Box, symbols: list[sympy.Symbol], domain: Domain) -> bool:
    """Whether some constraint fails on the whole box, shown in balls."""
    for constraint in domain.constraints:
        if not isinstance(constraint, sympy.Le | sympy.Lt | sympy.Ge | sympy.Gt):
            continue
        if not constraint.free_symbols <= set(symbols):
            continue
        gap = BoxFormula(sympy.sympify(constraint.gts - constraint.lts), symbols)  # type: ignore[operator]
        if gap.over([as_ball(low, high) for low, high in box]) < 0:
            return True
    return False
