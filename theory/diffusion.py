"""The models: gradient diffusions with state-dependent noise, in one and in d dimensions.

    dw = -L'(w) dt + sqrt(eta C(w)) o_theta dB,      D = eta C / 2,      s = 1 - theta

`theta` is the point at which the noise is evaluated: 0 Ito, 1/2 Stratonovich, 1 anti-Ito
(Hanggi-Klimontovich, isothermal). C is a variance, never its square root.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Self

import sympy
from sympy import Expr, ImmutableMatrix, Rational, Symbol

from theory.errors import InputError
from theory.expressions import (
    check_name,
    nearest_names,
    parse_constant,
    parse_expression,
    parse_rows,
    substitute,
)
from theory.symbols import w as default_variable

Formula = Expr | str | int | float | numbers.Rational | Decimal
"""A formula: SymPy, text of the grammar, or a number (a float means its shortest decimal)."""

Parameters = Mapping[str, Formula] | Mapping[Symbol, Formula] | Iterable[str | Symbol]
"""Values of named parameters, or the names that stay free."""

INTERPRETATIONS: dict[str, Expr] = {
    "ito": sympy.Integer(0),
    "stratonovich": Rational(1, 2),
    "anti-ito": sympy.Integer(1),
}


# --- from the outside to SymPy ------------------------------------------------------------------


def as_expression(value: Formula, symbols: Mapping[str, Symbol] | None = None) -> Expr:
    """`value` as an exact SymPy expression; a float means the decimal that it prints as.

    Raises
    ------
    InputError : text outside the grammar, NaN or an infinity, or no formula at all.
    """
    if isinstance(value, str):
        return parse_expression(value, symbols)
    if isinstance(value, bool):
        raise InputError("a formula or a number", repr(value), "write 0 or 1")
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InputError("a finite number", repr(value), "check how it was computed")
        return Rational(repr(value))
    if isinstance(value, Decimal | numbers.Rational):
        return as_expression(float("nan")) if value != value else Rational(str(value))
    if isinstance(value, Expr):
        if value.has(sympy.nan, sympy.zoo, sympy.oo, -sympy.oo):
            raise InputError("a finite formula", str(value), "remove the division by zero")
        return value
    raise InputError(
        "a formula: text, a SymPy expression or a number", f"{type(value).__name__} {value!r}"
    )


def parse_interpretation(value: Formula) -> Expr:
    """theta in [0, 1] from `ito`, `stratonovich`, `anti-ito`, or a constant.

    Raises
    ------
    InputError : another word, or a number outside [0, 1].
    """
    if isinstance(value, str):
        word = value.strip().lower().replace("ô", "o").replace("_", "-")
        if word in INTERPRETATIONS:
            return INTERPRETATIONS[word]
        if word.replace("-", "").isalpha():
            raise InputError(
                "an interpretation: ito, stratonovich, anti-ito, or theta in [0, 1]",
                repr(value),
                nearest_names(word, INTERPRETATIONS),
            )
        theta = parse_constant(value)
    else:
        theta = as_expression(value)
    if not theta.free_symbols and not (theta.is_real and theta >= 0 and theta <= 1):
        raise InputError(
            "an interpretation theta in [0, 1]",
            str(theta),
            "use 0 for Ito, 1/2 for Stratonovich, 1 for anti-Ito",
        )
    return theta


def _positive(value: Expr, name: str, advice: str) -> Expr:
    """`value`, unless it is a constant that is not positive."""
    if value.free_symbols or value.is_positive:
        return value
    raise InputError(f"{name} > 0", str(value), advice)


@dataclass(frozen=True)
class _Names:
    """The variables and parameters that formulas may use."""

    variables: tuple[Symbol, ...]
    free: dict[str, Symbol] | None
    """Parameters that stay free, by name; None where any name may."""
    values: dict[str, Expr]

    @classmethod
    def of(cls, variables: Sequence[Symbol], parameters: Parameters | None) -> _Names:
        for variable in variables:
            if not isinstance(variable, Symbol):
                raise InputError("a SymPy symbol as variable", repr(variable))
        if len({variable.name for variable in variables}) < len(variables):
            raise InputError("variables with different names", str(list(variables)))
        free: dict[str, Symbol] | None = None
        values: dict[str, Expr] = {}
        if isinstance(parameters, Mapping):
            free = {}
            values = {_name(key): as_expression(value) for key, value in parameters.items()}
        elif parameters is not None:
            symbols = [
                name if isinstance(name, Symbol) else Symbol(check_name(name), real=True)
                for name in parameters
            ]
            free = {symbol.name: symbol for symbol in symbols}
        for variable in variables:
            if variable.name in values or variable.name in (free or {}):
                raise InputError(
                    "parameters other than the variable",
                    repr(variable.name),
                    "rename the parameter or the variable",
                )
        return cls(tuple(variables), free, values)

    def read(self, value: Formula, role: str) -> Expr:
        """`value` with parameters set, over known names alone."""
        known = {symbol.name: symbol for symbol in self.variables} | (self.free or {})
        expression = as_expression(value, known)
        replaced: dict[Symbol, Expr] = {}
        for symbol in _symbols(expression):
            if symbol.name in self.values:
                replaced[symbol] = self.values[symbol.name]
            elif symbol.name in known:
                if symbol != known[symbol.name]:
                    replaced[symbol] = known[symbol.name]
            elif self.free is not None:
                raise InputError(
                    f"known names in the {role}",
                    f"the unknown or unset name {symbol.name!r} in {expression}",
                    f"set it with {symbol.name}=VALUE; "
                    + nearest_names(symbol.name, [*known, *self.values]),
                )
        expression = as_expression(substitute(expression, replaced))
        if expression.has(sympy.I) or expression.is_real is False:
            raise InputError(
                f"a real {role}", str(expression), "take roots of nonnegative numbers only"
            )
        return expression


def _name(key: str | Symbol) -> str:
    return key.name if isinstance(key, Symbol) else check_name(key)


def _symbols(expression: Expr) -> list[Symbol]:
    found = [symbol for symbol in expression.free_symbols if isinstance(symbol, Symbol)]
    return sorted(found, key=lambda symbol: symbol.name)


def _by_name(values: Mapping[Symbol, Formula] | Mapping[str, Formula]) -> dict[str, Expr]:
    return {_name(key): as_expression(value) for key, value in values.items()}


def _replace_named(expression: Expr, values: Mapping[str, Expr]) -> Expr:
    replaced = {s: values[s.name] for s in _symbols(expression) if s.name in values}
    return as_expression(substitute(expression, replaced))


# --- one dimension ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Diffusion:
    """dw = -L'(w) dt + sqrt(eta C(w)) o_theta dB, for one real variable w.

    Attributes
    ----------
    gradient : L'(w), minus the drift
    noise : C(w), the covariance of the gradient noise (a variance)
    eta : learning rate, > 0
    theta : interpretation in [0, 1]
    variable : w
    loss : L(w), or None where the model was given by its drift
    """

    gradient: Expr
    noise: Expr
    eta: Expr
    theta: Expr
    variable: Symbol = default_variable
    loss: Expr | None = None

    @classmethod
    def from_loss(
        cls,
        loss: Formula,
        noise: Formula,
        *,
        eta: Formula,
        interpretation: Formula,
        variable: Symbol = default_variable,
        parameters: Parameters | None = None,
    ) -> Self:
        """The model with loss L and noise C.

        `parameters`: a mapping sets named parameters, names alone stay free, None leaves any name
        free. With a mapping or names given, any further name is an error.

        Raises
        ------
        InputError : unknown name, eta <= 0, constant C <= 0, theta outside [0, 1], NaN.
        """
        names = _Names.of([variable], parameters)
        value = names.read(loss, "loss")
        gradient = as_expression(sympy.diff(value, variable))
        return cls._checked(names, gradient, noise, eta, interpretation, value)

    @classmethod
    def from_drift(
        cls,
        drift: Formula,
        noise: Formula,
        *,
        eta: Formula,
        interpretation: Formula,
        variable: Symbol = default_variable,
        parameters: Parameters | None = None,
    ) -> Self:
        """The model with drift -L' and noise C; see `from_loss`."""
        names = _Names.of([variable], parameters)
        gradient = -names.read(drift, "drift")
        return cls._checked(names, gradient, noise, eta, interpretation, None)

    @classmethod
    def _checked(
        cls,
        names: _Names,
        gradient: Expr,
        noise: Formula,
        eta: Formula,
        interpretation: Formula,
        loss: Expr | None,
    ) -> Self:
        (variable,) = names.variables
        return cls(
            gradient=gradient,
            noise=_positive(
                names.read(noise, "noise"),
                "a noise C",
                "C is the variance of the gradient noise, not its square root",
            ),
            eta=_learning_rate(names, eta),
            theta=_interpretation(names, interpretation),
            variable=variable,
            loss=loss,
        )

    @property
    def s(self) -> Expr:
        """s = 1 - theta."""
        return 1 - self.theta

    @property
    def drift(self) -> Expr:
        """-L'(w)."""
        return -self.gradient

    @property
    def D(self) -> Expr:
        """D(w) = eta C(w) / 2."""
        return self.eta * self.noise / 2

    @property
    def ito_drift(self) -> Expr:
        """Drift of the equivalent Ito equation, -L' + theta D'."""
        return self.drift + self.theta * sympy.diff(self.D, self.variable)

    @property
    def exponent_gradient(self) -> Expr:
        """2 L'/(eta C) = L'/D, the derivative of the exponent of the stationary law."""
        return 2 * self.gradient / (self.eta * self.noise)

    @property
    def curvature(self) -> Expr:
        """L''(w)."""
        return as_expression(sympy.diff(self.gradient, self.variable))

    @property
    def free_parameters(self) -> tuple[Symbol, ...]:
        """Symbols other than the variable, by name."""
        formulas = (self.gradient, self.noise, self.eta, self.theta)
        found = {symbol for formula in formulas for symbol in _symbols(formula)}
        return tuple(sorted(found - {self.variable}, key=lambda symbol: symbol.name))

    def subs(self, values: Mapping[Symbol, Formula] | Mapping[str, Formula]) -> Self:
        """The same model with parameters set, by symbol or by name."""
        given = _by_name(values)
        if self.variable.name in given:
            raise InputError(
                "values of parameters",
                f"a value of the variable {self.variable.name}",
                "evaluate the formula at a point instead",
            )
        return replace(
            self,
            gradient=_replace_named(self.gradient, given),
            noise=_replace_named(self.noise, given),
            eta=_positive(_replace_named(self.eta, given), "a learning rate eta", _ETA_ADVICE),
            theta=parse_interpretation(_replace_named(self.theta, given)),
            loss=None if self.loss is None else _replace_named(self.loss, given),
        )

    def with_interpretation(self, interpretation: Formula) -> Self:
        """The same drift and noise read with another interpretation."""
        return replace(self, theta=parse_interpretation(interpretation))


