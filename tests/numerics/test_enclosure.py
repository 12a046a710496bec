"""Enclosures print outward, travel between processes, and never lose their radius."""

from __future__ import annotations

import math
import pickle
from fractions import Fraction

import pytest
from flint import arb, ctx, fmpz
from hypothesis import given
from hypothesis import strategies as st

from numerics.enclosure import Enclosure
from numerics.errors import PrecisionCapReached

fractions = st.fractions(min_value=-(10**12), max_value=10**12, max_denominator=10**12)


@given(fractions, st.integers(1, 60), st.integers(-300, 300))
def test_decimals_are_outward_and_narrow(value: Fraction, digits: int, shift: int) -> None:
    """The printed interval holds the ball and is as narrow as promised, at any scale."""
    scaled = value * Fraction(10) ** shift
    width = abs(scaled) / Fraction(10) ** (digits + 4)
    ball = Enclosure.between(scaled - width, scaled + width)
    text, low, high = ball.decimals(digits)
    assert Fraction(low) <= ball.lower <= ball.upper <= Fraction(high)
    assert Fraction(low) <= Fraction(text) <= Fraction(high)
    largest = max(abs(Fraction(low)), abs(Fraction(high)))
    assert (Fraction(high) - Fraction(low)) * 10**digits <= largest


def test_too_wide_a_ball_is_refused() -> None:
    ball = Enclosure.between(Fraction(1), Fraction(11, 10))
    with pytest.raises(PrecisionCapReached, match="enclosure of 5 relative digits"):
        ball.decimals(5)


def test_absolute_digits_around_zero() -> None:
    tiny = Fraction(1, 10**30)
    text, low, high = Enclosure.between(-tiny, tiny).decimals(20, "absolute")
    assert Fraction(low) <= -tiny < tiny <= Fraction(high)
    assert Fraction(high) - Fraction(low) <= Fraction(1, 10**20)
    assert Fraction(low) <= Fraction(text) <= Fraction(high)


def test_exact_zero_and_infinity() -> None:
    assert Enclosure.exact(0).decimals(15) == ("0", "0", "0")
    assert Enclosure.infinity().decimals(15) == ("inf", "inf", "inf")
    assert Enclosure.from_arb(arb.pos_inf()) == Enclosure.infinity()


def test_round_trip_and_pickle() -> None:
    with ctx.workprec(200):
        ball = arb.pi() ** 40
    enclosure = pickle.loads(pickle.dumps(Enclosure.from_arb(ball)))
    assert enclosure.arb.contains(ball)
    # A radius is rounded up to 30 bits each time it is set.
    assert enclosure.arb.rad() <= ball.rad() * (1 + 2.0**-28)


def test_not_finite_is_refused() -> None:
    with pytest.raises(PrecisionCapReached):
        Enclosure.from_arb(arb.nan())


def test_huge_exponents_print() -> None:
    """e^100000 has 43430 digits before the point: more than str(int) of Python allows."""
    with ctx.workprec(200):
        enclosure = Enclosure.from_arb(arb(100000).exp())
    text, low, high = enclosure.decimals(20)
    assert text.startswith("2.80666336042612")
    assert text.endswith("e43429")
    assert low <= text <= high


def test_overlap_and_exclusion_are_complements() -> None:
    a = Enclosure.between(Fraction(0), Fraction(1))
    b = Enclosure.between(Fraction(1, 2), Fraction(2))
    c = Enclosure.between(Fraction(3), Fraction(4))
    assert a.overlaps(b)
    assert not a.overlaps(c)
    assert a.excludes(c)
    assert not Enclosure.infinity().overlaps(a)


@given(fractions)
def test_exact_holds_the_rational(value: Fraction) -> None:
    ball = Enclosure.exact(value)
    assert ball.lower <= value <= ball.upper
    assert ball.relative_width() < 1e-70


def test_certain_digits() -> None:
    assert Enclosure.between(Fraction(999), Fraction(1001)).certain_digits() == 2
    assert Enclosure(int(fmpz(7)), 0).certain_digits() == 10**9


def test_astronomic_exponents_print_at_once() -> None:
    """e^±(10^12): the exact integers would not fit into any memory."""
    with ctx.workprec(200):
        balls = {sign: Enclosure.from_arb(arb(sign * 10**12).exp()) for sign in (1, -1)}
    texts = {sign: ball.decimals(20) for sign, ball in balls.items()}
    with ctx.workprec(300):
        for sign, (_, low, high) in texts.items():
            exact = arb(sign * 10**12).exp()
            ends = []
            for text in (low, high):
                figures, exponent = text.split("e")
                ends.append(arb(figures) * arb(10) ** int(exponent))
            assert ends[0] < exact
            assert exact < ends[1]
            assert (ends[1] - ends[0]) / exact < arb("1.00001e-20")
    assert float(balls[1]) == math.inf
    assert float(balls[-1]) == 0
    assert balls[1].excludes(balls[-1])
    assert balls[1].certain_digits() > 50
