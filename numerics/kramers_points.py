"""The minimum and the saddle of an escape, isolated by intervals, and formulas evaluated at them.

Notation: minimum a, where the descent of L from the start ends; saddle b, the highest local maximum
of L between a and the exit; H = L'', C the noise. A critical point is isolated by a bracket across
which L' changes sign and on which L'' keeps one: it holds exactly one zero of L'.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from flint import acb, arb, ctx
from mpmath import mp

from numerics.core import pieces
from numerics.enclosure import Enclosure
from numerics.errors import ComputationError, Disagreement, PrecisionCapReached
from numerics.evaluators import as_fmpq, evaluate_acb, evaluate_arb, evaluate_mpmath
from numerics.lowering import Model
from numerics.mpmath_panels import Dynamics
from numerics.precision import check_digits, until_certain
from numerics.program import Builder, Program

FORMULA_INPUTS = ("H_a", "H_b", "C_a", "C_b", "Delta_L", "exponent", "eta", "theta")
"""What a formula may use; `exponent` is ∫_a^b 2L'/(ηC)."""

Method = Literal["both", "arb", "mpmath"]
Point = int | Fraction | Program

_SPLIT = Fraction(4871, 10007)
"""Where boxes are cut: no round number, so that a zero is hardly ever met by a cut."""
_SMALLEST = Fraction(1, 2**64)
"""Relative width below which a box that still may hold a double zero is given up."""
_REACH = 40
"""How many times the window of the descent is doubled before L counts as having no minimum."""


@dataclass(frozen=True)
class Bracket:
    """An interval with exactly one zero of L'."""

    low: Fraction
    high: Fraction


@dataclass(frozen=True)
class CriticalPoints:
    """The brackets of minimum and saddle."""

    minimum: Bracket
    saddle: Bracket


# --- isolation ----------------------------------------------------------------------------------


def critical_points(model: Model, start: Point, exit_above: Point) -> CriticalPoints:
    """Minimum at the end of the descent of L from `start`, highest saddle below `exit_above`.

    Raises
    ------
    ComputationError : no minimum, no saddle, a degenerate one, or two saddles of equal height.
    """
    model.require_values()
    landscape = _Landscape(model)
    with ctx.workprec(256):
        x, end = landscape.rational(start), landscape.rational(exit_above)
        if x >= end:
            raise ComputationError(
                "an exit above the start",
                f"start {float(x):.6g}, exit {float(end):.6g}",
                "Kramers' formula is for the passage upwards; mirror the model for the other way",
            )
        minimum = landscape.descent(x, start, end)
        saddles = list(landscape.zeros(minimum.high, end, -1))
        if not saddles:
            raise ComputationError(
                "a saddle (local maximum of L) between the minimum and the exit",
                f"none between {float(minimum.high):.6g} and {float(end):.6g}",
                "move the exit beyond the saddle, or ask for mean-exit-time",
            )
        return CriticalPoints(minimum, landscape.highest(minimum, saddles))


