"""Evidence: procedures that judge a statement, each by a named route.

Every evidence judges the claim and each of its mutants by the same code: what refutes no mutant is
no evidence. `judge` receives the statement (the claim's, or a mutant's with another formula).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

import sympy
from sympy.core.basic import Basic

from exitlaw.claim import (
    Bound,
    Domain,
    Equality,
    Equivalence,
    LimitStatement,
    Point,
    Profile,
    Range,
    Statement,
)
from exitlaw.verdict import Verdict

if TYPE_CHECKING:
    from numerics.enclosure import Enclosure
    from numerics.simulation import Estimate

T = TypeVar("T")

POWER = 0.999
"""Power that a Monte Carlo test needs against every named neighbour."""

LEAST_EFFECT = 0.05
"""A neighbour counts as told apart where it moves the observable by at least this fraction."""

HALF_AS_LARGE = "half the formula"
"""A neighbour that no test need name: what does not tell a factor 2 apart is no test."""

LEAST_PATHS = 10_000
"""Fewer paths are no test: the normal law is then too rough in the tail.

For a skewness of at most 2 (exponential times) the first Edgeworth term multiplies the tail beyond
z by about exp(skewness z^3 / (6 sqrt(n))), less than 4 for z <= 7.4 and this n; `TAIL_SAFETY`
covers it.
"""

LEAST_DIGITS = 4
"""Enclosures that overlap to fewer digits say nothing about an equality."""

TAIL_SAFETY = 10.0
"""The false-alarm rate used for the quantile is smaller than the share of the test by this."""


@dataclass(frozen=True)
class Context:
    """What a run hands to every evidence: profile, seed, workers and the false-alarm budget."""

    profile: Profile = "quick"
    seed: int = 0
    workers: int = 1
    false_alarm: float = 1e-9
    """The share of the run's false-alarm budget that one statistical test may spend."""
    domain: Domain = field(default_factory=Domain)
    """The claim's domain: a point outside of it refutes nothing."""
    neighbours: Mapping[str, Basic] = field(default_factory=dict)
    """Formulas of the named mutants, for the power of statistical tests."""
    memo: dict[object, object] = field(default_factory=dict, compare=False)
    """References and simulations already computed for this claim: mutants reuse them."""


@dataclass(frozen=True)
class Finding:
    """The outcome of one evidence on one statement."""

    verdict: Verdict
    detail: str
    point: Mapping[str, str] | None = None
    enclosures: Mapping[str, str] | None = None
    """What decided at the point, by name: the two enclosures, or estimate and formula."""


class Skipped(Exception):
    """Raised by evidence that needs an optional part which is not installed: says which."""


class Evidence(Protocol):
    """Kind (`enclosure`, `certificate`, `monte-carlo`), route in words, and the judgement."""

    @property
    def kind(self) -> str: ...

    @property
    def route(self) -> str: ...

    def judge(self, statement: Statement, context: Context) -> Finding: ...


def remembered(context: Context, key: object, compute: Callable[[], T]) -> T:
    """A value computed once per claim; a failure is remembered as well."""
    if key not in context.memo:
        try:
            context.memo[key] = (True, compute())
        except Exception as error:
            context.memo[key] = (False, error)
    worked, value = cast(tuple[bool, Any], context.memo[key])
    if not worked:
        raise value
    return value


# --- enclosures at points -----------------------------------------------------------------------

Reference = Callable[[Point, int], "Enclosure | bool | None"]


