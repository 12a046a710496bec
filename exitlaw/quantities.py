"""The quantities of `evaluate` and `simulate`: from a command's options to its JSON document.

Formulas come from `theory`, numbers from `numerics`; here the two meet. Every function takes the
text of the options, so that what was asked is what is recorded under `inputs`.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import sympy

from exitlaw import model_input
from exitlaw.command_options import EVALUATE, SIMULATE, Quantity, options_of
from exitlaw.model_input import ModelInput
from numerics.enclosure import Enclosure
from numerics.errors import InfiniteAtZero, InfiniteMean, PrecisionCapReached
from numerics.lowering import Model, lower_constant, lower_diffusion
from numerics.program import Program
from theory.diffusion import Diffusion
from theory.errors import InputError

if TYPE_CHECKING:
    from numerics.simulation import Estimate

Options = Mapping[str, Any]
Document = dict[str, Any]

DEFAULT_DIGITS = 15
MAX_DIGITS = 100_000
METHODS = ("arb", "mpmath", "both")
DEFAULT_TARGET_ERROR = 0.01


# --- numbers among the options -------------------------------------------------------------------


def positive_integer(text: str, what: str) -> int:
    """A positive integer given as text."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value <= 0:
        raise InputError(f"a positive integer for {what}", repr(text), "give 1 or more")
    return value


