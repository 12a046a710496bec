"""SymPy expressions to `Program`s and `Model`s: the only module of numerics that knows SymPy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Protocol

import sympy
from sympy.core.function import AppliedUndef
from sympy.core.relational import GreaterThan, LessThan, StrictGreaterThan, StrictLessThan
from sympy.functions.elementary.piecewise import ExprCondPair
from sympy.logic.boolalg import And, BooleanFalse, BooleanTrue, Not, Or

from numerics.errors import ComputationError
from numerics.multivariate import MultivariateModel, upper_triangle
from numerics.program import Builder, Program, constant_program

__all__ = [
    "Model",
    "Program",
    "lower",
    "lower_constant",
    "lower_diffusion",
    "lower_membership",
    "lower_multivariate",
    "lower_region",
]

_UNARY_FUNCTIONS = {
    sympy.exp: "exp",
    sympy.log: "log",
    sympy.sin: "sin",
    sympy.cos: "cos",
    sympy.tan: "tan",
    sympy.sinh: "sinh",
    sympy.cosh: "cosh",
    sympy.tanh: "tanh",
    sympy.asin: "asin",
    sympy.acos: "acos",
    sympy.atan: "atan",
    sympy.asinh: "asinh",
    sympy.acosh: "acosh",
    sympy.atanh: "atanh",
    sympy.Abs: "abs",
    sympy.sign: "sign",
    sympy.gamma: "gamma",
    sympy.loggamma: "lgamma",
    sympy.digamma: "digamma",
    sympy.erf: "erf",
    sympy.erfc: "erfc",
    sympy.re: "real",
    sympy.im: "imag",
    sympy.conjugate: "conjugate",
}
_RECIPROCAL_FUNCTIONS = {
    sympy.sec: "cos",
    sympy.csc: "sin",
    sympy.cot: "tan",
    sympy.sech: "cosh",
    sympy.csch: "sinh",
    sympy.coth: "tanh",
}


def lower(expressions: Any | Sequence[Any], inputs: Sequence[sympy.Symbol | str] = ()) -> Program:
    """The program of one or several expressions of the inputs.

    Parameters
    ----------
    expressions : SymPy expressions of the grammar (and gamma, beta, erf and their like)
    inputs : symbols, or their names, in the order of the arguments

    Raises
    ------
    ComputationError : a symbol that is not an input, or a function that has no evaluation.
    """
    outputs = (
        list(expressions) if isinstance(expressions, Iterable) else [expressions]  # type: ignore[arg-type]
    )
    names = [str(i) for i in inputs]
    lowering = _Lowering(names)
    return lowering.builder.program([lowering.index(sympy.sympify(e)) for e in outputs])


def lower_constant(value: Any) -> Program:
    """The program of a constant expression.

    Raises
    ------
    ComputationError : the expression has free symbols, or is not real and finite by its form.
    """
    if isinstance(value, int | Fraction):
        return constant_program(value)
    expression = sympy.sympify(value)
    if expression.free_symbols:
        raise ComputationError(
            "a constant",
            f"{expression}, which depends on {_names(expression)}",
            "set its symbols (--set NAME=VALUE)",
        )
    if expression.has(sympy.nan, sympy.zoo, sympy.oo, -sympy.oo):
        raise ComputationError("a finite constant", str(expression), "give a finite value")
    return lower(expression)


class _Lowering:
    """One pass over expression trees with shared subexpressions."""

    def __init__(self, names: Sequence[str]) -> None:
        self.builder = Builder(names)
        self.names = set(names)
        self.known: dict[Any, int] = {}

    def index(self, expression: Any) -> int:
        found = self.known.get(expression)
        if found is None:
            found = self.known[expression] = self._lower(expression)
        return found

    def _lower(self, e: Any) -> int:
        emit = self.builder.emit
        if isinstance(e, sympy.Symbol):
            if e.name not in self.names:
                raise ComputationError(
                    "an expression of its inputs alone",
                    f"the free symbol {e.name}",
                    "set it (--set NAME=VALUE) or check its spelling",
                )
            return self.builder.input(e.name)
        if isinstance(e, sympy.Rational):
            return self.builder.constant(Fraction(int(e.p), int(e.q)))
        if isinstance(e, sympy.Float):
            # A double is the dyadic rational that it is.
            return self.builder.constant(Fraction(str(sympy.Rational(e))))
        if e is sympy.pi:
            return emit("pi")
        if e is sympy.E:
            return emit("exp", self.builder.constant(1))
        if e is sympy.EulerGamma:
            return emit("euler_gamma")
        if e is sympy.I:
            return emit("imaginary_unit")
        if isinstance(e, sympy.Add):
            return self._sum(e.args)
        if isinstance(e, sympy.Mul):
            return self._product(e.args)
        if isinstance(e, sympy.Pow):
            return self._power(e.args[0], e.args[1])
        if isinstance(e, sympy.Piecewise):
            return self._piecewise(e)
        if isinstance(e, sympy.Max | sympy.Min):
            return self._extremum(e)
        if isinstance(e, sympy.beta):
            return self._beta(e)
        if isinstance(e, sympy.Heaviside):
            below = emit("lt", self.index(e.args[0]))
            return emit("select", below, self.builder.constant(0), self.builder.constant(1))
        if isinstance(e, sympy.DiracDelta):
            # From a derivative of sign: the slope holds off the kinks, which `switches` names.
            return self.builder.constant(0)
        for function, op in _UNARY_FUNCTIONS.items():
            if isinstance(e, function):
                return emit(op, self.index(e.args[0]))
        for function, op in _RECIPROCAL_FUNCTIONS.items():
            if isinstance(e, function):
                return emit("div", self.builder.constant(1), emit(op, self.index(e.args[0])))
        if isinstance(e, sympy.polygamma) and e.args[0] == 0:
            return emit("digamma", self.index(e.args[1]))
        raise self._refused(e)

    @staticmethod
    def _refused(e: Any) -> ComputationError:
        what = f"the undefined function {e.func}" if isinstance(e, AppliedUndef) else str(e)
        return ComputationError(
            "a formula of + - * / **, pi, E, sqrt, exp, log, circular and hyperbolic functions, "
            "abs, piecewise, gamma, beta, erf",
            what,
            "rewrite it with these",
        )

    def _sum(self, terms: Sequence[Any]) -> int:
        total: int | None = None
        # Positive terms first, so that no leading negation is needed.
        for term in sorted(terms, key=lambda t: t.could_extract_minus_sign()):
            if total is None:
                total = self.index(term)
            elif term.could_extract_minus_sign():
                total = self.builder.emit("sub", total, self.index(-term))
            else:
                total = self.builder.emit("add", total, self.index(term))
        return total if total is not None else self.builder.constant(0)

    def _product(self, factors: Sequence[Any]) -> int:
        above: list[int] = []
        below: list[int] = []
        negative = False
        for factor in factors:
            if factor is sympy.S.NegativeOne:
                negative = not negative
            elif isinstance(factor, sympy.Rational) and factor.p in (1, -1) and factor.q != 1:
                below.append(self.builder.constant(int(factor.q)))
                negative ^= factor.p < 0
            elif isinstance(factor, sympy.Pow) and factor.args[1].could_extract_minus_sign():
                below.append(self._power(factor.args[0], -factor.args[1]))
            else:
                above.append(self.index(factor))
        result = self._joined(above) if above else self.builder.constant(1)
        if below:
            result = self.builder.emit("div", result, self._joined(below))
        return self.builder.emit("neg", result) if negative else result

    def _joined(self, indices: Sequence[int]) -> int:
        result = indices[0]
        for index in indices[1:]:
            result = self.builder.emit("mul", result, index)
        return result

    def _power(self, base: Any, exponent: Any) -> int:
        emit = self.builder.emit
        if base is sympy.E:
            return emit("exp", self.index(exponent))
        if isinstance(exponent, sympy.Integer):
            n = int(exponent)
            if n == 1:
                return self.index(base)
            if n < 0:
                return emit("div", self.builder.constant(1), self._power(base, -exponent))
            return emit("power", self.index(base), value=n)
        if isinstance(exponent, sympy.Rational):
            p, q = int(exponent.p), int(exponent.q)
            if p < 0:
                return emit("div", self.builder.constant(1), self._power(base, -exponent))
            if (p, q) == (1, 2):
                return emit("sqrt", self.index(base))
            return emit("power", self.index(base), value=Fraction(p, q))
        return emit("pow", self.index(base), self.index(exponent))

    def _piecewise(self, e: sympy.Piecewise) -> int:
        pairs = [p for p in e.args if isinstance(p, ExprCondPair)]
        if pairs[-1].args[1] is not sympy.true:
            raise ComputationError(
                "a piecewise formula that ends in an otherwise-value",
                str(e),
                "add the value for all other points as the last argument",
            )
        result = self.index(pairs[-1].args[0])
        for pair in reversed(pairs[:-1]):
            condition = self.condition(pair.args[1])
            result = self.builder.emit("select", condition, self.index(pair.args[0]), result)
        return result

    def condition(self, c: Any) -> int:
        emit = self.builder.emit
        if isinstance(c, BooleanTrue):
            return emit("true")
        if isinstance(c, BooleanFalse):
            return emit("false")
        if isinstance(c, And | Or):
            op = "and" if isinstance(c, And) else "or"
            return emit(op, *(self.condition(a) for a in c.args))
        if isinstance(c, Not):
            return emit("not", self.condition(c.args[0]))
        if isinstance(c, StrictLessThan | LessThan):
            strict = isinstance(c, StrictLessThan)
            return emit("lt" if strict else "le", self._difference(c.lhs, c.rhs))
        if isinstance(c, StrictGreaterThan | GreaterThan):
            strict = isinstance(c, StrictGreaterThan)
            return emit("lt" if strict else "le", self._difference(c.rhs, c.lhs))
        raise ComputationError(
            "a condition of < <= > >=, and, or", str(c), "write it with these comparisons"
        )

    def _difference(self, small: Any, large: Any) -> int:
        return self.builder.emit("sub", self.index(small), self.index(large))

    def _extremum(self, e: Any) -> int:
        indices = [self.index(a) for a in e.args]
        result = indices[0]
        for other in indices[1:]:
            below = self.builder.emit("lt", self.builder.emit("sub", result, other))
            smaller, larger = (result, other), (other, result)
            chosen = larger if isinstance(e, sympy.Max) else smaller
            result = self.builder.emit("select", below, *chosen)
        return result

    def _beta(self, e: sympy.beta) -> int:
        emit = self.builder.emit
        a, b = self.index(e.args[0]), self.index(e.args[1])
        above = emit("mul", emit("gamma", a), emit("gamma", b))
        return emit("div", above, emit("gamma", emit("add", a, b)))


def _names(expression: Any) -> str:
    return ", ".join(sorted(str(s) for s in expression.free_symbols))


@dataclass(frozen=True)
class Model:
    """`dw = −L'(w)dt + √(ηC(w)) ∘_θ dB` as programs; picklable, no computer algebra inside.

    Each program takes `(variable, *parameters)`. `eta` and `theta` take the parameters only.
    `loss` is None for a model given by its drift. `parameters` are left free as run-time arguments;
    certified quantities need a model without any.
    """

    variable: str
    gradient: Program
    """L'"""
    gradient_slope: Program
    """L''"""
    noise: Program
    """C, a variance"""
    noise_slope: Program
    """C'"""
    noise_curvature: Program
    """C''"""
    eta: Program
    theta: Program
    loss: Program | None = None
    parameters: tuple[str, ...] = ()
    text: tuple[tuple[str, str], ...] = ()
    """The formulas as written, for messages: pairs of a name and its formula."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Inputs of the programs of the state."""
        return (self.variable, *self.parameters)

    @cached_property
    def formulas(self) -> dict[str, str]:
        """`text` by name."""
        return dict(self.text)

    def require_values(self) -> None:
        """Refuse a model with free parameters."""
        free = [
            name
            for name in self.parameters
            if any(p.uses(name) for p in (self.gradient, self.noise, self.eta, self.theta))
        ]
        if free:
            raise ComputationError(
                "a model whose parameters all have values",
                f"free parameters {', '.join(free)}",
                "set them (--set NAME=VALUE)",
            )