class _Landscape:
    """L' and L'' of a model, and where they vanish."""

    def __init__(self, model: Model) -> None:
        self.model = model
        programs = (model.gradient, model.gradient_slope)
        self.switches = [one.switch_program() for one in programs if not one.is_smooth]

    def smooth_on(self, box: arb) -> bool:
        """Whether no abs or piecewise switches inside a box."""
        values = [value for program in self.switches for value in evaluate_arb(program, box)]
        return all(value > 0 or value < 0 for value in values)

    @staticmethod
    def rational(point: Point) -> Fraction:
        """A rational within 2^-200 of a point (which may be irrational)."""
        if isinstance(point, int | Fraction):
            return Fraction(point)
        (ball,) = evaluate_arb(point)
        if not ball.is_finite():
            raise ComputationError("a finite point", str(ball), "give a finite start and exit")
        return _fraction(ball.mid())

    def gradient(self, x: arb) -> arb:
        return evaluate_arb(self.model.gradient, x)[0]

    def slope(self, x: arb) -> arb:
        return evaluate_arb(self.model.gradient_slope, x)[0]

    def sign(self, x: Fraction) -> int:
        """Sign of L' at a point; 0 where 256 bits do not decide it."""
        value = self.gradient(_ball(x))
        return 1 if value > 0 else -1 if value < 0 else 0

    def zeros(self, origin: Fraction, end: Fraction, curvature: int) -> Iterator[Bracket]:
        """Zeros of L' with L'' of the sign `curvature`, in order from `origin` to `end`."""
        smallest = abs(end - origin) * _SMALLEST
        boxes = [(origin, end)]
        while boxes:
            near, far = boxes.pop()
            low, high = min(near, far), max(near, far)
            box = _box(low, high)
            slope = self.slope(box)
            middle = _ball((low + high) / 2)
            value = self.gradient(box)
            if slope.is_finite() and self.smooth_on(box):
                # The mean value form is narrower than the direct one on small boxes.
                centred = self.gradient(middle) + slope * (box - middle)
                if value.is_finite() and centred.is_finite() and value.overlaps(centred):
                    value = value.intersection(centred)
            if value > 0 or value < 0:
                continue
            if (slope > 0 or slope < 0) and self.smooth_on(box):
                sign = 1 if slope > 0 else -1
                if sign == curvature and self.sign(low) * self.sign(high) < 0:
                    yield Bracket(low, high)
                continue
            if high - low < smallest:
                raise ComputationError(
                    "critical points with L'' ≠ 0, where L is smooth",
                    f"L' and L'' may both vanish or jump near {float(low):.10g}",
                    "ask for mean-exit-time, which needs neither",
                )
            cut = near + (far - near) * _SPLIT
            boxes += [(cut, far), (near, cut)]

    def descent(self, x: Fraction, start: Point, end: Fraction) -> Bracket:
        """The minimum that the descent of L from x reaches."""
        at = _ball(x) if isinstance(start, int | Fraction) else evaluate_arb(start)[0]
        slope = self.gradient(at)
        if slope > 0 or slope < 0:
            direction = -1 if slope > 0 else 1
            return self._descend(x, direction, end)
        if self.slope(at) > 0:
            return self._around(x)
        raise ComputationError(
            "a start from which L descends to a minimum",
            f"L' = 0 and not L'' > 0 at the start {float(x):.6g}",
            "move the start off the maximum",
        )

    def _descend(self, x: Fraction, direction: int, end: Fraction) -> Bracket:
        near, reach = x, end - x
        for _ in range(_REACH):
            far = x + direction * reach
            if direction > 0:
                far = min(far, end)
            for bracket in self.zeros(near, far, +1):
                return bracket
            if direction > 0 and far == end:
                break
            near, reach = far, 2 * reach
        raise ComputationError(
            "a minimum of L at the end of its descent from the start",
            f"none between {float(x):.6g} and {float(near if direction < 0 else end):.6g}",
            "start in the well that is to be left",
        )

    def _around(self, x: Fraction) -> Bracket:
        """A bracket around a zero of L' at x, or within 2^-200 of it."""
        for bits in range(4, 190, 2):
            radius = Fraction(1, 2**bits)
            low, high = x - radius, x + radius
            if self.slope(_box(low, high)) > 0 and self.sign(low) < 0 < self.sign(high):
                return Bracket(low, high)
        raise ComputationError(
            "a minimum of L with L'' > 0", f"a degenerate one at {float(x):.10g}", "move the start"
        )

    def highest(self, minimum: Bracket, saddles: list[Bracket]) -> Bracket:
        """The saddle with the largest L, decided by balls."""
        best = saddles[0]
        for other in saddles[1:]:
            for bits in (64, 256, 1024):
                with ctx.workprec(bits + 32):
                    rise = _rise(self.model, self.refined(best), self.refined(other))
                    if rise > 0 or rise < 0:
                        best = other if rise > 0 else best
                        break
            else:
                raise ComputationError(
                    "one saddle that is the highest",
                    f"equal heights near {float(best.low):.6g} and {float(other.low):.6g}",
                    "place the exit between the two",
                )
        return best

    def refined(self, bracket: Bracket) -> arb:
        """The zero in a bracket to the working precision, by interval Newton steps."""
        x = _box(bracket.low, bracket.high)
        # A zero at 0 has no relative accuracy to reach: the bracket gives the scale.
        enough = _ball(max(abs(bracket.low), abs(bracket.high))) * arb(2) ** -ctx.prec
        while x.rad() > enough:
            middle = arb(x.mid())
            newton = middle - self.gradient(middle) / self.slope(x)
            if not newton.is_finite() or not newton.overlaps(x):
                raise PrecisionCapReached("a contracting Newton step", f"none near {x}")
            smaller = newton.intersection(x)
            if smaller.rad() * 4 > x.rad() * 3:
                return smaller
            x = smaller
        return x


