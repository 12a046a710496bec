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
from numerics.lowering import lower_constant, lower_multivariate, lower_region
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
    state, lowered = _model(model)
    start = _start(options["start"], model)
    tolerance = 10.0 ** -_digits(options.get("digits"))
    region = _region(options.get("exit_region"), "--exit-region", model, state)
    if quantity == "mean-exit-time":
        found = finite_elements.mean_exit_time(lowered, start, region, tolerance=tolerance)
    else:
        against = _region(options.get("against"), "--against", model, state)
        found = finite_elements.committor(lowered, start, against, region, tolerance=tolerance)
    return _document(found)


def simulate(options: Options, model: ModelInput, sampling: Mapping[str, Any]) -> Estimate:
    """Mean time to enter the exit region, by paths.

    Parameters
    ----------
    sampling : paths or target error, seed, workers … as the simulator takes them

    Raises
    ------
    InputError, ComputationError : what was asked has no meaning, or cannot be simulated.
    """
    from numerics.simulation import region_exit

    _refuse_options_of_the_line(options)
    scheme = options.get("scheme")
    if scheme not in (None, region_exit.SCHEME):
        raise InputError(
            f"--scheme {region_exit.SCHEME} in several dimensions", repr(scheme), "leave it out"
        )
    state, lowered = _model(model)
    start = _start(options["start"], model)
    region = _region(options.get("exit_region"), "--exit-region", model, state)
    accepted = {name: value for name, value in sampling.items() if name != "scheme"}
    return region_exit.mean_exit_time(lowered, start, region, **accepted)


def model_and_start(options: Options, model: ModelInput) -> tuple[MultivariateModel, list[Program]]:
    """The model, lowered, and the start."""
    _refuse_options_of_the_line(options)
    return _model(model)[1], _start(options["start"], model)


def _refuse_options_of_the_line(options: Options) -> None:
    for name in ("exit", "exit_below", "method", "variable"):
        if options.get(name) is not None:
            raise InputError(
                "the options of several dimensions (--variables, --start=X,Y, --exit-region)",
                f"--{name.replace('_', '-')} {options[name]}",
                "leave it out",
            )


def _model(model: ModelInput) -> tuple[list[sympy.Symbol], MultivariateModel]:
    noise, eta, interpretation = model_input.needed(model)
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
    state = [sympy.Symbol(name, real=True) for name in names]
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


def _start(text: str, model: ModelInput) -> list[Program]:
    parts = text.split(",")
    size = len((model.variables or "").split(","))
    if len(parts) != size:
        raise InputError(
            f"{size} coordinate{'s' if size > 1 else ''} after --start, one for each variable",
            repr(text),
            f"as --start={','.join(['0'] * size)}",
        )
    return [lower_constant(model_input.constant(part, model, "--start")) for part in parts]


def _region(text: str | None, flag: str, model: ModelInput, state: list[sympy.Symbol]) -> Program:
    if text is None:
        raise InputError(
            f"{flag} CONDITION in several dimensions", "none", f'as {flag} "{state[0]} >= 1"'
        )
    return lower_region(model_input.condition(text, model, flag, state), state)


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