class DiffusionLike(Protocol):
    """What `lower_diffusion` reads of a diffusion."""

    @property
    def variable(self) -> Any: ...

    @property
    def gradient(self) -> Any: ...

    @property
    def noise(self) -> Any: ...

    @property
    def eta(self) -> Any: ...

    @property
    def theta(self) -> Any: ...

    @property
    def loss(self) -> Any: ...


def _same_variable(expression: Any, x: Any) -> Any:
    """The expression with symbols of the variable's name made the variable itself.

    A symbol of the same name with other assumptions would differentiate to 0.
    """
    if expression is None:
        return None
    given = sympy.sympify(expression)
    twins = {s: x for s in given.free_symbols if str(s) == str(x) and s != x}
    return given.xreplace(twins)


def lower_diffusion(
    diffusion: DiffusionLike | None = None,
    *,
    variable: sympy.Symbol | None = None,
    gradient: Any = None,
    noise: Any = None,
    eta: Any = None,
    theta: Any = None,
    loss: Any = None,
    parameters: Sequence[sympy.Symbol | str] = (),
) -> Model:
    """The model of a diffusion, given as an object or by its parts.

    Parameters
    ----------
    diffusion : an object with variable, gradient (L'), noise (C), eta, theta, loss
    variable, gradient, noise, eta, theta, loss : the same one by one; they override the object's
    parameters : symbols left free, as run-time arguments in this order

    Raises
    ------
    ComputationError : a symbol that is neither the variable nor a parameter.
    """

    def part(name: str, given: Any) -> Any:
        return given if given is not None else getattr(diffusion, name, None)

    x = part("variable", variable)
    loss = part("loss", loss)
    slope = part("gradient", gradient)
    if slope is None and loss is not None:
        slope = sympy.diff(_same_variable(loss, x), x)
    slope, c = sympy.sympify(slope), sympy.sympify(part("noise", noise))
    rate, interpretation = (sympy.sympify(part("eta", eta)), sympy.sympify(part("theta", theta)))
    slope, c, loss = (_same_variable(e, x) for e in (slope, c, loss))
    inputs = (x, *parameters)
    written = {"gradient": slope, "noise": c, "eta": rate, "theta": interpretation}
    if loss is not None:
        written["loss"] = sympy.sympify(loss)
    return Model(
        variable=str(x),
        gradient=lower(slope, inputs),
        gradient_slope=lower(sympy.diff(slope, x), inputs),
        noise=lower(c, inputs),
        noise_slope=lower(sympy.diff(c, x), inputs),
        noise_curvature=lower(sympy.diff(c, x, 2), inputs),
        eta=lower(rate, parameters),
        theta=lower(interpretation, parameters),
        loss=None if loss is None else lower(sympy.sympify(loss), inputs),
        parameters=tuple(str(p) for p in parameters),
        text=tuple((name, str(value)) for name, value in written.items()),
    )


