"""Eigenvalues of −𝓛 by mpmath: the second route, with estimated errors.

`u' = q v`, `v' = −λ p u` on the Chebyshev panels of `numerics.mpmath_panels`, from one end to the
other; λ is an eigenvalue where the last boundary condition holds. The transfer across a panel is a
power series in λ, by Picard's iteration: made once, it serves every λ. Where L' and C are rational,
power series in w carry the solution in far less time (`numerics.mpmath_series`). First guesses come
from finite volumes in double precision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from mpmath import mp

from numerics.chebyshev import Number
from numerics.core import core_of
from numerics.enclosure import Enclosure
from numerics.errors import ComputationError, Disagreement
from numerics.evaluators import evaluate_mpmath, numpy_function
from numerics.local import End
from numerics.lowering import Model
from numerics.mpmath_panels import Dynamics, Mesh, Resolution, precision_cap
from numerics.mpmath_route import FARTHEST_FOR_SERIES, as_enclosure, estimated
from numerics.mpmath_series import Series, State, polynomials
from numerics.oscillating import wave_scale
from numerics.program import Program
from numerics.schroedinger import decay_length

if TYPE_CHECKING:
    from numerics.eigenvalues import Spectrum

Point = int | Fraction | Program

_EXPONENT_STEP = 8.0
"""Picard's iteration multiplies the errors of a panel by the square of the change it allows."""
_COARSE_BITS = 30
_MOST_TERMS = 2000
_CELLS = 3000
_RELATIVE_CELLS = 0.1
"""Of the cells, as many at most are spent on a grid that is uniform in log w."""
_PHASES = 64
_LOG_NEGLIGIBLE = 120.0
_NARROWER = 6
"""Windows around an eigenvalue, each narrower: the widest may hold its neighbour as well."""
_AGREEMENT = 20
"""Digits to which `require_agreement` confirms each eigenvalue."""


def spectrum(
    model: Model,
    count: int,
    *,
    exit_above: Point | None = None,
    exit_below: Point | None = None,
    digits: int = 15,
) -> Spectrum:
    """As `numerics.eigenvalues.spectrum`, with estimated radii."""
    from numerics.eigenvalues import Spectrum

    edge = _edge(model, exit_below, exit_above)
    level = None if edge is None else float(edge)
    guesses = finite_difference_spectrum(model, count, exit_below, exit_above, level)
    free = exit_above is None and exit_below is None
    values = [Enclosure.exact(0)] if free else []
    for n in range(len(values), min(count, len(guesses))):
        if level is not None and guesses[n] > level * (1 - 1e-4):
            break

        def compute(resolution: Resolution, n: int = n) -> Number:
            return _eigenvalue(model, n, guesses[n], exit_below, exit_above, resolution)

        values.append(estimated(compute, digits))
    return Spectrum(tuple(values), edge)


def require_agreement(
    model: Model,
    found: Spectrum,
    exit_above: Point | None,
    exit_below: Point | None,
    digits: int,
) -> None:
    """Check that the mpmath shooting function changes sign around each certified eigenvalue.

    To the digits asked for, at most 20.

    Raises
    ------
    Disagreement : it does not; the eigenvalue is named.
    """
    free = exit_above is None and exit_below is None
    tolerance = Fraction(1, 10 ** min(digits, _AGREEMENT))
    resolution = Resolution.pair(int(min(digits, _AGREEMENT) * 3.33) + 24)[0]
    indices = range(1 if free else 0, len(found.eigenvalues))
    with mp.workprec(resolution.working_bits):
        for n in indices:
            middle = _mpf(found.eigenvalues[n].middle)
            place = (model, n, 2 * middle, exit_below, exit_above, resolution)
            shooting = _by_series(*place) or _ByPanels(*place)
            if not any(
                _changes_sign(shooting, middle, _mpf(tolerance / 8**k)) for k in range(_NARROWER)
            ):
                raise Disagreement(
                    f"eigenvalue {n} confirmed by the second route",
                    f"{found.eigenvalues[n]} by balls, and no sign change of the mpmath shooting "
                    f"function within a relative {float(tolerance):.0e} of it",
                    "please report it with the model: one of the two is wrong",
                )


