"""What the integrals of a model need: C, the logarithmic slope of the speed density, and constants.

Notation: `s = 1 − θ`; speed density `p = exp(u)`, `u' = −q`, `q = (sC' + 2L'/η)/C`; scale density
`(2/η)/(C p)`. Where C jumps (a piecewise noise), p jumps as `C^(−s)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

from flint import arb, ctx

from numerics.errors import ComputationError
from numerics.evaluators import as_fmpq, evaluate_arb
from numerics.exponential_identities import as_quotient, without_cancellation
from numerics.local import End
from numerics.lowering import Model
from numerics.program import Builder, Program, require_constant
from numerics.roots import Bound, real_roots

Point = int | Fraction | Program


@dataclass(frozen=True)
class Core:
    """`program` computes (C, q) of the state; `exponent` is s, `rate` is 2/η."""

    program: Program
    exponent: Program
    rate_program: Program
    facing: int = 1
    """-1 where the program is that of −x: what messages name is x"""

    @property
    def rate(self) -> arb:
        """2/η at the working precision."""
        return evaluate_arb(self.rate_program)[0]

    def mirrored(self) -> Core:
        """The core of −x."""
        return mirrored(self)

    def weighted(self, order: Fraction) -> Core:
        """The core of `|x|^order p`, for x of one sign: q − order/x."""
        return weighted(self, order)

    def jump(self, left: Program, right: Program, x: arb) -> arb:
        """p(x+)/p(x−) = (C(x−)/C(x+))^s where the programs of two pieces meet."""
        s = evaluate_arb(self.exponent)[0]
        if s.is_zero():
            return arb(1)
        return (evaluate_arb(left, x)[0] / evaluate_arb(right, x)[0]) ** s


@lru_cache(maxsize=256)
def core_of(model: Model) -> Core:
    """The core of a model without free parameters.

    Raises
    ------
    ComputationError : free parameters, or an η or θ out of range.
    """
    model.require_values()
    builder = Builder((model.variable,))
    # Far out σ(1 − σ) is known better as E/(1 + E)².
    written = without_cancellation(model.noise)
    [noise] = builder.include(written or model.noise, {})
    slope_program = None if written is None else as_quotient(model.noise_slope)
    [slope] = builder.include(slope_program or model.noise_slope, {})
    [gradient] = builder.include(model.gradient, {})
    [eta] = builder.include(model.eta, {})
    [theta] = builder.include(model.theta, {})
    s = builder.emit("sub", builder.constant(1), theta)
    rate = builder.emit("div", builder.constant(2), eta)
    total = builder.emit("mul", rate, gradient)
    # For θ = 1 or constant C the derivative must not enter: it may not exist where it is not used.
    if builder.rational(s) != 0 and builder.rational(slope) != 0:
        total = builder.emit("add", builder.emit("mul", s, slope), total)
    program = builder.program([noise, builder.emit("div", total, noise)])
    constants = Builder(())
    [eta] = constants.include(model.eta, {})
    [theta] = constants.include(model.theta, {})
    core = Core(
        program,
        constants.program([constants.emit("sub", constants.constant(1), theta)]),
        constants.program([constants.emit("div", constants.constant(2), eta)]),
    )
    _check_constants(model)
    return core


def _check_constants(model: Model) -> None:
    eta, theta = evaluate_arb(model.eta)[0], evaluate_arb(model.theta)[0]
    if not (eta.is_finite() and eta > 0):
        raise ComputationError("a positive finite η", str(eta), "give --eta 0.1, say")
    if not (theta.is_finite() and theta >= 0 and theta <= 1):
        raise ComputationError(
            "an interpretation θ between 0 and 1",
            str(theta),
            "0 is Ito, 1/2 Stratonovich, 1 anti-Ito",
        )


@lru_cache(maxsize=1024)
def mirrored(core: Core) -> Core:
    """The core of −x: q is odd under the change of sign, being a derivative."""
    program = core.program
    builder = Builder(program.inputs)
    name = program.inputs[0]
    noise, q = builder.include(program, {name: builder.emit("neg", builder.input(name))})
    program = builder.program([noise, builder.emit("neg", q)])
    return Core(program, core.exponent, core.rate_program, -core.facing)


@lru_cache(maxsize=1024)
def weighted(core: Core, order: Fraction) -> Core:
    """The core of `|x|^order p`."""
    program = core.program
    builder = Builder(program.inputs)
    name = program.inputs[0]
    x = builder.input(name)
    noise, q = builder.include(program, {name: x})
    extra = builder.emit("div", builder.constant(order), x)
    program = builder.program([noise, builder.emit("sub", q, extra)])
    return Core(program, core.exponent, core.rate_program, core.facing)


def point_ball(point: Point) -> arb:
    """A point of the state space at the working precision."""
    if isinstance(point, Program):
        require_constant(point)
        value = evaluate_arb(point)[0]
    else:
        value = arb(as_fmpq(point))
    if not value.is_finite():
        raise ComputationError("a finite real point", str(value), "give a number")
    return value


@dataclass(frozen=True)
class Piece:
    """An interval on which the program is smooth."""

    program: Program
    low: Bound
    high: Bound

    @property
    def points(self) -> tuple[arb, arb]:
        """The two ends of a bounded piece."""
        assert isinstance(self.low, arb)
        assert isinstance(self.high, arb)
        return self.low, self.high


def pieces(program: Program, low: Bound, high: Bound) -> list[Piece]:
    """The smooth pieces of a program between two points or ends, cut where it switches.

    A switch that cannot be told from a point counts as that point, which becomes a wider ball: what
    lies between the two, however the model continues there, is then part of the enclosure.
    """
    if program.is_smooth:
        return [Piece(program, low, high)]
    switches = program.switch_program()
    # A switch inside another switch is cut once the inner one is decided.
    ready = [i for i in range(len(switches.outputs)) if switches.select(i).is_smooth]
    cuts: list[arb] = []
    for index in ready:
        for root in real_roots(switches.select(index), low, high):
            if not root.simple:
                continue
            cut = root.ball()
            if not _within(cut, low, high):
                continue
            if isinstance(low, arb) and cut.overlaps(low):
                low = _widened(low, cut)
            elif isinstance(high, arb) and cut.overlaps(high):
                high = _widened(high, cut)
            else:
                cuts.append(cut)
    bounds: list[Bound] = [low, *_distinct(cuts), high]
    made: list[Piece] = []
    for left, right in pairwise(bounds):
        inside = _inner(left, right)
        signs = {i: _sign(evaluate_arb(switches.select(i), inside)[0], inside) for i in ready}
        decided = program.specialised(signs.get)
        made.extend(pieces(decided, left, right))
    return made


def just_after(core: Core, x: arb) -> Program:
    """The smooth program that holds on the right of x."""
    return pieces(core.program, x, x + 1)[0].program


def jump_at(core: Core, x: arb) -> arb:
    """p(x+)/p(x−): 1 unless C switches exactly at x."""
    if core.program.is_smooth:
        return arb(1)
    return core.jump(pieces(core.program, x - 1, x)[-1].program, just_after(core, x), x)


def at_point(program: Program, point: Point) -> Program:
    """The smooth program that holds at a point alone.

    A switch that cannot be told from the point is at its zero there: `<` fails and `<=` holds.
    """
    with ctx.workprec(_BITS_AT_POINT):
        x = point_ball(point)
        while not program.is_smooth:
            switches = program.switch_program()
            chosen = [switches.select(i) for i in range(len(switches.outputs))]
            values = [evaluate_arb(one, x)[0] if one.is_smooth else None for one in chosen]
            signs = [None if v is None else 1 if v > 0 else -1 if v < 0 else 0 for v in values]
            program = program.specialised(lambda position, s=signs: s[position])
    return program


_BITS_AT_POINT = 1024
"""At which precision a point and a switch are compared."""


def _within(cut: arb, low: Bound, high: Bound) -> bool:
    """Whether a switch lies inside of the finite ends of the domain, if there are any."""
    inside = isinstance(low, arb) or low.point is None or bool(cut > low.location())
    return inside and (isinstance(high, arb) or high.point is None or bool(cut < high.location()))


def _sign(value: arb, x: arb) -> int:
    if value > 0:
        return 1
    if value < 0:
        return -1
    raise ComputationError(
        "switches (abs, piecewise) whose side can be decided",
        f"one undecided near {float(x):.12g}",
        "write the model without that switch",
    )


def _widened(point: arb, cut: arb) -> arb:
    """A ball 1000 times as wide as the two together."""
    both = point.union(cut)
    return arb(both.mid(), (1000 * both.rad()).upper())


def _distinct(cuts: list[arb]) -> list[arb]:
    """Sorted, and overlapping balls (the same point by two formulas) once."""
    result: list[arb] = []
    for cut in sorted(cuts, key=float):
        if result and cut.overlaps(result[-1]):
            result[-1] = result[-1].union(cut)
        else:
            result.append(cut)
    return result


def _inner(left: Bound, right: Bound) -> arb:
    """A point strictly between."""
    left, right = (
        x.location() if isinstance(x, End) and x.point is not None else x for x in (left, right)
    )
    if isinstance(left, arb) and isinstance(right, arb):
        return arb(((left + right) / 2).mid())
    if isinstance(left, arb):
        return arb(left.upper().mid()) + 1 + abs(arb(left.mid()))
    if isinstance(right, arb):
        return arb(right.lower().mid()) - 1 - abs(arb(right.mid()))
    return arb(0.0123456789)
