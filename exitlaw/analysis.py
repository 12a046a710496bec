"""Checks of analysis: what integrals, bounds and limits inherit from checked algebra.

Each class is one theorem of analysis. Its hypotheses that algebra can decide are decided in `run`;
those that earlier steps established are named in `requires`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import sympy

from exitlaw.checks import (
    Antiderivative,
    CheckResult,
    Inequality,
    LimitCheck,
    Pair,
    limits_from,
)
from exitlaw.claim import Bound, Equality, Equivalence, LimitStatement, Statement
from exitlaw.convergence import Limits, boundary_value, integrable, rough_near
from exitlaw.positivity import (
    Intervals,
    allowed,
    bound_symbols,
    continuous_on,
    keeps_its_sign,
    ordered,
    proves_at_least_zero,
    regular_on,
)
from exitlaw.relations import broken_assumption
from exitlaw.relations import is_zero as is_zero_with_integrals
from exitlaw.series import SeriesError, limit_of
from theory.normal_form import is_zero


@dataclass(frozen=True)
class Multiple:
    """An established equality multiplied by a factor that is finite everywhere, and rearranged."""

    source: Equality
    factor: sympy.Expr
    result: Equality
    given: Intervals = field(default_factory=dict)

    def requires(self) -> tuple[Statement, ...]:
        return (self.source,)

    def establishes(self) -> tuple[Statement, ...]:
        return (self.result,)

    def rough(self, expanded: Callable[[sympy.Expr], sympy.Expr]) -> str | None:
        """Where the factor may be infinite once names are replaced by their meanings, or None."""
        return continuous_on(expanded(sympy.sympify(self.factor)), self.given)

    def run(self) -> CheckResult:
        obstacle = continuous_on(sympy.sympify(self.factor), self.given)
        if obstacle is not None:
            return CheckResult(False, f"the factor may be infinite: {obstacle}")
        gap = self.factor * (self.source.lhs - self.source.rhs)
        if not is_zero(gap - (self.result.lhs - self.result.rhs)):
            return CheckResult(False, "factor * (source) - (result) does not reduce to 0")
        return CheckResult(True, "the result is the source times the factor")

    def broken(self) -> Multiple:
        return replace(self, result=replace(self.result, rhs=self.result.rhs + 1))


@dataclass(frozen=True)
class Linearity:
    """∫ integrand = Σ coefficient ∫ part, the coefficients free of the variable (or Σ for ∫).

    Of several parts, each is shown to converge absolutely under `given`; sums have finitely many
    terms. A constant may be taken out of any integral.
    """

    integrand: sympy.Expr
    limits: Limits
    parts: tuple[Pair, ...]
    """Pairs (coefficient, integrand of the part)."""
    operator: type[sympy.Integral] | type[sympy.Sum] = sympy.Integral
    given: Intervals = field(default_factory=dict)

    def establishes(self) -> tuple[Statement, ...]:
        total = sympy.Add(*(c * self.operator(part, self.limits) for c, part in self.parts))
        whole: Any = self.operator(self.integrand, self.limits)
        return (Equality(whole, total),)

    def run(self) -> CheckResult:
        if any(sympy.sympify(c).has(self.limits[0]) for c, _ in self.parts):
            return CheckResult(False, f"a coefficient depends on {self.limits[0]}")
        total = sympy.Add(*(c * part for c, part in self.parts))
        if not is_zero(self.integrand - total):
            return CheckResult(False, "integrand - sum of parts does not reduce to 0")
        for _, part in self.parts if len(self.parts) > 1 else ():
            obstacle = self._diverges(part)
            if obstacle is not None:
                return CheckResult(False, f"a part may diverge: {obstacle}")
        return CheckResult(True, "integrand - sum of parts reduces to 0 in normal form")

    def _diverges(self, part: sympy.Expr) -> str | None:
        if self.operator is sympy.Integral:
            return integrable(sympy.sympify(part), self.limits, self.given)
        ends = self.limits[1:]
        return "infinitely many terms" if any(end.is_infinite for end in ends) else None

    def broken(self) -> Linearity:
        return replace(self, integrand=2 * self.integrand + 1)


@dataclass(frozen=True)
class UnderTheIntegral:
    """An established equality of integrands (times a weight), integrated."""

    source: Equality
    limits: Limits
    result: Equality
    weight: sympy.Expr = sympy.S.One

    def requires(self) -> tuple[Statement, ...]:
        return (self.source,)

    def establishes(self) -> tuple[Statement, ...]:
        return (self.result,)

    def run(self) -> CheckResult:
        if not allowed(*self.limits):
            return CheckResult(False, f"{self.limits[0]} does not run through the interval")
        for name in ("lhs", "rhs"):
            side = self.weight * getattr(self.source, name)
            if not is_zero(sympy.Integral(side, self.limits) - getattr(self.result, name)):
                return CheckResult(False, f"the {name} is not the integral of that side")
        return CheckResult(True, "both sides are integrals of the two sides of the equality")

    def broken(self) -> UnderTheIntegral:
        return replace(self, result=replace(self.result, rhs=self.result.rhs + 1))


@dataclass(frozen=True)
class TotalDerivative:
    """Integration by parts: Σ coefficient part = d primitive, whose boundary values are `value`.

    Establishes the integral of the first part, whose coefficient is shown not to be 0, in terms of
    the others, which are shown to converge. `given` lists intervals for parameters; the primitive
    is shown regular inside and its limits at the ends are exact series.
    """

    primitive: sympy.Expr
    limits: Limits
    parts: tuple[Pair, ...]
    value: sympy.Expr = sympy.S.Zero
    given: Intervals = field(default_factory=dict)

    def establishes(self) -> tuple[Statement, ...]:
        (first, part), *others = self.parts
        rest = sympy.Add(*(c / first * sympy.Integral(f, self.limits) for c, f in others))
        return (Equality(sympy.Integral(part, self.limits), self.value / first - rest),)

    def run(self) -> CheckResult:
        variable = self.limits[0]
        if any(sympy.sympify(c).has(variable) for c, _ in self.parts):
            return CheckResult(False, f"a coefficient depends on {variable}")
        if not keeps_its_sign(self.parts[0][0], self.given):
            return CheckResult(False, "the coefficient of the first part may be 0")
        total = sympy.Add(*(c * part for c, part in self.parts))
        back = Antiderivative(total, self.primitive, variable).run()
        if not back.ok:
            return back
        if not ordered(*self.limits[1:], self.given):
            return CheckResult(False, "the order of the ends was not shown")
        if not allowed(*self.limits, self.given):
            return CheckResult(False, f"{variable} does not run through the interval")
        for _, part in self.parts[1:]:
            diverges = integrable(sympy.sympify(part), self.limits, self.given)
            if diverges is not None:
                return CheckResult(False, f"a part may diverge: {diverges}")
        obstacle = regular_on(self.primitive, {**self.given, variable: self.limits[1:]})
        if obstacle is not None:
            return CheckResult(False, f"the primitive may be singular inside: {obstacle}")
        try:
            low = boundary_value(self.primitive, variable, self.limits[1], "+", self.given)
            high = boundary_value(self.primitive, variable, self.limits[2], "-", self.given)
        except SeriesError as error:
            return CheckResult(False, f"limit of the primitive at an end: {error}")
        if not is_zero(high - low - self.value):
            return CheckResult(False, f"boundary values {low} and {high} do not give {self.value}")
        return CheckResult(True, f"differentiated back; boundary values {low} and {high}")

    def broken(self) -> TotalDerivative:
        return replace(self, value=self.value + 1)


@dataclass(frozen=True)
class MonotoneIntegral:
    """lower <= upper on the interval gives ∫ lower <= ∫ upper.

    The pointwise bound is proved by exact positivity under `given`, or follows from `by`, an
    earlier bound multiplied by `factor` >= 0. If `by` is about a symbol that is positive, both
    integrands must be even and the interval symmetric: `mirror` is then that symbol.
    """

    lower: sympy.Expr
    upper: sympy.Expr
    limits: Limits
    given: Intervals = field(default_factory=dict)
    by: Bound | None = None
    factor: sympy.Expr = sympy.S.One
    mirror: sympy.Symbol | None = None

    def requires(self) -> tuple[Statement, ...]:
        return () if self.by is None else (self.by,)

    def establishes(self) -> tuple[Statement, ...]:
        return (
            Bound(sympy.Integral(self.lower, self.limits), sympy.Integral(self.upper, self.limits)),
        )

    def run(self) -> CheckResult:
        variable, low, high = self.limits
        inside = {**self.given, variable: (low, high)}
        if not ordered(low, high, self.given):
            return CheckResult(False, f"{low} < {high} was not shown")
        if self.by is None:
            if not allowed(variable, low, high, self.given):
                return CheckResult(False, f"{variable} does not run through the interval")
            return Inequality(self.lower, self.upper, inside).run()
        factor, bound = self.factor, self.by.rhs - self.by.lhs
        if self.mirror is not None:
            if variable in bound_symbols(bound):
                return CheckResult(False, f"{variable} is bound inside the bound")
            bound = bound.subs(self.mirror, variable)
            for side in (self.lower, self.upper):
                if not is_zero(side.subs(variable, -variable) - side):
                    return CheckResult(False, "the integrands are not even")
            if not (self.mirror.is_positive or allowed(self.mirror, low, high)):
                return CheckResult(False, f"{self.mirror} does not run through the interval")
            if not is_zero(low + high if high != sympy.oo else sympy.Integer(low != -sympy.oo)):
                return CheckResult(False, "the interval is not symmetric")
        elif variable in bound.free_symbols and not allowed(variable, low, high):
            return CheckResult(False, f"the bound holds only for what {variable} is assumed to be")
        if not proves_at_least_zero(factor, inside):
            return CheckResult(False, f"the factor {factor} was not shown >= 0")
        if is_zero(self.upper - self.lower - factor * bound):
            return CheckResult(True, "integrates a bound that holds at every point")
        return CheckResult(False, "the pointwise bound is not the one that was established")

    def broken(self) -> MonotoneIntegral:
        return replace(self, lower=self.upper + 1, upper=self.lower)


@dataclass(frozen=True)
class OddIntegral:
    """∫ f over a symmetric interval is 0 for odd f, shown absolutely integrable under `given`."""

    integrand: sympy.Expr
    variable: sympy.Symbol
    half: sympy.Expr = sympy.oo
    given: Intervals = field(default_factory=dict)

    def establishes(self) -> tuple[Statement, ...]:
        integral = sympy.Integral(self.integrand, (self.variable, -self.half, self.half))
        return (Equality(integral, sympy.S.Zero),)

    def run(self) -> CheckResult:
        mirrored = self.integrand.subs(self.variable, -self.variable)
        if not is_zero_with_integrals(self.integrand + mirrored):
            return CheckResult(False, "f(t) + f(-t) does not reduce to 0")
        limits = (self.variable, -self.half, self.half)
        if not allowed(*limits, self.given):
            return CheckResult(False, f"{self.variable} does not run through the interval")
        diverges = integrable(sympy.sympify(self.integrand), limits, self.given)
        if diverges is not None:
            return CheckResult(False, f"the integral may diverge: {diverges}")
        return CheckResult(True, "f(t) + f(-t) reduces to 0; the integral converges")

    def broken(self) -> OddIntegral:
        return replace(self, integrand=self.integrand + 1)


@dataclass(frozen=True)
class Tonelli:
    """∫∫ f dx dy = ∫∫ f dy dx for f >= 0 (fixed limits of integration)."""

    integrand: sympy.Expr
    inner: Limits
    outer: Limits
    given: Intervals = field(default_factory=dict)

    def establishes(self) -> tuple[Statement, ...]:
        return (
            Equality(
                sympy.Integral(sympy.Integral(self.integrand, self.inner), self.outer),
                sympy.Integral(sympy.Integral(self.integrand, self.outer), self.inner),
            ),
        )

    def run(self) -> CheckResult:
        ends = (*self.inner[1:], *self.outer[1:])
        if any(sympy.sympify(end).has(self.inner[0], self.outer[0]) for end in ends):
            return CheckResult(False, "the limits of integration depend on the variables")
        for limits in (self.inner, self.outer):
            if not allowed(*limits, self.given):
                return CheckResult(False, f"{limits[0]} does not run through the interval")
        intervals = {
            **self.given,
            self.inner[0]: self.inner[1:],
            self.outer[0]: self.outer[1:],
        }
        result = Inequality(sympy.S.Zero, self.integrand, intervals).run()
        if result.ok:
            return CheckResult(True, "the integrand is nonnegative: the order may be exchanged")
        return result

    def broken(self) -> Tonelli:
        return replace(self, integrand=-self.integrand)


@dataclass(frozen=True)
class TaylorPositivity:
    """lhs <= rhs on the variable's whole range, by derivatives at `start` and one beyond.

    The difference and its derivatives below `order` vanish (or, to the right only, are >= 0) at
    `start`; the derivative of that order is >= 0 throughout the range. To the left of `start` the
    order must be even. The range is what the symbol's assumptions say, so that the bound holds for
    every value of the symbol: nonnegative or positive symbols with `start` 0, or any symbol with
    vanishing lower derivatives and even order. `using` are pairs (factor >= 0, established bound)
    whose gaps are taken off the last derivative before it is shown >= 0.
    """

    lhs: sympy.Expr
    rhs: sympy.Expr
    variable: sympy.Symbol
    order: int = 1
    start: sympy.Expr = sympy.S.Zero
    using: tuple[tuple[sympy.Expr, Bound], ...] = ()

    @property
    def along(self) -> sympy.Symbol:
        """The bounds are used at every value of this symbol between the start and its own."""
        return self.variable

    def requires(self) -> tuple[Statement, ...]:
        return tuple(bound for _, bound in self.using)

    def establishes(self) -> tuple[Statement, ...]:
        return (Bound(self.lhs, self.rhs),)

    def run(self) -> CheckResult:
        start = sympy.sympify(self.start)
        if not allowed(self.variable, start, start):
            return CheckResult(False, f"{self.variable} does not run through {start}")
        one_sided = is_zero(start) and bool(self.variable.is_nonnegative)
        if not one_sided and self.order % 2:
            return CheckResult(False, "an even order is needed to the left of the start")
        gap = self.rhs - self.lhs
        obstacle = regular_on(gap, {})
        if obstacle is not None:
            return CheckResult(False, f"the difference may be singular: {obstacle}")
        for k in range(self.order):
            value = gap.subs(self.variable, self.start)
            if not (is_zero(value) or (one_sided and proves_at_least_zero(value, {}))):
                return CheckResult(False, f"derivative {k} at {self.start} was not shown right")
            gap = sympy.diff(gap, self.variable)
        for factor, bound in self.using:
            if not proves_at_least_zero(factor, {}):
                return CheckResult(False, f"the factor {factor} was not shown >= 0")
            gap -= factor * (bound.rhs - bound.lhs)
        if is_zero(gap) or proves_at_least_zero(gap, {}):
            return CheckResult(
                True, f"derivative {self.order} is >= 0, the lower ones at the start"
            )
        return CheckResult(False, f"derivative {self.order} was not shown >= 0: {gap}")

    def broken(self) -> TaylorPositivity:
        return replace(self, lhs=self.rhs + 1, rhs=self.lhs)


@dataclass(frozen=True)
class Weakened:
    """From f <= g follows lhs <= rhs, where (rhs - lhs) - factor (g - f) >= 0 and factor >= 0.

    `sources` are pairs (factor, established bound); several bounds are added up.
    """

    lhs: sympy.Expr
    rhs: sympy.Expr
    sources: tuple[tuple[sympy.Expr, Bound], ...]
    given: Intervals = field(default_factory=dict)

    def requires(self) -> tuple[Statement, ...]:
        return tuple(bound for _, bound in self.sources)

    def establishes(self) -> tuple[Statement, ...]:
        return (Bound(self.lhs, self.rhs),)

    def run(self) -> CheckResult:
        rest = self.rhs - self.lhs
        for factor, bound in self.sources:
            factor = sympy.sympify(factor)
            if not proves_at_least_zero(factor, self.given):
                return CheckResult(False, f"the factor {factor} was not shown >= 0")
            rest -= factor * (bound.rhs - bound.lhs)
        if is_zero(rest) or proves_at_least_zero(rest, self.given):
            return CheckResult(True, "the bound is a combination of established bounds")
        return CheckResult(False, f"what remains was not shown >= 0: {sympy.sstr(rest)[:300]}")

    def broken(self) -> Weakened:
        return replace(self, lhs=self.rhs + 1, rhs=self.lhs)


@dataclass(frozen=True)
class SqueezeBetween:
    """Two established bounds lower <= middle <= upper whose outer sides have the same limit."""

    lower: Bound
    upper: Bound
    variable: sympy.Symbol
    to: sympy.Expr
    limit: sympy.Expr
    direction: str = "+"
    given: Intervals = field(default_factory=dict)

    def requires(self) -> tuple[Statement, ...]:
        return (self.lower, self.upper)

    def establishes(self) -> tuple[Statement, ...]:
        return limits_from(self.lower.rhs, self.limit, self.variable, self.to, self.direction)

    def run(self) -> CheckResult:
        if not is_zero(self.lower.rhs - self.upper.lhs):
            return CheckResult(False, "the two bounds are about different quantities")
        for outer in (self.lower.lhs, self.upper.rhs):
            result = LimitCheck(
                outer, self.limit, self.variable, self.to, self.direction, self.given
            ).run()
            if not result.ok:
                return result
        return CheckResult(True, "both outer sides tend to the same limit")

    def broken(self) -> SqueezeBetween:
        return replace(self, limit=2 * self.limit + 1)


@dataclass(frozen=True)
class LimitProduct:
    """Limits of factors give the limit of a product of their powers (factors' limits not 0).

    `given` are established equalities, used from left to right in the comparison of the product.
    """

    factors: tuple[tuple[LimitStatement, int], ...]
    """Pairs (established limit, integer power)."""
    product: sympy.Expr
    limit: sympy.Expr
    given: tuple[Equality, ...] = ()

    def requires(self) -> tuple[Statement, ...]:
        return (*(factor for factor, _ in self.factors), *self.given)

    def establishes(self) -> tuple[Statement, ...]:
        first = self.factors[0][0]
        return (LimitStatement(self.product, self.limit, first.variable, first.to),)

    def run(self) -> CheckResult:
        first = self.factors[0][0]
        for factor, _ in self.factors:
            if (factor.variable, factor.to) != (first.variable, first.to):
                return CheckResult(False, "the factors' limits are taken differently")
            if factor.rhs.has(factor.variable) or not keeps_its_sign(factor.rhs):
                return CheckResult(False, f"the limit {factor.rhs} of a factor is not a constant")
        whole = sympy.Mul(*(factor.lhs**power for factor, power in self.factors))
        limit = sympy.Mul(*(factor.rhs**power for factor, power in self.factors))
        known: Any = {fact.lhs: fact.rhs for fact in self.given}
        difference: Any = (whole - self.product).xreplace(known)
        if not is_zero(difference):
            return CheckResult(False, "product of the factors - product does not reduce to 0")
        if not is_zero(limit - self.limit):
            return CheckResult(False, "product of the limits - limit does not reduce to 0")
        return CheckResult(True, "the product of the limits is the limit of the product")

    def broken(self) -> LimitProduct:
        return replace(self, limit=2 * self.limit)


@dataclass(frozen=True)
class ShiftInvariance:
    """F(v + 1) = F(v) for all v and F(v) -> value as v -> oo give F = value."""

    function: sympy.Expr
    variable: sympy.Symbol
    value: sympy.Expr
    recurrence: Equality
    limit: LimitStatement

    @property
    def upward(self) -> sympy.Symbol:
        """The recurrence is used at all larger values of this symbol."""
        return self.variable

    def requires(self) -> tuple[Statement, ...]:
        return (self.recurrence, self.limit)

    def establishes(self) -> tuple[Statement, ...]:
        return (Equality(self.function, self.value),)

    def run(self) -> CheckResult:
        shifted = self.function.subs(self.variable, self.variable + 1)
        parts = (
            self.recurrence.lhs - shifted,
            self.recurrence.rhs - self.function,
            self.limit.lhs - self.function,
            self.limit.rhs - self.value,
        )
        if self.value.has(self.variable) or self.limit.to != sympy.oo:
            return CheckResult(False, "the value must be a constant and the limit at infinity")
        if self.limit.variable != self.variable or self.variable.is_nonpositive:
            return CheckResult(False, f"the limit must be that of {self.variable} -> oo")
        if not all(is_zero(part) for part in parts):
            return CheckResult(False, "recurrence and limit are not those of the function")
        return CheckResult(True, "F(v) = F(v + n) -> value")

    def broken(self) -> ShiftInvariance:
        return replace(self, value=self.value + 1)


def _logarithms(product: sympy.Expr) -> list[sympy.Expr]:
    """Logarithms of the factors of a positive product of powers and exponentials."""
    logs = []
    for factor in sympy.Mul.make_args(product):
        base, exponent = factor.as_base_exp()
        if isinstance(factor, sympy.exp):
            logs.append(factor.args[0])
        else:
            logs.append(exponent * sympy.log(base))
    return logs


@dataclass(frozen=True)
class PowerTail:
    """Convergence at infinity: the integral of f over (·, oo) is finite iff exponent < -1.

    `f ~ amplitude variable^exponent` as variable -> oo with a positive amplitude; the equivalence
    itself is checked by the exact limit of f/variable^exponent.
    """

    integrand: sympy.Expr
    variable: sympy.Symbol
    exponent: sympy.Expr
    amplitude: sympy.Expr
    property: sympy.Basic
    """The name of the property, e.g. `finite(E|x|^r)` as an applied Boolean symbol."""
    criterion: Any
    given: Mapping[sympy.Symbol, tuple[sympy.Expr, sympy.Expr]] = field(default_factory=dict)

    def names(self) -> sympy.Basic:
        """The property is named here: the name must be new."""
        return self.property

    def establishes(self) -> tuple[Statement, ...]:
        return (Equivalence(self.property, self.criterion),)

    def run(self) -> CheckResult:
        # Symbolic powers have no series, their logarithms have.
        logs = [*_logarithms(self.integrand), -self.exponent * sympy.log(self.variable)]
        try:
            limit = limit_of(sympy.Add(*logs), self.variable, sympy.oo, given=self.given)
        except SeriesError as error:
            return CheckResult(False, f"no exact series of the logarithm: {error}")
        if not is_zero(sympy.exp(limit) - self.amplitude):
            return CheckResult(False, f"the amplitude is exp({limit})")
        if not proves_at_least_zero(self.amplitude, self.given, strict=True):
            return CheckResult(False, f"the amplitude {self.amplitude} was not shown positive")
        if not isinstance(self.criterion, sympy.StrictLessThan | sympy.StrictGreaterThan):
            return CheckResult(False, "the criterion must be a strict inequality")
        if any(sympy.sympify(p).has(self.variable) for p in (self.exponent, self.criterion)):
            return CheckResult(False, f"exponent and criterion must not depend on {self.variable}")
        gap, _ = _gap_above_zero(self.criterion)
        if not is_zero(gap + self.exponent + 1):
            return CheckResult(False, "the criterion is not exponent < -1")
        return CheckResult(True, "the integrand is a power at infinity, integrable iff below -1")

    def broken(self) -> PowerTail:
        return replace(self, exponent=self.exponent + 1)


@dataclass(frozen=True)
class TaylorMatch:
    """lhs = rhs + O(variable^order) at 0: equal derivatives below `order` there.

    Undefined functions are smooth by hypothesis, so Taylor's theorem bounds the remainder.
    """

    lhs: sympy.Expr
    rhs: sympy.Expr
    variable: sympy.Symbol
    order: int

    def establishes(self) -> tuple[Statement, ...]:
        remainder = (self.lhs - self.rhs) / self.variable ** (self.order - 1)
        return (LimitStatement(remainder, sympy.S.Zero, self.variable, sympy.S.Zero),)

    def rough(self, expanded: Callable[[sympy.Expr], sympy.Expr]) -> str | None:
        """What is not smooth at 0 once names are replaced by what they stand for, or None."""
        return rough_near(expanded(self.lhs - self.rhs), self.variable, sympy.S.Zero)

    def run(self) -> CheckResult:
        gap = self.lhs - self.rhs
        rough = rough_near(gap, self.variable, sympy.S.Zero)
        if rough is not None:
            return CheckResult(False, f"the difference may be rough at 0: {rough}")
        for k in range(self.order):
            if not is_zero(gap.subs(self.variable, 0).doit()):
                return CheckResult(False, f"derivative {k} at 0 differs")
            gap = sympy.diff(gap, self.variable)
        return CheckResult(True, f"derivatives 0 to {self.order - 1} agree at 0")

    def broken(self) -> TaylorMatch:
        return replace(self, rhs=self.rhs + self.variable ** (self.order - 1))


@dataclass(frozen=True)
class Supremum:
    """`symbol` := the supremum of the `variable` > 0 that satisfy `variable < bound`.

    The variable runs through all positive numbers; what the symbol is assumed to be, the bound is
    shown to be.
    """

    symbol: sympy.Symbol
    criterion: Any
    variable: sympy.Symbol
    bound: sympy.Expr
    given: Intervals = field(default_factory=dict)

    def names(self) -> sympy.Basic:
        """The supremum is named here: the name must be new."""
        return self.symbol

    def meanings(self) -> dict[sympy.Expr, sympy.Expr]:
        """What the name stands for."""
        return {self.symbol: self.bound}

    def establishes(self) -> tuple[Statement, ...]:
        return (Equality(self.symbol, self.bound),)

    def run(self) -> CheckResult:
        if not isinstance(self.criterion, sympy.StrictLessThan | sympy.StrictGreaterThan):
            return CheckResult(False, "the criterion must be a strict inequality")
        gap, _ = _gap_above_zero(self.criterion)
        if sympy.sympify(self.bound).has(self.variable) or not is_zero(
            gap - (self.bound - self.variable)
        ):
            return CheckResult(False, "the criterion is not variable < bound")
        if not allowed(self.variable, sympy.S.Zero, sympy.oo):
            return CheckResult(False, f"{self.variable} does not run through (0, oo)")
        if sympy.sympify(self.bound).has(self.symbol):
            return CheckResult(False, f"{self.symbol} occurs in its own bound")
        if not proves_at_least_zero(self.bound, self.given, strict=True):
            return CheckResult(False, f"{self.bound} > 0 was not shown: the set may be empty")
        broken = broken_assumption(self.symbol, self.bound, self.given)
        if broken is not None:
            return CheckResult(False, f"{self.symbol} is {broken}, which was not shown")
        return CheckResult(True, "the supremum of an interval is its upper end")

    def broken(self) -> Supremum:
        return replace(self, bound=self.bound + 1)


@dataclass(frozen=True)
class Conjunction:
    """A property that holds iff all of several do (or do not), by criteria that imply each other.

    `parts` are pairs (established equivalence, whether its property or its negation is meant).
    One of the criteria must be `criterion`, and it must imply the others.
    """

    property: sympy.Basic
    parts: tuple[tuple[Equivalence, bool], ...]
    criterion: Any

    def names(self) -> sympy.Basic:
        """The property is named here: the name must be new."""
        return self.property

    def requires(self) -> tuple[Statement, ...]:
        return tuple(part for part, _ in self.parts)

    def establishes(self) -> tuple[Statement, ...]:
        return (Equivalence(self.property, self.criterion),)

    def run(self) -> CheckResult:
        wanted, strict = _gap_above_zero(self.criterion)
        exact = False
        for part, meant in self.parts:
            condition = part.rhs if meant else sympy.Not(part.rhs)
            gap, open_end = _gap_above_zero(condition)
            factor = sympy.cancel(gap / wanted)
            if not (factor.is_Rational and factor.is_positive):
                return CheckResult(False, f"{condition} is not a condition on the same quantity")
            if open_end and not strict:
                return CheckResult(False, f"{condition} is stronger than the criterion")
            exact = exact or open_end == strict
        if not exact:
            return CheckResult(False, "the criterion is stronger than the conditions together")
        return CheckResult(True, "the criterion is one of the conditions and implies the others")

    def broken(self) -> Conjunction:
        return replace(self, criterion=sympy.Not(self.criterion))


def _gap_above_zero(condition: Any) -> tuple[sympy.Expr, bool]:
    """The expression that an inequality compares with 0 from above, and whether strictly."""
    gap = condition.gts - condition.lts
    return gap, isinstance(condition, sympy.StrictLessThan | sympy.StrictGreaterThan)