_ETA_ADVICE = "give a positive finite learning rate"


def _learning_rate(names: _Names, eta: Formula) -> Expr:
    value = names.read(eta, "learning rate")
    if set(value.free_symbols) & set(names.variables):
        raise InputError("a learning rate eta that does not depend on the state", str(value))
    return _positive(value, "a learning rate eta", _ETA_ADVICE)


def _interpretation(names: _Names, interpretation: Formula) -> Expr:
    if isinstance(interpretation, str):
        return parse_interpretation(interpretation)
    return parse_interpretation(names.read(interpretation, "interpretation"))


# --- d dimensions -------------------------------------------------------------------------------


NoiseMatrix = Formula | Sequence[Formula] | Sequence[Sequence[Formula]] | sympy.MatrixBase
"""C as one formula (times the unit matrix), its diagonal, or all its rows."""


@dataclass(frozen=True)
class DiffusionND:
    """dx = -grad L(x) dt + sqrt(eta C(x)) o_theta dB, for x in d dimensions.

    theta means the current J = -[p grad L + s p div D + D grad p], (div D)_i = sum_j dD_ij/dx_j;
    it is the theta-integral where sqrt(C) is a scalar times a constant matrix.

    Attributes
    ----------
    variables : x_1 ... x_d
    gradient : d formulas, minus the drift
    noise : symmetric d x d matrix C(x)
    eta, theta : as in `Diffusion`
    loss : L(x), or None where the model was given by its drift
    """

    variables: tuple[Symbol, ...]
    gradient: tuple[Expr, ...]
    noise: ImmutableMatrix
    eta: Expr
    theta: Expr
    loss: Expr | None = None

    @classmethod
    def from_loss(
        cls,
        loss: Formula,
        noise: NoiseMatrix,
        *,
        variables: Sequence[Symbol],
        eta: Formula,
        interpretation: Formula,
        parameters: Parameters | None = None,
    ) -> DiffusionND:
        """The model with loss L and noise C; `parameters` as in `Diffusion.from_loss`."""
        names = _Names.of(variables, parameters)
        value = names.read(loss, "loss")
        gradient = tuple(as_expression(sympy.diff(value, variable)) for variable in variables)
        return cls._checked(names, gradient, noise, eta, interpretation, value)

    @classmethod
    def from_drift(
        cls,
        drift: Sequence[Formula],
        noise: NoiseMatrix,
        *,
        variables: Sequence[Symbol],
        eta: Formula,
        interpretation: Formula,
        parameters: Parameters | None = None,
    ) -> DiffusionND:
        """The model with drift -grad L (any vector field, gradient or not) and noise C."""
        names = _Names.of(variables, parameters)
        if isinstance(drift, str):
            drift = [str_part for row in parse_rows(drift) for str_part in row]
        if len(drift) != len(variables):
            raise InputError(
                f"{len(variables)} components of the drift",
                f"{len(drift)}",
                f"give one for each of {', '.join(v.name for v in variables)}",
            )
        gradient = tuple(-names.read(component, "drift") for component in drift)
        return cls._checked(names, gradient, noise, eta, interpretation, None)

    @classmethod
    def _checked(
        cls,
        names: _Names,
        gradient: tuple[Expr, ...],
        noise: NoiseMatrix,
        eta: Formula,
        interpretation: Formula,
        loss: Expr | None,
    ) -> DiffusionND:
        return cls(
            variables=names.variables,
            gradient=gradient,
            noise=_noise_matrix(names, noise),
            eta=_learning_rate(names, eta),
            theta=_interpretation(names, interpretation),
            loss=loss,
        )

    @property
    def dimension(self) -> int:
        return len(self.variables)

    @property
    def s(self) -> Expr:
        """s = 1 - theta."""
        return 1 - self.theta

    @property
    def drift(self) -> tuple[Expr, ...]:
        """-grad L."""
        return tuple(-component for component in self.gradient)

    @property
    def D(self) -> ImmutableMatrix:
        """D(x) = eta C(x) / 2."""
        return ImmutableMatrix(self.noise * (self.eta / 2))

    @property
    def divergence_D(self) -> tuple[Expr, ...]:
        """(div D)_i = sum_j dD_ij/dx_j."""
        D = self.D
        return tuple(
            sympy.Add(*(sympy.diff(D[i, j], v) for j, v in enumerate(self.variables)))
            for i in range(self.dimension)
        )

    @property
    def ito_drift(self) -> tuple[Expr, ...]:
        """Drift of the equivalent Ito equation, -grad L + theta div D."""
        return tuple(
            drift + self.theta * divergence
            for drift, divergence in zip(self.drift, self.divergence_D, strict=True)
        )

    @property
    def free_parameters(self) -> tuple[Symbol, ...]:
        """Symbols other than the variables, by name."""
        formulas = (*self.gradient, *self.noise.flat(), self.eta, self.theta)
        found = {symbol for formula in formulas for symbol in _symbols(formula)}
        return tuple(sorted(found - set(self.variables), key=lambda symbol: symbol.name))

    def subs(self, values: Mapping[Symbol, Formula] | Mapping[str, Formula]) -> DiffusionND:
        """The same model with parameters set, by symbol or by name."""
        given = _by_name(values)
        if {variable.name for variable in self.variables} & set(given):
            raise InputError("values of parameters", "a value of a variable")
        return replace(
            self,
            gradient=tuple(_replace_named(component, given) for component in self.gradient),
            noise=ImmutableMatrix(self.noise.applyfunc(lambda c: _replace_named(c, given))),
            eta=_positive(_replace_named(self.eta, given), "a learning rate eta", _ETA_ADVICE),
            theta=parse_interpretation(_replace_named(self.theta, given)),
            loss=None if self.loss is None else _replace_named(self.loss, given),
        )