@dataclass(frozen=True)
class EnclosureComparison:
    """Compare the formula with an independent enclosure at points of the domain.

    `reference(point, digits)` encloses the left side without using the formula. The formula is
    evaluated in ball arithmetic at the same exact point (by `formula` if given, for right sides
    that are no plain expressions). Verdict, over all points:

    | statement                   | refuted (one point is enough)   | agrees (at every point)      |
    |-----------------------------|---------------------------------|------------------------------|
    | equality; limit without     | disjoint balls                  | overlapping balls, each      |
    | remainder (the reference    |                                 | narrower than `digits`       |
    | encloses the limit itself)  |                                 |                              |
    | limit with remainder        | lhs/rhs - 1 surely too large    | never: points decide no bound|
    | bound                       | lhs surely above rhs            | never: points decide no bound|
    | equivalence (the reference  | property and criterion differ   | they agree, and both true    |
    | returns a truth value)      |                                 | and false occur              |

    Anything else is unknown: values of one variable at one place decide no equality. A point
    outside the domain, or an error, is unknown with its reason.
    """

    route: str
    reference: Reference
    points: Sequence[Point]
    digits: int = 20
    kind: str = "enclosure"
    formula: Callable[[Basic, Point, int], Enclosure] | None = None

    def judge(self, statement: Statement, context: Context) -> Finding:
        from exitlaw.evaluation import describe, outside

        if not self.points:
            return Finding(Verdict.UNKNOWN, "no points to compare at")
        if self.digits < LEAST_DIGITS:
            text = f"{self.digits} digits decide nothing; at least {LEAST_DIGITS} are needed"
            return Finding(Verdict.UNKNOWN, text)
        undecided: list[Finding] = []
        truths: set[bool] = set()
        for index, point in enumerate(self.points):
            reason = outside(point, context.domain)
            if reason is not None:
                text = f"the point is outside the domain: {reason}"
                undecided.append(Finding(Verdict.UNKNOWN, text, describe(point)))
                continue
            try:
                finding = self._at(statement, index, point, context, truths)
            except Exception as error:
                text = f"{type(error).__name__}: {error}"
                finding = Finding(Verdict.UNKNOWN, text, describe(point))
            if finding.verdict is Verdict.REFUTED:
                return finding
            if finding.verdict is Verdict.UNKNOWN:
                undecided.append(finding)
        if undecided:
            return undecided[0]
        lonely = lonely_symbol(statement, context.domain, self.points)
        if lonely is not None:
            return Finding(Verdict.UNKNOWN, lonely, describe(self.points[0]))
        count = f"{len(self.points)} point{'s' if len(self.points) > 1 else ''}"
        if isinstance(statement, Equivalence):
            if len(truths) < 2:
                return Finding(Verdict.UNKNOWN, f"only {truths} occurs among {count}")
            return Finding(Verdict.AGREES, f"property and criterion agree at {count}")
        return Finding(Verdict.AGREES, f"enclosures overlap at {count} to {self.digits} digits")

    def _at(
        self,
        statement: Statement,
        index: int,
        point: Point,
        context: Context,
        truths: set[bool],
    ) -> Finding:
        from exitlaw.evaluation import UndefinedFormula, describe, enclose, truth

        key = ("reference", id(self), index)
        known: Any = remembered(context, key, lambda: self.reference(point, self.digits))
        where = describe(point)
        if isinstance(statement, Equivalence):
            claimed = truth(statement.rhs, point)
            if known is None or claimed is None:
                return Finding(Verdict.UNKNOWN, "not decided at the point", where)
            truths.add(bool(known))
            if bool(known) is not claimed:
                text = f"the property is {bool(known)}, the criterion {claimed}"
                return Finding(Verdict.REFUTED, text, where)
            return Finding(Verdict.AGREES, "the same truth value", where)
        evaluate = self.formula or enclose
        try:
            value = evaluate(cast(sympy.Expr, statement.rhs), point, self.digits)
        except UndefinedFormula as error:
            enclosures = {"reference": show(known), "formula": str(error)}
            if known.infinite:
                return Finding(Verdict.UNKNOWN, f"{error}, the reference too", where, enclosures)
            return Finding(Verdict.REFUTED, f"{error}, the reference is real", where, enclosures)
        if isinstance(statement, Bound):
            return _bound_at(statement, known, value, where)
        if isinstance(statement, LimitStatement) and statement.remainder is not None:
            margin = enclose(statement.remainder, point, self.digits)
            return _remainder_at(known, value, margin, where)
        return self._equality(known, value, where)

    def _equality(self, known: Enclosure, value: Enclosure, where: dict[str, str]) -> Finding:
        enclosures = {"reference": show(known), "formula": show(value)}
        if known.excludes(value):
            text = f"reference {show(known)} excludes the formula's {show(value)}"
            return Finding(Verdict.REFUTED, text, where, enclosures)
        for name, ball in enclosures.items():
            if not narrow(known if name == "reference" else value, self.digits):
                text = f"the {name} has fewer than {self.digits} digits: {ball}"
                return Finding(Verdict.UNKNOWN, text, where, enclosures)
        return Finding(Verdict.AGREES, "the enclosures overlap", where, enclosures)


