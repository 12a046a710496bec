"""Solutions of linear differential equations, and that there is no other one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import sympy

from exitlaw.checks import CheckResult, Pair
from exitlaw.claim import Equality, Statement
from exitlaw.positivity import (
    Intervals,
    continuous_on,
    keeps_its_sign,
    proves_at_least_zero,
    runs_through_an_interval,
)
from exitlaw.relations import broken_assumption, is_zero


def _singular(
    coefficients: list[sympy.Expr], inhomogeneity: sympy.Expr, given: Intervals
) -> str | None:
    """Where c_n may be 0, or a coefficient or the inhomogeneity singular; or None."""
    leading = coefficients[-1]
    if not keeps_its_sign(leading, given):
        return f"the coefficient {leading} of the highest derivative may be 0"
    for part in (*coefficients[:-1], inhomogeneity) if len(coefficients) > 1 else ():
        rough = continuous_on(sympy.sympify(part), given)
        if rough is not None:
            return f"a coefficient may be singular: {rough}"
    return None


@dataclass(frozen=True)
class SolvesODE:
    """unknown = solution: it satisfies a linear equation with conditions that allow one solution.

    `equation` (= 0) is an expression in the applied function `unknown`, e.g. `f(x)`, and its
    derivatives. `conditions` are pairs (expression in the unknown, value) such as
    `(f(x).subs(x, B), 0)`, or `(f(x).diff(x).subs(x, B), 0)` for a derivative at a point.

    Uniqueness is shown for equations c_n f^(n) + ... + c_0 f = g with continuous c_k and g, c_n
    nowhere 0 under `given`, on an interval that holds the points of the conditions, and

    - the values of f, ..., f^(n-1) at one point (the initial value problem), or
    - n = 2, c_0 = 0 and the values of f at two points that are shown to differ (c_2 f'' + c_1 f'
      = 0 makes f' keep its sign), or
    - `constant`: f does not depend on the variable by hypothesis, so that c_0 f = g, c_0 not 0.
    """

    equation: sympy.Expr
    unknown: sympy.Expr
    solution: sympy.Expr
    conditions: tuple[Pair, ...] = ()
    given: Intervals = field(default_factory=dict)
    constant: bool = False

    def establishes(self) -> tuple[Statement, ...]:
        return (Equality(self.unknown, self.solution),)

    def names(self) -> sympy.Expr:
        """The unknown, which must be new: earlier steps would have taken it as smooth anywhere."""
        return self.unknown

    def meanings(self) -> dict[sympy.Expr, sympy.Expr]:
        """The unknown stands for the one solution: it is no arbitrary function any more."""
        return {self.unknown: self.solution}

    def _put(self, expression: sympy.Expr) -> sympy.Expr:
        function = sympy.Lambda(self.unknown.args, self.solution)
        put: Any = expression.replace(self.unknown.func, function)
        return put.doit(integrals=False)

    def run(self) -> CheckResult:
        rests = [("the residual", self._put(self.equation))]
        for expression, value in self.conditions:
            rests.append((f"condition {expression} - {value}", self._put(expression) - value))
        for what, rest in rests:
            if not is_zero(rest):
                return CheckResult(False, f"{what} does not reduce to 0: {sympy.sstr(rest)[:300]}")
        broken = broken_assumption(self.unknown, self.solution, self.given)
        if broken is not None:
            return CheckResult(False, f"{self.unknown} is {broken}, which was not shown")
        obstacle = self._another_solution()
        if obstacle is not None:
            return CheckResult(False, f"uniqueness was not shown: {obstacle}")
        return CheckResult(True, "the residual reduces to 0 in normal form; no other solution")

    def _another_solution(self) -> str | None:
        """What leaves room for another solution, or None."""
        if len(self.unknown.args) != 1 or not isinstance(self.unknown.args[0], sympy.Symbol):
            return f"{self.unknown} is no function of one variable"
        if not runs_through_an_interval(self.unknown.args[0]):
            return f"the values of {self.unknown.args[0]} are no interval"
        coefficients = self._coefficients()
        if isinstance(coefficients, str):
            return coefficients
        if self.constant:
            if self.conditions or self.solution.has(self.unknown.args[0]):
                return "a constant has no conditions and does not depend on the variable"
            return None if keeps_its_sign(coefficients[0], self.given) else "c_0 may be 0"
        obstacle = _singular(coefficients, self._inhomogeneity(), self.given)
        return obstacle or self._undetermined(coefficients) or self._out_of_reach(coefficients)

    def rough(self, expanded: Callable[[sympy.Expr], sympy.Expr]) -> str | None:
        """What may be singular once other names are replaced by their meanings, or None."""
        coefficients = self._coefficients()
        if self.constant or isinstance(coefficients, str):
            return None
        meant = [expanded(sympy.sympify(part)) for part in coefficients]
        return _singular(meant, expanded(self._inhomogeneity()), self.given)

    def _inhomogeneity(self) -> sympy.Expr:
        """g, up to its sign: what is left of the equation for f = 0."""
        zero = sympy.Lambda(self.unknown.args, sympy.S.Zero)
        left: Any = self.equation.replace(self.unknown.func, zero)
        return left.doit(integrals=False)

    def _out_of_reach(self, coefficients: list[sympy.Expr]) -> str | None:
        """A point of a condition that is not inside, if the equation is singular on the way."""
        variable: Any = self.unknown.args[0]
        low, high = self.given.get(variable, (-sympy.oo, sympy.oo))
        line = sympy.Dummy(variable.name, real=True)
        for expression, _ in self.conditions:
            place = self._place(expression)
            point: Any = None if place is None else place[0]
            gaps = [point - end for end in (low,) if end != -sympy.oo]
            gaps += [end - point for end in (high,) if end != sympy.oo]
            gaps += [point] if variable.is_nonnegative else []
            gaps += [-point] if variable.is_nonpositive else []
            closed = bool(variable.is_nonnegative) and not variable.is_positive
            closed = closed or (bool(variable.is_nonpositive) and not variable.is_negative)
            if all(
                proves_at_least_zero(
                    gap, self.given, strict=not (closed and gap in (point, -point))
                )
                for gap in gaps
            ):
                continue
            # Not inside: the equation has to be regular on the whole line.
            others = {s: ends for s, ends in self.given.items() if s != variable}
            moved: Any = [sympy.sympify(c).xreplace({variable: line}) for c in coefficients]
            rest: Any = self._inhomogeneity().xreplace({variable: line})
            if _singular(moved, rest, others) is not None:
                return f"{point} was not shown to lie in the interval of {variable}"
        return None

    def _coefficients(self) -> list[sympy.Expr] | str:
        """c_0, ..., c_n; or why the equation is not linear."""
        (variable,) = self.unknown.args
        equation: Any = sympy.expand(self.equation.doit(integrals=False))
        derivatives = {
            part: part.derivative_count
            for part in equation.atoms(sympy.Derivative)
            if part.expr == self.unknown
        }
        order = max(derivatives.values(), default=0)
        names = [sympy.Dummy(f"d{k}") for k in range(order + 1)]
        if any(set(part.variables) != {variable} for part in derivatives):
            return "a derivative is not by the variable"
        rest = equation.xreplace({part: names[k] for part, k in derivatives.items()})
        rest = sympy.sympify(rest.xreplace({self.unknown: names[0]}))
        if rest.has(self.unknown.func):
            return f"{self.unknown.func} occurs at another place than {variable}"
        slopes: list[Any] = [sympy.diff(rest, name) for name in names]
        if any(slope.has(*names) for slope in slopes):
            return "the equation is not linear"
        return slopes

    def _undetermined(self, coefficients: list[sympy.Expr]) -> str | None:
        order = len(coefficients) - 1
        if order == 0:
            return None
        places = [self._place(expression) for expression, _ in self.conditions]
        if None in places or len(places) != order:
            return f"an equation of order {order} needs {order} values of the unknown"
        known: list[tuple[Any, int]] = [place for place in places if place is not None]
        points = list(dict.fromkeys(point for point, _ in known))
        if len(points) == 1 and {k for _, k in known} == set(range(order)):
            return None
        dirichlet = order == 2 and len(points) == 2 and all(k == 0 for _, k in known)
        if dirichlet and is_zero(coefficients[0]):
            if keeps_its_sign(points[1] - points[0], self.given):
                return None
            return f"{points[0]} and {points[1]} were not shown to differ"
        return "the conditions are of no kind for which uniqueness is known"

    def _place(self, condition: Any) -> tuple[sympy.Expr, int] | None:
        """Point and order of the derivative whose value a condition gives; None for others."""
        if condition.func == self.unknown.func:
            return condition.args[0], 0
        if isinstance(condition, sympy.Subs):
            parts: Any = condition.args
            inner, variables, point = parts
            by: Iterable[Any] = getattr(inner, "variables", ())
            if isinstance(inner, sympy.Derivative) and len(point.args) == 1:
                (bound,) = variables.args
                if inner.expr == self.unknown.func(bound) and set(by) == {bound}:
                    return point.args[0], inner.derivative_count
        return None

    def broken(self) -> SolvesODE:
        # Several independent errors at once: a linear homogeneous equation allows a factor and an
        # autonomous one a shift, but neither allows both together with a new shape.
        (variable, *_) = self.unknown.free_symbols & set(self.unknown.args)
        shape = sympy.Integer(1) + variable**2  # type: ignore[operator]
        return replace(self, solution=self.solution * shape + variable**3)  # type: ignore[operator]
