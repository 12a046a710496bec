"""`𝓛u = λu` carried along the axis by power series, for L' and C that are rational functions.

With `D = ηC/2` and `b = −L' + θηC'/2`, times a common denominator Q,

    E y' = λ Q u − A y,    u' = y,      E = QD,  A = Qb,  all three polynomials:

a few products for each coefficient of the series around a point. They are made over integers, each
of u and y with an exponent of its own, and the terms themselves tell how far the series reaches: no
bound of it enters. One solution is carried, from the point where it is given: neither densities nor
fundamental matrices are made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import mul
from typing import Any

from flint import fmpq_poly
from mpmath import mp
from mpmath.libmp import MPZ

from numerics.chebyshev import Number
from numerics.evaluators import evaluate_mpmath
from numerics.lowering import Model
from numerics.mpmath_panels import Resolution, precision_cap
from numerics.rational import rational_functions

_MOST_COEFFICIENTS = 80
"""With more of them than this in E, A and Q, panels take less time."""
_LARGEST_CHANGE = 20.0
"""log-change of u or y in a step. Where y decays so much, the largest term is e^40 times what they
add up to: 58 bits are lost, of 90 in reserve."""
_LARGEST_BEND = 16.0
"""How much larger than at its start E may seem at the end of a step, by the sizes of its terms."""
_SPARE_BITS = 40
"""Terms are left out where they are by so many bits smaller than the accuracy aimed at asks for,
relative to the solution at the start of a step: 29 of them for a decay."""
_MOST_STEPS = 100_000

Polynomial = list[Number]


@lru_cache(maxsize=64)
def polynomials(model: Model) -> tuple[fmpq_poly, fmpq_poly, fmpq_poly, fmpq_poly] | None:
    """Q, QL', QC and QC', exact; None where L' or C is no rational function of low degree."""
    forces, noises = rational_functions(model.gradient), rational_functions(model.noise)
    if forces is None or noises is None:
        return None
    (force, force_below), (noise, noise_below) = forces[0], noises[0]
    square = noise_below * noise_below
    common = force_below * (square // square.gcd(force_below))
    slope = noise.derivative() * noise_below - noise * noise_below.derivative()
    found = (
        common,
        force * (common // force_below),
        noise * (common // noise_below),
        slope * (common // square),
    )
    return found if sum(p.degree() + 1 for p in found) <= _MOST_COEFFICIENTS else None


@dataclass(frozen=True)
class State:
    """A solution at a point: u and `y = u'`."""

    at: Number
    u: Number
    y: Number


class Series:
    """The equation of a model at one resolution; λ is given to `carry`."""

    def __init__(self, model: Model, resolution: Resolution) -> None:
        found = polynomials(model)
        if found is None:
            raise ValueError("the model is not rational: use panels")
        eta, theta = evaluate_mpmath(model.eta)[0], evaluate_mpmath(model.theta)[0]
        common, force, noise, slope = ([_mpf(c) for c in p.coeffs()] for p in found)
        self._source = common
        self._equation = [eta / 2 * c for c in noise]
        drift = [-c for c in force] + [mp.mpf(0)] * max(0, len(slope) - len(force))
        for k, c in enumerate(slope):
            drift[k] += theta * eta / 2 * c
        self._drift = drift or [mp.mpf(0)]
        self.bits, self.working_bits = resolution.bits, resolution.working_bits
        # Steps of the radius of convergence over e need the least work, and this many terms.
        self.terms = 2 * resolution.count

    def carry(self, state: State, rate: Number, stop: Number) -> State:
        """The solution of 𝓛u = rate·u at another point."""
        length = mp.mpf(1)
        for _ in range(_MOST_STEPS):
            rest = stop - state.at
            if rest == 0:
                return state
            length = min(length, abs(rest))
            state, length = self._step(state, rate, length if rest > 0 else -length)
            if abs(stop - state.at) <= mp.ldexp(abs(rest), 8 - self.working_bits):
                return State(stop, state.u, state.y)
        raise precision_cap(self.bits, f"{_MOST_STEPS} steps of a power series")

    def _step(self, state: State, rate: Number, length: Number) -> tuple[State, Number]:
        """One step of at most a (signed) length, and the length to try next."""
        local = [_shifted(p, state.at) for p in (self._equation, self._source, self._drift)]
        length = _tamed(local, rate, length)
        equation, source, drift = (_scaled(p, length) for p in local)
        lead = equation[0]
        u, y = state.u, state.y * length
        source = [rate * length * length / lead * c for c in source]
        # Units of u and y, powers of 2: each keeps its own relative accuracy.
        size_y = max(mp.mag(y), mp.mag(source[0] * u)) if y or source[0] * u else mp.mag(u)
        size_u = max(mp.mag(u), size_y) if u else size_y
        one = self.working_bits
        ratio = size_u - size_y
        series_u, series_y = _solve(
            _fixed([c / lead for c in equation[1:]], one),
            _fixed([mp.ldexp(c, ratio) for c in source], one),
            _fixed([c * length / lead for c in drift], one),
            _integer(mp.ldexp(u, one - size_u)),
            _integer(mp.ldexp(y, one - size_y)),
            (one, ratio, self.terms, self.working_bits - self.bits - _SPARE_BITS - 5),
        )
        reach = self._reach(series_u, series_y)
        share = MPZ(1) << one if reach >= 1 else MPZ(int(reach * 2**60)) << one - 60
        end = mp.ldexp(mp.mpf(share), -one)
        arrived = State(
            state.at + length * end if reach < 1 else state.at + length,
            mp.ldexp(mp.mpf(_value(series_u, share, one)), size_u - one),
            mp.ldexp(mp.mpf(_value(series_y, share, one)), size_y - one) / length,
        )
        return arrived, abs(length) * min(max(reach, 0.05), 2.0)

    def _reach(self, *found: Sequence[Any]) -> float:
        """How far the series reach, in steps: their terms fall, or rise, like a power."""
        logs: list[float] = []
        for series in found:
            sizes = [int(abs(c)).bit_length() for c in series]
            last, terms = max(sizes[-4:]), len(series)
            fall = (max(max(sizes), 1) - last) / terms
            logs.append(fall - (self.bits + _SPARE_BITS) / self.terms)
        return 2.0 ** min(min(logs), 1.0)


def _tamed(local: Sequence[Polynomial], rate: Number, length: Number) -> Number:
    """The length, shortened until no solution changes by more than about e^`_LARGEST_CHANGE`."""
    for _ in range(200):
        equation, source, drift = (_scaled(p, length) for p in local)
        lead = abs(equation[0])
        # Where E changes much, so may the drift over it.
        bend = float(sum(map(abs, equation[1:])) / lead)
        change = float(abs(length) * sum(map(abs, drift)) / lead)
        change += float(mp.sqrt(abs(rate) * length * length * sum(map(abs, source)) / lead))
        if change <= _LARGEST_CHANGE and bend <= _LARGEST_BEND:
            break
        wanted = _LARGEST_CHANGE / change if change > _LARGEST_CHANGE else 0.7
        length *= min(max(0.98 * wanted, 0.25), 0.9)
    return length


def _solve(
    equation: Sequence[Any],
    source: Sequence[Any],
    drift: Sequence[Any],
    u: Any,
    y: Any,
    layout: tuple[int, int, int, int],
) -> tuple[list[Any], list[Any]]:
    """Coefficients of u and y over integers: `Z_k = Σ source u − Σ drift y − Σ equation Z`.

    `Z = dy`, `u_(k+1) = y_k / (k+1)`; the sums stop early where terms are below 2^negligible.
    """
    one, ratio, terms, negligible = layout
    # One product of lists for each coefficient: highest index first, zeros before the start.
    weights = [-c for c in reversed(equation)]
    sources, drifts = list(reversed(source)), [-c for c in reversed(drift)]
    pad_z, pad_u, pad_y = len(weights), len(sources), len(drifts)
    us, ys = [MPZ(0)] * (pad_u - 1) + [u], [MPZ(0)] * (pad_y - 1) + [y]
    zs = [MPZ(0)] * pad_z
    small = 1 << negligible
    quiet = 0
    for k in range(terms):
        z = sum(map(mul, sources, us[-pad_u:])) + sum(map(mul, drifts, ys[-pad_y:]))
        if pad_z:
            z += sum(map(mul, weights, zs[-pad_z:]))
        z >>= one
        next_u = (ys[-1] >> ratio) // (k + 1)
        zs.append(z)
        ys.append(z // (k + 1))
        us.append(next_u)
        quiet = quiet + 1 if abs(next_u) < small and abs(ys[-1]) < small else 0
        if quiet > pad_z + pad_u + pad_y:
            break
    return us[pad_u - 1 :], ys[pad_y - 1 :]


def _value(series: Sequence[Any], share: Any, one: int) -> Any:
    """The series at a share of the step."""
    if share == 1 << one:
        return sum(series)
    total = MPZ(0)
    for c in reversed(series):
        total = (total * share >> one) + c
    return total


def _shifted(polynomial: Polynomial, at: Number) -> Polynomial:
    """Coefficients around a point, by repeated division."""
    found = list(polynomial)
    for k in range(len(found) - 1):
        for j in range(len(found) - 2, k - 1, -1):
            found[j] += at * found[j + 1]
    return found


def _scaled(polynomial: Polynomial, length: Number) -> Polynomial:
    return [c * length**k for k, c in enumerate(polynomial)]


def _fixed(polynomial: Polynomial, one: int) -> list[Any]:
    return [_integer(mp.ldexp(c, one)) for c in polynomial]


def _integer(x: Number) -> Any:
    return MPZ(int(x))


def _mpf(c: Any) -> Number:
    return mp.mpf(int(c.p)) / int(c.q)
