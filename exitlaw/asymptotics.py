"""Checks for limits built from limits: continuous functions of them, and changes of variable.

A limit whose right side depends on the variable means that lhs/rhs -> 1; here it is read as the
limit of that quotient.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import sympy

from exitlaw.checks import CheckResult
from exitlaw.claim import Equality, LimitStatement, Statement
from exitlaw.positivity import (
    CONTINUOUS,
    Intervals,
    allowed,
    bound_symbols,
    proves_at_least_zero,
)
from exitlaw.scope import Condition, under
from theory.normal_form import is_zero


def as_quotient(limit: LimitStatement) -> tuple[sympy.Expr, sympy.Expr]:
    """What tends to what: (lhs, rhs), or (lhs/rhs, 1) where rhs depends on the variable."""
    lhs, rhs = sympy.sympify(limit.lhs), sympy.sympify(limit.rhs)
    if rhs.has(limit.variable):
        return lhs / rhs, sympy.S.One
    return lhs, rhs


def _vanishes(expression: sympy.Expr) -> bool:
    """Zero in normal form, as written or with products of symbolic powers gathered."""
    if is_zero(expression):
        return True
    return bool(is_zero(sympy.powsimp(sympy.expand(expression))))


def _is_infinite(value: sympy.Expr) -> bool:
    """Whether oo occurs in a value, apart from the ends of integrals."""
    outside = value.xreplace({part: sympy.Dummy() for part in value.atoms(sympy.Integral)})
    return bool(outside.has(sympy.oo, sympy.zoo, sympy.nan))


@dataclass(frozen=True)
class ContinuousImage:
    """f(l_1, l_2, ...) -> f(r_1, r_2, ...) where l_i -> r_i and f is continuous at the limits.

    `parts` are pairs (placeholder, established limit), all of one variable; `function` is f in the
    placeholders. Continuity is shown by its structure: sums, products, powers of what does not
    tend to 0, real powers and logarithms of what tends to a positive number, exponentials.
    """

    parts: tuple[tuple[sympy.Symbol, LimitStatement], ...]
    function: sympy.Expr
    result: LimitStatement
    given: Intervals = field(default_factory=dict)

    def requires(self) -> tuple[Statement, ...]:
        return tuple(limit for _, limit in self.parts if limit.lhs != limit.variable)

    def establishes(self) -> tuple[Statement, ...]:
        return (self.result,)

    def run(self) -> CheckResult:
        variable, to = self.result.variable, self.result.to
        if any(limit.variable != variable or limit.to != to for _, limit in self.parts):
            return CheckResult(False, "the limits are of different variables")
        for _, limit in self.parts:
            if limit.lhs == variable and limit.rhs != to:
                return CheckResult(False, f"{variable} does not tend to {limit.rhs}")
        quotients = {place: as_quotient(limit) for place, limit in self.parts}
        if (self.function.free_symbols - set(quotients)) & {variable}:
            return CheckResult(False, f"the function depends on {variable} itself")
        targets = {place: target for place, (_, target) in quotients.items()}
        infinite = [target for target in targets.values() if _is_infinite(target)]
        whole = self.function.xreplace(targets)
        if infinite and not (whole in (sympy.oo, -sympy.oo) or whole.is_finite):
            return CheckResult(False, f"the function of the limits is {whole}")
        obstacle = self._discontinuity(self.function, targets)
        if obstacle is not None:
            return CheckResult(False, f"continuity was not shown: {obstacle}")
        moving, target = as_quotient(self.result)
        sources = {place: source for place, (source, _) in quotients.items()}
        if not _vanishes(self.function.xreplace(sources) - moving):
            return CheckResult(False, "the function of the left sides is not the stated left side")
        if not _vanishes(self.function.xreplace(targets) - target):
            return CheckResult(False, "the function of the limits is not the stated limit")
        return CheckResult(True, "a continuous function of established limits")

    def _discontinuity(
        self, function: sympy.Expr, targets: Mapping[sympy.Symbol, sympy.Expr]
    ) -> str | None:
        """The part whose continuity was not shown; None if there is none."""
        if not function.free_symbols & set(targets) or function in targets:
            return None
        for argument in function.args:
            inner = self._discontinuity(argument, targets)  # type: ignore[arg-type]
            if inner is not None:
                return inner
        if isinstance(function, sympy.Add | sympy.Mul | sympy.exp):
            return None
        if isinstance(function, sympy.Pow):
            base, exponent = function.as_base_exp()
            if exponent.is_Integer and exponent.is_nonnegative:
                return None
            if not exponent.is_real:
                return str(function)
            if self._positive(base, targets) or (
                exponent.is_Integer and self._positive(-base, targets)
            ):
                return None
        if isinstance(function, sympy.log) and self._positive(function.args[0], targets):
            return None
        return str(function)

    def _positive(self, expression: sympy.Expr, targets: Mapping[sympy.Symbol, sympy.Expr]) -> bool:
        value: Any = expression.xreplace(dict(targets))
        return bool(value.is_positive) or proves_at_least_zero(
            sympy.sympify(value), self.given, strict=True
        )

    def broken(self) -> ContinuousImage:
        if self.result.rhs.has(self.result.variable):
            return replace(self, result=replace(self.result, rhs=2 * self.result.rhs))
        return replace(self, result=replace(self.result, rhs=self.result.rhs + 1))


@dataclass(frozen=True)
class Law:
    """A probability law: a density >= 0 on an interval, with mass 1."""

    variable: sympy.Symbol
    density: sympy.Expr
    low: sympy.Expr
    high: sympy.Expr

    def mean(self, function: sympy.Expr) -> sympy.Expr:
        """The average of a function, as an integral."""
        limits = (self.variable, self.low, self.high)
        return sympy.Integral(function * self.density, limits)  # type: ignore[return-value]

    @property
    def normalised(self) -> Equality:
        """That the mass is 1, which has to be established."""
        return Equality(self.mean(sympy.S.One), sympy.S.One)

    def defect(self) -> str | None:
        """Why this is no law for every parameter, apart from its mass; or None."""
        inside = {self.variable: (self.low, self.high)}
        if not allowed(self.variable, self.low, self.high):
            return f"{self.variable} does not run through the interval"
        if not proves_at_least_zero(self.density, inside):
            return f"the density {self.density} was not shown >= 0"
        return None


@dataclass(frozen=True)
class FirstTermExpansion:
    """(integral - 1)/small -> first, from the expansion of its integrand under a fixed law.

    `integral = E g(small, Z)`, `g = 1 + small g1 + o(small)` at every Z (the established
    `expansion`), the law has mass 1 and `E g1 = first` (established). That g is dominated is not
    checked: `dominated` says why, and has to be among the claim's hypotheses.
    """

    integral: sympy.Expr
    first: Equality
    integrand: sympy.Expr
    term: sympy.Expr
    law: Law
    small: sympy.Symbol
    dominated: str

    @property
    def assumes(self) -> tuple[str, ...]:
        """Hypotheses that the claim has to state."""
        return (self.dominated,)

    @property
    def limits(self) -> tuple[sympy.Expr, ...]:
        """What was shown pointwise is needed wherever the law has its mass."""
        return (self.law.variable, self.law.low, self.law.high)

    @property
    def expansion(self) -> LimitStatement:
        """The pointwise expansion that has to be established before."""
        remainder = (self.integrand - (1 + self.small * self.term)) / self.small
        return LimitStatement(remainder, sympy.S.Zero, self.small, sympy.S.Zero)

    def requires(self) -> tuple[Statement, ...]:
        average = Equality(self.integral, self.law.mean(self.integrand))
        return (self.expansion, self.law.normalised, self.first, average)

    def establishes(self) -> tuple[Statement, ...]:
        quotient = (self.integral - 1) / self.small
        return (LimitStatement(quotient, self.first.rhs, self.small, sympy.S.Zero),)

    def run(self) -> CheckResult:
        obstacle = _misstated(self.law, ((self.first, self.term),), self.small)
        if obstacle is not None:
            return CheckResult(False, obstacle)
        return CheckResult(True, "dominated convergence: the expansion averaged term by term")

    def broken(self) -> FirstTermExpansion:
        return replace(self, first=replace(self.first, lhs=self.first.lhs + 1))


def _misstated(
    law: Law, terms: tuple[tuple[Equality, sympy.Expr], ...], small: sympy.Symbol
) -> str | None:
    """Why averages under the law are not what an expansion needs, or None."""
    defect = law.defect()
    if defect is not None:
        return defect
    if law.density.has(small) or small in (law.low, law.high):
        return f"the law moves with {small}"
    for equality, term in terms:
        if equality.lhs != law.mean(term):
            return f"{equality.lhs} is not the average of {term}"
        if term.has(small) or equality.rhs.has(small, law.variable):
            return f"{term} and its average must not depend on {small}"
    return None


@dataclass(frozen=True)
class TermwiseExpansion:
    """(integral - 1)/small^2 -> second, from the expansion of its integrand under a fixed law.

    `integral = E g(small, Z)`, `g = 1 + small g1 + small^2 g2 + o(small^2)` at every Z (the
    established `expansion`), the law has mass 1, `E g1 = 0` and `E g2 = second` (established).
    Where g is dominated, the expansion may be averaged term by term: dominated convergence. That it
    is, is not checked: `dominated` says why, and has to be among the claim's hypotheses. The result
    is stated in `rate = small^2`, small > 0.
    """

    integral: sympy.Expr
    first: Equality
    second: Equality
    integrand: sympy.Expr
    terms: tuple[sympy.Expr, sympy.Expr]
    """g1 and g2; the averages in `first` and `second` are of these."""
    law: Law
    small: sympy.Symbol
    rate: sympy.Symbol
    dominated: str

    @property
    def assumes(self) -> tuple[str, ...]:
        """Hypotheses that the claim has to state."""
        return (self.dominated,)

    @property
    def limits(self) -> tuple[sympy.Expr, ...]:
        """What was shown pointwise is needed wherever the law has its mass."""
        return (self.law.variable, self.law.low, self.law.high)

    @property
    def expansion(self) -> LimitStatement:
        """The pointwise expansion that has to be established before."""
        g1, g2 = self.terms
        known = 1 + self.small * g1 + self.small**2 * g2
        remainder = (self.integrand - known) / self.small**2
        return LimitStatement(remainder, sympy.S.Zero, self.small, sympy.S.Zero)

    def requires(self) -> tuple[Statement, ...]:
        average = Equality(self.integral, self.law.mean(self.integrand))
        return (self.expansion, self.law.normalised, self.first, self.second, average)

    def establishes(self) -> tuple[Statement, ...]:
        quotient = (self.integral.subs(self.small, sympy.sqrt(self.rate)) - 1) / self.rate
        return (LimitStatement(quotient, self.second.rhs, self.rate, sympy.S.Zero),)

    def run(self) -> CheckResult:
        averages = tuple(zip((self.first, self.second), self.terms, strict=True))
        obstacle = _misstated(self.law, averages, self.small)
        if obstacle is not None:
            return CheckResult(False, obstacle)
        if self.first.rhs != 0:
            return CheckResult(False, "the average of order sqrt(rate) is not 0")
        if not (self.small.is_positive and self.rate.is_positive):
            return CheckResult(False, f"{self.small} and {self.rate} = {self.small}^2 are positive")
        if any(part.has(self.rate) for part in (self.integral, self.integrand, self.second.rhs)):
            return CheckResult(False, f"{self.rate} occurs beside {self.small}")
        return CheckResult(True, "dominated convergence: the expansion averaged term by term")

    def broken(self) -> TermwiseExpansion:
        return replace(self, first=replace(self.first, rhs=self.first.rhs + 1))


@dataclass(frozen=True)
class Composition:
    """F(g) -> value as x -> x0 where F(z) -> value as z -> z0 and g(x) -> z0.

    `outer` and `inner` are established; z0 is approached, not taken: `inner.lhs` differs from z0
    near x0 because z0 is infinite, or because g is shown to be positive (z0 = 0).
    """

    outer: LimitStatement
    inner: LimitStatement
    given: Intervals = field(default_factory=dict)

    def requires(self) -> tuple[Statement, ...]:
        return (self.outer, self.inner)

    @property
    def result(self) -> LimitStatement:
        """The limit of the composed expression."""
        moving, target = as_quotient(self.outer)
        composed = moving.subs(self.outer.variable, self.inner.lhs)
        return LimitStatement(composed, target, self.inner.variable, self.inner.to)

    def establishes(self) -> tuple[Statement, ...]:
        return (self.result,)

    def run(self) -> CheckResult:
        if self.inner.rhs.has(self.inner.variable):
            return CheckResult(False, f"{self.inner.rhs} is no limit that could be put in")
        if not set(self.outer.variable._assumptions_orig) <= CONTINUOUS | {"nonzero"}:
            return CheckResult(False, f"the outer limit is taken along {self.outer.variable} only")
        fixed = (self.outer.lhs.free_symbols | self.outer.rhs.free_symbols) - {self.outer.variable}
        if self.inner.variable in fixed:
            return CheckResult(False, f"the outer limit holds for fixed {self.inner.variable}")
        caught = self.inner.lhs.free_symbols & (
            bound_symbols(self.outer.lhs) | bound_symbols(self.outer.rhs)
        )
        if caught:
            return CheckResult(False, f"{caught.pop()} is bound in the outer limit")
        if self.inner.rhs != self.outer.to:
            return CheckResult(False, f"the inner limit is {self.inner.rhs}, not {self.outer.to}")
        if self.outer.to in (sympy.oo, -sympy.oo):
            return CheckResult(True, "composition of limits; the inner one is infinite")
        if self.outer.to == 0 and self.outer.variable.is_nonpositive:
            return CheckResult(
                False, f"the outer limit is that of {self.outer.variable} from below"
            )
        if self.outer.to == 0 and proves_at_least_zero(self.inner.lhs, self.given, strict=True):
            return CheckResult(
                True, "composition of limits; the inner one is approached from above"
            )
        return CheckResult(False, f"it was not shown that {self.inner.lhs} avoids its limit")

    def broken(self) -> Composition:
        return replace(self, inner=replace(self.inner, rhs=self.inner.rhs + 1 if
                                           self.inner.rhs.is_finite else sympy.S.Zero))  # fmt: skip


@dataclass(frozen=True)
class PowerLimit:
    """coefficient * base^exponent -> 0 or oo as base -> oo, by the sign of a symbolic exponent."""

    coefficient: sympy.Expr
    base: sympy.Symbol
    exponent: sympy.Expr
    given: Intervals = field(default_factory=dict)
    rises: bool = True

    def establishes(self) -> tuple[Statement, ...]:
        power = self.coefficient * self.base**self.exponent
        limit = sympy.oo if self.rises else sympy.S.Zero
        return (LimitStatement(power, limit, self.base, sympy.oo),)

    def run(self) -> CheckResult:
        for part in (self.coefficient, self.exponent):
            if sympy.sympify(part).has(self.base):
                return CheckResult(False, f"{part} depends on {self.base}")
        if not proves_at_least_zero(sympy.sympify(self.coefficient), self.given, strict=True):
            return CheckResult(False, "the coefficient was not shown positive")
        sign = 1 if self.rises else -1
        if not proves_at_least_zero(sign * self.exponent, self.given, strict=True):
            return CheckResult(False, f"the sign of {self.exponent} was not shown")
        return CheckResult(True, "a power of the variable with an exponent of known sign")

    def broken(self) -> PowerLimit:
        return replace(self, rises=not self.rises)


@dataclass(frozen=True)
class CaseSplit:
    """One statement whose right side is given case by case, from the statements of the cases.

    `cases` are pairs (condition on the parameters, established statement); `result` has the right
    side `Piecewise` of the cases in this order, the last one for all that is left. Of limits, each
    case has the left side of the result; of equalities, the left side of the result must have been
    shown to be the `Piecewise` of theirs. What a case needs (the intervals of its steps) its
    condition has to imply, with the conditions before it negated; what it does not imply, the
    claim's domain has to grant.
    """

    cases: tuple[tuple[sympy.Basic, LimitStatement | Equality], ...]
    result: LimitStatement | Equality

    def _by_cases(self, side: str) -> sympy.Expr:
        return sympy.Piecewise(
            *((getattr(statement, side), condition) for condition, statement in self.cases)
        )

    def requires(self) -> tuple[Statement, ...]:
        statements = tuple(statement for _, statement in self.cases)
        if isinstance(self.result, LimitStatement):
            return statements
        return (*statements, Equality(self.result.lhs, self._by_cases("lhs")))

    def establishes(self) -> tuple[Statement, ...]:
        return (self.result,)

    def combine_conditions(
        self, needed: Mapping[Statement, tuple[Condition, ...]]
    ) -> tuple[Condition, ...]:
        """The conditions of each case, needed where the case applies."""
        combined: list[Condition] = []
        earlier: list[sympy.Basic] = []
        for condition, statement in self.cases:
            premises = [*earlier] if condition == sympy.true else [*earlier, condition]
            combined += under(premises, needed[statement])
            earlier.append(sympy.Not(condition))
        cases = {statement for _, statement in self.cases}
        for statement, conditions in needed.items():
            if statement not in cases:
                combined += conditions
        return tuple(combined)

    def run(self) -> CheckResult:
        for _, statement in self.cases:
            if type(statement) is not type(self.result):
                return CheckResult(False, "a case is about another kind of relation")
            if isinstance(statement, LimitStatement) and isinstance(self.result, LimitStatement):
                wanted = (self.result.lhs, self.result.variable, self.result.to)
                if (statement.lhs, statement.variable, statement.to) != wanted:
                    return CheckResult(False, "a case is about another limit")
                if any(condition.has(statement.variable) for condition, _ in self.cases):
                    return CheckResult(False, "a condition is about the limit's own variable")
        if not self.cases or self.cases[-1][0] != sympy.true:
            return CheckResult(False, "the last case must be that of all that is left")
        if any(condition == sympy.false for condition, _ in self.cases):
            return CheckResult(False, "a case never applies")
        if self._by_cases("rhs") != self.result.rhs:
            return CheckResult(False, "the cases are not those of the stated right side")
        return CheckResult(True, "the stated right side is that of the case in every case")

    def broken(self) -> CaseSplit:
        return replace(self, result=replace(self.result, rhs=2 * self.result.rhs))
