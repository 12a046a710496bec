"""From the text of the command line, or of a TOML file, to a model: parsed, never evaluated.

Every value is a constant expression of the grammar; names given by `--set NAME=VALUE` may stand in
any of them. Decimals are exact rationals.
"""

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import sympy

from exitlaw.diffusion import Diffusion
from theory.errors import InputError
from theory.expressions import parse_condition, parse_expression

if TYPE_CHECKING:
    from exitlaw.samples import SampleLosses, SampleLossesND

SAMPLE_KEYS = ("sample_loss", "data", "batch", "without_replacement")
"""What describes a model by the losses of samples."""

NO_SAMPLES: dict[str, Any] = {
    "sample_loss": None, "data": None, "batch": None, "without_replacement": False,
}  # fmt: skip

FILE_KEYS = (
    "loss", "drift", "noise", "eta", "interpretation", "variable", "variables", "set", *SAMPLE_KEYS,
)  # fmt: skip
"""What a model file may say; `set` is a table."""

NAMES_OF_THETA = ("ito", "stratonovich", "anti-ito")


_T = TypeVar("_T", bound=sympy.Basic)


@dataclass(frozen=True)
class ModelInput:
    """The text that describes a model, as it was given."""

    loss: str | None = None
    drift: str | None = None
    noise: str | None = None
    eta: str | None = None
    interpretation: str | None = None
    variable: str | None = None
    variables: str | None = None
    set: Mapping[str, str] = field(default_factory=dict)
    sample_loss: str | None = None
    data: str | None = None
    batch: str | None = None
    without_replacement: bool = False

    @property
    def multivariate(self) -> bool:
        """Whether the model names its state variables, of any number of dimensions."""
        return self.variables is not None

    def described(self) -> dict[str, Any]:
        """The given parts, for `inputs` in the output."""
        given = {
            key: getattr(self, key) for key in FILE_KEYS if key != "set" and getattr(self, key)
        }
        if (self.loss or self.drift or self.sample_loss) and not self.multivariate:
            given.setdefault("variable", "w")
        return {**given, **({"set": dict(self.set)} if self.set else {})}


# --- reading ------------------------------------------------------------------------------------


def from_options(options: Mapping[str, Any]) -> ModelInput:
    """The model of a command's options; `--model FILE` first, single options over it."""
    read = _from_file(options["model"]) if options.get("model") else ModelInput()
    given = {
        key: options[key]
        for key in FILE_KEYS
        if key != "set" and options.get(key) not in (None, False)
    }
    if {"loss", "drift", "sample_loss"} & given.keys():
        read = replace(read, loss=None, drift=None, sample_loss=None)
    return replace(read, **given, set={**read.set, **assignments(options.get("set") or [])})


def assignments(texts: Sequence[str]) -> dict[str, str]:
    """`NAME=VALUE` texts as a mapping of names to the text of their values."""
    values: dict[str, str] = {}
    for text in texts:
        name, sign, value = (part.strip() for part in text.partition("="))
        if not sign or not value or not name.isidentifier():
            raise InputError("NAME=VALUE after --set", repr(text), "as --set sigma=1/2")
        if name in values:
            raise InputError("each name set once", f"--set {name} twice", "keep one of them")
        values[name] = value
    return values


