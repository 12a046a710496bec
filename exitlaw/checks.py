"""Checks of derivation steps: exact algebra, one class per rule.

Every check says what it `establishes` (facts in the vocabulary of statements), is `run`, and has a
`broken` twin, the same check of a step made false, which must fail. Nothing here trusts an integral
or a limit computed by SymPy: primitives are differentiated back, limits go through exact series,
inequalities through exact polynomial positivity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache
from typing import Any, Protocol

import sympy
from sympy.core.basic import Basic
from sympy.core.function import AppliedUndef

from exitlaw.claim import (
    REGISTRY,
    Bound,
    ClaimBody,
    Equality,
    LimitStatement,
    Range,
    Statement,
    body_of,
)
from exitlaw.convergence import integrable, rough_near
from exitlaw.positivity import (
    Intervals,
    allowed,
    bound_symbols,
    keeps_its_sign,
    ordered,
    proves_at_least_zero,
    proves_condition,
    regular_on,
    runs_through_an_interval,
    within,
)
from exitlaw.relations import (
    ASSUMPTIONS,
    broken_assumption,
    is_zero,
    same_statement,
    substituted,
    unfit,
)
from exitlaw.series import SeriesError, limit_of
from exitlaw.verdict import Verdict
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


SIGNS: Mapping[str, Any] = {
    "positive": sympy.Gt,
    "negative": sympy.Lt,
    "nonnegative": sympy.Ge,
    "nonpositive": sympy.Le,
}
"""Assumptions that an inequality states."""


@dataclass(frozen=True)
class Definition:
    """`symbol := expression` names a quantity; refused if the name occurs in its own definition.

    `symbol` is a symbol or an applied undefined function such as `tau(x)`. What it is assumed to
    be, the expression is shown to be, under `given`; a sign that is not shown is a condition of all
    that follows.
    """

    symbol: sympy.Expr
    expression: sympy.Expr
    given: Intervals = field(default_factory=dict)

    def names(self) -> sympy.Expr:
        """The name, which must be new."""
        return self.symbol

    def meanings(self) -> dict[sympy.Expr, sympy.Expr]:
        """What the name stands for."""
        return {self.symbol: self.expression}

    def establishes(self) -> tuple[Statement, ...]:
        return (Equality(self.symbol, self.expression),)

    def run(self) -> CheckResult:
        if not isinstance(self.symbol, sympy.Symbol | AppliedUndef):
            return CheckResult(False, f"only a name can be defined, not {self.symbol}")
        name = self.symbol.func if isinstance(self.symbol, AppliedUndef) else self.symbol
        if not _is_one_place(self.symbol.args):
            return CheckResult(False, f"{self.symbol} may be the same place for several values")
        if self.expression.has(name):
            return CheckResult(False, f"{self.symbol} occurs in its own definition")
        if self.carries():
            return CheckResult(True, f"names {self.symbol}, where {self.carries()[0]}")
        broken = broken_assumption(self.symbol, self.expression, self.given)
        if broken is not None:
            return CheckResult(
                False, f"{self.symbol} is {broken}, which was not shown of {self.expression}"
            )
        return CheckResult(True, f"names {self.symbol}")

    def carries(self) -> tuple[Basic, ...]:
        """The sign that the symbol is assumed to have, where it was not shown."""
        broken = broken_assumption(self.symbol, self.expression, self.given)
        if broken is None or broken not in SIGNS:
            return ()
        free = sympy.Dummy(**{key: True for key in self._assumptions() if key not in SIGNS})
        if broken_assumption(free, self.expression, self.given) is not None:
            return ()
        relation = SIGNS[broken](self.expression, 0)
        return () if relation == sympy.false else (relation,)

    def _assumptions(self) -> tuple[str, ...]:
        return tuple(
            key for key in ASSUMPTIONS if key != "nonzero" and getattr(self.symbol, f"is_{key}")
        )

    def broken(self) -> Definition:
        return replace(self, expression=self.expression + self.symbol)


def _is_one_place(arguments: tuple[Any, ...]) -> bool:
    """Whether arguments determine their symbols: f(x^2) := x would give f(1) two values."""
    symbols: set[sympy.Symbol] = set()
    for part in arguments:
        inside = part.free_symbols
        if not inside:
            continue
        (symbol,) = inside if len(inside) == 1 else (None,)
        if symbol is None or symbol in symbols:
            return False
        symbols.add(symbol)
        smooth = part == symbol or (
            runs_through_an_interval(symbol)
            and regular_on(part, {}) is None
            and keeps_its_sign(sympy.diff(part, symbol))
        )
        if not smooth:
            return False
    return True


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
        # No equality with the indefinite integral: it would equate primitives that differ.
        return (Equality(sympy.Derivative(self.primitive, self.variable), self.integrand),)

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
        if not allowed(self.variable, self.lower, self.upper, self.given):
            return CheckResult(False, f"{self.variable} does not run through the interval")
        intervals = {**self.given, self.variable: (self.lower, self.upper)}
        obstacle = regular_on(self.primitive, intervals)
        if obstacle is not None:
            return CheckResult(False, f"primitive may be singular inside: {obstacle}")
        try:
            low = limit_of(self.primitive, self.variable, self.lower, "+", self.given)
            high = limit_of(self.primitive, self.variable, self.upper, "-", self.given)
        except SeriesError as error:
            return CheckResult(False, f"limit of the primitive at an end: {error}")
        if not (low.is_finite is not False and high.is_finite is not False):
            return CheckResult(False, f"the primitive is unbounded at an end: {low}, {high}")
        return _difference_is_zero(high - low, self.value, "primitive at the ends - value")

    def broken(self) -> DefiniteIntegral:
        return replace(self, value=self.value + 1)


@dataclass(frozen=True)
class LogDerivative:
    """lhs = rhs by equal logarithmic derivatives, and equal values at `at`, which are not 0.

    Both sides are shown smooth for every value that the symbols' assumptions allow, and around
    `at`.
    """

    lhs: sympy.Expr
    rhs: sympy.Expr
    variable: sympy.Symbol
    at: sympy.Expr = sympy.S.Zero

    def establishes(self) -> tuple[Statement, ...]:
        return (Equality(self.lhs, self.rhs),)

    def run(self) -> CheckResult:
        if not runs_through_an_interval(self.variable):
            return CheckResult(False, f"the values of {self.variable} are no interval")
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
        for side in (self.lhs, self.rhs):
            rough = rough_near(sympy.sympify(side), self.variable, at)
            if rough is not None:
                return CheckResult(False, f"a side may be rough at {at}: {rough}")
        if not _is_at_an_end_or_inside(self.variable, at):
            return CheckResult(False, f"{self.variable} cannot come near {at}")
        left, right = self.lhs.subs(self.variable, at), self.rhs.subs(self.variable, at)
        if not keeps_its_sign(left) or left.has(sympy.nan, sympy.zoo, sympy.oo):
            return CheckResult(False, f"both sides must be finite and not 0 at {self.at}: {left}")
        return _difference_is_zero(left, right, f"lhs - rhs at {self.variable} = {self.at}")

    def broken(self) -> LogDerivative:
        return replace(self, rhs=2 * self.rhs)


def _is_at_an_end_or_inside(variable: sympy.Symbol, at: sympy.Expr) -> bool:
    if variable.is_nonnegative:
        return proves_at_least_zero(at)
    if variable.is_nonpositive:
        return proves_at_least_zero(-at)
    return True


@dataclass(frozen=True)
class LimitCheck:
    """lhs -> rhs as variable -> to, by the exact series of the substituted expression.

    For finite `to`, variable = to ± t; for `oo`, variable = 1/t; t -> 0+. The expression must have
    an exact generalised series in t and log t; otherwise the check fails and says where. If rhs
    depends on the variable, lhs/rhs -> 1 is shown. At a finite `to` the limit is taken from every
    side that the variable's assumptions allow; with `direction` "-", from below alone. Parameters
    keep their assumptions and the intervals in `given`; what is divided by is shown not to vanish.
    """

    lhs: sympy.Expr
    rhs: sympy.Expr
    variable: sympy.Symbol
    to: sympy.Expr
    direction: str = "+"
    given: Intervals = field(default_factory=dict)

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
        if not _can_approach(self.variable, to):
            return ()
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
                found = limit_of(expression, self.variable, self.to, side, self.given)
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


def _can_approach(variable: sympy.Symbol, to: sympy.Expr) -> bool:
    """Whether values that the variable's assumptions allow come near `to`."""
    if variable.is_nonnegative:
        return to != -sympy.oo and not (to.is_negative or proves_at_least_zero(-to, strict=True))
    if variable.is_nonpositive:
        return to != sympy.oo and not (to.is_positive or proves_at_least_zero(to, strict=True))
    return True


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