def _non_negative_integer(text: str, what: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = -1
    if value < 0:
        raise InputError(f"an integer from 0 on for {what}", repr(text), f"as {what} 0")
    return value


def _positive_number(text: str, model: ModelInput, what: str) -> float:
    value = model_input.constant(text, model, what)
    if not value.is_positive:
        raise InputError(f"a positive number for {what}", repr(text), f"as {what} 0.01")
    return float(value)


@dataclass(frozen=True)
class Request:
    """What a command asks, read once: the model, its options, digits and route."""

    options: Options
    model_text: ModelInput
    digits: int = DEFAULT_DIGITS
    method: str = "both"

    @classmethod
    def of(cls, options: Options) -> "Request":
        digits = options.get("digits")
        number = DEFAULT_DIGITS if digits is None else positive_integer(digits, "--digits")
        if number > MAX_DIGITS:
            raise InputError(
                f"at most {MAX_DIGITS} digits", f"--digits {digits}", "ask for fewer digits"
            )
        method = options.get("method") or "both"
        if method not in METHODS:
            raise InputError("--method arb, mpmath or both", repr(method), "both is the default")
        return cls(options, model_input.from_options(options), number, method)

    def refuse_multivariate_options(self) -> None:
        """Without --variables, the options of several dimensions have no meaning."""
        for name in ("exit_region", "against"):
            if self.given(name):
                raise InputError(
                    "--exit B and --exit-below A in one dimension",
                    f"--{name.replace('_', '-')} {self.text(name)}",
                    "name the variables (--variables x,y) for a model in several dimensions",
                )

    @property
    def precision(self) -> dict[str, Any]:
        """Digits and route as the numerics take them."""
        return {"digits": self.digits, "method": self.method}

    def text(self, name: str) -> str:
        """The text of a required option."""
        return self.options[name]

    def given(self, name: str) -> bool:
        """Whether an option was given."""
        return self.options.get(name) is not None

    def constant(self, name: str) -> sympy.Expr:
        """The exact value of an option."""
        flag = "--" + name.replace("_", "-")
        return model_input.constant(self.text(name), self.model_text, flag)

    def point(self, name: str) -> Program:
        """An option's value as a point for the numerics."""
        return lower_constant(self.constant(name))

    def boundaries(self) -> dict[str, Program | None]:
        """The exits that are given, as the numerics name them."""
        return {
            "exit_above": self.point("exit") if self.given("exit") else None,
            "exit_below": self.point("exit_below") if self.given("exit_below") else None,
        }

    def diffusion(self, model_text: ModelInput | None = None) -> Diffusion:
        """The diffusion that the options describe."""
        values = [
            value
            for name, value in self.options.items()
            if isinstance(value, str) and name in _VALUES
        ]
        return model_input.diffusion(model_text or self.model_text, constants=values)

    def model(self) -> Model:
        """The same, lowered."""
        return lower_diffusion(self.diffusion())

    def inputs(self, quantity_options: list[str]) -> Document:
        """What was asked, for the record."""
        described = self.model_text.described()
        own = {
            name: self.options[name]
            for name in quantity_options
            if self.options.get(name) not in (None, False) and name not in described
        }
        return {**described, **own}


_VALUES = (
    "at", "order", "probability", "rate", "start", "exit", "exit_below",
    "flatter", "flatter_noise", "flatter_start", "flatter_exit",
)  # fmt: skip
"""Options whose text may hold names given by --set."""


def _own_options(quantity: Any, *, simulated: bool) -> list[str]:
    shown = {"Quantity"} | ({"Simulation"} if simulated else set())
    return [one.name for one in options_of(quantity, simulated=simulated) if one.panel in shown]


# --- evaluate ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Value:
    """One certified number and what is said beside it."""

    enclosure: Enclosure
    beside: Mapping[str, Any]


def evaluate(quantity: str, options: Options) -> Document:
    """The JSON document of `exitlaw evaluate QUANTITY …`.

    Raises
    ------
    InputError, ComputationError : what was asked has no meaning, no value, or no certain digits.
    """
    began = time.perf_counter()
    request = Request.of(options)
    own = _own_options(EVALUATE[quantity], simulated=False)
    if request.model_text.multivariate:
        if not EVALUATE[quantity].multivariate:
            _refuse_several_dimensions(quantity, EVALUATE)
        from exitlaw import multivariate_quantities

        return {
            "quantity": quantity,
            **multivariate_quantities.evaluate(quantity, options, request.model_text),
            "seconds": time.perf_counter() - began,
            "inputs": request.inputs(own),
        }
    request.refuse_multivariate_options()
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


def _refuse_several_dimensions(quantity: str, known: Mapping[str, Quantity]) -> NoReturn:
    raise InputError(
        "a quantity that is defined in several dimensions",
        quantity,
        f"one of {', '.join(name for name, one in known.items() if one.multivariate)}",
    )


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


def printed(enclosure: Enclosure, digits: int) -> tuple[tuple[str, str, str], str]:
    """Decimal strings of an enclosure, and whether its digits are relative or absolute."""
    try:
        return enclosure.decimals(digits), "relative"
    except PrecisionCapReached:
        if enclosure.lower > 0 or enclosure.upper < 0:
            raise
        return enclosure.decimals(digits, "absolute"), "absolute"


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


def _check_order(request: Request, order: sympy.Expr, absolute: bool) -> None:
    if not absolute and not (order.is_integer and order.is_nonnegative):
        raise InputError(
            "an integer order from 0 on for a raw moment",
            f"--order {request.text('order')}",
            "add --absolute for E|X|^R with any real R",
        )


def _moment(request: Request) -> Enclosure:
    from numerics import stationary

    order = request.constant("order")
    absolute = bool(request.options["absolute"])
    _check_order(request, order, absolute)
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
            model, request.point("start"), **request.boundaries(), **request.precision
        )


def _exit_time_moment(request: Request) -> Enclosure:
    from numerics import first_passage

    order = positive_integer(request.text("order"), "--order")
    model = request.model()
    with _law_of(model, f"a finite moment of order {order}"):
        return first_passage.exit_time_moment(
            model, order, request.point("start"), **request.boundaries(), **request.precision
        )