def lonely_symbol(statement: Statement, domain: Domain, points: Sequence[Point]) -> str | None:
    """Why points decide no equality: a symbol has one value at all of them; or None.

    x^2 y = 2 x y holds at x = 2 for every y. The symbols are those of the formula, and those of
    the left side that the domain gives a range.
    """
    left: Any = statement.lhs.free_symbols & set(domain.ranges)
    for symbol in sorted(left | statement.rhs.free_symbols, key=str):
        allowed = domain.ranges.get(symbol, Range())
        if len(allowed.values) == 1:
            continue
        if not allowed.values and allowed.low < 0 < allowed.high:  # type: ignore[operator]
            signs = [point[symbol] > 0 for point in points if point.get(symbol, 0) != 0]
            if len(set(signs)) < 2:
                return f"no point has {symbol} on one side of 0: |x| = x holds for x > 0 only"
        if len({point.get(symbol) for point in points}) < 2:
            return (
                f"{symbol} has one value at all points: a formula that is wrong elsewhere passes "
                "through it; give points that differ in it"
            )
    return None


def narrow(ball: Enclosure, digits: int) -> bool:
    """Whether a ball has `digits` certain digits: relative, or absolute where it may be zero."""
    if ball.infinite or ball.is_zero:
        return True
    width = ball.upper - ball.lower
    size = max(abs(ball.lower), abs(ball.upper))
    if ball.lower <= 0 <= ball.upper:
        return width * 10**digits <= 1
    return width * 10**digits <= size


def show(ball: Enclosure | bool) -> str:
    """A ball for people: its certain digits (25 at most), then ±."""
    if isinstance(ball, bool):
        return str(ball)
    if ball.infinite:
        return "inf" if ball.infinite > 0 else "-inf"
    if ball.is_zero:
        return "0"
    return ball.arb.str(25, radius=True)


def _bound_at(
    statement: Bound, known: Enclosure, value: Enclosure, where: dict[str, str]
) -> Finding:
    enclosures = {"lhs": show(known), "rhs": show(value)}
    if known.infinite or value.infinite:
        false = known.infinite > value.infinite
    else:
        false = known.lower > value.upper or (statement.strict and known.lower >= value.upper)
    if false:
        text = f"lhs {show(known)} is above the bound {show(value)}"
        return Finding(Verdict.REFUTED, text, where, enclosures)
    return Finding(Verdict.UNKNOWN, "points decide no bound; not violated", where, enclosures)


def _remainder_at(
    known: Enclosure, value: Enclosure, margin: Enclosure, where: dict[str, str]
) -> Finding:
    enclosures = {"lhs": show(known), "rhs": show(value), "remainder": show(margin)}
    if value.is_zero and not known.infinite and (known.lower > 0 or known.upper < 0):
        text = f"rhs is 0, lhs is {show(known)}: no relative remainder"
        return Finding(Verdict.REFUTED, text, where, enclosures)
    if known.infinite or value.infinite or value.lower <= 0 <= value.upper:
        return Finding(Verdict.UNKNOWN, "lhs/rhs is not finite here", where, enclosures)
    distance = abs(known.arb / value.arb - 1)
    if distance > margin.arb:
        text = f"|lhs/rhs - 1| = {distance.str(10)} exceeds the remainder {show(margin)}"
        return Finding(Verdict.REFUTED, text, where, enclosures)
    return Finding(Verdict.UNKNOWN, "points decide no bound; not violated", where, enclosures)


# --- certificates -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Certificate:
    """A decision by ball arithmetic over a stated region: certified, refuted or unknown."""

    route: str
    decide: Callable[[Statement, Context], Finding]
    kind: str = "certificate"

    def judge(self, statement: Statement, context: Context) -> Finding:
        return self.decide(statement, context)