def _changes_sign(shooting: Shooting, middle: Number, share: Number) -> bool:
    below, above = (shooting.mismatch(middle * (1 + sign * share)) for sign in (-1, 1))
    return below * above <= 0


def _mpf(value: Fraction) -> Number:
    return mp.mpf(value.numerator) / value.denominator


def _point(point: Point | None) -> Number | None:
    if point is None:
        return None
    if isinstance(point, Program):
        return evaluate_mpmath(point)[0]
    return _mpf(Fraction(point))


def _mesh(
    model: Model,
    n: int,
    rate: Number,
    below: Point | None,
    above: Point | None,
    resolution: Resolution,
    tail_bits: int | None = None,
) -> Mesh:
    low, high = _point(below), _point(above)
    # Eigenfunctions grow like |w|^n against the weight p, or almost like p^(−1/2).
    if low is not None and high is not None:
        reference = (low + high) / 2
    elif low is None and high is None:
        reference = mp.mpf(0)
    else:
        reference = low + 1 if low is not None else mp.mpf(high) - 1
    return Mesh(
        model,
        reference,
        low,
        high,
        (),
        resolution,
        weight=2 * n,
        exponent_step=_EXPONENT_STEP,
        reach=_reach(model, float(reference), float(rate), tail_bits or resolution.bits),
        wave_tails=False,
        tail_bits=tail_bits,
    )


def _reach(model: Model, reference: float, rate: float, bits: int) -> tuple[Number, Number]:
    """Distances to the left and right by which eigenfunctions have decayed, in doubles."""
    wanted, distances = 0.35 * bits + 5, []
    for outward in (-1, 1):
        reached, inner, step = 0.0, 0.0, 1.0
        while reached < wanted and step < 1e12:
            reached += decay_length(
                model, reference + outward * inner, reference + outward * step, rate
            )
            inner, step = step, 1.25 * step
        distances.append(mp.mpf(max(1.0, inner)))
    return distances[0], distances[1]


def _eigenvalue(
    model: Model, n: int, guess: float, below: Point | None, above: Point | None, r: Resolution
) -> Number:
    """Secant steps from a guess of about six digits."""
    value = _climb(model, n, mp.mpf(guess), below, above, r)
    if value is not None:
        return value
    shooting = _ByPanels(model, n, 2 * mp.mpf(guess), below, above, r)
    return _secant(shooting, mp.mpf(guess), mp.mpf(10) ** -6, r.bits)


def _climb(
    model: Model, n: int, guess: Number, below: Point | None, above: Point | None, r: Resolution
) -> Number | None:
    """Secant steps by power series at growing precision; None where series do not reach."""
    value, apart = guess, mp.mpf(10) ** -6
    for resolution in r.ladder():
        with mp.workprec(resolution.working_bits):
            shooting = _by_series(model, n, 2 * value, below, above, resolution)
            if shooting is None:
                return None
            value = _secant(shooting, value, apart, resolution.bits)
        apart = mp.ldexp(1, -resolution.bits)
    return value


def refined(
    model: Model, n: int, guess: Fraction, below: Point | None, above: Point | None, bits: int
) -> Fraction | None:
    """An eigenvalue near a good guess to so many bits, with no estimate of its error.

    None where power series do not give it.
    """
    resolution = Resolution.pair(bits)[0]
    with mp.workprec(resolution.working_bits):
        try:
            value = _climb(model, n, _mpf(guess), below, above, resolution)
        except ComputationError:
            return None
        return None if value is None else as_enclosure(value, mp.mpf(0)).middle