def _exit_time_laplace(request: Request) -> Enclosure:
    from numerics import first_passage

    return first_passage.exit_time_laplace(
        request.model(),
        request.point("rate"),
        request.point("start"),
        **request.boundaries(),
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


# --- Kramers' formulas ---------------------------------------------------------------------------


@dataclass(frozen=True)
class EscapeFormula:
    """The formula that fits a model: its name, and the expression in `FORMULA_INPUTS`."""

    name: str
    expression: sympy.Expr


def escape_formula(diffusion: Diffusion) -> EscapeFormula:
    """Langevin for constant noise, power law where C rises affinely with L, else multiplicative."""
    from numerics.kramers_points import FORMULA_INPUTS
    from theory import kramers

    H_a, H_b, C_a, C_b, rise, exponent, eta, theta = (
        sympy.Symbol(name, real=True) for name in FORMULA_INPUTS
    )
    w = diffusion.variable
    slope = sympy.cancel(sympy.diff(diffusion.noise, w) / diffusion.gradient)
    if slope == 0:
        return EscapeFormula("langevin", kramers.langevin_time(H_a, H_b, rise, eta, C_a))
    if slope.is_number and slope.is_positive:
        # C = σ_g + (2σ_H/H_a)(L − L(a)) and κ = H_a/(ησ_H), so κ = 2/(η dC/dL).
        kappa = 2 / (eta * slope)
        m = kappa + 1 - theta
        if m.subs({eta: diffusion.eta, theta: diffusion.theta}) > sympy.Rational(1, 2):
            time = kramers.power_law_time(H_a, H_b, rise, eta, C_a, kappa, theta)
            return EscapeFormula("power-law", time)
    return EscapeFormula(
        "multiplicative", kramers.multiplicative_time(H_a, H_b, C_a, C_b, exponent, theta)
    )


@dataclass(frozen=True)
class Escape:
    """A passage over a saddle: the lowered model, its critical points, its formula."""

    model: Model
    minimum: Enclosure
    saddle: Enclosure
    formula: EscapeFormula
    time: Enclosure


def _escape(request: Request, diffusion: Diffusion, start: Program, exit: Program) -> Escape:
    from numerics import kramers_points
    from numerics.lowering import lower

    model, formula = lower_diffusion(diffusion), escape_formula(diffusion)
    points = kramers_points.critical_points(model, start, exit)
    inputs = [sympy.Symbol(name, real=True) for name in kramers_points.FORMULA_INPUTS]
    time = kramers_points.formula_value(
        model, points, lower(formula.expression, inputs), **request.precision
    )
    minimum, saddle = (
        kramers_points.enclosure(model, bracket, SHOWN_DIGITS)
        for bracket in (points.minimum, points.saddle)
    )
    return Escape(model, minimum, saddle, formula, time)


SHOWN_DIGITS = 15
"""Digits of the minimum, the saddle and the error that stand beside a Kramers time."""


def _pair(enclosure: Enclosure) -> list[str]:
    (_, lower, upper), _ = printed(enclosure, SHOWN_DIGITS)
    return [lower, upper]


def _beside(escape: Escape, error: Enclosure | None) -> Document:
    return {
        "formula": escape.formula.name,
        "minimum": _pair(escape.minimum),
        "saddle": _pair(escape.saddle),
        "error_against_exact": None if error is None else _pair(error),
    }


def _error_against_exact(escape: Escape, start: Program, exit: Program) -> Enclosure | None:
    """formula/exact − 1, certified; None where the exact time has no certified value."""
    from numerics import first_passage
    from numerics.errors import ComputationError

    digits = SHOWN_DIGITS + 5
    try:
        exact = first_passage.mean_exit_time(
            escape.model, start, exit_above=exit, digits=digits, method="arb"
        )
    except ComputationError:
        return None
    return _ratio(escape.time, exact, minus=1)


def _ratio(above: Enclosure, below: Enclosure, *, minus: int = 0) -> Enclosure:
    from flint import ctx

    bits = max(above.arb.bits(), below.arb.bits()) + 64
    with ctx.workprec(bits):
        return Enclosure.from_arb(above.arb / below.arb - minus)


def _kramers_time(request: Request) -> Value:
    start, exit = request.point("start"), request.point("exit")
    escape = _escape(request, request.diffusion(), start, exit)
    return Value(escape.time, _beside(escape, _error_against_exact(escape, start, exit)))


def _of(request: Request, default: str) -> str:
    of = request.options.get("of") or default
    if of not in ("exact", "kramers"):
        raise InputError("--of exact or kramers", repr(of), f"{default} is the default")
    return of


def _escape_rate(request: Request) -> Enclosure | Value:
    from numerics import first_passage

    start, exit = request.point("start"), request.point("exit")
    finer = Request(request.options, request.model_text, request.digits + 2, request.method)
    one = Enclosure.exact(1)
    if _of(request, "kramers") == "exact":
        time = first_passage.mean_exit_time(
            request.model(), start, exit_above=exit, **finer.precision
        )
        return _ratio(one, time)
    escape = _escape(finer, request.diffusion(), start, exit)
    return Value(
        _ratio(one, escape.time),
        {key: value for key, value in _beside(escape, None).items() if value is not None},
    )


@dataclass(frozen=True)
class Well:
    """One of the two wells of a sharpness ratio."""

    diffusion: Diffusion
    start: sympy.Expr
    exit: sympy.Expr

    def ends(self) -> tuple[Program, Program]:
        """Start and exit as the numerics take them."""
        return lower_constant(self.start), lower_constant(self.exit)


def _wells(request: Request) -> tuple[Well, Well]:
    """The flatter and the sharper well; what is not given for the flatter is the sharper's."""
    from dataclasses import replace

    text, options = request.model_text, request.options
    flatter_text = replace(
        text,
        loss=options["flatter"],
        drift=None,
        noise=options.get("flatter_noise") or text.noise,
    )
    constants = [
        one
        for name, one in options.items()
        if isinstance(one, str) and (name in _VALUES or name in ("loss", "noise"))
    ]
    flatter = model_input.diffusion(flatter_text, constants=constants)
    sharper = request.diffusion()
    start, exit = request.constant("start"), request.constant("exit")
    return (
        Well(
            flatter,
            request.constant("flatter_start") if request.given("flatter_start") else start,
            request.constant("flatter_exit") if request.given("flatter_exit") else exit,
        ),
        Well(sharper, start, exit),
    )


def _sharpness_ratio(request: Request) -> Enclosure | Value:
    from numerics import first_passage

    finer = Request(request.options, request.model_text, request.digits + 2, request.method)
    wells = _wells(request)
    if _of(request, "exact") == "exact":
        flat, sharp = (
            first_passage.mean_exit_time(
                lower_diffusion(well.diffusion), start, exit_above=exit, **finer.precision
            )
            for well in wells
            for start, exit in [well.ends()]
        )
        return _ratio(flat, sharp)
    flat, sharp = (_escape(finer, well.diffusion, *well.ends()) for well in wells)
    formulas = dict.fromkeys((flat.formula.name, sharp.formula.name))
    return Value(_ratio(flat.time, sharp.time), {"formula": " / ".join(formulas)})


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
    "kramers-time": _kramers_time,
    "escape-rate": _escape_rate,
    "sharpness-ratio": _sharpness_ratio,
    "kesten-index": _kesten_index,
}


