"""Checks for limits built from limits: continuous functions of them, and changes of variable.

A limit whose right side depends on the variable means that lhs/rhs -> 1; here it is read as the
limit of that quotient.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import sympy

from exitlaw.checks import CheckResult
from exitlaw.claim import Equality, LimitStatement, Statement
from exitlaw.positivity import Intervals, proves_at_least_zero
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
class FirstTermExpansion:
    """(integral - 1)/small -> first, from the expansion of its integrand under a fixed law.

    `integral = E g(small, Z)`, `g = 1 + small g1 + O(small^2)` at every Z (the established
    `expansion`) and `E g1 = first` (established); g is dominated by hypothesis of the claim.
    """

    integral: sympy.Expr
    first: Equality
    integrand: sympy.Expr
    term: sympy.Expr
    mean: Callable[[sympy.Expr], sympy.Expr]
    small: sympy.Symbol

    @property
    def expansion(self) -> LimitStatement:
        """The pointwise expansion that has to be established before."""
        remainder = (self.integrand - (1 + self.small * self.term)) / self.small
        return LimitStatement(remainder, sympy.S.Zero, self.small, sympy.S.Zero)

    def requires(self) -> tuple[Statement, ...]:
        return (self.expansion, self.first, Equality(self.integral, self.mean(self.integrand)))

    def establishes(self) -> tuple[Statement, ...]:
        quotient = (self.integral - 1) / self.small
        return (LimitStatement(quotient, self.first.rhs, self.small, sympy.S.Zero),)

    def run(self) -> CheckResult:
        if self.first.lhs != self.mean(self.term):
            return CheckResult(False, f"{self.first.lhs} is not the average of {self.term}")
        return CheckResult(True, "dominated convergence: the expansion averaged term by term")

    def broken(self) -> FirstTermExpansion:
        return replace(self, first=replace(self.first, lhs=self.first.lhs + 1))


@dataclass(frozen=True)
class TermwiseExpansion:
    """(integral - 1)/small^2 -> second, from the expansion of its integrand under a normal law.

    `integral = E g(small, Z)`, `g = 1 + small g1 + small^2 g2 + O(small^3)` at every Z (the
    established `expansion`), `E g1 = 0` and `E g2 = second` (established). Where g is dominated,
    which is a hypothesis of the claim, the expansion may be averaged term by term: dominated
    convergence. `rate = small^2` is the variable of the result.
    """

    integral: sympy.Expr
    first: Equality
    second: Equality
    integrand: sympy.Expr
    terms: tuple[sympy.Expr, sympy.Expr]
    """g1 and g2; the averages in `first` and `second` are of these."""
    mean: Callable[[sympy.Expr], sympy.Expr]
    small: sympy.Symbol
    rate: sympy.Symbol

    @property
    def expansion(self) -> LimitStatement:
        """The pointwise expansion that has to be established before."""
        g1, g2 = self.terms
        known = 1 + self.small * g1 + self.small**2 * g2
        remainder = (self.integrand - known) / self.small**2
        return LimitStatement(remainder, sympy.S.Zero, self.small, sympy.S.Zero)

    def requires(self) -> tuple[Statement, ...]:
        average = Equality(self.integral, self.mean(self.integrand))
        return (self.expansion, self.first, self.second, average)

    def establishes(self) -> tuple[Statement, ...]:
        quotient = (self.integral - 1) / self.rate
        return (LimitStatement(quotient, self.second.rhs, self.rate, sympy.S.Zero),)

    def run(self) -> CheckResult:
        for equality, term in zip((self.first, self.second), self.terms, strict=True):
            if equality.lhs != self.mean(term):
                return CheckResult(False, f"{equality.lhs} is not the average of {term}")
        if self.first.rhs != 0:
            return CheckResult(False, "the average of order sqrt(rate) is not 0")
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
        fixed = (self.outer.lhs.free_symbols | self.outer.rhs.free_symbols) - {self.outer.variable}
        if self.inner.variable in fixed:
            return CheckResult(False, f"the outer limit holds for fixed {self.inner.variable}")
        if self.inner.rhs != self.outer.to:
            return CheckResult(False, f"the inner limit is {self.inner.rhs}, not {self.outer.to}")
        if self.outer.to in (sympy.oo, -sympy.oo):
            return CheckResult(True, "composition of limits; the inner one is infinite")
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
    """One limit whose right side is given case by case, from the limits of the cases.

    `cases` are pairs (condition on the parameters, established limit); `result` has the right side
    `Piecewise` of the cases in this order.
    """

    cases: tuple[tuple[sympy.Basic, LimitStatement], ...]
    result: LimitStatement

    def requires(self) -> tuple[Statement, ...]:
        return tuple(limit for _, limit in self.cases)

    def establishes(self) -> tuple[Statement, ...]:
        return (self.result,)

    def run(self) -> CheckResult:
        for _, limit in self.cases:
            if (limit.lhs, limit.variable, limit.to) != (
                self.result.lhs,
                self.result.variable,
                self.result.to,
            ):
                return CheckResult(False, "a case is about another limit")
        stated = sympy.Piecewise(*((limit.rhs, condition) for condition, limit in self.cases))
        if stated != self.result.rhs:
            return CheckResult(False, "the cases are not those of the stated right side")
        return CheckResult(True, "the stated right side is that of the case in every case")

    def broken(self) -> CaseSplit:
        return replace(self, result=replace(self.result, rhs=2 * self.result.rhs))