def lower_multivariate(
    variables: Sequence[sympy.Symbol],
    gradient: Sequence[sympy.Expr],
    noise: sympy.Expr | sympy.MatrixBase | Sequence[Any] | int,
    *,
    eta: sympy.Expr,
    theta: sympy.Expr,
) -> MultivariateModel:
    """The d-dimensional model of a force and a noise covariance.

    Parameters
    ----------
    variables : d symbols
    gradient : ∇L, or minus the drift
    noise : C as one expression (times the identity), d (diagonal), or a symmetric d × d list

    Raises
    ------
    ComputationError : another shape, a covariance that is not symmetric, a free symbol.
    """
    size = len(variables)
    if len(gradient) != size:
        raise ComputationError(
            f"{size} components of the force",
            f"{len(gradient)}",
            f"give one for each of {', '.join(str(v) for v in variables)}",
        )
    covariance = _covariance(noise, size)
    divergence = [
        sympy.Add(*(sympy.diff(entry, v) for entry, v in zip(row, variables, strict=True)))
        for row in covariance
    ]
    return MultivariateModel(
        tuple(str(v) for v in variables),
        lower([sympy.sympify(g) for g in gradient], variables),
        lower([covariance[i][j] for i, j in upper_triangle(size)], variables),
        lower(divergence, variables),
        lower(sympy.sympify(eta)),
        lower(sympy.sympify(theta)),
    )