# --- simulate ------------------------------------------------------------------------------------


Progress = Callable[[int, int], None]
"""Called with the numbers of finished and of all chunks of a simulation's current stage."""


def _sampling(request: Request) -> dict[str, Any]:
    """Paths or error to reach, step, scheme, seed and threads, as the simulator takes them."""
    import os

    options = request.options
    if request.given("paths") and request.given("target_error"):
        raise InputError("--paths N or --target-error R", "both", "give one of the two")
    if request.given("scheduler") and request.given("workers"):
        raise InputError("--workers N or --scheduler ADDRESS", "both", "give one of the two")
    chosen: dict[str, Any] = {
        "seed": _non_negative_integer(options.get("seed") or "0", "--seed"),
        "workers": positive_integer(options["workers"], "--workers")
        if request.given("workers")
        else os.cpu_count() or 1,
    }
    if request.given("paths"):
        chosen["paths"] = positive_integer(options["paths"], "--paths")
    elif request.given("target_error"):
        chosen["target_error"] = _positive_number(
            options["target_error"], request.model_text, "--target-error"
        )
    else:
        chosen["target_error"] = DEFAULT_TARGET_ERROR
    if request.given("dt"):
        chosen["dt"] = _positive_number(options["dt"], request.model_text, "--dt")
    if request.given("scheme"):
        chosen["scheme"] = options["scheme"]
    return chosen