def limits_from(
    middle: sympy.Expr,
    limit: sympy.Expr,
    variable: sympy.Symbol,
    to: sympy.Expr,
    direction: str,
) -> tuple[Statement, ...]:
    """A limit from both sides as a statement, one from below alone as a `Limit`."""
    if direction == "+":
        return (LimitStatement(middle, limit, variable, to),)
    return (Equality(sympy.Limit(middle, variable, to, direction), limit),)


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
        return limits_from(self.middle, self.limit, self.variable, self.to, self.direction)

    def run(self) -> CheckResult:
        if self.variable in self.given and not self._near_the_limit(self.given[self.variable]):
            return CheckResult(False, f"no bounds are shown for {self.variable} near {self.to}")
        for part in (
            Inequality(self.lower, self.middle, self.given),
            Inequality(self.middle, self.upper, self.given),
            self._outer(self.lower),
            self._outer(self.upper),
        ):
            result = part.run()
            if not result.ok:
                return result
        return CheckResult(True, "both bounds hold and tend to the same limit")

    def _outer(self, side: sympy.Expr) -> LimitCheck:
        return LimitCheck(side, self.limit, self.variable, self.to, self.direction, self.given)

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

    `limits` are the ends of the new variable; their images must be `old_limits`. The integral is
    shown to converge under `given`: oo = 2 oo would be an equality from which 0 = 1 follows.
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
        if self.new != self.old and sympy.sympify(self.integrand).has(self.new):
            return CheckResult(False, f"{self.new} has a meaning in the integrand already")
        caught = self.substitution.free_symbols & bound_symbols(self.integrand)
        if caught:
            return CheckResult(False, f"{caught.pop()} is bound inside the integrand")
        diverges = integrable(self.integrand, (self.old, *self.old_limits), self.given)
        if diverges is not None and integrable(self.result, (self.new, *self.limits), self.given):
            return CheckResult(False, f"the integral may diverge: {diverges}")
        slope = sympy.diff(self.substitution, self.new)
        transformed = self.integrand.xreplace({self.old: self.substitution}) * slope
        same = _difference_is_zero(transformed, self.result, "transformed integrand - result")
        if not same.ok:
            return same
        low, high = self.limits
        forward = ordered(low, high, self.given)
        if not forward and not ordered(high, low, self.given):
            return CheckResult(False, f"the order of the ends {low} and {high} was not shown")
        ends = (low, high) if forward else (high, low)
        images = self.old_limits if forward else self.old_limits[::-1]
        for symbol, interval in ((self.new, ends), (self.old, images)):
            if not (allowed(symbol, interval[0], interval[1], self.given)
                    or allowed(symbol, interval[1], interval[0], self.given)):  # fmt: skip
                return CheckResult(False, f"{symbol} does not run through the interval")
        intervals = {**self.given, self.new: ends}
        if not any(proves_at_least_zero(sign * slope, intervals, strict=True) for sign in (1, -1)):
            return CheckResult(False, f"{self.substitution} was not shown monotone")
        obstacle = regular_on(self.substitution, intervals)
        if obstacle is not None:
            return CheckResult(False, f"the substitution may be singular inside: {obstacle}")
        sides = ("+", "-") if forward else ("-", "+")
        for end, image, side in zip(self.limits, self.old_limits, sides, strict=True):
            try:
                found = limit_of(self.substitution, self.new, end, side, self.given)
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
            moved = substituted(self.source, self.mapping)
            assert isinstance(moved, LimitStatement)
            kept = (self.result.variable, self.result.to, self.result.remainder)
            if kept != (moved.variable, moved.to, moved.remainder):
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
    under the symbols' assumptions and the intervals in `given`. Where the lemma's claim is not a
    proof but stands on evidence, the instance must also lie in the ranges of that evidence, unless
    they are `cited`. A name that the lemma's derivation defines may only be renamed, and keeps its
    meaning; so does what a lemma without proof names (`_quantities`). That names which have another
    meaning here are the lemma's can only be a hypothesis: `identified`, one of the claim's. What
    uses a lemma is proved only if the lemma's claim stands.
    """

    claim: str
    relation: Statement
    mapping: Mapping[Any, sympy.Expr] = field(default_factory=dict)
    given: Intervals = field(default_factory=dict)
    identified: str | None = None

    @property
    def assumes(self) -> tuple[str, ...]:
        """Hypotheses that the claim has to state."""
        return () if self.identified is None else (self.identified,)

    @property
    def lemmas(self) -> tuple[str, ...]:
        """Claims that the step rests on."""
        return (self.claim,)

    def establishes(self) -> tuple[Statement, ...]:
        return (self.relation,)

    def carries(self) -> tuple[Basic, ...]:
        """Values put for symbols that the lemma's conditions name and its statement does not.

        Such a symbol may be hidden in a name of the statement: the fact holds for that value only.
        """
        body = body_of(self.claim)
        shown = body.statement.lhs.free_symbols | body.statement.rhs.free_symbols
        named = set().union(*(c.free_symbols for c in body.domain.constraints))
        return tuple(
            sympy.Eq(symbol, self.mapping[symbol])
            for symbol in sorted((named | set(body.domain.ranges)) - shown, key=str)
            if symbol in self.mapping
        )

    def meanings(self) -> dict[sympy.Expr, sympy.Expr]:
        """Names of the statement with the meaning that the lemma's derivation gives them."""
        body = body_of(self.claim)
        renamed = {
            key.func: value.func
            for key, value in self.mapping.items()
            if isinstance(key, AppliedUndef) and isinstance(value, AppliedUndef)
        }
        symbols: Any = {k: v for k, v in self.mapping.items() if isinstance(k, sympy.Symbol)}
        found: dict[sympy.Expr, sympy.Expr] = {}
        for name, meaning in _definitions(body).items():
            if _occurs(name, body.statement):
                moved: Any = name.subs(symbols, simultaneous=True)
                if isinstance(moved, AppliedUndef):
                    moved = renamed.get(moved.func, moved.func)(*moved.args)
                found[moved] = meaning.subs(symbols, simultaneous=True)
        for name in _quantities(self.claim, body) if self.identified is None else ():
            moved = name.subs(symbols, simultaneous=True)
            if isinstance(moved, AppliedUndef):
                moved = renamed.get(moved.func, moved.func)(*moved.args)
            found.setdefault(moved, _unknown_of(str(name), self.claim))
        return found

    def run(self) -> CheckResult:
        if self.claim not in REGISTRY:
            return CheckResult(False, f"there is no claim {self.claim!r} to use as a lemma")
        body = body_of(self.claim)
        if type(body.statement) is not type(self.relation):
            return CheckResult(False, f"{self.claim} states another kind of relation")
        mapping: dict[sympy.Expr, sympy.Expr] = {**self.mapping}
        obstacle = unfit(body.statement, mapping, self.given) or self._misused(body, mapping)
        if obstacle is not None:
            return CheckResult(False, obstacle)
        lemma = substituted(body.statement, mapping)
        if not same_statement(self.relation, lemma):
            return CheckResult(False, f"not an instance of {self.claim}, which gives {lemma}")
        for constraint in body.domain.constraints:
            instance = constraint.xreplace(mapping)
            if not proves_condition(instance, self.given):
                return CheckResult(False, f"the lemma's condition {instance} was not proved here")
        return CheckResult(True, f"an instance of {self.claim}, whose conditions hold")

    def _misused(self, body: ClaimBody, mapping: Mapping[Any, Any]) -> str | None:
        """How the instance leaves what the lemma says, apart from its constraints; or None."""
        named = (*_definitions(body), *_quantities(self.claim, body))
        defined = {_head(name) for name in named}
        for name, value in mapping.items():
            if isinstance(name, AppliedUndef) and name.func in defined:
                if not (isinstance(value, AppliedUndef) and value.args == name.args):
                    return f"{name} is defined in {self.claim}: it may only be renamed"
            elif name in defined and not isinstance(value, sympy.Symbol):
                return f"{name} is defined in {self.claim}: it may only be renamed"
        renamed: dict[Any, Any] = {_head(key): _head(value) for key, value in mapping.items()}
        images = [renamed.get(name, name) for name in sorted(defined, key=str)]
        if len(set(images)) < len(images):
            return f"two names of {self.claim} cannot be one"
        stated = getattr(self.relation, "remainder", None)
        if stated is not None and stated != getattr(body.statement, "remainder", None):
            return f"{self.claim} has another remainder"
        proved = _demands_proof(self.claim, body)
        for symbol, known in body.domain.ranges.items():
            value = sympy.sympify(mapping.get(symbol, symbol))
            if known.values:
                if value not in known.values:
                    return f"{symbol} = {value} is outside the lemma's domain"
            elif not (
                proved or known.cited or self._in_range(body.statement, symbol, value, known)
            ):
                return (
                    f"{symbol} = {value} was not shown to lie in [{known.low}, {known.high}], "
                    f"where {self.claim} has evidence"
                )
        return None

    def _in_range(self, lemma: Statement, symbol: sympy.Symbol, value: Any, known: Range) -> bool:
        if isinstance(lemma, LimitStatement) and symbol == lemma.variable:
            return False  # a limit is about values beyond any evidence
        return all(
            proves_at_least_zero(sympy.sympify(gap), self.given)
            for gap in (value - _exact(known.low), _exact(known.high) - value)
        )

    def broken(self) -> LemmaUse:
        rhs = self.relation.rhs
        wrong = sympy.Not(rhs) if not isinstance(rhs, sympy.Expr) else 2 * rhs + 1
        return replace(self, relation=replace(self.relation, rhs=wrong))