def _covariance(noise: Any, size: int) -> list[list[Any]]:
    """C as d rows of d expressions."""
    if isinstance(noise, sympy.MatrixBase):
        noise = noise.tolist()
    if not isinstance(noise, Sequence):
        noise = [noise] * size
    rows = [list(row) if isinstance(row, Sequence) else row for row in noise]
    if len(rows) == size and not any(isinstance(row, list) for row in rows):
        zero = sympy.Integer(0)
        return [
            [sympy.sympify(row) if i == j else zero for j in range(size)]
            for i, row in enumerate(rows)
        ]
    if len(rows) == size and all(isinstance(row, list) and len(row) == size for row in rows):
        matrix = [[sympy.sympify(entry) for entry in row] for row in rows]
        for i, j in upper_triangle(size):
            if sympy.expand(matrix[i][j] - matrix[j][i]) != 0:
                raise ComputationError(
                    "a symmetric covariance",
                    f"C{i + 1}{j + 1} = {matrix[i][j]}, C{j + 1}{i + 1} = {matrix[j][i]}",
                    "make them equal",
                )
        return matrix
    raise ComputationError(
        f"a noise of one expression, {size}, or {size} rows of {size}",
        str(noise),
        'write "[[C11, C12], [C12, C22]]" for a full covariance',
    )