@contextmanager
def _chunks(request: Request, quantity: str, progress: Progress | None) -> Iterator[dict[str, Any]]:
    """Where chunks are computed and kept, and who is told, for quantities that have chunks."""
    if "scheduler" not in SIMULATE[quantity].options:
        yield {}
        return
    from numerics.scheduling import ChunkStore, Cluster

    cluster = Cluster(request.text("scheduler")) if request.given("scheduler") else None
    if cluster is not None:
        cluster.client().close()  # a scheduler that is not there is named before work begins
    store = ChunkStore(Path(request.text("store"))) if request.given("store") else None
    try:
        yield {"scheduler": cluster, "store": store, "progress": progress}
    finally:
        if store is not None:
            store.close()


def simulate(quantity: str, options: Options, progress: Progress | None = None) -> Document:
    """The JSON document of `exitlaw simulate QUANTITY …`.

    Raises
    ------
    InputError, ComputationError : what was asked has no meaning, or cannot be simulated.
    """
    request = Request.of(options)
    sampling = _sampling(request)
    if request.model_text.multivariate:
        if not SIMULATE[quantity].multivariate:
            _refuse_several_dimensions(quantity, SIMULATE)
        from exitlaw import multivariate_quantities

        with _chunks(request, quantity, progress) as chunks:
            estimate = multivariate_quantities.simulate(
                options, request.model_text, sampling | chunks
            )
    else:
        request.refuse_multivariate_options()
        with _chunks(request, quantity, progress) as chunks:
            estimate = _SIMULATE[quantity](request, sampling | chunks)
    low, high = estimate.interval()
    own = _own_options(SIMULATE[quantity], simulated=True)
    return {
        "quantity": quantity,
        "estimate": estimate.estimate,
        "standard_error": estimate.standard_error,
        "interval": [low, high],
        "confidence": estimate.confidence,
        "bias_bound": estimate.bias_bound,
        "bias_kind": estimate.bias_kind,
        "paths": estimate.paths,
        "path_steps": estimate.path_steps,
        "scheme": estimate.scheme,
        "seed": estimate.seed,
        "seconds": estimate.seconds,
        "inputs": request.inputs(own),
    }


