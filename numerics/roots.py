"""Certified isolation of real zeros: exact for polynomials, interval Newton for the rest.

A zero of C must be found and named, and the points where `abs` and `piecewise` switch must be known
before anything is integrated across them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flint import acb, arb, arb_series, ctx, fmpz_poly

from numerics.errors import ComputationError
from numerics.evaluators import evaluate_series
from numerics.local import End, Local, NotLocal, expand
from numerics.program import Program
from numerics.rational import integer_polynomial, rational_functions, zeros_of
from numerics.spans import spans

DEPTH = 70
"""Bisections after which a zero that may be multiple is given up."""

FARTHEST = 2.0**24
"""How far from the origin an expansion at infinity is waited for."""


@dataclass(frozen=True)
class Root:
    """A real zero: `ball()` encloses it at the working precision; `simple` if the sign changes."""

    ball: Callable[[], arb]
    simple: bool = True


Bound = arb | End


def real_roots(program: Program, low: Bound, high: Bound) -> list[Root]:
    """All zeros (and poles) of the first output strictly between low and high, in order.

    One that cannot be told from an end which is no exact number is listed: its ball overlaps it.

    Raises
    ------
    ComputationError : a zero that cannot be isolated (a multiple one, say).
    """
    functions = rational_functions(program)
    if functions is not None:
        above, below = functions[0]
        return _polynomial_roots(integer_polynomial(above * below), low, high)
    left = low if isinstance(low, arb) else _beyond(program, low)
    right = high if isinstance(high, arb) else _beyond(program, high)
    return _newton_roots(program, left, right)


def poles(quotient: Program, noise: Program, low: Bound) -> list[arb]:
    """Poles above `low` of a rational q, in order, but for those at zeros of C; else none."""
    functions, noises = rational_functions(quotient), rational_functions(noise)
    if functions is None or noises is None:
        return []
    below = functions[0][1]
    while (common := below.gcd(noises[0][0])).degree() > 0:
        below //= common
    return [root.ball() for root in _polynomial_roots(integer_polynomial(below), low, End(1))]


# --- polynomials ---------------------------------------------------------------------------------


def _polynomial_roots(polynomial: fmpz_poly, low: Bound, high: Bound) -> list[Root]:
    if polynomial.degree() < 1:
        return []
    roots: list[Root] = []
    for index, (value, multiplicity) in enumerate(_all_roots(polynomial, 128)):
        if not value.imag.is_zero():
            continue
        place = _place(polynomial, index, low, high)
        if place:
            roots.append(Root(_refiner(polynomial, index), multiplicity % 2 == 1))
    return sorted(roots, key=lambda r: float(r.ball()))


def _all_roots(polynomial: fmpz_poly, precision: int) -> list[tuple[acb, int]]:
    """Zeros with multiplicities; real ones have imaginary part exactly 0."""
    return zeros_of(tuple(int(c) for c in polynomial.coeffs()), precision)


def _refiner(polynomial: fmpz_poly, index: int) -> Callable[[], arb]:
    def ball() -> arb:
        coarse = _all_roots(polynomial, 128)[index][0].real
        fine = [z.real for z, _ in _all_roots(polynomial, ctx.prec + 32) if z.imag.is_zero()]
        return next(z for z in fine if z.overlaps(coarse))

    return ball


def _place(polynomial: fmpz_poly, index: int, low: Bound, high: Bound) -> bool:
    """Whether the zero lies strictly inside; decided at rising precision."""
    inside_left: bool | None = None
    inside_right: bool | None = None
    for precision in (128, 512, 2048):
        root = _refined(polynomial, index, precision)
        inside_left = True if isinstance(low, End) else _compare(polynomial, root, low)
        inside_right = True if isinstance(high, End) else _compare(polynomial, high, root)
        if inside_left is None or inside_right is None:
            continue
        return inside_left and inside_right
    return inside_left is not False and inside_right is not False


def _refined(polynomial: fmpz_poly, index: int, precision: int) -> arb:
    with ctx.workprec(precision):
        return _refiner(polynomial, index)()


def _compare(polynomial: fmpz_poly, larger: arb, smaller: arb) -> bool | None:
    """larger > smaller, where one of the two is a zero; equality counts as False."""
    if larger > smaller:
        return True
    if larger < smaller:
        return False
    exact = larger if larger.is_exact() else smaller
    if exact.is_exact():
        numerator, exponent = exact.man_exp()
        point = arb((numerator, exponent))
        with ctx.workprec(64 + polynomial.degree() * (numerator.bit_length() + abs(int(exponent)))):
            if polynomial(point).is_zero():
                return False
    return None


# --- interval Newton -----------------------------------------------------------------------------


def value_and_slope(program: Program, x: arb) -> tuple[arb, arb]:
    """f and f' of the first output on a ball."""
    saved = ctx.cap
    ctx.cap = 2
    try:
        value = evaluate_series(program, arb_series([x, arb(1)]))[0]
        if not isinstance(value, arb_series):
            return value, arb(0)
        return value[0], value[1]
    finally:
        ctx.cap = saved


