"""Balls that travel: an enclosure of a real number, picklable, printed with outward rounding."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from flint import arb, ctx, fmpz

from numerics.errors import PrecisionCapReached

Kind = Literal["relative", "absolute"]

FAR = 2**20
"""Binary exponents beyond this are scaled before anything is done in exact integers."""

FAR_BITS = 96
"""Bits kept by scaling beyond those of the ball and of its exponent."""

LOG10_OF_2 = 0.30102999566398120


@dataclass(frozen=True)
class Enclosure:
    """A ball `[m - r, m + r]` with `m = mantissa * 2**exponent`, `r = radius * 2**radius_exponent`.

    The true value lies in the ball. `infinite` is +1 or -1 for a proven infinity, else 0.
    Frozen, hashable and picklable, unlike `flint.arb`, whose printing and precision depend on a
    shared context.
    """

    mantissa: int
    exponent: int
    radius: int = 0
    radius_exponent: int = 0
    infinite: int = 0

    @classmethod
    def from_arb(cls, ball: arb) -> Enclosure:
        """The same ball; a ball that is not finite is refused unless it is exactly ±∞."""
        if ball.is_finite():
            mantissa, exponent = ball.mid().man_exp()
            # rad() rounds the radius into a ball: its upper end is the safe value.
            radius, radius_exponent = _upper_exact(ball.rad()).man_exp()
            return cls(int(mantissa), int(exponent), int(radius), int(radius_exponent))
        if ball.rad().is_zero() and not ball.is_nan():
            return cls(0, 0, infinite=1 if ball > 0 else -1)
        raise PrecisionCapReached(
            "a finite ball", f"the enclosure {ball}", "ask for fewer digits or simplify the model"
        )

    @classmethod
    def exact(cls, value: int | Fraction) -> Enclosure:
        """The ball of a dyadic rational, radius 0; other rationals get one of relative 2^-256."""
        fraction = Fraction(value)
        if fraction.denominator & (fraction.denominator - 1) == 0:
            return cls(fraction.numerator, 1 - fraction.denominator.bit_length())
        shift = 256 + max(0, fraction.denominator.bit_length() - fraction.numerator.bit_length())
        return cls((fraction.numerator << shift) // fraction.denominator, -shift, 1, -shift)

    @classmethod
    def between(cls, lower: Fraction, upper: Fraction) -> Enclosure:
        """The smallest ball around [lower, upper] up to a relative 2^-64 of its width."""
        if lower == upper:
            return cls.exact(lower)
        middle, half = (lower + upper) / 2, (upper - lower) / 2
        with ctx.workprec(_bits(middle) + _bits(half) + 80):
            ball = _arb(middle) + arb(0, _arb(half).upper())
            return cls.from_arb(ball)

    @classmethod
    def infinity(cls, sign: int = 1) -> Enclosure:
        """A proven infinity."""
        return cls(0, 0, infinite=1 if sign > 0 else -1)

    @property
    def arb(self) -> arb:
        """The ball as a `flint.arb` (exact, whatever the working precision)."""
        if self.infinite:
            return arb.pos_inf() if self.infinite > 0 else arb.neg_inf()
        middle = arb((fmpz(self.mantissa), fmpz(self.exponent)))
        if self.radius == 0:
            return middle
        return arb(middle, arb((fmpz(self.radius), fmpz(self.radius_exponent))))

    @property
    def middle(self) -> Fraction:
        """Midpoint, exact."""
        self._finite()
        return _dyadic(self.mantissa, self.exponent)

    @property
    def lower(self) -> Fraction:
        """Lower end, exact."""
        self._finite()
        return self.middle - _dyadic(self.radius, self.radius_exponent)

    @property
    def upper(self) -> Fraction:
        """Upper end, exact."""
        self._finite()
        return self.middle + _dyadic(self.radius, self.radius_exponent)

    @property
    def is_zero(self) -> bool:
        """Whether the value is proven to be exactly zero."""
        return not self.infinite and self.mantissa == 0 and self.radius == 0

    def overlaps(self, other: Enclosure) -> bool:
        """Whether some number lies in both balls."""
        return not self.excludes(other)

    def excludes(self, other: Enclosure) -> bool:
        """Whether the two balls prove that the two values differ."""
        if self.infinite or other.infinite:
            return self.infinite != other.infinite
        return not self.arb.overlaps(other.arb)

    def contains(self, other: Enclosure) -> bool:
        """Whether the other ball lies inside this one."""
        if self.infinite or other.infinite:
            return self.infinite == other.infinite
        return self.arb.contains(other.arb)

    def relative_width(self) -> float:
        """`(upper - lower) / max(|lower|, |upper|)`, rounded up; 0 for an exact value."""
        if self.infinite or self.radius == 0:
            return 0.0
        near, _ = self._near_one(FAR_BITS)
        lower, upper = near.lower, near.upper
        ratio = (upper - lower) / max(abs(lower), abs(upper))
        return float(ratio) * (1 + 2**-50)

    def certain_digits(self) -> int:
        """The largest N with `upper - lower <= 10**-N max(|lower|, |upper|)` (capped at 10^9)."""
        if self.infinite or self.radius == 0:
            return 10**9
        near, _ = self._near_one(FAR_BITS)
        lower, upper = near.lower, near.upper
        return max(0, _decimal_exponent(max(abs(lower), abs(upper)) / (upper - lower)))

    def decimals(self, digits: int, kind: Kind = "relative") -> tuple[str, str, str]:
        """Decimal strings `(value, lower, upper)`, the ends rounded outward.

        Relative: `upper - lower <= 10**-digits * max(|lower|, |upper|)`;
        absolute: `upper - lower <= 10**-digits`.
        An exact zero prints as `0`.

        Raises
        ------
        PrecisionCapReached : the ball is too wide for that many digits.
        """
        if self.infinite:
            text = "inf" if self.infinite > 0 else "-inf"
            return text, text, text
        if self.is_zero:
            return "0", "0", "0"
        near, shift = self._near_one(4 * digits + FAR_BITS)
        lower, upper = near.lower, near.upper
        scale = max(abs(lower), abs(upper)) if kind == "relative" else Fraction(1)
        # Two guard digits: each end moves by less than 10^-(digits+2) of the scale.
        last_place = _decimal_exponent(scale) - digits - 2
        low, high = _floor_scaled(lower, last_place), -_floor_scaled(-upper, last_place)
        unit = Fraction(10) ** last_place
        largest = max(abs(low), abs(high)) * unit if kind == "relative" else Fraction(1)
        if (high - low) * unit > largest / 10**digits:
            raise PrecisionCapReached(
                f"an enclosure of {digits} {kind} digits",
                f"one of {self.certain_digits()} digits",
                "compute it with more digits",
            )
        value = _floor_scaled((lower + upper) / 2, last_place)
        value = min(max(value, low), high)
        value, low, high = (_decimal_text(n, last_place + shift) for n in (value, low, high))
        return value, low, high

    def _near_one(self, bits: int) -> tuple[Enclosure, int]:
        """`(ball, K)` with this ball inside ball · 10^K: K = 0 unless the exponent is enormous.

        A number of 10^9 binary digits need not be written out to be printed.
        """
        if abs(self.exponent + self.mantissa.bit_length()) < FAR:
            return self, 0
        shift = int((self.exponent + self.mantissa.bit_length()) * LOG10_OF_2)
        with ctx.workprec(bits + self.exponent.bit_length() + self.mantissa.bit_length()):
            return Enclosure.from_arb(self.arb / arb(10) ** fmpz(shift)), shift

    def __float__(self) -> float:
        """The midpoint as a double (±inf beyond its range)."""
        if self.infinite:
            return self.infinite * float("inf")
        if self.exponent + self.mantissa.bit_length() < -FAR:
            return 0.0
        if self.exponent > FAR:
            return float("inf") if self.mantissa > 0 else float("-inf")
        try:
            return float(self.middle)
        except OverflowError:
            return float("inf") if self.mantissa > 0 else float("-inf")

    def __str__(self) -> str:
        """Up to 15 certain digits in brackets."""
        if self.infinite or self.is_zero:
            return self.decimals(1)[0]
        digits = min(15, self.certain_digits())
        if digits == 0:
            with ctx.workprec(64):
                return f"[{float(self.arb.lower())!r}, {float(self.arb.upper())!r}]"
        _, low, high = self.decimals(max(1, digits - 1))
        return f"[{low}, {high}]"

    def _finite(self) -> None:
        if self.infinite:
            raise PrecisionCapReached("a finite value", "an infinite one")


def _upper_exact(ball: arb) -> arb:
    return ball if ball.is_exact() else ball.upper()


def _dyadic(mantissa: int, exponent: int) -> Fraction:
    if exponent >= 0:
        return Fraction(mantissa << exponent)
    return Fraction(mantissa, 1 << -exponent)


def _bits(value: Fraction) -> int:
    return value.numerator.bit_length() + value.denominator.bit_length()


def _arb(value: Fraction) -> arb:
    return arb(fmpz(value.numerator)) / arb(fmpz(value.denominator))


def _decimal_exponent(value: Fraction) -> int:
    """floor(log10(value)) for value > 0."""
    bits = value.numerator.bit_length() - value.denominator.bit_length()
    guess = int(bits * LOG10_OF_2) - 1
    while Fraction(10) ** (guess + 1) <= value:
        guess += 1
    while Fraction(10) ** guess > value:
        guess -= 1
    return guess


def _floor_scaled(value: Fraction, place: int) -> int:
    """floor(value / 10**place)."""
    if place >= 0:
        return value.numerator // (value.denominator * 10**place)
    return value.numerator * 10**-place // value.denominator


def _decimal_text(units: int, place: int) -> str:
    """`units * 10**place` as a decimal string; scientific outside 10^-5 … 10^15."""
    if units == 0:
        return "0"
    sign = "-" if units < 0 else ""
    # str(int) refuses more than 4300 digits; FLINT's printing has no such limit.
    figures = str(fmpz(abs(units)))
    magnitude = len(figures) - 1 + place
    if -6 < magnitude < 16 + max(0, len(figures) - 17):
        if place >= 0:
            return sign + figures + "0" * place
        if magnitude >= 0:
            return f"{sign}{figures[:place]}.{figures[place:]}"
        return f"{sign}0.{'0' * (-magnitude - 1)}{figures}"
    mantissa = figures[0] + ("." + figures[1:] if len(figures) > 1 else "")
    return f"{sign}{mantissa}e{magnitude}"