def _from_file(path: str) -> ModelInput:
    try:
        document = tomllib.loads(Path(path).read_text("utf-8"), parse_float=str)
    except OSError as error:
        raise InputError(
            "a model file that can be read", f"{path}: {error.strerror}", "check the path"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(
            f"a TOML file ({', '.join(FILE_KEYS)})", f"{path}: {error}", "correct the file"
        ) from error
    for key in document:
        if key not in FILE_KEYS:
            close = difflib.get_close_matches(key, FILE_KEYS, n=3, cutoff=0.5) or FILE_KEYS
            raise InputError(
                "keys of a model", f"{key!r} in {path}", f"nearest: {', '.join(close)}"
            )
    table = document.pop("set", {})
    if not isinstance(table, dict):
        raise InputError("a table [set] of names and values", f"set = {table!r} in {path}")
    alone = document.pop("without_replacement", False)
    if not isinstance(alone, bool):
        raise InputError("true or false", f"without_replacement = {alone!r} in {path}")
    parts: dict[str, Any] = {key: _text(value, key, path) for key, value in document.items()}
    parts["without_replacement"] = alone
    return ModelInput(**parts, set={name: _text(v, name, path) for name, v in table.items()})


def _text(value: object, key: str, path: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise InputError(
        "a number or a formula in quotes", f"{key} = {value!r} in {path}", "correct the file"
    )


# --- meaning ------------------------------------------------------------------------------------


def values_of(model: ModelInput) -> dict[str, sympy.Expr]:
    """The constants that `--set` gives its names."""
    values = {}
    for name, text in model.set.items():
        value = parse_expression(text)
        if value.free_symbols:
            raise InputError(
                f"a constant for --set {name}", repr(text), "use numbers, pi, E and functions"
            )
        values[name] = value
    return values


def _insert(expression: _T, values: Mapping[str, sympy.Expr]) -> _T:
    chosen = {
        symbol: values[symbol.name]
        for symbol in expression.free_symbols
        if isinstance(symbol, sympy.Symbol) and symbol.name in values
    }
    return expression.xreplace(chosen) if chosen else expression  # type: ignore[return-value]


def constant(text: str, model: ModelInput, what: str) -> sympy.Expr:
    """A constant given as text (`what` names its option), with the names of `--set` inserted."""
    value = _insert(parse_expression(text), values_of(model))
    unset = sorted(str(symbol) for symbol in value.free_symbols)
    if unset:
        raise InputError(
            f"a constant for {what}",
            f"{text!r}, where {', '.join(unset)} has no value",
            f"add --set {unset[0]}=…",
        )
    if value.has(sympy.nan, sympy.zoo):
        raise InputError(f"a number for {what}", f"{text!r}, which has no value", "correct it")
    assert isinstance(value, sympy.Expr)
    return value


def expression(text: str, model: ModelInput, what: str, state: Sequence[sympy.Symbol]):
    """A formula in the state variables, with the names of `--set` inserted and none left over."""
    value = _insert(parse_expression(text), values_of(model))
    _no_unset(value, text, what, state)
    return value


def condition(text: str, model: ModelInput, what: str, state: Sequence[sympy.Symbol]):
    """A condition on the state variables."""
    value = _insert(parse_condition(text), values_of(model))
    _no_unset(value, text, what, state)
    return value


def _no_unset(value: sympy.Basic, text: str, what: str, state: Sequence[sympy.Symbol]) -> None:
    known = {symbol.name for symbol in state}
    unset = sorted({str(symbol) for symbol in value.free_symbols} - known)
    if unset:
        raise InputError(
            f"{what} in {', '.join(sorted(known))} and names with a value",
            f"{text!r}, where {', '.join(unset)} has no value",
            f"add --set {unset[0]}=… or name the state with "
            f"--variable{'s' if len(known) > 1 else ''}",
        )


def needed(model: ModelInput) -> tuple[str, str, str]:
    """Noise, η and interpretation, which a model must have beside its loss or drift."""
    if model.sample_loss is not None:
        raise InputError(
            "--loss or --drift, and --noise, to sweep a parameter in doubles",
            "--sample-loss",
            "leave out --method double: each point is certified",
        )
    if (model.loss is None) == (model.drift is None):
        received = "neither" if model.loss is None else "both"
        raise InputError(
            "--loss EXPR or --drift EXPR (or --sample-loss EXPR and --data FILE)",
            received,
            "give one of them",
        )
    if model.noise is None:
        raise InputError(
            "--noise EXPR, the variance C (never its square root)", "none", "as --noise 1"
        )
    if model.eta is None:
        raise InputError("--eta VALUE, a positive number", "none", "as --eta 0.1")
    return model.noise, model.eta, _interpretation(model)


def _interpretation(model: ModelInput) -> str:
    if model.interpretation is None:
        raise InputError(
            "--interpretation ito, stratonovich, anti-ito or θ in [0, 1]",
            "none",
            "it decides which process is meant: Euler-Maruyama and SGD realise ito",
        )
    return model.interpretation


def _state(name: str, model: ModelInput) -> sympy.Symbol:
    if not name.isidentifier() or name in ("pi", "E"):
        raise InputError("a name for the state variable", repr(name), "as --variable x")
    if name in model.set:
        raise InputError(
            "parameters other than the state variable", f"--set {name}=…", f"leave {name} free"
        )
    return sympy.Symbol(name, real=True)


def _names_in_use(model: ModelInput, texts: Sequence[str], conditions: Sequence[str] = ()) -> None:
    """Every name that is set occurs somewhere: a misspelt one is not silently dropped."""
    parsed = [*map(parse_expression, texts), *map(parse_condition, conditions)]
    used = {
        symbol.name
        for one in parsed
        for symbol in one.free_symbols
        if isinstance(symbol, sympy.Symbol)
    }
    for name in model.set:
        if name not in used:
            close = difflib.get_close_matches(name, used, n=3, cutoff=0.4)
            raise InputError(
                "names that occur in the model",
                f"--set {name}=…, which occurs nowhere",
                f"nearest: {', '.join(close)}" if close else "leave it out",
            )


def diffusion(model: ModelInput, *, constants: Sequence[str] = ()) -> Diffusion:
    """The one-dimensional diffusion that the text describes.

    `constants` are the texts of the command's other values: names that are set may occur there.
    """
    if model.sample_loss is not None:
        return _diffusion_of_samples(model, constants)
    refuse_stray_data(model)
    noise_text, eta_text, interpretation_text = needed(model)
    state = _state(model.variable or "w", model)
    force_text = model.loss if model.loss is not None else model.drift
    assert force_text is not None
    force = expression(force_text, model, "a formula", [state])
    noise = expression(noise_text, model, "a formula", [state])
    named = interpretation_text in NAMES_OF_THETA
    texts = [force_text, noise_text, eta_text, *constants]
    texts += [] if named else [interpretation_text]
    _names_in_use(model, texts)
    eta = constant(eta_text, model, "--eta")
    theta = interpretation(model)
    build = Diffusion.from_loss if model.loss is not None else Diffusion.from_drift
    return build(force, noise, eta=eta, interpretation=theta, variable=state)


def refuse_stray_data(model: ModelInput) -> None:
    """Options of a model from data have no meaning without the loss of one sample."""
    for key in ("data", "batch", "without_replacement"):
        if getattr(model, key):
            raise InputError(
                "--data and --batch with the loss of one sample",
                f"--{key.replace('_', '-')} without --sample-loss",
                "as --sample-loss '(y-x*w)**2/2' --data samples.csv",
            )


def sample_losses(model: ModelInput, *, constants: Sequence[str] = ()) -> "SampleLosses":
    """The losses of samples that the text describes; `constants` as for `diffusion`."""
    from exitlaw.samples import SampleLosses

    formula, path = _sample_loss(model)
    _state(model.variable or "w", model)
    _sample_names_in_use(model, constants)
    losses = SampleLosses.from_csv(formula, path, variable=model.variable or "w")
    _refuse_set_columns(model, losses.columns)
    return losses


def sample_losses_nd(
    model: ModelInput,
    state: Sequence[sympy.Symbol],
    *,
    constants: Sequence[str] = (),
    conditions: Sequence[str] = (),
) -> "SampleLossesND":
    """The same in several dimensions.

    `constants` and `conditions` are the texts of the command's other values, one coordinate each:
    names that are set may occur there.
    """
    from exitlaw.samples import SampleLossesND

    formula, path = _sample_loss(model)
    _sample_names_in_use(model, constants, conditions)
    losses = SampleLossesND.from_csv(formula, path, variables=state)
    _refuse_set_columns(model, losses.columns)
    return losses


def _sample_loss(model: ModelInput) -> tuple[sympy.Expr, str]:
    """The loss of one sample, names inserted, and the file of samples."""
    if model.sample_loss is None or model.data is None:
        raise InputError(
            "--sample-loss EXPR and --data FILE",
            f"--{'sample-loss' if model.data is None and model.sample_loss else 'data'} alone"
            if model.sample_loss or model.data
            else "neither",
            "as --sample-loss '(y-x*w)**2/2' --data samples.csv",
        )
    for key in ("loss", "drift", "noise"):
        if getattr(model, key) is not None:
            raise InputError(
                "--sample-loss, whose mean is the loss and whose spread is the noise",
                f"--{key} beside it",
                "give one of the two descriptions",
            )
    return _insert(parse_expression(model.sample_loss), values_of(model)), model.data


def _sample_names_in_use(
    model: ModelInput, constants: Sequence[str], conditions: Sequence[str] = ()
) -> None:
    own = [text for text in (model.sample_loss, model.eta, model.batch) if text is not None]
    named = model.interpretation in (None, *NAMES_OF_THETA)
    own += [] if named else [model.interpretation or ""]
    _names_in_use(model, [*own, *constants], conditions)


def _refuse_set_columns(model: ModelInput, columns: Sequence[str]) -> None:
    """A name that is set would silently stand in for a column of the data."""
    for name in columns:
        if name in model.set:
            raise InputError(
                "values of names that are no columns of the data",
                f"--set {name}=…, which is a column of {model.data}",
                "leave it out, or rename the column",
            )


def batches(model: ModelInput) -> dict[str, Any]:
    """How batches are drawn."""
    size = constant(model.batch or "1", model, "--batch")
    if not (size.is_Integer and size >= 1):
        raise InputError("a positive integer for --batch", repr(model.batch), "as --batch 8")
    return {"batch": int(size), "replacement": not model.without_replacement}


def learning_rate(model: ModelInput) -> sympy.Expr:
    """The learning rate."""
    if model.eta is None:
        raise InputError("--eta VALUE, a positive number", "none", "as --eta 0.1")
    return constant(model.eta, model, "--eta")


def interpretation(model: ModelInput) -> str | sympy.Expr:
    """The interpretation, as a name or as θ."""
    text = _interpretation(model)
    return text if text in NAMES_OF_THETA else _theta(text, model)


def _diffusion_of_samples(model: ModelInput, constants: Sequence[str]) -> Diffusion:
    losses = sample_losses(model, constants=constants)
    return losses.diffusion(
        eta=learning_rate(model), interpretation=interpretation(model), **batches(model)
    )


def _theta(text: str, model: ModelInput) -> sympy.Expr:
    try:
        theta = constant(text, model, "--interpretation")
    except InputError as error:
        close = difflib.get_close_matches(text, NAMES_OF_THETA, n=1)
        raise InputError(
            "--interpretation ito, stratonovich, anti-ito or θ in [0, 1]",
            repr(text),
            f"nearest: {close[0]}" if close else "0 is Ito, 1/2 Stratonovich, 1 anti-Ito",
        ) from error
    return theta