def _noise_matrix(names: _Names, noise: NoiseMatrix) -> ImmutableMatrix:
    """C as a symmetric matrix, from a scalar, a diagonal or rows."""
    size = len(names.variables)
    if isinstance(noise, str):
        rows: Sequence[Sequence[Formula]] | Formula = (
            parse_rows(noise) if noise.strip().startswith("[") else noise
        )
    elif isinstance(noise, sympy.MatrixBase):
        rows = noise.tolist()
    elif isinstance(noise, Sequence):
        nested = all(isinstance(row, Sequence) and not isinstance(row, str) for row in noise)
        rows = noise if nested else [noise]  # type: ignore[assignment]
    else:
        rows = noise
    if isinstance(rows, str) or not isinstance(rows, Sequence):
        scalar = _positive(names.read(rows, "noise"), "a noise C", "C is a variance")
        return ImmutableMatrix.diag(*([scalar] * size))
    shape = [len(row) for row in rows]
    entries = [[names.read(entry, "noise") for entry in row] for row in rows]
    if shape == [size]:
        return ImmutableMatrix.diag(
            *(_positive(entry, "a noise C", "C is a variance") for entry in entries[0])
        )
    if shape != [size] * size:
        raise InputError(
            f"a noise matrix as one formula, {size} diagonal entries or {size} rows of {size}",
            f"rows of length {shape}",
            'write for example "[[C11, C12], [C12, C22]]"',
        )
    matrix = ImmutableMatrix(entries)
    if any(sympy.expand(entry) != 0 for entry in matrix - matrix.T):
        raise InputError("a symmetric noise matrix", str(matrix.tolist()), "repeat C12 as C21")
    return matrix
