"""Remainders certified for every learning rate in an interval, from enclosures at a few.

Drift and covariance do not depend on the learning rate eta. Then `eta tau`, the mass of a well and
the resistance of a barrier are integrals of `positive weight * exp(exponent/eta)`, so that their
logarithms are convex functions of `1/eta`: between two nodes the chord is above, and the chords of
the neighbouring intervals, continued, are below. With nodes in a ratio 1 + h the bounds of a power
of eta differ by about h^2/3 times the power.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import sympy
from flint import arb, ctx

from exitlaw.claim import LimitStatement, Point, Statement
from exitlaw.evaluation import BoxFormula, as_ball, describe, fraction, outside
from exitlaw.evidence import EnclosureComparison, Finding, remembered
from exitlaw.verdict import Verdict

if TYPE_CHECKING:
    from exitlaw.evidence import Context
    from numerics.enclosure import Enclosure

Line = tuple[arb, arb]
"""Intercept and slope of a line in 1/eta."""


@dataclass(frozen=True)
class Factor:
    """One factor of the left side: `weight * value` is log-convex in 1/eta; `power` is 1 or -1."""

    reference: Callable[[Point, int], Enclosure]
    weight: sympy.Expr = sympy.S.One
    power: int = 1


@dataclass(frozen=True)
class RemainderOverLearningRates:
    """Certify |lhs/rhs - 1| <= remainder for all eta between the second and the last node but one.

    `lhs` is the product of `factors`, enclosed at the nodes for each of `points`, which give the
    claim's other symbols. A node that violates the remainder refutes. Between nodes the bounds of
    convexity are compared with the formula in ball arithmetic, by bisection.
    """

    route: str
    factors: tuple[Factor, ...]
    rate: sympy.Symbol
    nodes: Sequence[sympy.Rational]
    points: Sequence[Point]
    digits: int = 8
    max_boxes: int = 4000
    bits: int = 128
    kind: str = field(default="certificate", init=False)

    @property
    def value(self) -> sympy.Expr:
        """A name for the product of the factors."""
        return sympy.Function("T")(self.rate)  # type: ignore[return-value]

    def covers(self) -> str:
        """Where the remainder is certified, in words."""
        nodes = sorted(self.nodes, reverse=True)
        return (
            f"for {self.rate} from {nodes[-2]} to {nodes[1]} at {len(self.points)} values of the "
            "other parameters"
        )

    def judge(self, statement: Statement, context: Context) -> Finding:
        if not isinstance(statement, LimitStatement) or statement.remainder is None:
            return Finding(Verdict.UNKNOWN, "only limits with a remainder are certified")
        nodes = sorted(self.nodes, reverse=True)
        if len(nodes) < 4:
            return Finding(Verdict.UNKNOWN, "convexity needs four nodes at least")
        for index, point in enumerate(self.points):
            for node in nodes:
                here = {**point, self.rate: node}
                reason = outside(here, context.domain)
                if reason is not None:
                    text = f"a node is outside the domain: {reason}"
                    return Finding(Verdict.UNKNOWN, text, describe(here))
            finding = self._at_nodes(statement, context, index, nodes)
            if finding.verdict is Verdict.REFUTED:
                return finding
            with ctx.workprec(self.bits):
                finding = self._between(statement, context, index, nodes)
            if finding is not None:
                return finding
        text = f"certified {self.covers()}, from enclosures at {len(nodes)} learning rates"
        return Finding(Verdict.CERTIFIED, text)

    def _value(self, context: Context, index: int, node: sympy.Rational, part: int) -> Enclosure:
        key = ("learning-rate", id(self), index, node, part)
        here = {**self.points[index], self.rate: node}
        return remembered(context, key, lambda: self.factors[part].reference(here, self.digits))

    def _at_nodes(
        self, statement: LimitStatement, context: Context, index: int, nodes: Sequence[Any]
    ) -> Finding:
        from numerics.enclosure import Enclosure

        def product(point: Point, digits: int) -> Enclosure:
            value = arb(1)
            for part, factor in enumerate(self.factors):
                ball = self._value(context, index, point[self.rate], part).arb  # type: ignore[arg-type]
                value = value * ball**factor.power
            return Enclosure.from_arb(value)

        points = [{**self.points[index], self.rate: node} for node in nodes]
        compared = EnclosureComparison(self.route, product, points, self.digits)
        # Its own memory: the comparison lives for this call only, and its values are remembered.
        return compared.judge(statement, replace(context, memo={}))

    def _lines(self, context: Context, index: int, nodes: Sequence[Any], part: int) -> list[Line]:
        """The chord of log(weight * value) on every interval between nodes."""
        heights = []
        for node in nodes:
            weight = BoxFormula(self.factors[part].weight, [self.rate]).over([_exact(node)])
            heights.append((weight * self._value(context, index, node, part).arb).log())
        lines = []
        for k in range(len(nodes) - 1):
            left, right = 1 / _exact(nodes[k]), 1 / _exact(nodes[k + 1])
            slope = (heights[k + 1] - heights[k]) / (right - left)
            lines.append((heights[k] - slope * left, slope))
        return lines

    def _between(
        self, statement: LimitStatement, context: Context, index: int, nodes: Sequence[Any]
    ) -> Finding | None:
        """None if certified on every interval; otherwise where it was not decided."""
        at = dict(self.points[index])
        inverse = [sympy.Symbol("intercept"), sympy.Symbol("slope")]
        weight = sympy.Mul(*(f.weight**f.power for f in self.factors))
        height = inverse[0] + inverse[1] / self.rate - sympy.log(weight)
        rhs: Any = sympy.sympify(statement.rhs).xreplace(at)
        margin: Any = sympy.sympify(statement.remainder).xreplace(at)
        excess = height - sympy.expand_log(sympy.log(rhs), force=True)
        symbols = [self.rate, *inverse]
        above = BoxFormula(sympy.log(1 + margin) - excess, symbols)
        below = BoxFormula(excess - sympy.log(1 - margin), symbols)
        lines = [self._lines(context, index, nodes, part) for part in range(len(self.factors))]
        for own in lines:
            slopes = [slope for _, slope in own]
            if any(after < before for before, after in pairwise(slopes)):
                text = f"a factor is not log-convex in 1/{self.rate}: its chords bend down"
                return Finding(Verdict.UNKNOWN, text, describe(at))
        for k in range(1, len(nodes) - 2):
            neighbours = (k - 1, k + 1)
            uppers = [self._combine(lines, k, chord=1, neighbour=j) for j in neighbours]
            lowers = [self._combine(lines, k, chord=-1, neighbour=j) for j in neighbours]
            interval = (fraction(nodes[k + 1]), fraction(nodes[k]))
            if not self._holds(interval, above, uppers) or not self._holds(interval, below, lowers):
                where = {**at, self.rate: (nodes[k] + nodes[k + 1]) / 2}
                text = f"not decided for {self.rate} between {nodes[k + 1]} and {nodes[k]}"
                return Finding(Verdict.UNKNOWN, text, describe(where))
        return None

    def _combine(
        self, lines: Sequence[Sequence[Line]], k: int, *, chord: int, neighbour: int
    ) -> Line:
        """A bound of the product's logarithm on interval k: above for chord 1, below for -1."""
        intercept, slope = arb(0), arb(0)
        for factor, own in zip(self.factors, lines, strict=True):
            line = own[k] if factor.power == chord else own[neighbour]
            intercept += factor.power * line[0]
            slope += factor.power * line[1]
        return intercept, slope

    def _holds(self, interval: tuple[Any, Any], gap: BoxFormula, lines: Sequence[Line]) -> bool:
        parts, done = [interval], 0
        while parts:
            low, high = parts.pop()
            done += 1
            ball = as_ball(low, high)
            if any(gap.over([ball, *line]) >= 0 for line in lines):
                continue
            if done > self.max_boxes:
                return False
            middle = (low + high) / 2
            parts += [(low, middle), (middle, high)]
        return True


