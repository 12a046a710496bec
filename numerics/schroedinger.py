"""The generator in Schrödinger form: −𝓛 is unitarily equivalent to `−∂_y² + V` with `dy = dw/√D`.

With `D = ηC/2` and `g = −L' + (θ − ½)D'`:

    V = g²/(4D) + ½(−L'' + (θ − ½)D'') − gD'/(4D),        β = −g/2.

An eigenfunction u of 𝓛 belongs to `ψ = √(p√D) u`; `ψ_y = 0` reads `D u' = β u`. Cutting the line
where ψ or ψ_y is set to 0 raises or lowers every eigenvalue (Dirichlet-Neumann bracketing).
"""

from __future__ import annotations

import math
from functools import lru_cache

from flint import acb, arb, arb_series, ctx

from numerics.evaluators import evaluate_arb
from numerics.local import End, NotLocal, expand
from numerics.lowering import Model
from numerics.program import Builder, Program


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


def potential(model: Model, w: arb) -> arb:
    """V at a point."""
    return evaluate_arb(schroedinger_program(model), w)[0]


def least_beyond(model: Model, outward: int, w: arb) -> arb | None:
    """A lower bound of V between w and the infinite end on that side; None: no bound found."""
    end = End(outward)
    t = end.parameter(w)
    if not t > 0:
        return None
    reach = arb(t.upper())
    box = acb(arb(reach / 2, float(reach) * 0.5000001))
    try:
        v = expand(schroedinger_program(model), end, box)[0]
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


def continuum_edge(model: Model, outward: int) -> arb | None:
    """The limit of V at an infinite end: +inf for confining ends; None where it is not known."""
    saved = ctx.cap
    ctx.cap = 8
    try:
        v = expand(schroedinger_program(model), End(outward), arb_series([0, 1]))[0]
    except NotLocal:
        return None
    finally:
        ctx.cap = saved
    if v.factor is None or v.order > 0:
        return arb(0)
    leading = v.factor[0] if isinstance(v.factor, arb_series) else v.factor
    if v.order == 0:
        return leading
    return arb.pos_inf() if leading > 0 else None


def decay_length(model: Model, inner: float, outer: float, level: float) -> float:
    """`∫ √max(V − level, 0)/√D dw` between two states, roughly: how fast eigenfunctions decay."""
    points = 160
    total = 0.0
    with ctx.workprec(64):
        for k in range(points):
            w = inner + (outer - inner) * (k + 0.5) / points
            v, _, d = evaluate_arb(schroedinger_program(model), arb(w))
            total += math.sqrt(max(float(v) - level, 0.0) / float(d))
    return total * abs(outer - inner) / points


__all__ = [
    "continuum_edge",
    "decay_length",
    "least_beyond",
    "potential",
    "schroedinger_program",
]