def lower_region(condition: Any, variables: Sequence[sympy.Symbol]) -> Program:
    """A function that is negative inside a region given by comparisons joined by `and`, `or`."""
    return lower(_level(condition), variables)


def lower_membership(condition: Any, variables: Sequence[sympy.Symbol]) -> Program:
    """−1 inside a region, 1 outside; its edge is in or out as `>=` and `>` say.

    For chains that land on an edge with positive probability; `lower_region` has the distances.
    """
    lowering = _Lowering([str(v) for v in variables])
    emit, constant = lowering.builder.emit, lowering.builder.constant
    holds = lowering.condition(condition)
    return lowering.builder.program([emit("select", holds, constant(-1), constant(1))])


def _level(condition: Any) -> Any:
    if isinstance(condition, And):
        return sympy.Max(*(_level(a) for a in condition.args))
    if isinstance(condition, Or):
        return sympy.Min(*(_level(a) for a in condition.args))
    if isinstance(condition, StrictLessThan | LessThan):
        return _difference(condition.lhs, condition.rhs)
    if isinstance(condition, StrictGreaterThan | GreaterThan):
        return _difference(condition.rhs, condition.lhs)
    raise ComputationError(
        "a region of < <= > >= joined by and, or", str(condition), "write it with these comparisons"
    )


def _difference(left: Any, right: Any) -> Any:
    return left - right
