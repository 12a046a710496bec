"""Scoped working precision, raised until the digits asked for are certain."""

from __future__ import annotations

import math
from collections.abc import Callable

from flint import arb, ctx

from numerics.enclosure import Enclosure
from numerics.errors import ComputationError, PrecisionCapReached

DIGITS_CAP = 10_000
"""The largest request: above it a single panel needs gigabytes and hours."""

ATTEMPTS = 6
"""How often the working accuracy is raised before the request is given up."""

LOG10 = math.log(10)


def check_digits(digits: int, cap: int = DIGITS_CAP) -> None:
    """Refuse a number of digits that is not a positive integer within reach."""
    if isinstance(digits, bool) or not isinstance(digits, int) or digits < 1:
        raise ComputationError(
            "a positive whole number of digits", str(digits), "give --digits 15, say"
        )
    if digits > cap:
        raise ComputationError(
            f"at most {cap} digits", str(digits), "memory and time would not be bounded beyond it"
        )


def until_certain(
    compute: Callable[[float], arb], digits: int, *, may_vanish: bool = False
) -> Enclosure:
    """Raise the accuracy goal of `compute` until its ball has the digits.

    Parameters
    ----------
    compute : takes the goal in nats (natural logarithm of 1/relative error), returns a ball
    digits : `upper - lower <= 10**-digits * max(|lower|, |upper|)`
    may_vanish : where the ball holds 0, `upper - lower <= 10**-digits` is enough

    Raises
    ------
    PrecisionCapReached : the goal was raised `ATTEMPTS` times without success.
    """
    check_digits(digits)
    wanted = digits + 2
    goal = wanted
    reached = 0
    saved = ctx.prec, ctx.cap
    try:
        for _ in range(ATTEMPTS):
            ball = compute(goal * LOG10 + 3)
            # Undo what the computation did to the shared context before judging the ball.
            ctx.prec, ctx.cap = saved
            reached = _digits_of(ball, may_vanish and bool(ball.contains(0)))
            if reached >= wanted - 1:
                return Enclosure.from_arb(ball)
            goal += min(max(wanted - reached, 2) + 3, goal)
    finally:
        ctx.prec, ctx.cap = saved
    raise PrecisionCapReached(
        f"{digits} certain digits",
        f"{max(reached, 0)} after {ATTEMPTS} rounds of higher precision",
        "ask for fewer digits, or move the points away from singularities of the model",
    )


def _digits_of(ball: arb, absolute: bool) -> int:
    """Certain decimal digits of a ball, rounded down."""
    if not ball.is_finite():
        return -1 if not ball.rad().is_zero() or ball.is_nan() else 10**9
    if ball.is_exact():
        return 10**9
    with ctx.workprec(64):
        width = 2 * ball.rad()
        if not absolute:
            size = ball.abs_upper()
            width = width / size
        return math.floor(-float((width.log() / arb.const_log10()).upper()))
