"""Quantities of models in several dimensions, estimated.

In two by finite elements; in any number by paths.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import TYPE_CHECKING, Any

import sympy

from exitlaw import model_input
from exitlaw.model_input import ModelInput
from numerics.lowering import lower, lower_constant, lower_multivariate, lower_region
from numerics.multivariate import MultivariateModel
from numerics.program import Program
from theory.diffusion import DiffusionND
from theory.errors import InputError

if TYPE_CHECKING:
    from numerics.finite_elements import MeshEstimate
    from numerics.simulation import Estimate

DEFAULT_DIGITS = 3
MAX_DIGITS = 8

Options = Mapping[str, Any]


def evaluate(quantity: str, options: Options, model: ModelInput) -> dict[str, Any]:
    """Value, ends, digits and method of a two-dimensional quantity.

    Raises
    ------
    InputError, ComputationError : what was asked has no meaning, or no mesh reaches it.
    """
    from numerics import finite_elements

    _refuse_options_of_the_line(options)
    state, lowered = _model(model, options)
    start = _point(options["start"], "--start", model)
    tolerance = 10.0 ** -_digits(options.get("digits"))
    region = _region(options.get("exit_region"), "--exit-region", model, state)
    if quantity == "mean-exit-time":
        found = finite_elements.mean_exit_time(lowered, start, region, tolerance=tolerance)
    else:
        against = _region(options.get("against"), "--against", model, state)
        found = finite_elements.committor(lowered, start, against, region, tolerance=tolerance)
    return _document(found)


def simulate(
    quantity: str, options: Options, model: ModelInput, sampling: Mapping[str, Any]
) -> Estimate:
    """A mean exit time from a region, of a diffusion or SGD, a stationary moment or density.

    Parameters
    ----------
    sampling : paths or target error, seed, workers … as the simulator takes them

    Raises
    ------
    InputError, ComputationError : what was asked has no meaning, or cannot be simulated.
    """
    _refuse_options_of_the_line(options)
    if quantity == "sgd-exit-time":
        return _descent(options, model, sampling)
    state, lowered = _model(model, options)
    return _SIMULATE[quantity](options, model, state, lowered, sampling)


def _exit_time(
    options: Options,
    model: ModelInput,
    state: list[sympy.Symbol],
    lowered: MultivariateModel,
    sampling: Mapping[str, Any],
) -> Estimate:
    from numerics.simulation import region_exit

    start = _point(options["start"], "--start", model)
    region = _region(options.get("exit_region"), "--exit-region", model, state)
    return region_exit.mean_exit_time(
        lowered, start, region, importance=_importance(options, model, state), **sampling
    )


def _moment(
    options: Options,
    model: ModelInput,
    state: list[sympy.Symbol],
    lowered: MultivariateModel,
    sampling: Mapping[str, Any],
) -> Estimate:
    from numerics.simulation import vector_ergodic

    text, absolute = options.get("observable"), bool(options.get("absolute"))
    if text is None:
        raise InputError(
            "--observable EXPR in several dimensions", "none", f'as --observable "{state[0]}**2"'
        )
    order = model_input.constant(options["order"], model, "--order")
    if not absolute and not (order.is_integer and order.is_positive):
        raise InputError(
            "a positive integer order for a raw moment",
            f"--order {options['order']}",
            "add --absolute for E|f|^R with any real R",
        )
    observable = lower(model_input.expression(text, model, "--observable", state), state)
    return vector_ergodic.moment(
        lowered,
        observable,
        int(order) if order.is_integer else float(order),
        absolute=absolute,
        **sampling,
    )


def _density(
    options: Options,
    model: ModelInput,
    state: list[sympy.Symbol],
    lowered: MultivariateModel,
    sampling: Mapping[str, Any],
) -> Estimate:
    from numerics.simulation import vector_ergodic

    return vector_ergodic.stationary_density(
        lowered, _point(options["at"], "--at", model), **sampling
    )


def _descent(options: Options, model: ModelInput, sampling: Mapping[str, Any]) -> Estimate:
    """SGD itself on the samples, until it is in the exit region."""
    state = _state(model)
    losses = model_input.sample_losses_nd(model, state, **_texts(options))
    return losses.simulate_mean_exit_time(
        eta=model_input.learning_rate(model),
        start=_coordinates(options["start"], "--start", model),
        exit_region=_condition(options.get("exit_region"), "--exit-region", model, state),
        **model_input.batches(model),
        **sampling,
    )


_SIMULATE = {
    "mean-exit-time": _exit_time,
    "moment": _moment,
    "stationary-density": _density,
}


def _importance(
    options: Options, model: ModelInput, state: list[sympy.Symbol]
) -> Program | str | None:
    """What splitting goes by: a name that the simulator knows, or a formula."""
    text = options.get("importance")
    if text in (None, "region", "committor"):
        return text
    return lower(model_input.expression(text, model, "--importance", state), state)


def model_and_start(options: Options, model: ModelInput) -> tuple[MultivariateModel, list[Program]]:
    """The model, lowered, and the start."""
    _refuse_options_of_the_line(options)
    return _model(model, options)[1], _point(options["start"], "--start", model)


def _refuse_options_of_the_line(options: Options) -> None:
    for name in ("exit", "exit_below", "reflect", "reflect_below", "method", "variable"):
        if options.get(name) is not None:
            raise InputError(
                "the options of several dimensions (--variables, --start=X,Y, --exit-region)",
                f"--{name.replace('_', '-')} {options[name]}",
                "leave it out",
            )


def _state(model: ModelInput) -> list[sympy.Symbol]:
    """The state variables."""
    names = [name.strip() for name in (model.variables or "").split(",")]
    if not all(name.isidentifier() and name not in ("pi", "E") for name in names):
        raise InputError("names after --variables", repr(model.variables), "as --variables x,y")
    if len(set(names)) < len(names):
        raise InputError("different names after --variables", repr(model.variables), "rename one")
    for name in names:
        if name in model.set:
            raise InputError(
                "parameters other than the state variables", f"--set {name}=…", f"leave {name} free"
            )
    return [sympy.Symbol(name, real=True) for name in names]


def _model(model: ModelInput, options: Options) -> tuple[list[sympy.Symbol], MultivariateModel]:
    """The state variables, and the model lowered."""
    state = _state(model)
    if model.sample_loss is not None:
        losses = model_input.sample_losses_nd(model, state, **_texts(options))
        sampled = losses.diffusion(
            eta=model_input.learning_rate(model),
            interpretation=model_input.interpretation(model),
            **model_input.batches(model),
        )
        return state, sampled.lowered()
    model_input.refuse_stray_data(model)
    noise, eta, interpretation = model_input.needed(model)
    given = {
        "variables": state,
        "eta": eta,
        "interpretation": interpretation,
        "parameters": model_input.values_of(model),
    }
    if model.loss is not None:
        diffusion = DiffusionND.from_loss(model.loss, noise, **given)
    else:
        diffusion = DiffusionND.from_drift(model.drift or "", noise, **given)
    lowered = lower_multivariate(
        state,
        diffusion.gradient,
        diffusion.noise.tolist(),
        eta=diffusion.eta,
        theta=diffusion.theta,
    )
    return state, lowered


def _texts(options: Options) -> dict[str, list[str]]:
    """The texts of a command's values in which names given by --set may stand."""
    points = [options[name] for name in ("start", "at") if options.get(name)]
    formulas = [options[name] for name in ("order", "observable", "importance", "until")
                if options.get(name) not in (None, "region", "committor")]  # fmt: skip
    return {
        "constants": [*formulas, *(part for text in points for part in text.split(","))],
        "conditions": [options[name] for name in ("exit_region", "against") if options.get(name)],
    }