@dataclass(frozen=True)
class BoundOverRegion:
    """Certify a bound, or a limit's remainder, over a box by subdivision in ball arithmetic.

    `region` gives every symbol of the statement an interval of rationals; it must cover the
    claim's domain. `lhs(box)` encloses the left side over a box of balls (symbol -> `flint.arb`);
    without it the left side is evaluated as a formula. The box is cut until each part is decided,
    `max_boxes` at most. A part whose midpoint violates the bound refutes, with that exact point.
    """

    route: str
    region: Mapping[sympy.Symbol, tuple[Any, Any]]
    lhs: Callable[[Mapping[sympy.Symbol, Any]], Any] | None = None
    max_boxes: int = 20_000
    bits: int = 96
    kind: str = "certificate"

    def covers(self) -> str:
        """Where the bound is certified, in words."""
        return "for " + ", ".join(f"{s} in [{a}, {b}]" for s, (a, b) in self.region.items())

    def judge(self, statement: Statement, context: Context) -> Finding:
        from exitlaw.regions import decide_over_region

        return decide_over_region(self, statement, context)


# --- Monte Carlo --------------------------------------------------------------------------------


def two_sided_quantile(rate: float) -> float:
    """z with P(|Z| > z) = rate for a standard normal Z."""
    from statistics import NormalDist

    return -NormalDist().inv_cdf(rate / 2)


BATCH_SEED = 1_000_003
"""Seeds of the batches of one test differ by this."""


def pooled(estimates: Sequence[Estimate]) -> Estimate:
    """Independent estimates of the same quantity as one, weighted by their paths."""
    if len(estimates) == 1:
        return estimates[0]
    total = sum(one.paths for one in estimates)
    shares = [one.paths / total for one in estimates]
    each = list(zip(shares, estimates, strict=True))
    return replace(
        estimates[0],
        estimate=sum(share * one.estimate for share, one in each),
        standard_error=math.hypot(*(share * one.standard_error for share, one in each)),
        bias_bound=sum(share * one.bias_bound for share, one in each),
        paths=total,
        path_steps=sum(one.path_steps for one in estimates),
        seconds=sum(one.seconds for one in estimates),
    )