def _head(name: Any) -> Any:
    """A name without its arguments."""
    return name.func if isinstance(name, AppliedUndef) else name


def _exact(value: Any) -> sympy.Expr:
    if isinstance(value, Fraction):
        return sympy.Rational(value.numerator, value.denominator)
    return sympy.sympify(value)


@cache
def _unknown_of(name: str, claim: str) -> sympy.Symbol:
    """What a name means that a lemma leaves open: no symbol that a derivation could write."""
    return sympy.Dummy(f"{name} of {claim}", real=True)


MOST_KNOWN = 64

_KNOWN: dict[int, tuple[ClaimBody, dict[sympy.Expr, sympy.Expr]]] = {}
"""Definitions of the bodies last asked for; the body itself is kept, so that its id stays its."""


def _definitions(body: ClaimBody) -> dict[sympy.Expr, sympy.Expr]:
    """Names that a claim's derivation defines, itself or through its lemmas."""
    known = _KNOWN.get(id(body))
    if known is None or known[0] is not body:
        if len(_KNOWN) > MOST_KNOWN:
            _KNOWN.clear()
        known = _KNOWN[id(body)] = (body, _collected_definitions(body))
    return known[1]


def _demands_proof(claim: str, body: ClaimBody) -> bool:
    """Whether a claim stands only if its derivation is accepted."""
    expected = REGISTRY[claim].expected.values()
    return body.derivation is not None and all(one is Verdict.PROVED for one in expected)


