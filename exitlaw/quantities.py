"""The quantities of `evaluate`: from a command's options to its JSON document.

Formulas come from `theory`, numbers from `numerics`; here the two meet. Every function takes the
text of the options, so that what was asked is what is recorded under `inputs`.
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import sympy

from exitlaw import model_input
from exitlaw.command_options import EVALUATE
from exitlaw.escape_quantities import escape_rate, kramers_time, sharpness_ratio
from exitlaw.request import (
    Document,
    Options,
    Request,
    Value,
    check_order,
    own_options,
    positive_integer,
    printed,
    refuse_several_dimensions,
)
from numerics.enclosure import Enclosure
from numerics.errors import InfiniteAtZero, InfiniteMean
from numerics.lowering import Model, lower_constant
from numerics.program import Program
from theory.errors import InputError

if TYPE_CHECKING:
    pass


MAX_EIGENVALUES = 1000
"""More than these take hours, one eigenvalue being as dear as another."""


def evaluate(quantity: str, options: Options) -> Document:
    """The JSON document of `exitlaw evaluate QUANTITY …`.

    Raises
    ------
    InputError, ComputationError : what was asked has no meaning, no value, or no certain digits.
    """
    began = time.perf_counter()
    request = Request.of(options)
    own = own_options(EVALUATE[quantity], simulated=False)
    if request.model_text.multivariate:
        if not EVALUATE[quantity].multivariate:
            refuse_several_dimensions(quantity, EVALUATE)
        from exitlaw import multivariate_quantities

        return {
            "quantity": quantity,
            **multivariate_quantities.evaluate(quantity, options, request.model_text),
            "seconds": time.perf_counter() - began,
            "inputs": request.inputs(own),
        }
    request.refuse_multivariate_options()
    if request.method == "double":
        return in_doubles(quantity, options, "", [""], lambda _: dict(options))[0]
    found = _EVALUATE[quantity](request)
    document = _spectrum_document(found) if isinstance(found, Spectrum) else _document(
        found, request.digits
    )  # fmt: skip
    return {
        "quantity": quantity,
        **document,
        "method": request.method,
        "seconds": time.perf_counter() - began,
        "inputs": request.inputs(own),
    }


def in_doubles(
    quantity: str,
    options: Options,
    name: str,
    values: Sequence[str],
    at: Callable[[str], Options],
) -> list[Document]:
    """The documents of a sweep with `--method double`; `at` gives the options at a value."""
    from exitlaw import doubles

    own = own_options(EVALUATE[quantity], simulated=False)

    def certified(value: str) -> Document:
        return evaluate(quantity, {**at(value), "method": "arb"})

    found = doubles.rows(quantity, options, name, values, certified)
    return [
        {
            "quantity": quantity,
            **document,
            "inputs": Request.of(at(value)).inputs(own),
        }
        for value, document in zip(values, found, strict=True)
    ]


def _document(found: Enclosure | Value, digits: int) -> Document:
    enclosure, beside = (
        (found.enclosure, dict(found.beside)) if isinstance(found, Value) else (found, {})
    )
    (value, lower, upper), kind = printed(enclosure, digits)
    return {
        "value": value,
        "lower": lower,
        "upper": upper,
        "digits": digits,
        "digits_kind": kind,
        **beside,
    }


@contextmanager
def _law_of(model: Model, expected: str) -> Iterator[None]:
    """Say of a divergent integral which law or moment it takes away, or that C is no variance."""
    try:
        yield
    except InfiniteMean as error:
        negative = None if isinstance(error, InfiniteAtZero) else _negative_noise(model)
        if negative is not None:
            raise InputError(
                "C >= 0: a variance, not its square root",
                f"C = {model.formulas.get('noise')}, which is negative at {model.variable} = "
                f"{negative}",
                "correct --noise; a covariance σ_g + 2ρw + σ_H w² needs σ_g σ_H >= ρ²",
            ) from error
        raise InputError(expected, error.received, error.advice) from error


def _negative_noise(model: Model) -> Fraction | None:
    """A point at which C is certainly negative, if one is found on a coarse grid."""
    from flint import arb

    from numerics.evaluators import as_fmpq, evaluate_arb

    sizes = [Fraction(2) ** power * step for power in range(-3, 31) for step in (1, Fraction(3, 2))]
    for point in [Fraction(0), *(sign * size for size in sizes for sign in (1, -1))]:
        if evaluate_arb(model.noise, arb(as_fmpq(point)))[0] < 0:
            return point
    return None


_NORMALISABLE = "a stationary law that can be normalised"


def _stationary_density(request: Request) -> Enclosure:
    from numerics import stationary

    model = request.model()
    with _law_of(model, _NORMALISABLE):
        return stationary.density(model, request.point("at"), **request.precision)


def _cumulative(request: Request) -> Enclosure:
    from numerics import stationary

    model = request.model()
    with _law_of(model, _NORMALISABLE):
        return stationary.cumulative(model, request.point("at"), **request.precision)


def _quantile(request: Request) -> Enclosure:
    from numerics import stationary

    model = request.model()
    with _law_of(model, _NORMALISABLE):
        return stationary.quantile(model, request.point("probability"), **request.precision)


def _moment(request: Request) -> Enclosure:
    from numerics import stationary

    order = request.constant("order")
    absolute = bool(request.options["absolute"])
    check_order(request, order, absolute)
    if not order.is_rational:
        raise InputError("a rational --order", repr(request.text("order")), "as --order 1/2")
    model = request.model()
    with _law_of(model, f"a law whose moment of order {order} exists"):
        return stationary.moment(
            model, Fraction(str(order)), absolute=absolute, **request.precision
        )


def _tail_index(request: Request) -> Enclosure:
    from numerics import stationary

    return stationary.tail_index(request.model(), **request.precision)


def _mean_exit_time(request: Request) -> Enclosure:
    from numerics import first_passage

    model = request.model()
    with _law_of(model, "a finite mean exit time"):
        return first_passage.mean_exit_time(
            model, request.point("start"), **request.ends(), **request.precision
        )


def _exit_time_moment(request: Request) -> Enclosure:
    from numerics import first_passage

    order = positive_integer(request.text("order"), "--order")
    model = request.model()
    with _law_of(model, f"a finite moment of order {order}"):
        return first_passage.exit_time_moment(
            model, order, request.point("start"), **request.ends(), **request.precision
        )


def _exit_time_laplace(request: Request) -> Enclosure:
    from numerics import first_passage

    return first_passage.exit_time_laplace(
        request.model(),
        request.point("rate"),
        request.point("start"),
        **request.ends(),
        **request.precision,
    )


def _exit_probability(request: Request) -> Enclosure:
    from numerics import first_passage

    if not (request.given("exit") and request.given("exit_below")):
        raise InputError("--exit B and --exit-below A for exit-probability", "one or none of them")
    return first_passage.exit_probability(
        request.model(), request.point("start"), **request.boundaries(), **request.precision
    )


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues of the negative generator, ascending, and where the continuum begins."""

    values: tuple[tuple[tuple[str, str, str], str], ...]
    edge: str
    digits: int