def _ball(x: Fraction) -> arb:
    return arb(as_fmpq(x))


def _box(low: Fraction, high: Fraction) -> arb:
    return _ball(low).union(_ball(high))


def _fraction(x: arb) -> Fraction:
    mantissa, exponent = x.man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def enclosure(model: Model, bracket: Bracket, digits: int) -> Enclosure:
    """The zero of L' in a bracket, to `digits` digits (absolute where it may be 0)."""
    landscape = _Landscape(model)
    with ctx.workprec(int(3.33 * digits) + 64):
        return Enclosure.from_arb(landscape.refined(bracket))


# --- formulas at the critical points ------------------------------------------------------------


def formula_value(
    model: Model,
    points: CriticalPoints,
    formula: Program,
    *,
    digits: int = 15,
    method: Method = "both",
) -> Enclosure:
    """A formula in `FORMULA_INPUTS`, at the minimum and the saddle of the model.

    Raises
    ------
    ComputationError : C not positive between the two, or the digits are not reached.
    Disagreement : the two routes exclude each other.
    """
    check_digits(digits)
    with ctx.workprec(128):
        _require_noise(model, points)
        _require_continuous_noise(model, points)
    found = {
        "arb": lambda: _by_balls(model, points, formula, digits),
        "mpmath": lambda: _by_mpmath(model, points, formula, digits),
    }
    if method != "both":
        return found[method]()
    certified, estimated = found["arb"](), found["mpmath"]()
    if certified.excludes(estimated):
        raise Disagreement(
            "two routes that agree", f"{certified} by arb, {estimated} by mpmath", "report this"
        )
    return certified


def _require_noise(model: Model, points: CriticalPoints) -> None:
    """C > 0 from the minimum to the saddle."""
    low, high = points.minimum.low, points.saddle.high
    smallest = (high - low) * _SMALLEST
    boxes = [(low, high)]
    while boxes:
        left, right = boxes.pop()
        (value,) = evaluate_arb(model.noise, _box(left, right))
        if value > 0:
            continue
        if value < 0 or right - left < smallest:
            raise ComputationError(
                "C > 0 between the minimum and the saddle",
                f"C = {model.formulas.get('noise', 'C')}, zero or negative near {float(left):.10g}",
                "C is a variance; the process cannot pass a zero of it",
            )
        cut = left + (right - left) * _SPLIT
        boxes += [(left, cut), (cut, right)]


def _require_continuous_noise(model: Model, points: CriticalPoints) -> None:
    """One C at the minimum, and one at the saddle."""
    if model.noise.is_smooth:
        return
    for bracket in (points.minimum, points.saddle):
        x = _Landscape(model).refined(bracket)
        before, after = (
            evaluate_arb(piece.program, x)[0]
            for piece in (pieces(model.noise, x - 1, x)[-1], pieces(model.noise, x, x + 1)[0])
        )
        if not before.overlaps(after):
            raise ComputationError(
                "a C that is continuous at the minimum and at the saddle",
                f"a jump from {float(before):.6g} to {float(after):.6g} at {float(x):.6g}",
                "ask for mean-exit-time: no formula of Kramers' kind is meant for a jump there",
            )


def _by_balls(model: Model, points: CriticalPoints, formula: Program, digits: int) -> Enclosure:
    landscape = _Landscape(model)

    def compute(goal: float) -> arb:
        with ctx.workprec(int(goal * 1.4427) + 64):
            a, b = landscape.refined(points.minimum), landscape.refined(points.saddle)
            (eta,), (theta,) = evaluate_arb(model.eta), evaluate_arb(model.theta)
            inputs = {
                "H_a": landscape.slope(a),
                "H_b": landscape.slope(b),
                "C_a": evaluate_arb(model.noise, a)[0],
                "C_b": evaluate_arb(model.noise, b)[0],
                "Delta_L": _rise(model, a, b) if formula.uses("Delta_L") else arb(0),
                "exponent": _integral(exponent_program(model), a, b)
                if formula.uses("exponent")
                else arb(0),
                "eta": eta,
                "theta": theta,
            }
            (value,) = evaluate_arb(formula, *(inputs[name] for name in FORMULA_INPUTS))
            return value

    return until_certain(compute, digits)


