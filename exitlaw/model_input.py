"""From the text of the command line, or of a TOML file, to a model: parsed, never evaluated.

Every value is a constant expression of the grammar; names given by `--set NAME=VALUE` may stand in
any of them. Decimals are exact rationals.
"""

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import sympy

from theory.diffusion import Diffusion
from theory.errors import InputError
from theory.expressions import parse_condition, parse_expression

FILE_KEYS = ("loss", "drift", "noise", "eta", "interpretation", "variable", "variables", "set")
"""What a model file may say; `set` is a table."""


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

    @property
    def multivariate(self) -> bool:
        """Whether the model names its state variables, of any number of dimensions."""
        return self.variables is not None

    def described(self) -> dict[str, Any]:
        """The given parts, for `inputs` in the output."""
        given = {
            key: getattr(self, key) for key in FILE_KEYS if key != "set" and getattr(self, key)
        }
        if (self.loss or self.drift) and not self.multivariate:
            given.setdefault("variable", "w")
        return {**given, **({"set": dict(self.set)} if self.set else {})}


# --- reading ------------------------------------------------------------------------------------


def from_options(options: Mapping[str, Any]) -> ModelInput:
    """The model of a command's options; `--model FILE` first, single options over it."""
    read = _from_file(options["model"]) if options.get("model") else ModelInput()
    given = {
        key: options[key] for key in FILE_KEYS if key != "set" and options.get(key) is not None
    }
    if {"loss", "drift"} & given.keys():
        read = replace(read, loss=None, drift=None)
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
    parts = {key: _text(value, key, path) for key, value in document.items()}
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
    """Noise, η and interpretation, which every model must have beside its loss or drift."""
    if (model.loss is None) == (model.drift is None):
        received = "neither" if model.loss is None else "both"
        raise InputError("--loss EXPR or --drift EXPR", received, "give one of the two")
    if model.noise is None:
        raise InputError(
            "--noise EXPR, the variance C (never its square root)", "none", "as --noise 1"
        )
    if model.eta is None:
        raise InputError("--eta VALUE, a positive number", "none", "as --eta 0.1")
    if model.interpretation is None:
        raise InputError(
            "--interpretation ito, stratonovich, anti-ito or θ in [0, 1]",
            "none",
            "it decides which process is meant: Euler-Maruyama and SGD realise ito",
        )
    return model.noise, model.eta, model.interpretation


def _state(name: str, model: ModelInput) -> sympy.Symbol:
    if not name.isidentifier() or name in ("pi", "E"):
        raise InputError("a name for the state variable", repr(name), "as --variable x")
    if name in model.set:
        raise InputError(
            "parameters other than the state variable", f"--set {name}=…", f"leave {name} free"
        )
    return sympy.Symbol(name, real=True)


def _names_in_use(model: ModelInput, texts: Sequence[str]) -> None:
    """Every name that is set occurs somewhere: a misspelt one is not silently dropped."""
    used = {
        symbol.name
        for text in texts
        for symbol in parse_expression(text).free_symbols
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
    noise_text, eta_text, interpretation = needed(model)
    state = _state(model.variable or "w", model)
    force_text = model.loss if model.loss is not None else model.drift
    assert force_text is not None
    force = expression(force_text, model, "a formula", [state])
    noise = expression(noise_text, model, "a formula", [state])
    named = interpretation in ("ito", "stratonovich", "anti-ito")
    texts = [force_text, noise_text, eta_text, *constants, *([] if named else [interpretation])]
    _names_in_use(model, texts)
    eta = constant(eta_text, model, "--eta")
    theta = interpretation if named else _theta(interpretation, model)
    build = Diffusion.from_loss if model.loss is not None else Diffusion.from_drift
    return build(force, noise, eta=eta, interpretation=theta, variable=state)


def _theta(text: str, model: ModelInput) -> sympy.Expr:
    try:
        theta = constant(text, model, "--interpretation")
    except InputError as error:
        close = difflib.get_close_matches(text, ["ito", "stratonovich", "anti-ito"], n=1)
        raise InputError(
            "--interpretation ito, stratonovich, anti-ito or θ in [0, 1]",
            repr(text),
            f"nearest: {close[0]}" if close else "0 is Ito, 1/2 Stratonovich, 1 anti-Ito",
        ) from error
    return theta