def _spectrum(request: Request) -> Spectrum:
    from numerics import eigenvalues

    count = positive_integer(request.options.get("count") or "6", "--count")
    if count > MAX_EIGENVALUES:
        raise InputError(f"a --count up to {MAX_EIGENVALUES}", str(count), "ask for fewer")
    found = eigenvalues.spectrum(
        request.model(), count, **request.boundaries(), **request.precision
    )
    values = tuple(printed(one, request.digits) for one in found.eigenvalues)
    edge = "inf" if found.continuum_edge is None else printed(
        found.continuum_edge, request.digits
    )[0][0]  # fmt: skip
    return Spectrum(values, edge, request.digits)


def _spectrum_document(found: Spectrum) -> Document:
    texts = [texts for texts, _ in found.values]
    kinds = {kind for _, kind in found.values}
    return {
        "value": [value for value, _, _ in texts],
        "lower": [lower for _, lower, _ in texts],
        "upper": [upper for _, _, upper in texts],
        "digits": found.digits,
        "digits_kind": "absolute" if "absolute" in kinds else "relative",
        "continuum_edge": found.edge,
    }


# --- discrete time -------------------------------------------------------------------------------

_NORMAL = re.compile(r"\s*normal\s*\((?P<mean>[^,]+),(?P<deviation>[^,]+)\)\s*")
_CHI_SQUARED = re.compile(r"\s*(?:(?P<scale>.+?)\s*\*\s*)?chi2\s*\((?P<degrees>[^,]+)\)\s*")


def _kesten_index(request: Request) -> Enclosure:
    from numerics import kesten

    text, model = request.text("hessian"), request.model_text

    def constant(part: str) -> sympy.Expr:
        return model_input.constant(part, model, "--hessian")

    def positive(part: str, what: str) -> Program:
        value = constant(part)
        if not value.is_positive:
            raise InputError(f"{what} > 0 in --hessian", repr(text), "correct it")
        return lower_constant(value)

    eta = request.constant("eta")
    if not eta.is_positive:
        raise InputError("a learning rate eta > 0", str(eta), "give a positive learning rate")
    rate = lower_constant(eta)
    if match := _NORMAL.fullmatch(text):
        curvature = kesten.Normal(
            lower_constant(constant(match["mean"])),
            positive(match["deviation"], "a standard deviation"),
        )
    elif match := _CHI_SQUARED.fullmatch(text):
        curvature = kesten.ChiSquared(
            positive(match["scale"] or "1", "a scale"),
            positive(match["degrees"], "degrees of freedom"),
        )
    else:
        raise InputError(
            '--hessian "normal(mean, standard deviation)" or "scale*chi2(degrees)"',
            repr(text),
            'as "normal(1, 0.5)" or "0.35*chi2(3)"',
        )
    return kesten.tail_index(curvature, rate, **request.precision)


_EVALUATE: dict[str, Callable[[Request], "Enclosure | Value | Spectrum"]] = {
    "stationary-density": _stationary_density,
    "cumulative": _cumulative,
    "quantile": _quantile,
    "moment": _moment,
    "tail-index": _tail_index,
    "spectrum": _spectrum,
    "mean-exit-time": _mean_exit_time,
    "exit-time-moment": _exit_time_moment,
    "exit-time-laplace": _exit_time_laplace,
    "exit-probability": _exit_probability,
    "kramers-time": kramers_time,
    "escape-rate": escape_rate,
    "sharpness-ratio": sharpness_ratio,
    "kesten-index": _kesten_index,
}
