"""Checks of derivation steps: exact algebra, one class per rule.

Every check says what it `establishes` (facts in the vocabulary of statements), is `run`, and has a
`broken` twin, the same check of a step made false, which must fail. Nothing here trusts an integral
or a limit computed by SymPy: primitives are differentiated back, limits go through exact series,
inequalities through exact polynomial positivity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import sympy
from sympy.core.function import AppliedUndef

from exitlaw.claim import REGISTRY, Bound, Equality, LimitStatement, Statement, body_of
from exitlaw.positivity import (
    Intervals,
    ordered,
    proves_at_least_zero,
    proves_condition,
    regular_on,
    within,
)
from exitlaw.relations import is_zero, same_statement, substituted, unfit
from exitlaw.series import SeriesError, limit_of
from theory.normal_form import logarithmic_derivative

Pair = tuple[sympy.Expr, sympy.Expr]


@dataclass(frozen=True)
class CheckResult:
    """Whether algebra confirmed a step, and what it did."""

    ok: bool
    detail: str


class Check(Protocol):
    """An algebraic check; `broken` is the same check of a step made false, which must fail."""

    def establishes(self) -> tuple[Statement, ...]:
        """The facts that hold once `run` succeeds."""
        ...

    def run(self) -> CheckResult: ...

    def broken(self) -> Check: ...


def _difference_is_zero(lhs: sympy.Expr, rhs: sympy.Expr, what: str) -> CheckResult:
    difference = sympy.sympify(lhs) - sympy.sympify(rhs)
    if is_zero(difference):
        return CheckResult(True, f"{what} reduces to 0 in normal form")
    return CheckResult(False, f"{what} does not reduce to 0: {sympy.sstr(difference)[:300]}")


@dataclass(frozen=True)
class Definition:
    """`symbol := expression` names a quantity; refused if the name occurs in its own definition.

    `symbol` is a symbol or an applied undefined function such as `tau(x)`.
    """

    symbol: sympy.Expr
    expression: sympy.Expr

    def establishes(self) -> tuple[Statement, ...]:
        return (Equality(self.symbol, self.expression),)

    def run(self) -> CheckResult:
        if not isinstance(self.symbol, sympy.Symbol | AppliedUndef):
            return CheckResult(False, f"only a name can be defined, not {self.symbol}")
        name = self.symbol.func if isinstance(self.symbol, AppliedUndef) else self.symbol
        if self.expression.has(name):
            return CheckResult(False, f"{self.symbol} occurs in its own definition")
        return CheckResult(True, f"names {self.symbol}")

    def broken(self) -> Definition:
        return replace(self, expression=self.expression + self.symbol)


@dataclass(frozen=True)
class Identity:
    """lhs - rhs reduces to zero in an exact normal form."""

    lhs: sympy.Expr
    rhs: sympy.Expr

    def establishes(self) -> tuple[Statement, ...]:
        return (Equality(self.lhs, self.rhs),)

    def run(self) -> CheckResult:
        return _difference_is_zero(self.lhs, self.rhs, "lhs - rhs")

    def broken(self) -> Identity:
        return replace(self, rhs=self.rhs + 1)


@dataclass(frozen=True)
class Antiderivative:
    """d primitive / d variable = integrand: `primitive` is an antiderivative."""

    integrand: sympy.Expr
    primitive: sympy.Expr
    variable: sympy.Symbol

    def establishes(self) -> tuple[Statement, ...]:
        return (
            Equality(sympy.Integral(self.integrand, self.variable), self.primitive),
            Equality(sympy.Derivative(self.primitive, self.variable), self.integrand),
        )

    def run(self) -> CheckResult:
        derivative = sympy.diff(self.primitive, self.variable)
        return _difference_is_zero(derivative, self.integrand, "d primitive - integrand")

    def broken(self) -> Antiderivative:
        return replace(self, primitive=self.primitive + self.variable)


@dataclass(frozen=True)
class DefiniteIntegral:
    """∫ integrand over (lower, upper) = value, from a primitive regular on the open interval.

    The primitive is differentiated back, shown free of singularities inside the interval by exact
    positivity, and its limits at the ends are taken by exact series (`primitive_at` may state
    them; they are then checked). `given` lists intervals for parameters without assumptions.
    """

    integrand: sympy.Expr
    primitive: sympy.Expr
    variable: sympy.Symbol
    lower: sympy.Expr
    upper: sympy.Expr
    value: sympy.Expr
    given: Intervals = field(default_factory=dict)

    def establishes(self) -> tuple[Statement, ...]:
        integral = sympy.Integral(self.integrand, (self.variable, self.lower, self.upper))
        return (Equality(integral, self.value),)

    def run(self) -> CheckResult:
        back = Antiderivative(self.integrand, self.primitive, self.variable).run()
        if not back.ok:
            return back
        if not ordered(self.lower, self.upper, self.given):
            return CheckResult(False, f"{self.lower} < {self.upper} was not shown")
        intervals = {**self.given, self.variable: (self.lower, self.upper)}
        obstacle = regular_on(self.primitive, intervals)
        if obstacle is not None:
            return CheckResult(False, f"primitive may be singular inside: {obstacle}")
        try:
            low = limit_of(self.primitive, self.variable, self.lower, "+")
            high = limit_of(self.primitive, self.variable, self.upper, "-")
        except SeriesError as error:
            return CheckResult(False, f"limit of the primitive at an end: {error}")
        if not (low.is_finite is not False and high.is_finite is not False):
            return CheckResult(False, f"the primitive is unbounded at an end: {low}, {high}")
        return _difference_is_zero(high - low, self.value, "primitive at the ends - value")

    def broken(self) -> DefiniteIntegral:
        return replace(self, value=self.value + 1)


@dataclass(frozen=True)
class LogDerivative:
    """lhs = rhs for positive functions: equal logarithmic derivatives, equal values at `at`."""

    lhs: sympy.Expr
    rhs: sympy.Expr
    variable: sympy.Symbol
    at: sympy.Expr = sympy.S.Zero

    def establishes(self) -> tuple[Statement, ...]:
        return (Equality(self.lhs, self.rhs),)

    def run(self) -> CheckResult:
        for side in (self.lhs, self.rhs):
            obstacle = regular_on(side, {})
            if obstacle is not None:
                return CheckResult(False, f"a side may be singular or jump: {obstacle}")
        slope = logarithmic_derivative(
            sympy.sympify(self.lhs), self.variable
        ) - logarithmic_derivative(sympy.sympify(self.rhs), self.variable)
        derivative = _difference_is_zero(slope, sympy.S.Zero, "d log lhs - d log rhs")
        if not derivative.ok:
            return derivative
        at = sympy.sympify(self.at)
        left, right = self.lhs.subs(self.variable, at), self.rhs.subs(self.variable, at)
        if is_zero(left) or left.has(sympy.nan, sympy.zoo, sympy.oo):
            return CheckResult(False, f"both sides must be finite and not 0 at {self.at}: {left}")
        return _difference_is_zero(left, right, f"lhs - rhs at {self.variable} = {self.at}")

    def broken(self) -> LogDerivative:
        return replace(self, rhs=2 * self.rhs)


@dataclass(frozen=True)
class SolvesODE:
    """`solution` put for `unknown` in `equation` (= 0), with values at points, gives identities.

    `equation` is an expression in the applied function `unknown`, e.g. `f(x)`, and its
    derivatives. `conditions` are pairs (expression in the unknown, value) such as
    `(f(x).subs(x, B), 0)` or `(f(x).diff(x), 0)` taken at a point with `Subs`. What is
    established is `unknown = solution`; that the equation with its conditions determines the
    unknown is the step's rule, in words.
    """

    equation: sympy.Expr
    unknown: sympy.Expr
    solution: sympy.Expr
    conditions: tuple[Pair, ...] = ()

    def establishes(self) -> tuple[Statement, ...]:
        return (Equality(self.unknown, self.solution),)

    def _put(self, expression: sympy.Expr) -> sympy.Expr:
        function = sympy.Lambda(self.unknown.args, self.solution)
        put: Any = expression.replace(self.unknown.func, function)
        return put.doit(integrals=False)

    def run(self) -> CheckResult:
        residual = _difference_is_zero(self._put(self.equation), sympy.S.Zero, "the residual")
        if not residual.ok:
            return residual
        for expression, value in self.conditions:
            result = _difference_is_zero(
                self._put(expression), sympy.sympify(value), f"condition {expression} - {value}"
            )
            if not result.ok:
                return result
        return residual

    def broken(self) -> SolvesODE:
        # Several independent errors at once: a linear homogeneous equation allows a factor and an
        # autonomous one a shift, but neither allows both together with a new shape.
        (variable, *_) = self.unknown.free_symbols & set(self.unknown.args)
        shape = sympy.Integer(1) + variable**2  # type: ignore[operator]
        return replace(self, solution=self.solution * shape + variable**3)  # type: ignore[operator]


@dataclass(frozen=True)
class LimitCheck:
    """lhs -> rhs as variable -> to, by the exact series of the substituted expression.

    For finite `to`, variable = to ± t; for `oo`, variable = 1/t; t -> 0+. The expression must have
    an exact generalised series in t and log t; otherwise the check fails and says where. If rhs
    depends on the variable, lhs/rhs -> 1 is shown. At a finite `to` the limit is taken from every
    side that the variable's assumptions allow; with `direction` "-", from below alone.
    """

    lhs: sympy.Expr
    rhs: sympy.Expr
    variable: sympy.Symbol
    to: sympy.Expr
    direction: str = "+"

    def establishes(self) -> tuple[Statement, ...]:
        statement = LimitStatement(self.lhs, self.rhs, self.variable, self.to)
        limits = () if self.rhs.has(self.variable) else tuple(
            Equality(sympy.Limit(self.lhs, self.variable, self.to, side), self.rhs)
            for side in self._sides()
        )  # fmt: skip
        return (*limits, statement) if self.direction == "+" else limits

    def _sides(self) -> tuple[str, ...]:
        """Sides from which the variable may approach: at 0 its sign may leave only one."""
        to = sympy.sympify(self.to)
        if self.direction == "-" or to.is_infinite:
            return (self.direction,)
        if (self.variable - to).is_positive:
            return ("+",)
        return ("-",) if (self.variable - to).is_negative else ("+", "-")

    def run(self) -> CheckResult:
        relative = self.rhs.has(self.variable)
        expression = self.lhs / self.rhs if relative else self.lhs
        target = sympy.S.One if relative else self.rhs
        result = CheckResult(False, "no side to approach from")
        for side in self._sides():
            try:
                found = limit_of(expression, self.variable, self.to, side)
            except SeriesError as error:
                return CheckResult(False, f"no exact series: {error}")
            if found in (sympy.oo, -sympy.oo) or target in (sympy.oo, -sympy.oo):
                result = CheckResult(found == target, f"the limit is {found}, stated {target}")
            else:
                result = _difference_is_zero(found, target, "exact limit - stated limit")
            if not result.ok:
                break
        return result

    def broken(self) -> LimitCheck:
        if self.rhs in (sympy.oo, -sympy.oo):
            return replace(self, rhs=-self.rhs)
        return replace(self, rhs=2 * self.rhs + (1 if not self.rhs.has(self.variable) else 0))


@dataclass(frozen=True)
class Inequality:
    """lhs <= rhs (or <) for all values of the symbols in their intervals, by exact positivity.

    `given` maps symbols to (low, high), ends possibly ±oo or expressions in symbols listed before
    it; a symbol that is not listed keeps its SymPy assumptions.
    """

    lhs: sympy.Expr
    rhs: sympy.Expr
    given: Intervals = field(default_factory=dict)
    strict: bool = False

    def establishes(self) -> tuple[Statement, ...]:
        return (Bound(self.lhs, self.rhs, self.strict),)

    def run(self) -> CheckResult:
        gap = sympy.sympify(self.rhs) - sympy.sympify(self.lhs)
        if proves_at_least_zero(gap, self.given, strict=self.strict):
            return CheckResult(True, "rhs - lhs is positive by exact polynomial positivity")
        return CheckResult(False, f"positivity of {sympy.sstr(gap)[:300]} was not proved")

    def broken(self) -> Inequality:
        return replace(self, lhs=self.rhs, rhs=self.lhs, strict=True)


@dataclass(frozen=True)
class Squeeze:
    """lower <= middle <= upper near the limit, and both outer limits equal `limit`."""

    lower: sympy.Expr
    middle: sympy.Expr
    upper: sympy.Expr
    variable: sympy.Symbol
    to: sympy.Expr
    limit: sympy.Expr
    given: Intervals = field(default_factory=dict)
    direction: str = "+"

    def establishes(self) -> tuple[Statement, ...]:
        return (LimitStatement(self.middle, self.limit, self.variable, self.to),)

    def run(self) -> CheckResult:
        if self.variable in self.given and not self._near_the_limit(self.given[self.variable]):
            return CheckResult(False, f"no bounds are shown for {self.variable} near {self.to}")
        for part in (
            Inequality(self.lower, self.middle, self.given),
            Inequality(self.middle, self.upper, self.given),
            LimitCheck(self.lower, self.limit, self.variable, self.to, self.direction),
            LimitCheck(self.upper, self.limit, self.variable, self.to, self.direction),
        ):
            result = part.run()
            if not result.ok:
                return result
        return CheckResult(True, "both bounds hold and tend to the same limit")

    def _near_the_limit(self, interval: tuple[Any, Any]) -> bool:
        low, high = map(sympy.sympify, interval)
        if self.to in (sympy.oo, -sympy.oo):
            return self.to in (low, high)
        sides = LimitCheck(self.middle, self.limit, self.variable, self.to, self.direction)._sides()
        reached = {
            "+": within(self.to, self.to, (low, sympy.oo)) and ordered(self.to, high),
            "-": within(self.to, self.to, (-sympy.oo, high)) and ordered(low, self.to),
        }
        return all(reached[side] for side in sides)

    def broken(self) -> Squeeze:
        return replace(self, limit=2 * self.limit + 1)


@dataclass(frozen=True)
class ChangeOfVariables:
    """∫ integrand d old = ∫ result d new under old = substitution(new), monotone on the interval.

    `limits` are the ends of the new variable; their images must be `old_limits`.
    """

    integrand: sympy.Expr
    old: sympy.Symbol
    old_limits: Pair
    substitution: sympy.Expr
    new: sympy.Symbol
    limits: Pair
    result: sympy.Expr
    given: Intervals = field(default_factory=dict)

    def establishes(self) -> tuple[Statement, ...]:
        return (
            Equality(
                sympy.Integral(self.integrand, (self.old, *self.old_limits)),
                sympy.Integral(self.result, (self.new, *self.limits)),
            ),
        )

    def run(self) -> CheckResult:
        slope = sympy.diff(self.substitution, self.new)
        transformed = self.integrand.xreplace({self.old: self.substitution}) * slope
        same = _difference_is_zero(transformed, self.result, "transformed integrand - result")
        if not same.ok:
            return same
        low, high = self.limits
        forward = ordered(low, high, self.given)
        if not forward and not ordered(high, low, self.given):
            return CheckResult(False, f"the order of the ends {low} and {high} was not shown")
        intervals = {**self.given, self.new: (low, high) if forward else (high, low)}
        if not any(proves_at_least_zero(sign * slope, intervals, strict=True) for sign in (1, -1)):
            return CheckResult(False, f"{self.substitution} was not shown monotone")
        obstacle = regular_on(self.substitution, intervals)
        if obstacle is not None:
            return CheckResult(False, f"the substitution may be singular inside: {obstacle}")
        sides = ("+", "-") if forward else ("-", "+")
        for end, image, side in zip(self.limits, self.old_limits, sides, strict=True):
            try:
                found = limit_of(self.substitution, self.new, end, side)
            except SeriesError as error:
                return CheckResult(False, f"image of the end {end}: {error}")
            if found != image and not is_zero(found - image):
                return CheckResult(False, f"the end {end} maps to {found}, not to {image}")
        return CheckResult(True, "integrand transformed exactly; the map is monotone; ends agree")

    def broken(self) -> ChangeOfVariables:
        return replace(self, result=2 * self.result)


@dataclass(frozen=True)
class Substitution:
    """A relation with symbols replaced: what holds for all values holds for these.

    `source` must have been established by an earlier step; `mapping` replaces symbols by
    expressions; the result is what is established.
    """

    source: Equality | Bound | LimitStatement
    mapping: Mapping[sympy.Expr, sympy.Expr]
    result: Equality | Bound | LimitStatement

    def requires(self) -> tuple[Statement, ...]:
        return (self.source,)

    def establishes(self) -> tuple[Statement, ...]:
        return (self.result,)

    def run(self) -> CheckResult:
        if type(self.source) is not type(self.result):
            return CheckResult(False, "source and result are relations of different kinds")
        obstacle = unfit(self.source, self.mapping)
        if obstacle is not None:
            return CheckResult(False, obstacle)
        if getattr(self.result, "strict", False) and not getattr(self.source, "strict", False):
            return CheckResult(False, "a weak bound gives no strict one")
        if isinstance(self.source, LimitStatement) and isinstance(self.result, LimitStatement):
            kept = (self.result.variable, self.result.to, self.result.remainder)
            if kept != (self.source.variable, self.source.to, self.source.remainder):
                return CheckResult(False, "the limits are taken differently")
        for side in ("lhs", "rhs"):
            source = getattr(self.source, side).subs(dict(self.mapping), simultaneous=True)
            result = _difference_is_zero(source, getattr(self.result, side), f"{side} - result")
            if not result.ok:
                return result
        return CheckResult(True, "the replaced relation is the stated one")

    def broken(self) -> Substitution:
        return replace(self, result=replace(self.result, rhs=self.result.rhs + 1))


@dataclass(frozen=True)
class LemmaUse:
    """`relation` is the statement of another claim with its symbols replaced by `mapping`.

    The claim is listed in `depends` of the claim that uses it. The lemma's domain must hold for
    the instance: its symbols' assumptions, listed values and every constraint, by exact positivity
    under the symbols' assumptions and the intervals in `given`. (A range says where evidence is
    taken; what a lemma needs is a constraint or an assumption.) What uses a lemma is proved only if
    the lemma's claim stands.
    """

    claim: str
    relation: Statement
    mapping: Mapping[Any, sympy.Expr] = field(default_factory=dict)
    given: Intervals = field(default_factory=dict)

    @property
    def lemmas(self) -> tuple[str, ...]:
        """Claims that the step rests on."""
        return (self.claim,)

    def establishes(self) -> tuple[Statement, ...]:
        return (self.relation,)

    def run(self) -> CheckResult:
        if self.claim not in REGISTRY:
            return CheckResult(False, f"there is no claim {self.claim!r} to use as a lemma")
        body = body_of(self.claim)
        if type(body.statement) is not type(self.relation):
            return CheckResult(False, f"{self.claim} states another kind of relation")
        mapping: dict[sympy.Expr, sympy.Expr] = {**self.mapping}
        obstacle = unfit(body.statement, mapping, self.given)
        if obstacle is not None:
            return CheckResult(False, obstacle)
        lemma = substituted(body.statement, mapping)
        if not same_statement(self.relation, lemma):
            return CheckResult(False, f"not an instance of {self.claim}, which gives {lemma}")
        for symbol, interval in body.domain.ranges.items():
            value = sympy.sympify(mapping.get(symbol, symbol))
            if interval.values:
                if value not in interval.values:
                    return CheckResult(False, f"{symbol} = {value} is outside the lemma's domain")
                continue
        for constraint in body.domain.constraints:
            instance = constraint.xreplace(mapping)
            if not proves_condition(instance, self.given):
                return CheckResult(False, f"the lemma's condition {instance} was not proved here")
        return CheckResult(True, f"an instance of {self.claim}, whose conditions hold")

    def broken(self) -> LemmaUse:
        rhs = self.relation.rhs
        wrong = sympy.Not(rhs) if not isinstance(rhs, sympy.Expr) else 2 * rhs + 1
        return replace(self, relation=replace(self.relation, rhs=wrong))
