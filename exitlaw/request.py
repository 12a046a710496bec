"""What a command asks: its options read once, and certified numbers as they are shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import sympy

from exitlaw import model_input
from exitlaw.command_options import Quantity, options_of
from exitlaw.diffusion import Diffusion
from exitlaw.model_input import ModelInput
from numerics.enclosure import Enclosure
from numerics.errors import PrecisionCapReached
from numerics.lowering import Model, lower_constant
from numerics.program import Program
from theory.errors import InputError

Options = Mapping[str, Any]
Document = dict[str, Any]

DEFAULT_DIGITS = 15
MAX_DIGITS = 100_000
METHODS = ("arb", "mpmath", "both", "double")
DEFAULT_TARGET_ERROR = 0.01


def positive_integer(text: str, what: str) -> int:
    """A positive integer given as text."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value <= 0:
        raise InputError(f"a positive integer for {what}", repr(text), "give 1 or more")
    return value


def non_negative_integer(text: str, what: str) -> int:
    """An integer from 0 on, given as text."""
    try:
        value = int(text)
    except ValueError:
        value = -1
    if value < 0:
        raise InputError(f"an integer from 0 on for {what}", repr(text), f"as {what} 0")
    return value


def positive_number(text: str, model: ModelInput, what: str) -> float:
    """A positive constant, given as text."""
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
            raise InputError(
                "--method arb, mpmath, both or double", repr(method), "both is the default"
            )
        return cls(options, model_input.from_options(options), number, method)

    def refuse_multivariate_options(self) -> None:
        """Without --variables, the options of several dimensions have no meaning."""
        for name in ("exit_region", "against", "importance", "observable"):
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
        return self._points({"exit_above": "exit", "exit_below": "exit_below"})

    def ends(self) -> dict[str, Program | None]:
        """Exits and reflecting walls."""
        walls = {"reflect_above": "reflect", "reflect_below": "reflect_below"}
        return self.boundaries() | self._points(walls)

    def _points(self, options: Mapping[str, str]) -> dict[str, Program | None]:
        return {
            end: self.point(option) if self.given(option) else None
            for end, option in options.items()
        }

    def diffusion(self, model_text: ModelInput | None = None) -> Diffusion:
        """The diffusion that the options describe."""
        return model_input.diffusion(model_text or self.model_text, constants=self.values())

    def values(self) -> list[str]:
        """The texts of the options in which names given by --set may stand."""
        return [
            value
            for name, value in self.options.items()
            if isinstance(value, str) and name in MAY_NAME
        ]

    def model(self) -> Model:
        """The same, lowered."""
        return self.diffusion().lowered()

    def inputs(self, quantity_options: list[str]) -> Document:
        """What was asked, for the record."""
        described = self.model_text.described()
        own = {
            name: self.options[name]
            for name in quantity_options
            if self.options.get(name) not in (None, False) and name not in described
        }
        return {**described, **own}


MAY_NAME = (
    "at", "order", "probability", "rate", "start", "exit", "exit_below", "reflect", "reflect_below",
    "flatter", "flatter_noise", "flatter_start", "flatter_exit",
)  # fmt: skip
"""Options whose text may hold names given by --set."""


def own_options(quantity: Any, *, simulated: bool) -> list[str]:
    """Names of the options that are the quantity's own, for the record."""
    shown = {"Quantity"} | ({"Simulation"} if simulated else set())
    return [one.name for one in options_of(quantity, simulated=simulated) if one.panel in shown]


def check_order(request: Request, order: sympy.Expr, absolute: bool) -> None:
    """Refuse an order for which the moment is not defined."""
    if not absolute and not (order.is_integer and order.is_nonnegative):
        raise InputError(
            "an integer order from 0 on for a raw moment",
            f"--order {request.text('order')}",
            "add --absolute for E|X|^R with any real R",
        )


def refuse_several_dimensions(quantity: str, known: Mapping[str, Quantity]) -> NoReturn:
    """Name the quantities that are defined in several dimensions."""
    raise InputError(
        "a quantity that is defined in several dimensions",
        quantity,
        f"one of {', '.join(name for name, one in known.items() if one.multivariate)}",
    )


@dataclass(frozen=True)
class Value:
    """One certified number and what is said beside it."""

    enclosure: Enclosure
    beside: Mapping[str, Any]


def printed(enclosure: Enclosure, digits: int) -> tuple[tuple[str, str, str], str]:
    """Decimal strings of an enclosure, and whether its digits are relative or absolute."""
    try:
        return enclosure.decimals(digits), "relative"
    except PrecisionCapReached:
        if enclosure.lower > 0 or enclosure.upper < 0:
            raise
        return enclosure.decimals(digits, "absolute"), "absolute"
