"""The tests of `exitlaw infer`: from a command's options to its JSON document."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from exitlaw import inference
from exitlaw.command_options import INFER
from exitlaw.observations import numbers, observed_series, read_columns
from exitlaw.request import Document, Options, Request, non_negative_integer, printed
from numerics.correlation import Thinned
from numerics.testing import SCALING_POWER, ScalingFit
from theory.errors import InputError

SCALING_COLUMNS = ("barrier", "time", "error")
LAWS = ("polynomial", "exponential")
_GROWTH = {
    "polynomial": "as a power of the barrier",
    "exponential": "exponentially in the barrier",
    None: "as a power of the barrier, or exponentially in it",
}


def infer(test: str, options: Options) -> Document:
    """The JSON document of `exitlaw infer TEST …`.

    Raises
    ------
    InputError, ComputationError : nothing could be tested.
    """
    began = time.perf_counter()
    request = Request.of(options)
    if request.model_text.multivariate:
        raise InputError(
            "a model of one weight",
            f"variables {request.model_text.variables}",
            "test one weight at a time",
        )
    found = _TESTS[test](request, _level(options))
    return {
        "test": test,
        **found,
        "seconds": time.perf_counter() - began,
        "inputs": request.inputs(list(INFER[test].options)),
    }


def _level(options: Options) -> float:
    text = options["level"]
    if text is None:
        return inference.LEVEL
    try:
        level = float(text)
    except ValueError:
        level = math.nan
    if not 0.0 < level < 1.0:
        raise InputError("a number between 0 and 1 for --level", repr(text), "as --level 0.01")
    return level


def _sample(request: Request) -> dict[str, Any]:
    """The observed series and how they are to be taken, as `exitlaw.inference` takes them."""
    options = request.options
    series = observed_series(
        request.text("observations"),
        options["column"],
        options["series"],
        request.model_text.variable or "w",
    )
    return {
        "sample": series,
        "independent": bool(options["independent"]),
        "discard": non_negative_integer(options["discard"] or "0", "--discard"),
    }


def _goodness_of_fit(request: Request, level: float) -> Document:
    model = request.diffusion()
    found = inference.goodness_of_fit(model=model, level=level, **_sample(request))
    return {
        "hypothesis": f"the {found.sample.values.size} values tested are independent ones of the "
        "model's stationary law",
        "statistic": found.statistic,
        "p_value": found.p_value,
        "level": level,
        "rejected": found.rejected,
        "detectable": found.detectable,
        "power": inference.POWER,
        "sampling": _sampling(found.sample),
    }


def _tail_index(request: Request, level: float) -> Document:
    described = request.model_text.described().keys() - {"variable"}
    model = request.diffusion() if described else None
    found = inference.tail_index(
        model=model,
        level=level,
        tail=request.options["tail"] or "both",
        **_sample(request),
    )
    estimate, known = found.estimate, found.model_index
    low, high = estimate.interval
    return {
        "hypothesis": "the values are independent ones of a law with a tail"
        + ("" if model is None else ", whose index is that of the model's stationary law"),
        "index": _extended(estimate.index),
        "lower": _extended(low),
        "upper": _extended(high),
        "shape": estimate.shape,
        "standard_error": estimate.standard_error,
        "bias_bound": estimate.bias_bound,
        "bias_kind": "estimated",
        "excesses": estimate.used,
        "power_law": estimate.is_power_law,
        "model_index": None if known is None else printed(known, request.digits)[0][0],
        "level": level,
        "rejected": found.rejected,
        "sampling": _sampling(found.sample),
    }


def _scaling(request: Request, level: float) -> Document:
    law = request.options["law"]
    if law not in (None, *LAWS):
        raise InputError("--law polynomial or exponential", repr(law), "leave it out to ask which")
    path = request.text("observations")
    columns = read_columns(path)
    barriers, times, errors = (numbers(columns, name, path) for name in SCALING_COLUMNS)
    found = inference.scaling_test(barriers, times, errors, level=level)
    fits = {"polynomial": found.polynomial, "exponential": found.exponential}
    rejected = [name for name in LAWS if fits[name].p_value < level]
    return {
        "hypothesis": f"over this range, mean exit times grow {_GROWTH[law]}; the estimates are "
        "independent",
        "verdict": found.verdict,
        "polynomial": _fit(found.polynomial),
        "exponential": _fit(found.exponential),
        "power_against_polynomial": found.power_against_polynomial,
        "power_against_exponential": found.power_against_exponential,
        "range": list(found.range),
        "range_with_power": None
        if found.range_with_power is None
        else list(found.range_with_power),
        "power": SCALING_POWER,
        "level": level,
        "rejected": law in rejected if law else len(rejected) == len(LAWS),
    }


def _fit(fit: ScalingFit) -> Document:
    return {
        "intercept": fit.intercept,
        "slope": fit.slope,
        "slope_error": fit.slope_error,
        "p_value": fit.p_value,
    }


def _sampling(sample: Thinned) -> Document:
    return {
        "given": sample.given,
        "used": int(sample.values.size),
        "stride": sample.stride,
        "autocorrelation_time": sample.time,
        "autocorrelation_time_error": sample.time_error,
        "independence_stated": sample.stated,
        "explained": sample.explained(),
    }


def _extended(value: float) -> float | str:
    """JSON has no infinity."""
    return value if math.isfinite(value) else "inf"


_TESTS: dict[str, Callable[[Request, float], Document]] = {
    "goodness-of-fit": _goodness_of_fit,
    "tail-index": _tail_index,
    "scaling": _scaling,
}
