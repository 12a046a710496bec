"""The generator in Schrödinger form: −𝓛 is unitarily equivalent to `−∂_y² + V` with `dy = dw/√D`.

With `D = ηC/2` and `g = −L' + (θ − ½)D'`:

    V = g²/(4D) + ½(−L'' + (θ − ½)D'') − gD'/(4D),        β = −g/2.

An eigenfunction u of 𝓛 belongs to `ψ = √(p√D) u`; `ψ_y = 0` reads `D u' = β u`. Cutting the line
where ψ or ψ_y is set to 0 raises or lowers every eigenvalue (Dirichlet-Neumann bracketing).

V need not tend to anything under an oscillating force, whose slope it holds. Any h > 0 serves in
place of `(p√D)^(−½)` (Barta, Jacobi): with v = h'/h, u = hφ and the Ito drift b,

    W = −𝓛h/h = −(D(v' + v²) + bv),       ∫ D p u'² = ∫ D p h² φ'² + ∫ W p h² φ² − [D p v u²],

so that `D u' = Dv u` takes the place of ψ_y = 0 where W > λ beyond the cut. If also
`(log(p h² √D))_y = (g + 2Dv)/√D → 0`, the continuum begins at the limit of W: from below by
Persson's theorem, from above by plateaus far out. v = −g/(2D) gives V.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from flint import acb, arb, arb_series, ctx, fmpq_poly

from numerics.core import Bound, pieces
from numerics.errors import ComputationError
from numerics.evaluators import evaluate_arb
from numerics.exponential_ends import least_value, missed_by_limit
from numerics.local import End, Local, NotLocal, expand
from numerics.lowering import Model
from numerics.program import Builder, Instruction, Program, constant_program
from numerics.rational import emit_polynomial, rational_functions
from numerics.spans import Span, spans
from numerics.transseries import Form, forms, growth


@lru_cache(maxsize=128)
def schroedinger_program(model: Model) -> Program:
    """`(V, β, D)` of the state."""
    model.require_values()
    builder = Builder((model.variable,))
    emit = builder.emit

    def part(program: Program) -> int:
        return builder.include(program, {})[0]

    half_eta = emit("div", part(model.eta), builder.constant(2))
    shift = emit("sub", part(model.theta), builder.constant(1))
    shift = emit("add", shift, emit("div", builder.constant(1), builder.constant(2)))
    d = emit("mul", half_eta, part(model.noise))
    slope = emit("mul", half_eta, part(model.noise_slope))
    bend = emit("mul", half_eta, part(model.noise_curvature))
    g = emit("sub", emit("mul", shift, slope), part(model.gradient))
    four_d = emit("mul", builder.constant(4), d)
    curvature = emit("sub", emit("mul", shift, bend), part(model.gradient_slope))
    kinetic = emit("div", emit("mul", g, emit("sub", g, slope)), four_d)
    v = emit("add", kinetic, emit("div", curvature, builder.constant(2)))
    beta = emit("neg", emit("div", g, builder.constant(2)))
    return builder.program([v, beta, d])


@dataclass(frozen=True)
class Comparison:
    """`(W, Dv)` of a function h at an infinite end, and the limit of W there (∞: it confines)."""

    program: Program
    end: End
    edge: Program | None
    """Its last output tends to the limit of W as power series; None: +∞"""
    beyond: Bound
    """The last switch of the model on this side, or the other end"""
    expanded: bool
    """W has an expansion in powers; otherwise it is bounded by `numerics.spans`"""
    form: Form | None = None
    """W where it holds exponentials that tend to 0 or ∞"""

    def limit(self) -> arb:
        """Where the continuum of this end begins, at the working precision."""
        return arb.pos_inf() if self.edge is None else _limit(self.edge, self.end)

    def boundary(self, w: arb) -> arb:
        """`D u'/u` of h."""
        return evaluate_arb(self.program, w)[1]

    def least_beyond(self, w: arb) -> arb | None:
        """A lower bound of W between w and the infinite end; None: no bound found."""
        t = self.end.parameter(w)
        if not t > 0:
            return None
        if isinstance(self.beyond, arb) and not (w - self.beyond) * self.end.outward > 0:
            return None
        reach = arb(t.upper())
        if self.form is not None:
            return self._least_by_form(self.form, reach)
        if self.expanded:
            return _least_by_expansion(self.program, self.end, reach)
        return _least_by_spans(self.program, self.end, reach)

    def _least_by_form(self, form: Form, reach: arb) -> arb | None:
        top = float(reach) * (1 + 1e-15)
        try:
            if growth(form.rate, self.end):
                return arb(least_value(form, self.end, top))
            error = missed_by_limit(form, self.end, top)
        except NotLocal:
            return None
        bound = _least_by_expansion if self.expanded else _least_by_spans
        least = bound(form.limit, self.end, reach)
        return None if least is None else arb((least - error).lower())


@lru_cache(maxsize=128)
def comparison(model: Model, outward: int) -> Comparison | None:
    """A function h whose W has a known limit at an infinite end; None: none was found.

    A finite limit is the edge of a continuum only where y is infinite at the end.
    """
    found = _comparison(model, outward)
    if found is None or found.edge is None or _is_endless(model, found.end):
        return found
    raise ComputationError(
        "V that grows at an end without an exit, or C that grows no faster than w² there",
        "a C that grows faster: ∫dw/√C converges, the end is no more than a boundary",
        "give an exit there, far out",
    )


def _is_endless(model: Model, end: End) -> bool:
    """Whether ∫dw/√D is proved to diverge at an infinite end: C = O(w²)."""
    noise, _ = _outermost(model.noise, end)
    found = forms(noise, end)
    if found is not None:
        if growth(found[0].rate, end):
            return growth(found[0].rate, end) < 0
        noise = found[0].limit
    saved = ctx.cap
    ctx.cap = 8
    try:
        return expand(noise, end, arb_series([0, 1]))[0].order >= -2
    except NotLocal:
        near = _spans_near(noise, end)
        return any(s.order >= -2 and math.isfinite(s.high) for s, *_ in near)
    finally:
        ctx.cap = saved


def _comparison(model: Model, outward: int) -> Comparison | None:
    end = End(outward)
    for made, difference, edge, beyond in _candidates(model, end):
        if edge is not None and difference is None:
            limit = _limit(edge, end)
            if limit is not None and not limit.is_nan():
                return Comparison(made, end, edge if limit.is_finite() else None, beyond, True)
        elif difference is not None and edge is not None:
            limit = _limit(edge, end)
            if limit is not None and limit.is_finite() and _vanishes(difference, end):
                return Comparison(made, end, edge, beyond, False)
        found = _beside_exponentials(made, end, beyond) if difference is None else None
        if found is not None:
            return found
        if _grows(made, end):
            return Comparison(made, end, None, beyond, False)
    return None


def _beside_exponentials(program: Program, end: End, beyond: Bound) -> Comparison | None:
    """Where W holds exponentials: they confine, or leave the limit of W without them."""
    found = forms(program.select(0), end)
    if found is None:
        return None
    [form] = found
    grows = growth(form.rate, end)
    if grows < 0 or form.vanishes:
        nothing = constant_program(0)
        return Comparison(program, end, nothing, beyond, True, form)
    if grows > 0:
        confines = any(s.low > 0 for s, *_ in _spans_near(form.limit, end))
        return Comparison(program, end, None, beyond, False, form) if confines else None
    limit = _limit(form.limit, end)
    if not limit.is_nan():
        edge = form.limit if limit.is_finite() else None
        return Comparison(program, end, edge, beyond, True, form)
    if _grows(form.limit, end):
        return Comparison(program, end, None, beyond, False, form)
    return None


def _candidates(
    model: Model, end: End
) -> Iterator[tuple[Program, Program | None, Program | None, Bound]]:
    """`(W, Dv)`; what must vanish for its limit to be that of the next; that program; from where.

    V itself; v from the force without its waves; h = e^(|w|).
    """
    whole, beyond = _outermost(schroedinger_program(model), end)
    yield whole.select(0, 1), None, whole.select(0), beyond
    gradient, gradient_from = _outermost(model.gradient, end)
    noise, noise_from = _outermost(model.noise, end)
    starts = [x for x in (gradient_from, noise_from, beyond) if isinstance(x, arb)]
    start: Bound = max(starts, key=lambda x: float(abs(x))) if starts else beyond
    smooth = [rational_functions(_without_waves(p)) for p in (gradient, noise)]
    if smooth[0] is not None and smooth[1] is not None:
        force, spread = smooth[0][0], smooth[1][0]
        made = _by_smooth_force(model, end, (gradient, noise), force, spread)
        if made is not None:
            yield *made, start
    yield _by_exponential(model, gradient, noise, end), None, None, start


def _outermost(program: Program, end: End) -> tuple[Program, Bound]:
    """The smooth program that holds near an infinite end, and from which switch on."""
    if program.is_smooth:
        return program, end
    if end.outward < 0:
        piece = pieces(program, end, arb(0))[0]
        return piece.program, piece.high
    piece = pieces(program, arb(0), end)[-1]
    return piece.program, piece.low


def _without_waves(program: Program) -> Program:
    """Every sine and cosine replaced by 0: any such program may serve as v."""
    builder = Builder(program.inputs)
    new: list[int] = []
    for instruction in program.instructions:
        args = tuple(new[a] for a in instruction.args)
        if instruction.op in ("sin", "cos"):
            new.append(builder.constant(0))
        else:
            new.append(builder.add(Instruction(instruction.op, args, instruction.value)))
    return builder.program([new[o] for o in program.outputs])


@dataclass(frozen=True)
class _Split:
    """A value as its smooth part, sines and cosines replaced by 0, and the rest (None: 0)."""

    smooth: int
    waves: int | None


def _split_waves(builder: Builder, program: Program) -> _Split | None:
    """The first output, split without cancellation; None where that is not known."""
    emit = builder.emit

    def plus(*parts: int | None) -> int | None:
        total: int | None = None
        for part in parts:
            if part is not None:
                total = part if total is None else emit("add", total, part)
        return total

    def times(one: int | None, other: int | None) -> int | None:
        return None if one is None or other is None else emit("mul", one, other)

    def product(x: _Split, y: _Split) -> _Split:
        waves = plus(times(x.smooth, y.waves), times(x.waves, y.smooth), times(x.waves, y.waves))
        return _Split(emit("mul", x.smooth, y.smooth), waves)

    new: list[_Split] = []
    for instruction in program.instructions:
        args = [new[a] for a in instruction.args]
        op, value = instruction.op, instruction.value
        if op in ("sin", "cos"):
            [x] = args
            whole = x.smooth if x.waves is None else emit("add", x.smooth, x.waves)
            new.append(_Split(builder.constant(0), emit(op, whole)))
        elif all(x.waves is None for x in args):
            made = builder.add(Instruction(op, tuple(x.smooth for x in args), value))
            new.append(_Split(made, None))
        elif op in ("add", "sub"):
            x, y = args
            other = y.waves if op == "add" or y.waves is None else emit("neg", y.waves)
            new.append(_Split(emit(op, x.smooth, y.smooth), plus(x.waves, other)))
        elif op == "neg":
            [x] = args
            waves = None if x.waves is None else emit("neg", x.waves)
            new.append(_Split(emit("neg", x.smooth), waves))
        elif op == "mul":
            new.append(product(*args))
        elif op == "div":
            x, y = args
            smooth = emit("div", x.smooth, y.smooth)
            lost = times(smooth, y.waves)
            waves = plus(x.waves, None if lost is None else emit("neg", lost))
            below = y.smooth if y.waves is None else emit("add", y.smooth, y.waves)
            new.append(_Split(smooth, None if waves is None else emit("div", waves, below)))
        elif op == "power" and isinstance(value, int) and 1 <= value <= 16:
            power = args[0]
            for _ in range(value - 1):
                power = product(power, args[0])
            new.append(power)
        else:
            return None
    return new[program.outputs[0]]


Quotient = tuple[fmpq_poly, fmpq_poly]


class _Generator:
    """Builds W from v: D and b of the model, and what they are without waves."""

    def __init__(self, model: Model, gradient: Program, noise: Program, end: End) -> None:
        self.builder = Builder((model.variable,))
        self.x = self.builder.input(model.variable)
        [self.gradient] = self.builder.include(gradient, {})
        [self.noise] = self.builder.include(noise, {})
        slope, _ = _outermost(model.noise_slope, end)
        [self.noise_slope] = self.builder.include(slope, {})
        [eta] = self.builder.include(model.eta, {})
        [self.theta] = self.builder.include(model.theta, {})
        self.half = self.emit("div", eta, self.builder.constant(2))

    def emit(self, op: str, *args: int) -> int:
        return self.builder.emit(op, *args)

    def quotient(self, value: Quotient) -> int:
        above, below = (emit_polynomial(self.builder, p, self.x) for p in value)
        return self.emit("div", above, below)

    def image(self, gradient: int, noise: int, slope: int, v: int, v_slope: int) -> int:
        """W = −(D(v' + v²) + (θD' − L')v)."""
        d, d_slope = self.emit("mul", self.half, noise), self.emit("mul", self.half, slope)
        square = self.emit("add", v_slope, self.emit("mul", v, v))
        drift = self.emit("sub", self.emit("mul", self.theta, d_slope), gradient)
        total = self.emit("add", self.emit("mul", d, square), self.emit("mul", drift, v))
        return self.emit("neg", total)


def _derivative(value: Quotient) -> Quotient:
    above, below = value
    return above.derivative() * below - above * below.derivative(), below * below


def _by_smooth_force(
    model: Model, end: End, parts: tuple[Program, Program], force: Quotient, spread: Quotient
) -> tuple[Program, Program, Program] | None:
    """With v = −g̃/(2D̃) of the model without waves: (W, Dv), what must vanish, and W̃."""
    if spread[0].degree() < 0:
        return None
    make = _Generator(model, *parts, end)
    emit, builder = make.emit, make.builder
    spread_slope = _derivative(spread)
    slope, _ = _outermost(model.noise_slope, end)
    written = rational_functions(_without_waves(slope))
    if written is None or written[0][0] * spread_slope[1] != written[0][1] * spread_slope[0]:
        # C' is written so that its smooth part is not the slope of that of C.
        return None
    # v = L̃'/(ηC̃) − (θ − ½) C̃'/(2C̃): both quotients and their derivatives are exact.
    pull = (force[0] * spread[1], force[1] * spread[0])
    push = (spread_slope[0] * spread[1], spread_slope[1] * spread[0])
    shift = emit("sub", make.theta, emit("div", builder.constant(1), builder.constant(2)))
    shift = emit("div", shift, builder.constant(2))
    eta = emit("mul", make.half, builder.constant(2))

    def joined(one: Quotient, other: Quotient) -> int:
        first = emit("div", make.quotient(one), eta)
        return emit("sub", first, emit("mul", shift, make.quotient(other)))

    v, v_slope = joined(pull, push), joined(_derivative(pull), _derivative(push))
    w = make.image(make.gradient, make.noise, make.noise_slope, v, v_slope)
    smooth = [make.quotient(q) for q in (force, spread, spread_slope)]
    w_smooth = make.image(smooth[0], smooth[1], smooth[2], v, v_slope)
    dv = emit("mul", emit("mul", make.half, make.noise), v)
    # W − W̃ and the part of g + 2Dv that is not 0 by the choice of v, over √D, by their waves alone.
    parted = [_split_waves(builder, part) for part in (*parts, slope)]
    if any(part is None for part in parted):
        return None
    waves = [
        builder.constant(0) if part is None or part.waves is None else part.waves for part in parted
    ]
    difference = make.image(waves[0], waves[1], waves[2], v, v_slope)
    bias = emit("sub", make.theta, emit("div", builder.constant(1), builder.constant(2)))
    rest = emit("mul", bias, emit("mul", make.half, waves[2]))
    rest = emit("sub", rest, waves[0])
    d_wave = emit("mul", make.half, waves[1])
    rest = emit("add", rest, emit("mul", builder.constant(2), emit("mul", d_wave, v)))
    squared = emit("div", emit("mul", rest, rest), emit("mul", make.half, make.noise))
    return (
        builder.program([w, dv]),
        builder.program([difference, squared]),
        builder.program([w_smooth]),
    )


def _by_exponential(model: Model, gradient: Program, noise: Program, end: End) -> Program:
    """With v = ±1: it confines where the force grows beyond all that C does."""
    make = _Generator(model, gradient, noise, end)
    v, nothing = make.builder.constant(end.outward), make.builder.constant(0)
    w = make.image(make.gradient, make.noise, make.noise_slope, v, nothing)
    dv = make.emit("mul", make.emit("mul", make.half, make.noise), v)
    return make.builder.program([w, dv])


CLOSE = range(2, 300, 6)
"""Binary logarithms of the distances at which bounds by spans are tried."""


def _spans_near(program: Program, end: End) -> Iterator[tuple[Span, ...]]:
    for k in CLOSE:
        try:
            yield spans(program, end, 2.0**-k)
        except NotLocal:
            continue


def _grows(program: Program, end: End) -> bool:
    """Whether W → +∞."""
    return any(s.order < 0 and s.low > 0 for s, *_ in _spans_near(program.select(0), end))


def _vanishes(program: Program, end: End) -> bool:
    """Whether all outputs tend to 0."""
    for found in _spans_near(program, end):
        if all(s.order > 0 and math.isfinite(s.low) and math.isfinite(s.high) for s in found):
            return True
    return False


def _least_by_spans(program: Program, end: End, reach: arb) -> arb | None:
    try:
        low, _ = spans(program.select(0), end, float(reach) * (1 + 1e-15))[0].values()
    except NotLocal:
        return None
    return arb(low) if math.isfinite(low) else None


def _least_by_expansion(program: Program, end: End, reach: arb) -> arb | None:
    box = acb(arb(reach / 2, float(reach) * 0.5000001))
    try:
        v: Local = expand(program, end, box)[0]
    except NotLocal:
        return None
    if v.factor is None:
        return arb(0)
    factor = v.factor.real if isinstance(v.factor, acb) else v.factor
    if not factor.is_finite():
        return None
    lowest = arb(factor.lower())
    if v.order < 0:
        return lowest * reach**v.order if lowest > 0 else None
    if v.order == 0:
        return lowest
    return arb(0) if lowest > 0 else lowest.min(arb(0)) * reach**v.order


def _limit(program: Program, end: End) -> arb:
    """The limit of the output at an infinite end; nan where it is not known."""
    saved = ctx.cap
    ctx.cap = 8
    try:
        v = expand(program, end, arb_series([0, 1]))[0]
    except NotLocal:
        return arb.nan()
    finally:
        ctx.cap = saved
    if v.factor is None or v.order > 0:
        return arb(0)
    leading = v.factor[0] if isinstance(v.factor, arb_series) else v.factor
    if v.order == 0:
        return leading
    return arb.pos_inf() if leading > 0 else arb.nan()


def decay_length(
    model: Model, inner: float, outer: float, level: float, points: int = 160
) -> float:
    """`∫ √max(V − level, 0)/√D dw` between two states, roughly: how fast eigenfunctions decay."""
    total = 0.0
    with ctx.workprec(64):
        for k in range(points):
            w = inner + (outer - inner) * (k + 0.5) / points
            v, _, d = evaluate_arb(schroedinger_program(model), arb(w))
            total += math.sqrt(max(float(v) - level, 0.0) / float(d))
    return total * abs(outer - inner) / points


def lowest_potential(model: Model, left: float, right: float, points: int) -> float:
    """The least V at equally spaced points between two states."""
    with ctx.workprec(64):
        positions = [left + (right - left) * (k + 0.5) / points for k in range(points)]
        program = schroedinger_program(model)
        return min(float(evaluate_arb(program, arb(w))[0]) for w in positions)


__all__ = ["Comparison", "comparison", "decay_length", "lowest_potential", "schroedinger_program"]