def _coordinates(text: str, flag: str, model: ModelInput) -> list[sympy.Expr]:
    parts = text.split(",")
    size = len((model.variables or "").split(","))
    if len(parts) != size:
        raise InputError(
            f"{size} coordinate{'s' if size > 1 else ''} after {flag}, one for each variable",
            repr(text),
            f"as {flag}={','.join(['0'] * size)}",
        )
    return [model_input.constant(part, model, flag) for part in parts]


def _point(text: str, flag: str, model: ModelInput) -> list[Program]:
    return [lower_constant(coordinate) for coordinate in _coordinates(text, flag, model)]


def _condition(
    text: str | None, flag: str, model: ModelInput, state: list[sympy.Symbol]
) -> sympy.Basic:
    if text is None:
        raise InputError(
            f"{flag} CONDITION in several dimensions", "none", f'as {flag} "{state[0]} >= 1"'
        )
    return model_input.condition(text, model, flag, state)


def _region(text: str | None, flag: str, model: ModelInput, state: list[sympy.Symbol]) -> Program:
    return lower_region(_condition(text, flag, model, state), state)


def _digits(text: str | None) -> int:
    if text is None:
        return DEFAULT_DIGITS
    if not text.isdecimal() or not 1 <= int(text) <= MAX_DIGITS:
        raise InputError(
            f"--digits from 1 to {MAX_DIGITS} in two dimensions",
            repr(text),
            "finite elements do not reach more",
        )
    return int(text)


def _document(found: MeshEstimate) -> dict[str, Any]:
    relative = found.error / abs(found.value) if found.value else math.inf
    digits = max(1, math.floor(-math.log10(max(relative, 1e-15)))) if relative < 1 else 1
    places = digits + 3
    value, error = Decimal(found.value), Decimal(found.error)
    low = Context(prec=places, rounding=ROUND_FLOOR).create_decimal(value - error)
    high = Context(prec=places, rounding=ROUND_CEILING).create_decimal(value + error)
    middle = Context(prec=places).create_decimal(value)
    return {
        "value": _text(middle),
        "lower": _text(low),
        "upper": _text(high),
        "digits": digits,
        "digits_kind": "estimated",
        "method": "finite-elements",
    }


def _text(value: Decimal) -> str:
    return format(value, "f") if -6 < value.adjusted() < 16 else format(value, "e")