@dataclass(frozen=True)
class ExpansionOverLearningRates:
    """Certify the remainder of (T/leading - 1)/e -> c for all eta between nodes.

    e is `small`, eta itself or a power of it. |(T/leading - 1)/e/c - 1| <= r says that
    T/(leading (1 + c e)) differs from 1 by at most |c| r e/(1 + c e) where 1 + c e > 0: a
    remainder that `product` certifies, T being the product of its factors.
    """

    product: RemainderOverLearningRates
    leading: sympy.Expr
    small: sympy.Expr
    kind: str = field(default="certificate", init=False)

    @property
    def route(self) -> str:
        return self.product.route

    def covers(self) -> str:
        """Where the remainder is certified, in words."""
        return self.product.covers()

    def judge(self, statement: Statement, context: Context) -> Finding:
        if not isinstance(statement, LimitStatement) or statement.remainder is None:
            return Finding(Verdict.UNKNOWN, "only limits with a remainder are certified")
        rate = self.product.rate
        first = 1 + self.small * statement.rhs
        for index, point in enumerate(self.product.points):
            for node in self.product.nodes:
                if not first.xreplace({**point, rate: node}).is_positive:  # type: ignore[dict-item]
                    return Finding(Verdict.UNKNOWN, f"1 + c e <= 0 at point {index}")
        margin = sympy.Abs(statement.rhs) * statement.remainder * self.small / first
        expanded = LimitStatement(
            self.product.value, self.leading * first, rate, statement.to, margin
        )
        return self.product.judge(expanded, context)


def _exact(value: sympy.Rational) -> arb:
    return as_ball(fraction(value), fraction(value))
