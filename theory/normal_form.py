"""Exact algebra: whether an expression is zero, and equality by the routes that prove it.

Nothing here asks `simplify` to return 0, and nothing is decided by floating-point evaluation: an
answer True is a proof (see `theory.rational_form` for the identities used), False is a decision for
rational functions, None is undecided.
"""

from __future__ import annotations

from collections.abc import Iterable

import sympy
from sympy import Expr, Symbol

from theory.polynomial_ring import TooLarge
from theory.rational_form import Translator


def is_zero(expression: Expr, *, positive: Iterable[Expr] = ()) -> bool | None:
    """Whether `expression` is identically zero where it is defined.

    True : proved, its exact normal form is 0.
    False : decided, it is a rational function (over the rationals and pi) and not 0.
    None : undecided.

    `positive` are expressions asserted positive, so that (a b)**c may split into a**c b**c.
    """
    value = sympy.sympify(expression)
    if value.has(sympy.Piecewise):
        return _is_zero_in_every_branch(value, positive)
    try:
        translator = Translator.assuming(positive)
        ring = translator.ring([value])
        (quotient,) = ring.quotients
        numerator = ring.reduce(quotient.numerator)
        if ring.reduce(quotient.denominator) == 0:
            return None
    except (TooLarge, OverflowError, RecursionError):
        return None
    if numerator == 0:
        return True
    return False if ring.is_free else None


def _is_zero_in_every_branch(value: Expr, positive: Iterable[Expr]) -> bool | None:
    # The conditions inside an integral or a limit are about its own variable: not to be taken out.
    inside = {
        node: sympy.Dummy()
        for node in value.atoms(sympy.Integral, sympy.Sum, sympy.Limit, sympy.Derivative)
        if node.has(sympy.Piecewise)
    }
    if inside:
        return is_zero(value.xreplace(inside), positive=positive)  # type: ignore[arg-type]
    if any(part.args[-1].args[1] != sympy.true for part in value.atoms(sympy.Piecewise)):  # type: ignore[attr-defined]
        return None  # where no branch applies, it is equal to nothing
    folded = sympy.piecewise_fold(value)
    if not isinstance(folded, sympy.Piecewise):
        return None if folded.has(sympy.Piecewise) else is_zero(folded, positive=positive)  # type: ignore[arg-type]
    branches: list[Expr] = [branch.args[0] for branch in folded.args]  # type: ignore[misc]
    answers = [is_zero(branch, positive=positive) for branch in branches]
    return True if all(answers) else None


def equivalent(left: Expr, right: Expr, *, positive: Iterable[Expr] = ()) -> bool | None:
    """Whether the expressions are equal, by `is_zero` of their difference."""
    first, second = sympy.sympify(left), sympy.sympify(right)
    if first == second:
        return True
    return is_zero(first - second, positive=positive)


def normal_form(expression: Expr, *, positive: Iterable[Expr] = ()) -> Expr:
    """numerator/denominator, coprime expanded polynomials; the expression itself if too large."""
    try:
        return Translator.assuming(positive).normal_form(sympy.sympify(expression))
    except (TooLarge, OverflowError, RecursionError):
        return expression


def logarithmic_derivative(expression: Expr, variable: Symbol) -> Expr:
    """d log f/dw, factor by factor: powers and exponentials vanish, so that f itself cancels."""
    if not expression.has(variable):
        return sympy.S.Zero
    if isinstance(expression, sympy.Mul):
        return sympy.Add(*(logarithmic_derivative(f, variable) for f in expression.args))  # type: ignore[arg-type]
    if isinstance(expression, sympy.exp):
        return sympy.diff(expression.args[0], variable)
    if isinstance(expression, sympy.Pow):
        base, exponent = expression.as_base_exp()
        result = exponent * logarithmic_derivative(base, variable)
        if exponent.has(variable):
            result += sympy.diff(exponent, variable) * sympy.log(base)
        return result
    return sympy.diff(expression, variable) / expression


def is_proportional(
    left: Expr, right: Expr, variable: Symbol, *, positive: Iterable[Expr] = ()
) -> bool | None:
    """Whether left/right does not depend on the variable: equal logarithmic derivatives."""
    difference = logarithmic_derivative(left, variable) - logarithmic_derivative(right, variable)
    return is_zero(difference, positive=positive)


def equal_by_logarithmic_derivative(
    left: Expr, right: Expr, variable: Symbol, at: Expr, *, positive: Iterable[Expr] = ()
) -> bool | None:
    """Equality on an interval where both are positive: logarithmic derivatives, and one constant.

    `at` is a point of the interval at which left = right is proved exactly.
    """
    given = tuple(positive)
    constant = is_zero(left.subs(variable, at) - right.subs(variable, at), positive=given)
    return _both(is_proportional(left, right, variable, positive=given), constant)


def equal_by_derivative(
    left: Expr, right: Expr, variable: Symbol, at: Expr, *, positive: Iterable[Expr] = ()
) -> bool | None:
    """Equality on an interval: equal derivatives, and equality proved at the point `at` of it."""
    given = tuple(positive)
    constant = is_zero(left.subs(variable, at) - right.subs(variable, at), positive=given)
    return _both(
        is_antiderivative(left, sympy.diff(right, variable), variable, positive=given), constant
    )


def is_antiderivative(
    antiderivative: Expr, integrand: Expr, variable: Symbol, *, positive: Iterable[Expr] = ()
) -> bool | None:
    """Whether d/dw antiderivative = integrand, by differentiation."""
    return is_zero(sympy.diff(antiderivative, variable) - integrand, positive=positive)


def _both(first: bool | None, second: bool | None) -> bool | None:
    if first and second:
        return True
    if first is False or second is False:
        return False
    return None