@dataclass(frozen=True)
class MonteCarloTest:
    """Compare the formula with a simulation that starts from drift and diffusion.

    H0: |expectation of the estimate - formula| <= bias bound, at every point. Rejected where the
    distance exceeds the bias bound by more than z standard errors; z is the two-sided normal
    quantile of this test's share of the false-alarm budget, divided among the points, the `looks`
    and by `TAIL_SAFETY`. `consistent` only with power >= 0.999 against every named neighbour
    (mutant name): at some point the neighbour moves the observable by at least 5 % and
    |formula - neighbour| >= 2 bias bound + (z + 3.09) standard errors. Half the formula is such a
    neighbour of every test.

    The test is sequential: after 1, 2, 4, ... batches (of what `simulate` draws) it looks, and
    stops as soon as it rejects or has the power it needs; after the last of `looks` looks without
    either it is `unknown`, never a pass. With few looks the union bound is narrower than a
    confidence sequence of the same level (`numerics.testing.SequentialTest`: 7.5 standard errors
    against 7.0 for five looks at 1e-11). One batch holds at least `LEAST_PATHS` paths, below which
    the normal quantile is not trusted at any look; a test whose power one batch always reaches has
    one look, because further ones would only widen the quantile.
    """

    route: str
    simulate: Callable[[Point, Context], Estimate]
    points: Sequence[Point]
    neighbours: tuple[str, ...]
    kind: str = "monte-carlo"
    digits: int = 12
    formula: Callable[[Basic, Point, int], Enclosure] | None = None
    """Evaluates right sides that are no plain expressions."""
    looks: int = 1

    def judge(self, statement: Statement, context: Context) -> Finding:
        from exitlaw.evaluation import describe, outside

        if not isinstance(statement, Equality | LimitStatement):
            return Finding(Verdict.UNKNOWN, "a simulation tests equalities only")
        if not self.points:
            return Finding(Verdict.UNKNOWN, "no points to simulate at")
        for point in self.points:
            reason = outside(point, context.domain)
            if reason is not None:
                text = f"the point is outside the domain: {reason}"
                return Finding(Verdict.UNKNOWN, text, describe(point))
        if not self.neighbours:
            return Finding(Verdict.UNKNOWN, "no neighbour is named: the test has no stated power")
        missing: list[str] = []
        for look in range(self.looks):
            finding, missing = self._look(statement, context, 2**look)
            if finding.verdict is not Verdict.CONSISTENT or not missing:
                return finding
        text = f"power below {POWER} (or effect below {LEAST_EFFECT:.0%}) against "
        return Finding(Verdict.UNKNOWN, text + ", ".join(missing))

    def _look(
        self, statement: Equality | LimitStatement, context: Context, batches: int
    ) -> tuple[Finding, list[str]]:
        """The finding after so many batches, and the neighbours without power against them."""
        z = two_sided_quantile(context.false_alarm / len(self.points) / self.looks / TAIL_SAFETY)
        power_margin = two_sided_quantile(2 * (1 - POWER))
        told_apart: set[str] = set()
        first: Finding | None = None
        for index, point in enumerate(self.points):
            estimate = self._estimate(index, context, batches)
            finding = self._at(statement, point, estimate, z)
            if finding.verdict is not Verdict.CONSISTENT:
                return finding, []
            first = first or finding
            formula = self._value(statement.rhs, point)
            needed = 2 * estimate.bias_bound + (z + power_margin) * estimate.standard_error
            if formula == 0 or abs(formula) / 2 >= needed:
                told_apart.add(HALF_AS_LARGE)
            for name in self.neighbours:
                if name in told_apart:
                    continue
                other = self._neighbour(context, name, point)
                effect = math.inf if other is None else abs(formula - other)
                if effect >= max(needed, LEAST_EFFECT * abs(formula)):
                    told_apart.add(name)
        assert first is not None
        wanted = (*self.neighbours, HALF_AS_LARGE)
        missing = [name for name in wanted if name not in told_apart]
        drawn = f" after {batches} batches" if batches > 1 else ""
        text = f"{first.detail}{drawn}; power >= {POWER} against {', '.join(self.neighbours)}"
        return Finding(Verdict.CONSISTENT, text, first.point, first.enclosures), missing

    def _estimate(self, index: int, context: Context, batches: int) -> Estimate:
        """The batches so far as one estimate; each has a seed of its own."""
        drawn = []
        for batch in range(batches):
            own = replace(context, seed=context.seed + BATCH_SEED * batch)
            key = ("simulation", id(self), index, batch)
            drawn.append(
                remembered(context, key, lambda own=own: self.simulate(self.points[index], own))
            )
        return pooled(drawn)

    def _value(self, formula: Basic, point: Point) -> float:
        from exitlaw.evaluation import enclose

        evaluate = self.formula or enclose
        return float(evaluate(cast(sympy.Expr, formula), point, self.digits))

    def _neighbour(self, context: Context, name: str, point: Point) -> float | None:
        """The neighbour's value; None where it is not even defined, hence told apart."""
        from exitlaw.evaluation import UndefinedFormula

        if name not in context.neighbours:
            raise ValueError(f"there is no mutant named {name!r} to have power against")
        try:
            return self._value(context.neighbours[name], point)
        except UndefinedFormula:
            return None

    def _at(
        self, statement: Equality | LimitStatement, point: Point, estimate: Estimate, z: float
    ) -> Finding:
        from exitlaw.evaluation import UndefinedFormula, describe

        where = describe(point)
        numbers = (estimate.estimate, estimate.standard_error, estimate.bias_bound)
        shown = f"{estimate.estimate:.6g} ± {estimate.standard_error:.2g}"
        enclosures = {"estimate": f"{shown}, bias at most {estimate.bias_bound:.2g}"}
        if not all(map(math.isfinite, numbers)) or estimate.standard_error <= 0:
            return Finding(Verdict.UNKNOWN, f"the simulation gave {shown}", where, enclosures)
        if estimate.paths < LEAST_PATHS:
            text = f"{estimate.paths} paths; a test needs at least {LEAST_PATHS}"
            return Finding(Verdict.UNKNOWN, text, where, enclosures)
        try:
            formula = self._value(statement.rhs, point)
        except UndefinedFormula as error:
            return Finding(Verdict.REFUTED, f"{error}, the estimate is {shown}", where, enclosures)
        enclosures["formula"] = f"{formula:.12g}"
        distance = abs(estimate.estimate - formula) - estimate.bias_bound
        sigmas = distance / estimate.standard_error
        text = f"estimate {shown}, formula {formula:.6g}: {sigmas:.2f} standard errors beyond the "
        text += f"bias bound, limit {z:.2f}"
        verdict = Verdict.REFUTED if sigmas > z else Verdict.CONSISTENT
        return Finding(verdict, text, where, enclosures)
