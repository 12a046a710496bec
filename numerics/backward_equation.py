"""Two-sided exits of polynomial dynamics, enclosed from the backward equation itself.

Equation: `D f'' + b f' = -1` (mean exit time) or `= 0` (exit probability) on [A, B], with Ito drift
`b` and diffusion `D > 0` polynomials with rational coefficients. A trial polynomial is found by
collocation; its residual is an exact polynomial, bounded on the whole interval by the sum of its
Chebyshev coefficients, and the maximum principle turns that bound into an enclosure. No scale
function, no density and no quadrature enter, so this is an independent check of those.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import comb

from flint import arb, arb_mat, arb_poly, ctx, fmpq, fmpq_poly

from numerics.enclosure import Enclosure
from numerics.errors import ComputationError

Coefficients = Sequence[int | Fraction]
"""Ascending coefficients of a polynomial in the state."""

DEGREES = (24, 40, 60, 90, 130)
"""Degrees of the trial polynomial, tried in turn until the digits are certain."""


def mean_exit_time(
    drift: Coefficients,
    diffusion: Coefficients,
    start: int | Fraction,
    *,
    exit_below: int | Fraction,
    exit_above: int | Fraction,
    digits: int = 15,
) -> Enclosure:
    """Mean time of the first exit from (exit_below, exit_above).

    If the residual of the trial `f >= 0` is at most `r < 1`, then `f/(1 + r)` is a subsolution
    and `f/(1 - r)` a supersolution: the mean exit time lies between them.

    Raises
    ------
    ComputationError : D has a zero in the interval, or the digits are not reached.
    """
    interval = _Interval(drift, diffusion, exit_below, exit_above)
    return interval.solve(Fraction(1), start, digits, _time_bounds)


def exit_probability(
    drift: Coefficients,
    diffusion: Coefficients,
    start: int | Fraction,
    *,
    exit_below: int | Fraction,
    exit_above: int | Fraction,
    digits: int = 15,
) -> Enclosure:
    """Probability of leaving (exit_below, exit_above) at its upper end.

    The linear function from 0 to 1 is corrected by a trial that vanishes at both ends. A residual
    `r` moves the probability by at most `r` times the mean exit time.
    """
    interval = _Interval(drift, diffusion, exit_below, exit_above)
    time = interval.solve(Fraction(1), interval.centre, 3, _time_bounds, largest=True)

    def bounds(value: Fraction, residual: Fraction) -> tuple[Fraction, Fraction]:
        error = residual * time.upper
        chord = (Fraction(start) - interval.below) / (interval.above - interval.below)
        return chord + value - error, chord + value + error

    return interval.solve(None, start, digits, bounds)


def _time_bounds(value: Fraction, residual: Fraction) -> tuple[Fraction, Fraction]:
    if residual >= 1:
        return Fraction(0), Fraction(10**30)
    return value / (1 + residual), value / (1 - residual)


class _Interval:
    """The equation on t in [-1, 1], state = centre + radius t."""

    def __init__(
        self,
        drift: Coefficients,
        diffusion: Coefficients,
        below: int | Fraction,
        above: int | Fraction,
    ) -> None:
        self.below, self.above = Fraction(below), Fraction(above)
        self.centre = (self.below + self.above) / 2
        self.radius = (self.above - self.below) / 2
        state = fmpq_poly([_fmpq(self.centre), _fmpq(self.radius)])
        self.drift = _polynomial(drift)(state) / _fmpq(self.radius)
        self.diffusion = _polynomial(diffusion)(state) / _fmpq(self.radius**2)
        if not _positive(self.diffusion):
            raise ComputationError(
                "noise that is positive on the whole interval",
                f"diffusion coefficients {list(map(str, diffusion))}",
                "choose an interval without a zero of the noise",
            )

    def solve(self, source, start, digits, bounds, largest=False) -> Enclosure:
        """Raise the degree until `bounds(value at the start, residual)` are close enough.

        `source` is the right side -1 (given as 1), or None for the exit probability, where the
        chord's image under the operator is the source. `largest` encloses a bound of the maximum.
        """
        right = fmpq_poly([1]) if source else self.drift / 2
        at = (Fraction(start) - self.centre) / self.radius
        residual = Fraction(0)
        for degree in DEGREES:
            trial = self._trial(degree, right)
            residual = _chebyshev_bound(self._apply(trial) + right)
            value = _chebyshev_bound(trial) if largest else _fraction(trial(_fmpq(at)))
            low, high = bounds(value, residual)
            if high - low <= max(abs(low), abs(high)) / 10**digits:
                return Enclosure.between(low, high)
        raise ComputationError(
            f"{digits} digits with a trial polynomial of degree {DEGREES[-1]}",
            f"a residual of {float(residual):.3g}",
            "ask for fewer digits or a shorter interval",
        )

    def _apply(self, trial: fmpq_poly) -> fmpq_poly:
        slope = trial.derivative()
        return self.diffusion * slope.derivative() + self.drift * slope

    def _trial(self, degree: int, right: fmpq_poly) -> fmpq_poly:
        """(1 - t^2) times a polynomial that satisfies the equation at the Chebyshev points."""
        # Powers of t at Chebyshev points lose about 1.3 bits per degree; far more is kept.
        with ctx.workprec(6 * degree + 128):
            drift, diffusion, source = (
                arb_poly(polynomial) for polynomial in (self.drift, self.diffusion, right)
            )
            rows, values = [], []
            for k in range(degree):
                node = (arb(2 * k + 1) / (2 * degree)).cos_pi()
                powers = [arb(1)]
                for _ in range(degree + 1):
                    powers.append(powers[-1] * node)
                b, d = drift(node), diffusion(node)
                rows.append([b * _slope(powers, n) + d * _bend(powers, n) for n in range(degree)])
                values.append([-source(node)])
            solution = arb_mat(rows).solve(arb_mat(values))
            coefficients = [solution[k, 0].mid().man_exp() for k in range(degree)]
        exact = [_dyadic(int(mantissa), int(power)) for mantissa, power in coefficients]
        return fmpq_poly([1, 0, -1]) * fmpq_poly([_fmpq(value) for value in exact])


def _slope(powers: list[arb], n: int) -> arb:
    """Derivative of t^n - t^(n+2)."""
    low = n * powers[n - 1] if n else arb(0)
    return low - (n + 2) * powers[n + 1]


def _bend(powers: list[arb], n: int) -> arb:
    """Second derivative of t^n - t^(n+2)."""
    low = n * (n - 1) * powers[n - 2] if n > 1 else arb(0)
    return low - (n + 2) * (n + 1) * powers[n]


def _dyadic(mantissa: int, power: int) -> Fraction:
    return Fraction(mantissa) * Fraction(2) ** power


def _fmpq(value: int | Fraction) -> fmpq:
    value = Fraction(value)
    return fmpq(value.numerator, value.denominator)


def _fraction(value: fmpq) -> Fraction:
    return Fraction(int(value.p), int(value.q))


def _polynomial(coefficients: Coefficients) -> fmpq_poly:
    return fmpq_poly([_fmpq(value) for value in coefficients])


def _chebyshev_coefficients(polynomial: fmpq_poly) -> list[Fraction]:
    """Exact coefficients in the Chebyshev basis of [-1, 1]."""
    coefficients = [_fraction(value) for value in polynomial.coeffs()]
    result = [Fraction(0)] * max(1, len(coefficients))
    for power, value in enumerate(coefficients):
        if value:
            for k in range(power % 2, power + 1, 2):
                weight = Fraction(2 * comb(power, (power - k) // 2), 2**power)
                result[k] += value * (weight / 2 if k == 0 else weight)
    return result


def _chebyshev_bound(polynomial: fmpq_poly) -> Fraction:
    """An upper bound of |polynomial| on [-1, 1]."""
    return sum((abs(value) for value in _chebyshev_coefficients(polynomial)), Fraction(0))


def _positive(polynomial: fmpq_poly, depth: int = 12) -> bool:
    """Whether the polynomial is proved positive on [-1, 1], by halving."""
    constant, *rest = _chebyshev_coefficients(polynomial)
    if constant > sum(map(abs, rest), Fraction(0)):
        return True
    if depth == 0 or constant <= -sum(map(abs, rest), Fraction(0)):
        return False
    half = fmpq(1, 2)
    return all(_positive(polynomial(fmpq_poly([sign * half, half])), depth - 1) for sign in (-1, 1))