def _secant(shooting: Shooting, guess: Number, apart: Number, bits: int) -> Number:
    a, b = guess, guess * (1 + apart)
    at_a, at_b = shooting.mismatch(a), shooting.mismatch(b)
    for _ in range(60):
        if at_a == at_b:
            return b
        c = b - at_b * (b - a) / (at_b - at_a)
        if abs(c) > 2 * abs(guess):
            raise precision_cap(bits, f"a secant step far from its start, to {mp.nstr(c, 8)}")
        a, at_a, b = b, at_b, c
        if abs(b - a) <= mp.ldexp(abs(b), -bits // 2 - 8) or at_a == 0:
            # Secant steps converge with order 1.6: one more reaches the accuracy.
            at_b = shooting.mismatch(b)
            return b if at_b == at_a else b - at_b * (b - a) / (at_b - at_a)
        at_b = shooting.mismatch(b)
    raise precision_cap(bits, f"a secant iteration near {mp.nstr(guess, 10)} that did not settle")


class Shooting(Protocol):
    """A solution from the left end to the right one."""

    def mismatch(self, rate: Number) -> Number:
        """What vanishes at the right end for an eigenvalue."""
        ...


def _by_series(
    model: Model,
    n: int,
    largest: Number,
    below: Point | None,
    above: Point | None,
    resolution: Resolution,
) -> _BySeries | None:
    """Shooting by power series; None where L' or C is not rational, or an end is too far out."""
    if polynomials(model) is None:
        return None
    coarse, _ = Resolution.pair(_COARSE_BITS)
    with mp.workprec(coarse.working_bits):
        mesh = _mesh(model, n, largest / 2, below, above, coarse, resolution.bits)
    low, high = _point(below), _point(above)
    low, high = mesh.edges[0] if low is None else low, mesh.edges[-1] if high is None else high
    if max(abs(low), abs(high)) > FARTHEST_FOR_SERIES:
        return None
    return _BySeries(Series(model, resolution), low, high, below is not None, above is not None)


@dataclass(frozen=True)
class _BySeries:
    """The solution of `𝓛u = −λu`, by power series; a flux is a multiple of u'."""

    series: Series
    low: Number
    high: Number
    killed_below: bool
    killed_above: bool

    def mismatch(self, rate: Number) -> Number:
        """What vanishes at the right end: u at an exit, u' at an open end."""
        u, y = (mp.mpf(0), mp.mpf(1)) if self.killed_below else (mp.mpf(1), mp.mpf(0))
        end = self.series.carry(State(self.low, u, y), -rate, self.high)
        return end.u if self.killed_above else end.y


class _ByPanels:
    """The solution for any |λ| <= `largest`, by transfers across Chebyshev panels."""

    def __init__(
        self,
        model: Model,
        n: int,
        largest: Number,
        below: Point | None,
        above: Point | None,
        resolution: Resolution,
    ) -> None:
        mesh = _mesh(model, n, largest / 2, below, above, resolution)
        self.below, self.above, self.largest = below, above, largest
        self.transfers = [_transfer(mesh, p.scale, p.speed, largest) for p in mesh.panels]

    def mismatch(self, rate: Number) -> Number:
        """What vanishes at the right end: u at an exit, the flux v at an open end."""
        x = rate / self.largest
        u, v = (mp.mpf(1), mp.mpf(0)) if self.below is None else (mp.mpf(0), mp.mpf(1))
        for from_u, from_v in self.transfers:
            gains = [[mp.polyval(c, x) for c in column] for column in (from_u, from_v)]
            u, v = (u * one + v * other for one, other in zip(*gains, strict=True))
        return v if self.above is None else u


Transfer = tuple[list[Number], list[Number]]
"""u and v at the right end: coefficients of powers of λ/largest, the highest first."""


def _transfer(
    mesh: Mesh, scale: Sequence[Number], speed: Sequence[Number], largest: Number
) -> tuple[Transfer, Transfer]:
    """What becomes of (u, v) = (1, 0) and of (0, 1) across a panel."""
    source = [-largest * p for p in speed]
    one, nothing = [mp.mpf(1)] * len(scale), [mp.mpf(0)] * len(scale)
    return _picard(mesh, scale, source, one, nothing), _picard(mesh, scale, source, nothing, one)


def _picard(
    mesh: Mesh,
    scale: Sequence[Number],
    source: Sequence[Number],
    u: Sequence[Number],
    v: Sequence[Number],
) -> Transfer:
    """`u ← u(left) + ∫q v`, `v ← v(left) + ∫source u`, term by term in powers of the source."""
    rule = mesh.rule
    limit = -mesh.resolution.bits - 20
    us, vs = [], []
    if any(v):
        # The flux 1 at the left end: one integration over q comes first.
        vs.append(mp.mpf(1))
        u, gain = rule.cumulative([q * f for q, f in zip(scale, v, strict=True)])
        us.append(gain)
    else:
        us.append(mp.mpf(1))
        vs.append(mp.mpf(0))
    for _ in range(_MOST_TERMS):
        v, gain_v = rule.cumulative([s * t for s, t in zip(source, u, strict=True)])
        u, gain_u = rule.cumulative([q * f for q, f in zip(scale, v, strict=True)])
        us.append(gain_u)
        vs.append(gain_v)
        small = abs(gain_u) <= mp.ldexp(abs(us[0]), limit)
        if small and abs(gain_v) <= mp.ldexp(abs(vs[0]) + abs(vs[1]), limit):
            return us[::-1], vs[::-1]
    raise precision_cap(mesh.resolution.bits, "a Picard iteration that did not end")


def _edge(model: Model, below: Point | None, above: Point | None) -> Enclosure | None:
    """V at ±2^200, where it has a limit."""
    limits = []
    with mp.workprec(1200):
        for outward, exit in ((-1, below), (1, above)):
            if exit is not None:
                continue
            near, far = (_mean_potential(model, outward * mp.ldexp(1, k)) for k in (200, 240))
            if far < 10 * abs(near) + 1:
                _require_endless(model, outward)
                limits.append(far)
    if not limits:
        return None
    with mp.workprec(400):
        edge = +min(limits)
        return as_enclosure(edge, abs(edge) * mp.ldexp(1, -180))


def _require_endless(model: Model, outward: int) -> None:
    """Refuse a limit of V where ∫dw/√C converges: it is no edge of a continuum."""
    near, far = (Dynamics(model).drift_and_noise(outward * mp.ldexp(1, k))[1] for k in (200, 240))
    if far > near * mp.ldexp(1, 81):
        raise ComputationError(
            "V that grows at an end without an exit, or C that grows no faster than w² there",
            "a C that grows faster",
            "give an exit there, far out",
        )


def _mean_potential(model: Model, w: Number) -> Number:
    """V at a far point, averaged over a period of the waves of the force."""
    core = core_of(model)
    core = core if w < 0 else core.mirrored()
    scale = wave_scale(core.program, End(-1)) if core.program.uses_waves else None
    if scale is None:
        return _potential(model, w)
    period = 2 * mp.pi * scale[0].denominator / scale[0].numerator
    points = [w + period * k / _PHASES for k in range(_PHASES)]
    return mp.fsum(_potential(model, point) for point in points) / _PHASES


def _potential(model: Model, w: Number) -> Number:
    dynamics = Dynamics(model)
    half = dynamics.eta / 2
    gradient, noise = dynamics.drift_and_noise(w)
    slope = evaluate_mpmath(model.noise_slope, w)[0] * half
    bend = evaluate_mpmath(model.noise_curvature, w)[0] * half
    stiffness = evaluate_mpmath(model.gradient_slope, w)[0]
    shift = dynamics.theta - mp.mpf(1) / 2
    g, d = shift * slope - gradient, half * noise
    return g * (g - slope) / (4 * d) + (shift * bend - stiffness) / 2


# --- first guesses in double precision ------------------------------------------------------------


def finite_difference_spectrum(
    model: Model, count: int, below: Point | None, above: Point | None, level: float | None
) -> list[float]:
    """The lowest eigenvalues to about six digits, by finite volumes; only those below `level`."""
    from scipy.linalg import eigh_tridiagonal

    with mp.workprec(60):
        eta = float(evaluate_mpmath(model.eta)[0])
        theta = float(evaluate_mpmath(model.theta)[0])
        low, high = (None if p is None else float(p) for p in (_point(below), _point(above)))
    edges = _cells(model, eta, theta, low, high)
    middles = (edges[1:] + edges[:-1]) / 2
    at_edges, at_middles = _log_density(model, eta, theta, edges, middles)
    log_mass = at_middles + np.log(np.diff(edges))
    d = eta / 2 * _evaluate(model.noise, edges)
    gaps = np.empty_like(edges)
    gaps[1:-1] = np.diff(middles)
    gaps[0], gaps[-1] = middles[0] - edges[0], edges[-1] - middles[-1]
    log_flow = np.log(d / gaps) + at_edges
    if low is None:
        log_flow[0] = -np.inf
    if high is None:
        log_flow[-1] = -np.inf
    diagonal = np.exp(log_flow[:-1] - log_mass) + np.exp(log_flow[1:] - log_mass)
    off = -np.exp(log_flow[1:-1] - (log_mass[:-1] + log_mass[1:]) / 2)
    found = eigh_tridiagonal(
        diagonal, off, eigvals_only=True, select="i", select_range=(0, min(count, _CELLS) - 1)
    )
    floor = 1e-13 * float(np.max(np.abs(found))) + 1e-300
    positive = [max(float(v), floor) for v in found]
    return positive if level is None else [v for v in positive if v < level]


Doubles = np.ndarray[Any, np.dtype[np.float64]]


def _evaluate(program: Program, w: Doubles) -> Doubles:
    with np.errstate(all="ignore"):
        return numpy_function(program)(w)[0] * np.ones_like(w)


def _log_density(
    model: Model, eta: float, theta: float, edges: Doubles, middles: Doubles
) -> tuple[Doubles, Doubles]:
    """log p at edges and middles of cells, Φ by Simpson's rule in half cells."""
    points = np.empty(len(edges) + len(middles))
    points[::2], points[1::2] = edges, middles
    inner = (points[1:] + points[:-1]) / 2

    def slope(w: Doubles) -> Doubles:
        return 2 * _evaluate(model.gradient, w) / (eta * _evaluate(model.noise, w))

    at_points = slope(points)
    steps = np.diff(points) * (at_points[:-1] + 4 * slope(inner) + at_points[1:]) / 6
    first = int(np.argmin(np.abs(points)))
    left = -np.cumsum(steps[:first][::-1])[::-1]
    phi = np.concatenate([left, [0.0], np.cumsum(steps[first:])])
    logs = -phi - (1 - theta) * np.log(_evaluate(model.noise, points))
    return logs[::2], logs[1::2]


def _integral(values: Doubles, grid: Doubles) -> float:
    return float(np.sum(np.diff(grid) * (values[1:] + values[:-1]) / 2))


def _cells(
    model: Model, eta: float, theta: float, low: float | None, high: float | None
) -> Doubles:
    """Edges of cells, uniform in `∫dw/√D`; natural ends cut where p w is negligible."""
    anchor = low if low is not None else high if high is not None else 0.0
    t = np.linspace(0.0, 30.0, 6001)
    right = np.linspace(anchor, high, 6001) if high is not None else anchor + np.sinh(t)
    left = np.linspace(low, anchor, 6001) if low is not None else anchor - np.sinh(t[::-1])
    grid = np.unique(np.concatenate([left, right]))
    with np.errstate(all="ignore"):
        logs, _ = _log_density(model, eta, theta, grid, (grid[1:] + grid[:-1]) / 2)
        weight = logs + np.log1p(np.abs(grid))
    good = np.isfinite(weight)
    kept = np.flatnonzero(good & (weight > np.max(weight[good]) - _LOG_NEGLIGIBLE))
    grid = grid[kept[0] : kept[-1] + 1]
    metric = 1 / np.sqrt(eta / 2 * _evaluate(model.noise, grid))
    # Where D outgrows w², cells of equal length in ∫dw/√D become too wide for w.
    relative = 1 / (1 + np.abs(grid - anchor))
    share = _RELATIVE_CELLS * _integral(metric, grid) / _integral(relative, grid)
    metric = np.maximum(metric, share * relative)
    length = np.concatenate([[0.0], np.cumsum(np.diff(grid) * (metric[1:] + metric[:-1]) / 2)])
    return np.interp(np.linspace(0.0, length[-1], _CELLS + 1), length, grid)
