"""Two independent routes to every quantity, and what happens when they disagree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

from numerics.enclosure import Enclosure
from numerics.errors import ComputationError, Disagreement

Method = Literal["both", "arb", "mpmath"]

METHODS = ("both", "arb", "mpmath")


def by_route(
    quantity: str,
    arguments: tuple[Any, ...],
    options: Mapping[str, Any],
    digits: int,
    method: Method,
    certified: Callable[[], Enclosure],
) -> Enclosure:
    """The quantity by the route asked for.

    `arb` is the certified enclosure; `mpmath` the estimate of `numerics.mpmath_route`, whose
    function of the same name takes the same arguments; `both` returns the certified enclosure after
    the two were found to overlap.

    Raises
    ------
    Disagreement : the two enclosures exclude each other; both are named.
    """
    if method not in METHODS:
        raise ComputationError(
            "a method among arb, mpmath, both", repr(method), "choose one of these"
        )
    if method == "mpmath":
        return _other(quantity)(*arguments, **options, digits=digits)
    enclosure = certified()
    if method == "both" and find_spec("numerics.mpmath_route") is not None:
        other = _other(quantity)(*arguments, **options, digits=digits)
        if enclosure.excludes(other):
            raise Disagreement(
                f"two routes to the {quantity.replace('_', ' ')} that agree",
                f"{enclosure} by balls and {other} by mpmath",
                "please report it with the model: one of the two is wrong",
            )
    return enclosure


def _other(quantity: str) -> Callable[..., Enclosure]:
    function = getattr(import_module("numerics.mpmath_route"), quantity, None)
    if function is None:
        raise ComputationError(
            "a quantity with a second route", quantity, "use the method arb for it"
        )
    return function
