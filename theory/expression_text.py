"""Expressions back to text of the grammar: `parse_expression(expression_text(e)) == e`."""

from __future__ import annotations

import sympy
from sympy import Expr, Symbol
from sympy.core.basic import Basic

from theory.errors import InputError

_FUNCTIONS = {
    sympy.exp: "exp",
    sympy.log: "log",
    sympy.sin: "sin",
    sympy.cos: "cos",
    sympy.tan: "tan",
    sympy.sinh: "sinh",
    sympy.cosh: "cosh",
    sympy.tanh: "tanh",
    sympy.atan: "atan",
    sympy.asinh: "asinh",
    sympy.Abs: "abs",
}
_RELATIONS = {sympy.Lt: "<", sympy.Le: "<=", sympy.Gt: ">", sympy.Ge: ">="}


def expression_text(expression: Basic) -> str:
    """The expression or condition in the grammar of `theory.expressions`.

    Raises
    ------
    InputError : something the grammar cannot say (an integral, a Gamma function, a complex number).
    """
    return _text(expression)


def _text(value: Basic) -> str:
    if isinstance(value, Symbol):
        return value.name
    if isinstance(value, sympy.Integer):
        return str(value) if value >= 0 else f"({value})"
    if isinstance(value, sympy.Rational):
        return f"({value.p}/{value.q})"
    if value is sympy.pi:
        return "pi"
    if value is sympy.E:
        return "E"
    if isinstance(value, sympy.Add):
        return f"({' + '.join(map(_text, value.args))})"
    if isinstance(value, sympy.Mul):
        return "*".join(map(_text, value.args))
    if isinstance(value, sympy.Pow):
        return f"{_bracketed(value.base)}**{_bracketed(value.exp)}"
    if isinstance(value, sympy.Piecewise):
        return _piecewise_text(value)
    if isinstance(value, sympy.And | sympy.Or):
        word = " and " if isinstance(value, sympy.And) else " or "
        return f"({word.join(map(_text, value.args))})"
    if type(value) in _RELATIONS:
        left, right = map(_text, value.args)
        return f"{left} {_RELATIONS[type(value)]} {right}"  # type: ignore[index]
    if type(value) in _FUNCTIONS:
        return f"{_FUNCTIONS[type(value)]}({_text(value.args[0])})"  # type: ignore[index]
    if value is sympy.true:
        return "0 < 1"
    if value is sympy.false:
        return "1 < 0"
    raise InputError(
        "an expression of the grammar", str(value), "only its functions can be written as text"
    )


def _bracketed(value: Basic) -> str:
    text = _text(value)
    return text if isinstance(value, Symbol | sympy.Integer) else f"({text})"


def _piecewise_text(value: sympy.Piecewise) -> str:
    branches: list[tuple[Expr, Basic]] = [pair.args for pair in value.args]  # type: ignore[misc]
    *rest, (otherwise, last) = branches
    if last is not sympy.true:
        raise InputError(
            "a piecewise expression with a value that holds otherwise",
            str(value),
            "add the value for the remaining case",
        )
    parts = [part for branch, condition in rest for part in (_text(branch), _text(condition))]
    return f"piecewise({', '.join([*parts, _text(otherwise)])})"
