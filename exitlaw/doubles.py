"""`evaluate … --method double`: the quantities of a model in double precision, estimated.

A sweep is one call of `numerics.bulk`: the swept parameter stays a run-time argument of one
compiled loop. Every value has an estimate of its relative error; where doubles have no value, or a
poor one, balls decide.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import sympy

from exitlaw import model_input
from exitlaw.diffusion import Diffusion
from exitlaw.model_input import ModelInput
from exitlaw.request import positive_integer
from numerics import bulk
from numerics.bulk import BulkResult, Values
from numerics.lowering import Model, lower_diffusion
from theory.errors import InputError
from theory.expressions import parse_expression

Options = Mapping[str, Any]
Document = dict[str, Any]

METHOD = "double"
LARGEST_ERROR = 1e-7
"""Estimated relative error above which a value is left to balls, if no --digits are given."""
MOST_DIGITS = 12
PLACES = 17
"""Decimal places that a double has at most."""
_ENDS = {"exit": "exit_above", "exit_below": "exit_below"}
_WALLS = {"reflect": "reflect_above", "reflect_below": "reflect_below"}


@dataclass(frozen=True)
class _Quantity:
    """A function of `numerics.bulk`, and its arguments by the option that gives them."""

    function: Callable[..., BulkResult]
    arguments: Mapping[str, str]
    fixed: Callable[[Options], dict[str, Any]] = lambda options: {}


def _order(options: Options) -> dict[str, Any]:
    return {"order": int(_whole(options["order"]))}


def _moment(options: Options) -> dict[str, Any]:
    return {"order": int(_whole(options["order"])), "absolute": bool(options["absolute"])}


def _count(options: Options) -> dict[str, Any]:
    return {"count": positive_integer(options.get("count") or "6", "--count")}


def _spectrum(model: Model, **arguments: Any) -> BulkResult:
    """The eigenvalues in columns, and the edge of the continuum in the last one."""
    found = bulk.eigenvalues(model, **arguments)
    values, edge = found.eigenvalues, found.continuum_edge
    return BulkResult(
        np.column_stack([values.mantissa, edge.mantissa]),
        np.column_stack([values.exponent, edge.exponent]),
        np.column_stack([values.relative_error, edge.relative_error]),
        np.column_stack([values.status, edge.status]),
    )


def _whole(text: str) -> sympy.Integer:
    value = parse_expression(text)
    if not isinstance(value, sympy.Integer) or value < 0:
        raise InputError(
            f"an integer --order from 0 on with --method {METHOD}",
            repr(text),
            "leave out --method for other orders",
        )
    return value


_PASSAGE = {"start": "start", **_ENDS, **_WALLS}
QUANTITIES: Mapping[str, _Quantity] = {
    "stationary-density": _Quantity(bulk.density, {"at": "at"}),
    "cumulative": _Quantity(bulk.cumulative, {"at": "at"}),
    "quantile": _Quantity(bulk.quantile, {"probability": "probability"}),
    "moment": _Quantity(bulk.moment, {}, _moment),
    "spectrum": _Quantity(_spectrum, _ENDS, _count),
    "mean-exit-time": _Quantity(bulk.mean_exit_time, _PASSAGE),
    "exit-time-moment": _Quantity(bulk.exit_time_moment, _PASSAGE, _order),
    "exit-time-laplace": _Quantity(bulk.exit_time_laplace, {"rate": "rate", **_PASSAGE}),
    "exit-probability": _Quantity(bulk.exit_probability, {"start": "start", **_ENDS}),
}


def rows(
    quantity: str,
    options: Options,
    name: str,
    values: Sequence[str],
    certified: Callable[[str], Document],
) -> list[Document]:
    """The documents of `evaluate` at each value of a swept name, without what was asked.

    Parameters
    ----------
    name : a parameter, `eta`, or an option of the quantity; empty where nothing is swept
    values : the texts of its values
    certified : the document by balls at one of them

    Raises
    ------
    InputError, ComputationError : what was asked has no meaning.
    """
    if quantity not in QUANTITIES:
        raise InputError(
            f"a quantity that doubles estimate: {', '.join(QUANTITIES)}",
            f"{quantity} with --method {METHOD}",
            "leave out --method: balls have it",
        )
    began = time.perf_counter()
    one, swept = QUANTITIES[quantity], _Swept(dict(options), name, tuple(values))
    if swept.is_option and name != "eta" and name not in one.arguments:
        raise InputError(
            f"a parameter, {', '.join(('eta', *one.arguments))} after --sweep with "
            f"--method {METHOD}",
            name,
            "leave out --method",
        )
    tolerance = _tolerance(options.get("digits"))
    model, parameters = swept.model()
    columns = {
        argument: swept.column(option)
        for option, argument in one.arguments.items()
        if options.get(option) is not None or option == name
    }
    found = _with_rounded_inputs(one, swept, model, parameters, columns)
    seconds = (time.perf_counter() - began) / len(values)
    made = []
    for i, text in enumerate(values):
        numbers = _numbers(found, i)
        if found.mantissa.ndim > 1:
            numbers = _below_the_edge(numbers)
        if all(one.status == 0 and one.error <= tolerance for one in numbers):
            made.append(_document(numbers, seconds))
        else:
            document = certified(text)
            made.append({**document, "relative_error": 10.0 ** -document["digits"]})
    return made


def _tolerance(digits: str | None) -> float:
    if digits is None:
        return LARGEST_ERROR
    if not digits.isdigit() or not 1 <= int(digits) <= MOST_DIGITS:
        raise InputError(
            f"--digits from 1 to {MOST_DIGITS} with --method {METHOD}",
            digits,
            "leave out --method for more digits",
        )
    return 10.0 ** -int(digits) / 2


@dataclass(frozen=True)
class _Number:
    """`mantissa · 2^exponent`, its estimated relative error, and its status."""

    mantissa: float
    exponent: int
    error: float
    status: int

    def texts(self) -> tuple[str, str, str]:
        """The value, and its ends rounded outward."""
        if math.isinf(self.mantissa):
            return "inf", "inf", "inf"
        exact = Fraction(self.mantissa) * Fraction(2) ** self.exponent
        wide = Context(prec=40)
        value = wide.divide(Decimal(exact.numerator), Decimal(exact.denominator))
        around = wide.multiply(abs(value), Decimal(self.error))
        floor = Context(prec=PLACES, rounding=ROUND_FLOOR)
        ceiling = Context(prec=PLACES, rounding=ROUND_CEILING)
        low = floor.create_decimal(wide.subtract(value, around))
        high = ceiling.create_decimal(wide.add(value, around))
        return _text(Context(prec=PLACES).create_decimal(value)), _text(low), _text(high)


def _numbers(found: BulkResult, row: int) -> list[_Number]:
    """What was found at one value: a number, or eigenvalues and the edge of their continuum."""
    parts = (found.mantissa, found.exponent, found.relative_error, found.status)
    columns = zip(*(np.atleast_1d(part[row]) for part in parts), strict=True)
    return [_Number(float(m), int(e), float(r), int(s)) for m, e, r, s in columns]


def _below_the_edge(numbers: list[_Number]) -> list[_Number]:
    """Without the eigenvalues that are at or above the edge, which is the last number."""
    *values, edge = numbers
    while values and values[-1].status == bulk.ABOVE_THE_EDGE:
        values.pop()
    return [*values, edge]


def _document(numbers: list[_Number], seconds: float) -> Document:
    error = max(one.error for one in numbers)
    texts = [one.texts() for one in numbers]
    document: Document = dict(zip(("value", "lower", "upper"), texts[0], strict=True))
    if len(numbers) > 1:
        *values, edge = texts
        document = {
            key: [one[i] for one in values] for i, key in enumerate(("value", "lower", "upper"))
        }
        document["continuum_edge"] = edge[0]
    return {
        **document,
        "digits": max(1, min(PLACES, math.floor(-math.log10(2.0 * error)))) if error else PLACES,
        "digits_kind": "estimated",
        "relative_error": error,
        "method": METHOD,
        "seconds": seconds,
    }


def _text(value: Decimal) -> str:
    return format(value, "f") if -6 < value.adjusted() < 16 else format(value, "e")


# --- inputs ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Column:
    """Doubles nearest to exact values, and which of them are not exact."""

    nearest: Values
    rounded: np.ndarray

    @property
    def moved(self) -> Values:
        """The next doubles, where the nearest are not exact."""
        return np.where(self.rounded, np.nextafter(self.nearest, np.inf), self.nearest)


def _column(values: Sequence[sympy.Expr]) -> _Column:
    nearest = np.array([float(value) for value in values])
    exact = [sympy.Rational(float(x)) == value for x, value in zip(nearest, values, strict=True)]
    return _Column(nearest, ~np.array(exact))


def _with_rounded_inputs(
    one: _Quantity,
    swept: _Swept,
    model: Model,
    parameters: dict[str, _Column],
    columns: dict[str, _Column],
) -> BulkResult:
    """The values at the nearest doubles; what rounding the inputs does is added to the errors."""
    fixed = one.fixed(swept.options)

    def at(given: Mapping[str, Values]) -> BulkResult:
        points = {name: given[name] for name in columns}
        free = {name: given[name] for name in parameters}
        return one.function(model, **points, **fixed, parameters=free)

    inputs = {**parameters, **columns}
    nearest = {name: column.nearest for name, column in inputs.items()}
    found = at(nearest)
    error = found.relative_error.copy()
    for name, column in inputs.items():
        if np.any(column.rounded):
            moved = at({**nearest, name: column.moved})
            rounded = column.rounded.reshape(-1, *[1] * (error.ndim - 1))
            with np.errstate(invalid="ignore", over="ignore"):
                shift = np.clip(moved.exponent - found.exponent, -2000, 2000).astype(np.int32)
                # The same also where it is 0 or inf
                same = moved.mantissa == found.mantissa
                ratio = np.ldexp(np.where(same, 1.0, moved.mantissa / found.mantissa), shift)
                # Rounding is by half of a unit at most.
                error += np.where(rounded, np.abs(ratio - 1) / 2, 0.0)
    return BulkResult(found.mantissa, found.exponent, error, found.status)


@dataclass(frozen=True)
class _Swept:
    """A command whose options hold at many values of one name."""

    options: dict[str, Any]
    name: str
    values: tuple[str, ...]

    @property
    def is_option(self) -> bool:
        """Whether the name is an option, not a parameter."""
        return self.name in self.options and self.name not in ("set", "model")

    def text(self) -> ModelInput:
        """The model's text, without a value of the name."""
        options = self.options
        others = [one for one in options["set"] if one.partition("=")[0].strip() != self.name]
        given = model_input.from_options({**options, "set": others})
        return replace(given, set={n: value for n, value in given.set.items() if n != self.name})

    def model(self) -> tuple[Model, dict[str, _Column]]:
        """The model with the name free, where it stands in the model, and the name's values."""
        text = self.text()
        swept_eta = self.is_option and self.name == "eta"
        state = text.variable or "w"
        if not swept_eta and (self.is_option or not self.name):
            points = [t for key, t in self.options.items() if key in _POINTS and t is not None]
            points += list(self.values) if self.is_option else []
            diffusion = model_input.diffusion(text, constants=points)
            return diffusion.lowered(), {}
        free = sympy.Symbol(self.name, real=True)
        values = _column([_constant(value, text, "--sweep") for value in self.values])
        given = replace(text, eta="1") if swept_eta else text
        noise, eta, interpretation = model_input.needed(given)
        names = [sympy.Symbol(state, real=True), free]
        force = text.loss if text.loss is not None else text.drift
        assert force is not None
        build = Diffusion.from_loss if text.loss is not None else Diffusion.from_drift
        named = interpretation in ("ito", "stratonovich", "anti-ito")
        diffusion = build(
            model_input.expression(force, text, "a formula", names),
            model_input.expression(noise, text, "a formula", names),
            eta=free if swept_eta else model_input.expression(eta, text, "--eta", names[1:]),
            interpretation=interpretation
            if named
            else model_input.expression(interpretation, text, "--interpretation", names[1:]),
            variable=names[0],
        )
        return lower_diffusion(diffusion, parameters=[free]), {self.name: values}

    def column(self, option: str) -> _Column:
        """An option's value for each value of the name."""
        text = self.text()
        flag = "--" + option.replace("_", "-")
        if self.is_option and option == self.name:
            return _column([_constant(value, text, flag) for value in self.values])
        formula = model_input.expression(
            self.options[option], text, flag, [sympy.Symbol(self.name or "_", real=True)]
        )
        if not formula.free_symbols:
            value = _constant(self.options[option], text, flag)
            return _column([value] * len(self.values))
        free = sympy.Symbol(self.name, real=True)
        return _column(
            [formula.subs(free, _constant(value, text, flag)) for value in self.values]  # type: ignore[misc]
        )


_POINTS = ("at", "order", "probability", "rate", "start", *_ENDS, *_WALLS)


def _constant(text: str, model: ModelInput, what: str) -> sympy.Expr:
    return model_input.constant(text, model, what)
