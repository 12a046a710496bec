"""Tail index of discrete-time SGD with a random curvature: the root β > 0 of E|1 − ηh|^β = 1.

`x' = (1 − ηh)x − ηg`: the stationary law has `P(|x| > r) ~ r^(−β)` (Kesten, Goldie). The moment
`M(β) = E|1 − ηh|^β` is convex with M(0) = 1, so that one β > 0 with M(β) < 1 and one with M(β) > 1
enclose exactly one root, and the sign of M − 1 at any point says on which side it lies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from flint import arb, ctx
from mpmath import mp

from numerics.enclosure import Enclosure
from numerics.errors import ComputationError, Disagreement, PrecisionCapReached
from numerics.evaluators import as_fmpq, evaluate_arb, evaluate_mpmath
from numerics.precision import check_digits, until_certain
from numerics.program import Program, constant_program

Method = Literal["both", "arb", "mpmath"]
Point = int | Fraction | Program

_SMALLEST, _LARGEST = -40, 24
"""Powers of two between which the index is looked for."""


@dataclass(frozen=True)
class Normal:
    """h ~ N(mean, deviation²)."""

    mean: Point
    deviation: Point


@dataclass(frozen=True)
class ChiSquared:
    """h = scale · χ² with `degrees` degrees of freedom."""

    scale: Point
    degrees: Point


Curvature = Normal | ChiSquared


def tail_index(
    curvature: Curvature, eta: Point, *, digits: int = 15, method: Method = "both"
) -> Enclosure:
    """β > 0 with E|1 − ηh|^β = 1.

    The certified route has the moment in confluent hypergeometric functions, the mpmath route
    integrates |1 − ηh|^β against the density.

    Raises
    ------
    ComputationError : no such β: E log|1 − ηh| >= 0, so there is no stationary law.
    Disagreement : the two routes exclude each other.
    """
    check_digits(digits)
    if method == "mpmath":
        return _by_mpmath(curvature, eta, digits)
    certified = until_certain(lambda goal: _certified(curvature, eta, goal), digits)
    if method == "both":
        estimated = _by_mpmath(curvature, eta, digits)
        if certified.excludes(estimated):
            raise Disagreement(
                "two routes to the tail index that agree",
                f"{certified} by balls and {estimated} by mpmath",
                "please report it with the law: one of the two is wrong",
            )
    return certified


# --- certified ----------------------------------------------------------------------------------


def _certified(curvature: Curvature, eta: Point, goal: float) -> arb:
    bits = int(goal * 1.4427) + 60
    with ctx.workprec(bits):
        moment = _moment(curvature, eta)
        low, high = (as_fmpq(one) for one in _bracket(lambda beta: moment(arb(as_fmpq(beta))) - 1))
        return _narrowed(lambda beta: moment(beta) - 1, arb(low), arb(high), bits - 40)


def _moment(curvature: Curvature, eta: Point) -> Callable[[arb], arb]:
    rate = _ball(eta)
    if isinstance(curvature, Normal):
        offset, v = 1 - rate * _ball(curvature.mean), (rate * _ball(curvature.deviation)) ** 2
        z = -(offset**2) / (2 * v)

        def normal(beta: arb) -> arb:
            series = z.hypgeom_1f1(-beta / 2, arb(1) / 2)
            return (2 * v) ** (beta / 2) * ((1 + beta) / 2).gamma() / arb.const_sqrt_pi() * series

        return normal
    edge = 1 / (rate * _ball(curvature.scale))
    half = _ball(curvature.degrees) / 2

    def chi_squared(beta: arb) -> arb:
        """∫|1 − x/edge|^β against the density of χ²: below the edge a 1F1, above it a U."""
        below = (beta + 1).gamma() / (half + beta + 1).gamma()
        below *= (-edge / 2).hypgeom_1f1(half, half + beta + 1)
        above = (-edge / 2).exp() * (beta + 1).gamma() / half.gamma()
        above *= (edge / 2).hypgeom_u(beta + 1, beta + 1 + half)
        return (edge / 2) ** half * (below + above)

    return chi_squared


def _bracket(excess: Callable[[Fraction], Any]) -> tuple[Fraction, Fraction]:
    """Neighbouring powers of two on either side of the root, looked for from 1 up or down."""
    # A root at a power of two leaves the sign there open: the next power decides.
    one = Fraction(1)
    if not excess(one) > 0:
        low = one if excess(one) < 0 else one / 2
        for power in range(1, _LARGEST):
            value = excess(one * 2**power)
            if value > 0:
                return low, one * 2**power
            low = one * 2**power if value < 0 else low
        raise ComputationError(
            f"a tail index below 2^{_LARGEST}",
            "a larger one, or none: |1 − ηh| hardly exceeds 1",
            "the tail is too light for an index",
        )
    high = one
    for power in range(1, -_SMALLEST):
        value = excess(one / 2**power)
        if value < 0:
            return one / 2**power, high
        high = one / 2**power if value > 0 else high
    raise ComputationError(
        "a stable recursion, E log|1 − ηh| < 0",
        f"E|1 − ηh|^β > 1 from β = 2^{_SMALLEST} on",
        "there is no stationary law: take a smaller learning rate",
    )


def _narrowed(excess: Callable[[arb], arb], low: arb, high: arb, bits: int) -> arb:
    """The root between two points of known sign, by regula falsi (Illinois) on exact points."""
    f_low, f_high = excess(low), excess(high)
    side = 0
    while not (high - low) < high * arb(2) ** -bits:
        guess = arb((high - f_high * (high - low) / (f_high - f_low)).mid())
        # The guess itself converges; a step beside it moves the other end as well.
        for point in (guess, *_beside(guess, low, high)):
            if not (low < point < high):
                continue
            value = excess(point)
            if value < 0:
                f_high = f_high / 2 if side < 0 else f_high
                low, f_low, side = point, value, -1
            elif value > 0:
                f_low = f_low / 2 if side > 0 else f_low
                high, f_high, side = point, value, 1
            else:
                return low.union(high)
    return low.union(high)


def _beside(guess: arb, low: arb, high: arb) -> tuple[arb, arb]:
    width = (high - low) ** 2 / high
    return arb((guess - width).mid()), arb((guess + width).mid())


def _ball(point: Point) -> arb:
    program = point if isinstance(point, Program) else constant_program(point)
    return evaluate_arb(program)[0]


# --- mpmath -------------------------------------------------------------------------------------


def _by_mpmath(curvature: Curvature, eta: Point, digits: int) -> Enclosure:
    """The same by quadrature, computed twice: an estimate."""
    values = []
    with mp.workdps(8):
        rough = _integrated_moment(curvature, eta)
        low, high = _bracket(lambda beta: rough(_mpf(beta)).real - 1)
        beta = _refined(rough, mp.sqrt(_mpf(low) * _mpf(high)), 12)
    for extra in (10, 18):
        with mp.workdps(digits + extra):
            moment = _integrated_moment(curvature, eta)
            beta = _refined(moment, beta, 2 + (digits // 6).bit_length())
            values.append(beta)
    coarse, fine = values
    with mp.workdps(digits + 30):
        radius = 32 * abs(coarse - fine) + abs(fine) * mp.mpf(10) ** (-digits - 4)
        if radius > abs(fine) * mp.mpf(10) ** -digits / 4:
            raise PrecisionCapReached(
                f"{digits} digits by mpmath",
                f"{mp.nstr(fine, 8)} ± {mp.nstr(radius, 3)}",
                "ask for --method arb",
            )
        return Enclosure.between(_exact(fine - radius), _exact(fine + radius))


def _refined(moment: Callable[[Any], Any], beta: Any, most: int) -> Any:
    """Newton's method for log M = 0, until a step no longer changes half of the digits.

    log M is nearly linear where M spans many powers of ten, and convex: the steps are monotone.
    """
    for _ in range(most):
        both = moment(beta)
        step = mp.log(both.real) * both.real / both.imag
        beta -= step
        if beta <= 0:
            beta += step
            beta /= 2
        elif abs(step) < abs(beta) * mp.mpf(2) ** (-mp.prec // 2):
            break
    return beta


def _integrated_moment(curvature: Curvature, eta: Point) -> Callable[[Any], Any]:
    """M(β) + i M'(β), M' = E|A|^β log|A|, A = 1 − ηh: both from one pass of quadrature."""
    rate = _number(eta)
    if isinstance(curvature, Normal):
        mean, deviation = _number(curvature.mean), _number(curvature.deviation)
        edge = (1 / rate - mean) / deviation

        def normal(beta: Any) -> Any:
            def integrand(z: Any) -> Any:
                return _power(abs(1 - rate * (mean + deviation * z)), beta) * mp.npdf(z)

            return mp.quad(integrand, sorted({-mp.inf, edge, mp.mpf(0), mp.inf}))

        return normal
    edge = 1 / (rate * _number(curvature.scale))
    degrees = _number(curvature.degrees)
    norm = 2 ** (degrees / 2) * mp.gamma(degrees / 2) / 2

    def chi_squared(beta: Any) -> Any:
        # Over y = √(χ²), whose density has no singularity at 0.
        def integrand(y: Any) -> Any:
            density = y ** (degrees - 1) * mp.exp(-(y**2) / 2) / norm
            return _power(abs(1 - y**2 / edge), beta) * density

        peak = mp.sqrt(edge + degrees + 2 * beta)
        return mp.quad(integrand, sorted({mp.mpf(0), mp.sqrt(edge), peak, mp.inf}))

    return chi_squared


def _power(size: Any, beta: Any) -> Any:
    """|A|^β (1 + i log|A|)."""
    if size == 0:
        return mp.mpc(0)
    logarithm = mp.log(size)
    return mp.exp(beta * logarithm) * mp.mpc(1, logarithm)


def _number(point: Point) -> Any:
    program = point if isinstance(point, Program) else constant_program(point)
    return evaluate_mpmath(program)[0]


def _mpf(value: Fraction) -> Any:
    return mp.mpf(value.numerator) / value.denominator


def _exact(value: Any) -> Fraction:
    sign, mantissa, exponent, _ = value._mpf_
    return (-1 if sign else 1) * Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