def _newton_roots(program: Program, low: arb, high: arb) -> list[Root]:
    # A zero at an end lies inside then.
    a, b = (_beside(program, x, side) for x, side in ((low, -1), (high, 1)))
    pending: list[tuple[float, float, int]] = [(a, b, 0)]
    found: list[Root] = []
    with ctx.workprec(128):
        while pending:
            left, right, depth = pending.pop()
            box = arb(left).union(arb(right))
            value, slope = value_and_slope(program, box)
            if value.is_finite() and (value > 0 or value < 0):
                continue
            if slope.is_finite() and (slope > 0 or slope < 0):
                signs = [_sign(program, x) for x in (left, right)]
                if 0 not in signs:
                    if signs[0] != signs[1]:
                        found.append(Root(_newton_refiner(program, left, right)))
                    continue
            if depth == DEPTH:
                raise ComputationError(
                    "zeros that are simple and inside the interval",
                    f"one near {left:.15g} that could not be isolated",
                    "move the ends of the interval, or write the model without that switch",
                )
            # Not the middle: zeros of formulas love round numbers.
            cut = left + 0.4873 * (right - left)
            pending += [(cut, right, depth + 1), (left, cut, depth + 1)]
    inside = [r for r in found if not (r.ball() < low or r.ball() > high)]
    return sorted(inside, key=lambda r: float(r.ball()))


def _beside(program: Program, x: arb, side: int) -> float:
    """A double a little beyond x on a side, if the function is finite there."""
    value = float(x)
    beside = value + side * (1e-15 * abs(value) + 1e-30)
    return beside if value_and_slope(program, arb(beside))[0].is_finite() else value


def _sign(program: Program, x: float) -> int:
    value = value_and_slope(program, arb(x))[0]
    return 1 if value > 0 else -1 if value < 0 else 0


def _newton_refiner(program: Program, left: float, right: float) -> Callable[[], arb]:
    def ball() -> arb:
        precision = ctx.prec
        with ctx.workprec(precision + 32):
            box = arb(left).union(arb(right))
            for _ in range(200):
                middle = box.mid()
                value, _ = value_and_slope(program, middle)
                _, slope = value_and_slope(program, box)
                step = middle - value / slope
                if not step.is_finite():
                    break
                narrower = step.intersection(box)
                if narrower.rad() > 0.6 * box.rad():
                    box = narrower
                    if box.rel_accuracy_bits() > precision:
                        return box
                    box = _bisected(program, box)
                    continue
                box = narrower
                if box.is_exact() or box.rel_accuracy_bits() > precision + 8:
                    return box
            return box

    return ball


def _bisected(program: Program, box: arb) -> arb:
    """The half of the box that holds the sign change."""
    left, middle, right = box.lower(), box.mid(), box.upper()
    at_left, at_middle = (value_and_slope(program, x)[0] for x in (left, middle))
    if (at_left > 0 and at_middle < 0) or (at_left < 0 and at_middle > 0):
        return left.union(middle)
    if (at_left > 0 and at_middle > 0) or (at_left < 0 and at_middle < 0):
        return middle.union(right)
    return box


def _beyond(program: Program, end: End) -> arb:
    """A point beyond which the function keeps its sign, up to the end of the domain."""
    size, local = 1.0, True
    with ctx.workprec(64):
        while size <= FARTHEST:
            t = arb(0.5 / size, 0.5 / size)
            try:
                [value, *_] = expand(program, end, acb(t))
                settled = keeps_sign(value)
            except NotLocal:
                local = False
                settled = _keeps_sign_by_spans(program, end, 1 / size)
            if settled:
                return arb(end.state(1 / size))
            size *= 2
    if not local:
        raise ComputationError(
            "switches (abs, piecewise) whose number is finite",
            f"a switch that bounds do not settle at {FARTHEST:.3g}",
            "give an interval with two finite ends",
        )
    raise ComputationError(
        "switches (abs, piecewise) within reach of the origin",
        f"a function whose sign is not settled at {FARTHEST:.3g}",
        "rescale the state",
    )


def _keeps_sign_by_spans(program: Program, end: End, top: float) -> bool:
    try:
        return bool(spans(program, end, top)[0].sign)
    except NotLocal:
        return False


def keeps_sign(value: Local) -> bool:
    """Whether a function on a box of real t keeps its sign there (or is identically zero)."""
    if value.factor is None:
        return True
    real = value.factor.real
    return bool(real > 0 or real < 0)