def record(quantity: str, options: Options, progress: Progress | None = None) -> Document:
    """The JSON document of `exitlaw simulate trajectories …`, and the file that it names.

    Raises
    ------
    InputError, ComputationError : what was asked has no meaning, or cannot be written.
    """
    from importlib.metadata import version

    from numerics.simulation import trajectories

    request = Request.of(options)
    outputs = options.get("output") or []
    if len(outputs) != 1:
        raise InputError(
            "one --output FILE for trajectories, .parquet or .zarr",
            ", ".join(outputs) or "none",
            "as -o paths.parquet",
        )
    sampling = _sampling(request)
    every = positive_integer(options.get("every") or "1", "--every")
    until = _positive_number(request.text("until"), request.model_text, "--until")
    coordinate = None
    if request.model_text.multivariate:
        from exitlaw import multivariate_quantities

        model, start = multivariate_quantities.model_and_start(options, request.model_text)
    else:
        from exitlaw.unit_noise import UnitCoordinate, asks_for, scheme_within

        model, start = request.model(), [request.point("start")]
        if asks_for(sampling.get("scheme")):
            unit = UnitCoordinate(request.diffusion(), request.constant("start"))
            start, coordinate = [unit.point(unit.start)], unit.coordinate()
            sampling["scheme"] = scheme_within(sampling["scheme"])
    inputs = request.inputs(_own_options(SIMULATE[quantity], simulated=True))
    done = trajectories.record(
        model,
        start,
        Path(outputs[0]),
        until=until,
        dt=sampling["dt"],
        every=every,
        paths=sampling.get("paths", 1),
        scheme=sampling.get("scheme"),
        seed=sampling["seed"],
        workers=sampling["workers"],
        description={"version": version("exitlaw"), "inputs": inputs},
        progress=progress,
        coordinate=coordinate,
    )
    return {
        "quantity": quantity,
        "output": outputs[0],
        "format": done.format,
        "variables": list(done.variables),
        "paths": done.paths,
        "samples": done.samples,
        "until": done.until,
        "dt": sampling["dt"],
        "every": every,
        "path_steps": done.path_steps,
        "scheme": done.scheme,
        "seed": sampling["seed"],
        "seconds": done.seconds,
        "inputs": inputs,
    }


def _simulated_exit_time(request: Request, sampling: dict[str, Any]) -> "Estimate":
    from exitlaw.unit_noise import simulated_exit_time

    ends = {"exit_above": "exit", "exit_below": "exit_below"}
    return simulated_exit_time(
        request.diffusion(),
        request.constant("start"),
        **{
            end: request.constant(option) if request.given(option) else None
            for end, option in ends.items()
        },
        **sampling,
    )


def _simulated_density(request: Request, sampling: dict[str, Any]) -> "Estimate":
    from exitlaw.unit_noise import simulated_density

    return simulated_density(request.diffusion(), request.constant("at"), **sampling)


def _simulated_moment(request: Request, sampling: dict[str, Any]) -> "Estimate":
    from exitlaw.unit_noise import simulated_moment

    order, absolute = request.constant("order"), bool(request.options["absolute"])
    _check_order(request, order, absolute)
    return simulated_moment(
        request.diffusion(), int(order) if order.is_integer else float(order), absolute=absolute,
        **sampling,
    )  # fmt: skip


def _simulated_ratio(request: Request, sampling: dict[str, Any]) -> "Estimate":
    """Two independent simulations; each gets half of the relative error that is allowed."""
    from dataclasses import replace

    from exitlaw.unit_noise import simulated_exit_time

    if "target_error" in sampling:
        sampling = {**sampling, "target_error": sampling["target_error"] / 2}
    flat, sharp = (
        simulated_exit_time(
            well.diffusion, well.start, exit_above=well.exit,
            **{**sampling, "seed": 2 * sampling["seed"] + index},
        )
        for index, well in enumerate(_wells(request))
    )  # fmt: skip
    ratio = flat.estimate / sharp.estimate
    relative_error = (
        (flat.standard_error / flat.estimate) ** 2 + (sharp.standard_error / sharp.estimate) ** 2
    ) ** 0.5
    below = sharp.estimate - sharp.bias_bound
    worst = (flat.estimate + flat.bias_bound) / below if below > 0 else float("inf")
    kinds = {flat.bias_kind, sharp.bias_kind}
    return replace(
        flat,
        estimate=ratio,
        standard_error=ratio * relative_error,
        bias_bound=worst - ratio,
        bias_kind="estimated" if "estimated" in kinds else "proven",
        paths=flat.paths + sharp.paths,
        path_steps=flat.path_steps + sharp.path_steps,
        seed=sampling["seed"],
        seconds=flat.seconds + sharp.seconds,
    )


_SIMULATE: dict[str, Callable[[Request, dict[str, Any]], "Estimate"]] = {
    "stationary-density": _simulated_density,
    "moment": _simulated_moment,
    "mean-exit-time": _simulated_exit_time,
    "sharpness-ratio": _simulated_ratio,
}