def exponent_program(model: Model) -> Program:
    """2L'/(ηC), the derivative of the exponent of the stationary law."""
    builder = Builder((model.variable,))
    [gradient] = builder.include(model.gradient, {})
    [noise] = builder.include(model.noise, {})
    [eta] = builder.include(model.eta, {})
    above = builder.emit("mul", builder.constant(2), gradient)
    return builder.program([builder.emit("div", above, builder.emit("mul", eta, noise))])


def _rise(model: Model, a: arb, b: arb) -> arb:
    """L(b) − L(a)."""
    if model.loss is None:
        return _integral(model.gradient, a, b)
    return evaluate_arb(model.loss, b)[0] - evaluate_arb(model.loss, a)[0]


def _integral(program: Program, a: arb, b: arb) -> arb:
    """∫_a^b of a function, whose ends are balls."""
    return sum(
        (_smooth_integral(one.program, *one.points) for one in pieces(program, a, b)), arb(0)
    )


def _smooth_integral(program: Program, a: arb, b: arb) -> arb:
    def integrand(z: acb, analytic: bool) -> acb:
        return evaluate_acb(program, z, analytic=analytic)[0]

    low, high = arb(a.mid()), arb(b.mid())
    whole = acb.integral(integrand, acb(low), acb(high), eval_limit=200_000).real
    for end in (a, b):
        (height,) = evaluate_arb(program, end)
        whole += arb(0, 1) * abs(height).upper() * arb(end.rad())
    return whole


def _by_mpmath(model: Model, points: CriticalPoints, formula: Program, digits: int) -> Enclosure:
    """The same by Newton's method and quadrature in mpmath: an estimate, computed twice."""
    values = []
    for extra in (12, 24):
        with mp.workdps(digits + extra):
            a, b = _newton(model, points.minimum), _newton(model, points.saddle)
            stops = [a, *Dynamics(model).switch_points(a, b), b]
            inputs = {
                "H_a": evaluate_mpmath(model.gradient_slope, a)[0],
                "H_b": evaluate_mpmath(model.gradient_slope, b)[0],
                "C_a": evaluate_mpmath(model.noise, a)[0],
                "C_b": evaluate_mpmath(model.noise, b)[0],
                "Delta_L": mp.quad(lambda w: evaluate_mpmath(model.gradient, w)[0], stops)
                if formula.uses("Delta_L")
                else mp.mpf(0),
                "exponent": mp.quad(lambda w: evaluate_mpmath(exponent_program(model), w)[0], stops)
                if formula.uses("exponent")
                else mp.mpf(0),
                "eta": evaluate_mpmath(model.eta)[0],
                "theta": evaluate_mpmath(model.theta)[0],
            }
            values.append(evaluate_mpmath(formula, *(inputs[name] for name in FORMULA_INPUTS))[0])
    coarse, fine = values
    with mp.workdps(digits + 30):
        radius = 32 * abs(coarse - fine) + abs(fine) * mp.mpf(10) ** (-digits - 6)
        if radius > abs(fine) * mp.mpf(10) ** -digits / 4:
            raise PrecisionCapReached(
                f"{digits} digits by mpmath",
                f"{mp.nstr(fine, 8)} ± {mp.nstr(radius, 3)}",
                "ask for --method arb",
            )
        return Enclosure.between(_exact(fine - radius), _exact(fine + radius))


def _newton(model: Model, bracket: Bracket):
    """The zero of L' in a bracket, by Newton's method from its middle."""
    x = mp.mpf(bracket.low.numerator) / bracket.low.denominator
    high = mp.mpf(bracket.high.numerator) / bracket.high.denominator
    return mp.findroot(
        lambda w: evaluate_mpmath(model.gradient, w)[0], (x, high), solver="anderson", verify=False
    )


def _exact(value) -> Fraction:
    sign, mantissa, exponent, _ = value._mpf_
    return (-1 if sign else 1) * Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