def _quantities(claim: str, body: ClaimBody) -> tuple[Any, ...]:
    """What a statement without a proof names: the quantities that its evidence is about.

    Those are its undefined functions, and the symbols to which the domain gives no range.
    """
    if _demands_proof(claim, body):
        return ()
    sides = (body.statement.lhs, body.statement.rhs)
    functions = set().union(*(side.atoms(AppliedUndef) for side in sides))
    inside = {symbol for function in functions for symbol in function.free_symbols}
    free = set().union(*(side.free_symbols for side in sides)) - inside - set(body.domain.ranges)
    free -= {getattr(body.statement, "variable", None)}
    return tuple(sorted(functions | free, key=str))


def _collected_definitions(body: ClaimBody) -> dict[sympy.Expr, sympy.Expr]:
    found: dict[sympy.Expr, sympy.Expr] = {}
    for step in () if body.derivation is None else body.derivation.steps:
        given = getattr(step.check, "meanings", None)
        if given is not None and not isinstance(step.check, LemmaUse):
            found.update(given())
        elif isinstance(step.check, LemmaUse) and step.check.claim in REGISTRY:
            found.update(step.check.meanings())
    return found


def _occurs(name: sympy.Expr, statement: Statement) -> bool:
    head = name.func if isinstance(name, AppliedUndef) else name
    return any(side.has(head) for side in (statement.lhs, statement.rhs))
