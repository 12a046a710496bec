"""Limits of integrals by dominated convergence, and the bounds that majorants are made of."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import sympy

from exitlaw.checks import CheckResult, Inequality
from exitlaw.claim import Bound, Equality, LimitStatement, Statement
from exitlaw.convergence import Limits, integrable
from exitlaw.positivity import Intervals, allowed, proves_at_least_zero


@dataclass(frozen=True)
class SplitIntegral:
    """∫_a^c f = ∫_a^b f + ∫_b^c f for f shown absolutely integrable on (a, c), b inside."""

    integrand: sympy.Expr
    limits: Limits
    at: sympy.Expr
    given: Intervals = field(default_factory=dict)

    def establishes(self) -> tuple[Statement, ...]:
        variable, low, high = self.limits
        parts = (sympy.Integral(self.integrand, (variable, *ends))
                 for ends in ((low, self.at), (self.at, high)))  # fmt: skip
        return (Equality(sympy.Integral(self.integrand, self.limits), sympy.Add(*parts)),)

    def run(self) -> CheckResult:
        variable, low, high = self.limits
        for end, sign in ((low, 1), (high, -1)):
            gap = sign * (self.at - end)
            if not (end.is_infinite or proves_at_least_zero(gap, self.given, strict=True)):
                return CheckResult(False, f"{self.at} was not shown to lie inside")
        if not allowed(variable, low, high, self.given):
            return CheckResult(False, f"{variable} does not run through the interval")
        diverges = integrable(self.integrand, self.limits, self.given)
        if diverges is not None:
            return CheckResult(False, f"the integral may diverge: {diverges}")
        return CheckResult(True, "the integral converges absolutely and may be split")

    def broken(self) -> SplitIntegral:
        _, low, high = self.limits
        if high.is_infinite and low.is_infinite:
            return replace(self, integrand=self.integrand + 1)
        return replace(self, at=low - 1 if high.is_infinite else high + 1)


@dataclass(frozen=True)
class PowerBound:
    """base^e <= lower^e where e <= 0, upper^e where e >= 0, else their sum.

    0 < lower <= base <= upper is shown by exact positivity under `given`, and so is the sign of e
    where only one of the two is used (the other bound is then not needed).
    """

    base: sympy.Expr
    exponent: sympy.Expr
    lower: sympy.Expr | None
    upper: sympy.Expr | None
    given: Intervals = field(default_factory=dict)

    def establishes(self) -> tuple[Statement, ...]:
        ends = [end**self.exponent for end in (self.lower, self.upper) if end is not None]
        return (Bound(self.base**self.exponent, sympy.Add(*ends)),)

    def run(self) -> CheckResult:
        if self.lower is None and self.upper is None:
            return CheckResult(False, "a power needs a bound of its base")
        if not self.exponent.is_real:
            return CheckResult(False, f"the exponent {self.exponent} is not real")
        for side, sign in ((self.lower, 1), (self.upper, -1)):
            if side is None and not proves_at_least_zero(sign * self.exponent, self.given):
                return CheckResult(False, f"the sign of {self.exponent} was not shown")
        floor = self.base if self.lower is None else self.lower
        if not proves_at_least_zero(floor, self.given, strict=True):
            return CheckResult(False, f"{floor} > 0 was not shown")
        for low, high in ((self.lower, self.base), (self.base, self.upper)):
            if low is not None and high is not None:
                bound = Inequality(low, high, self.given).run()
                if not bound.ok:
                    return bound
        return CheckResult(True, "a power of a base between positive bounds is below one of theirs")

    def broken(self) -> PowerBound:
        lower = None if self.lower is None else self.base + 1
        upper = None if self.upper is None else self.base / 2
        return replace(self, lower=lower, upper=upper)


@dataclass(frozen=True)
class ProductBound:
    """f g <= F G from 0 <= f <= F, shown by exact positivity, and 0 <= g <= G, established."""

    factor: sympy.Expr
    bound: sympy.Expr
    by: Bound
    given: Intervals = field(default_factory=dict)

    def requires(self) -> tuple[Statement, ...]:
        return (self.by,)

    def establishes(self) -> tuple[Statement, ...]:
        return (Bound(self.factor * self.by.lhs, self.bound * self.by.rhs),)

    def run(self) -> CheckResult:
        for part in (self.factor, self.by.lhs):
            if not proves_at_least_zero(part, self.given):
                return CheckResult(False, f"{part} >= 0 was not shown")
        result = Inequality(self.factor, self.bound, self.given).run()
        return CheckResult(True, "both factors are >= 0 and bounded") if result.ok else result

    def broken(self) -> ProductBound:
        return replace(self, factor=self.bound + 1, bound=self.factor)


@dataclass(frozen=True)
class DominatedConvergence:
    """∫ g(q, t) dt -> ∫ g_0(t) dt as q -> oo, from g -> g_0 at every t and 0 <= g <= G(t).

    The pointwise `limit` and the bound `by` are established, for every t of the interval; the
    majorant G does not depend on q and is shown integrable under `given`.
    """

    limit: LimitStatement
    by: Bound
    limits: Limits
    given: Intervals = field(default_factory=dict)

    def requires(self) -> tuple[Statement, ...]:
        return (self.limit, self.by)

    def establishes(self) -> tuple[Statement, ...]:
        before, after = (sympy.Integral(side, self.limits)
                         for side in (self.limit.lhs, self.limit.rhs))  # fmt: skip
        return (LimitStatement(before, after, self.limit.variable, self.limit.to),)

    def run(self) -> CheckResult:
        variable, low, high = self.limits
        moving = self.limit.variable
        if self.by.lhs != self.limit.lhs:
            return CheckResult(False, "the bound is not one of the integrand")
        if self.limit.rhs.has(moving) or self.by.rhs.has(moving) or variable == moving:
            return CheckResult(False, f"limit and majorant must not depend on {moving}")
        if any(sympy.sympify(end).has(moving) for end in (low, high)):
            return CheckResult(False, f"the interval moves with {moving}")
        if not allowed(variable, low, high, self.given):
            return CheckResult(False, f"{variable} does not run through the interval")
        inside = {**self.given, variable: (low, high)}
        if not proves_at_least_zero(self.limit.lhs, inside):
            return CheckResult(False, f"{self.limit.lhs} >= 0 was not shown")
        diverges = integrable(self.by.rhs, self.limits, self.given)
        if diverges is not None:
            return CheckResult(False, f"the majorant may not be integrable: {diverges}")
        return CheckResult(True, "dominated convergence: an integrable majorant for every q")

    def broken(self) -> DominatedConvergence:
        return replace(self, by=replace(self.by, lhs=self.by.lhs + 1))
