"""Speed and scale densities on adaptive Chebyshev panels, in mpmath.

`dw = −L'(w)dt + √(ηC(w)) ∘_θ dB`, `s = 1 − θ`, `D = ηC/2`. With `Φ(w) = ∫_r^w 2L'/(ηC)` from a
reference point `r`:

    speed density  p = C^(−s) e^(−Φ)          scale density  q = 1/(D p) = 2/(ηCp)

Panels are made outward from `r`, so that Φ is accumulated as they come. An infinite side runs in
`t` with `w = r ± sinh t`, one up to a zero λ of C with `w = λ ∓ |λ − r| e^(−t)`: an algebraic
tail of p is an exponential in t, and panels double their length until the rest is negligible.

Under waves of a common period T an algebraic tail has no such panels far out. At points one period
apart all waves have the same phase, so that the ratio (mass beyond x)/(x p(x)) is there a series in
1/x: its coefficients are found from the masses of the periods in between.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from flint import arb, fmpq_poly
from mpmath import mp
from mpmath.libmp import mpf_cosh_sinh

from numerics.chebyshev import ChebyshevRule, Number, chebyshev_rule
from numerics.core import core_of, pieces
from numerics.errors import (
    ComputationError,
    InfiniteAtZero,
    InfiniteMean,
    PrecisionCapReached,
)
from numerics.evaluators import evaluate_mpmath
from numerics.local import End
from numerics.lowering import Model
from numerics.mpmath_relevance import Relevance
from numerics.oscillating import wave_scale
from numerics.program import combined
from numerics.rational import rational_functions, require_covariance

_LOG_2 = math.log(2)
_LARGEST_EXPONENT_STEP = 40
"""The densities may change by e^40 in a panel: the precision lost is that over log 2 bits."""
_LARGEST_GROWTH = 5
_GUARD_BITS = 90
"""58 bits for the step above, the rest for sums over panels and for Φ of moderate size."""
_SHORT_BITS = 80
"""An accuracy that takes hardly more time than a lower one."""
_SLOPE_BITS = 10
"""How far below the accuracy aimed at errors of Φ need not be resolved."""
_LOST_IN_ROUNDING = 70
"""Coefficients so many bits smaller than needed are lost in rounding: they may be much smaller."""
_SMALLEST_PANEL = 2.0**-60
_SLOWEST_RATE = 1e-6
"""Tails that decay more slowly than |w|^−(1 + this) count as infinite mass."""
_MOST_PANELS = 4000
"""More panels than this mean that the route is hopeless."""
_DECIDING_POSITION = 40
"""Tail rates are read at w = r ± sinh 40 ≈ 10^17 and beyond."""
_FAR_POSITIONS = (1000, 4000)
"""Before mass is called infinite, rates are read here too: w ≈ 10^434 and 10^1737."""


@dataclass(frozen=True)
class Resolution:
    """How finely a computation is done; two of them give an error estimate."""

    bits: int
    """Accuracy aimed at, relative."""
    count: int
    """Nodes of a panel."""
    split: float
    """Where a panel is cut that did not converge, as a fraction of its length."""

    @property
    def working_bits(self) -> int:
        return self.bits + _GUARD_BITS

    def for_waves(self) -> Resolution:
        """What comes from the masses of periods loses more than half of their digits."""
        return Resolution(int(1.6 * self.bits), int(1.6 * self.count), self.split)

    def ladder(self) -> list[Resolution]:
        """Coarser resolutions, each of a little more than half the bits of the next, and this."""
        bits = self.bits
        found: list[Resolution] = [self]
        while bits > _SHORT_BITS:
            bits = (bits + _SHORT_BITS // 4) // 2
            found.append(Resolution.pair(bits)[0])
        return found[::-1]

    @classmethod
    def pair(cls, bits: int) -> tuple[Resolution, Resolution]:
        """Two resolutions with different orders, panels and precision."""
        count = max(16, int(0.36 * bits) + 8)
        return (
            cls(bits, count, 0.5),
            cls(bits + 12, count + max(6, count // 6), 0.4375),
        )


@dataclass(frozen=True)
class WaveTail:
    """The outer part of an open side under waves, cut into periods."""

    positions: list[Number]
    """w at points one period apart, outward"""
    densities: list[Number]
    """p there"""
    stops: list[int]
    """How many panels of the side lie within each of these points"""


@dataclass
class Panel:
    """One panel in ascending order of w; the densities include `dw/dx` of x in [-1, 1]."""

    w: list[Number]
    speed: list[Number]
    scale: list[Number]


@dataclass(frozen=True)
class _Made:
    """A panel, Φ at its outer end, its mass, and how much longer the next one may be."""

    panel: Panel
    phi: Number
    mass: Number
    growth: float


@dataclass(frozen=True)
class Side:
    """What lies on one side of the reference point, outward: a finite end, or an open one.

    An open end is infinity, or the first zero of C.
    """

    direction: int
    end: Number | None
    zero: Number | None = None


class Dynamics:
    """The model's functions in mpmath numbers at the working precision."""

    def __init__(self, model: Model) -> None:
        model.require_values()
        self.model = model
        self.eta: Number = evaluate_mpmath(model.eta)[0]
        self.theta: Number = evaluate_mpmath(model.theta)[0]
        self.s: Number = 1 - self.theta
        self._both = combined(model.inputs, (model.gradient, model.noise))

    def drift_and_noise(self, w: Number) -> tuple[Number, Number]:
        """`L'(w)` and `C(w) > 0`."""
        try:
            gradient, noise = evaluate_mpmath(self._both, w)
        except (ZeroDivisionError, ValueError) as error:
            raise ComputationError(
                "L' and C finite on the interval that is used",
                f"a singularity near {self.model.variable} = {mp.nstr(w, 8)}",
                "move the points to one side of it",
            ) from error
        for value in (gradient, noise):
            if isinstance(value, mp.mpc) or not mp.isfinite(value):
                raise ComputationError(
                    "L' and C real and finite on the interval that is used",
                    f"{mp.nstr(value, 8)} at {self.model.variable} = {mp.nstr(w, 8)}",
                    "move the points into the domain of the formulas",
                )
        if noise <= 0:
            raise ComputationError(
                "C > 0 on the interval that is used",
                f"C = {mp.nstr(noise, 8)} at {self.model.variable} = {mp.nstr(w, 8)}",
                "choose points on one side of the zeros of C",
            )
        return gradient, noise

    def density(self, phi: Number, noise: Number) -> Number:
        """`C^(−s) e^(−Φ)`; without a logarithm where s is a multiple of 1/2, as usual."""
        twice = 2 * self.s
        if twice != mp.floor(twice):
            return mp.exp(-phi - self.s * mp.log(noise))
        half = int(twice)
        base = noise if half % 2 == 0 else mp.sqrt(noise)
        return mp.exp(-phi) / base ** (half // 2 if half % 2 == 0 else half)

    def speed_rate(self, w: Number) -> Number:
        """d/dw log p = −2L'/(ηC) − sC'/C."""
        gradient, noise = self.drift_and_noise(w)
        slope = evaluate_mpmath(self.model.noise_slope, w)[0]
        return -(2 * gradient / self.eta + self.s * slope) / noise

    def scale_rate(self, w: Number) -> Number:
        """d/dw log q = 2L'/(ηC) + (s − 1)C'/C."""
        gradient, noise = self.drift_and_noise(w)
        slope = evaluate_mpmath(self.model.noise_slope, w)[0]
        return (2 * gradient / self.eta + (self.s - 1) * slope) / noise

    def first_zero(self, reference: Number, direction: int) -> Number | None:
        """The zero of C next to a point on one side, where C is a rational function."""
        functions = rational_functions(self.model.noise)
        if functions is None:
            return None
        ahead = [z for z in _real_zeros(functions[0][0]) if direction * (z - reference) > 0]
        if ahead:
            require_covariance(*functions[0])
        return min(ahead, key=lambda z: abs(z - reference), default=None)

    def switch_points(self, low: Number, high: Number) -> list[Number]:
        """Where `abs` and `piecewise` of L' and C switch in (low, high).

        By the zeros of a polynomial, or by sampling, between the switches inside it too.
        """
        found: list[Number] = []
        for program in (self.model.gradient, self.model.noise):
            if program.is_smooth:
                continue
            switches = program.switch_program()
            for index in range(len(switches.outputs)):
                single = switches.select(index)
                functions = rational_functions(single) if single.is_smooth else None
                if functions is not None:
                    zeros = [z for f in functions[0] for z in _real_zeros(f)]
                    found += [z for z in zeros if low < z < high]
                    continue
                found += _sign_changes(
                    lambda w, single=single: evaluate_mpmath(single, w)[0], low, high, found
                )
        return sorted(set(found))


def _real_zeros(polynomial: fmpq_poly) -> list[Number]:
    """Each real zero once, at the working precision."""
    if polynomial.degree() < 1:
        return []
    simple = polynomial // polynomial.gcd(polynomial.derivative())
    coefficients = [mp.mpf(int(c.p)) / int(c.q) for c in reversed(simple.coeffs())]
    zeros = mp.polyroots(coefficients, maxsteps=500, extraprec=mp.prec + 60)
    return [mp.re(z) for z in zeros if abs(mp.im(z)) <= mp.ldexp(1 + abs(z), -mp.prec // 2)]


def _sign_changes(
    f: Callable[[Number], Number], low: Number, high: Number, kinks: Sequence[Number]
) -> list[Number]:
    """Where f changes sign as samples tell it, which are taken at the kinks of f too."""
    samples = 512
    if mp.isinf(low) or mp.isinf(high):
        # Both signs, from 10^-12 to 10^12, and 0.
        grid = [mp.mpf(10) ** (mp.mpf(k) / 20 - 12) for k in range(samples)]
        points = [p for p in (*(-g for g in reversed(grid)), mp.mpf(0), *grid) if low < p < high]
    else:
        points = [low + (high - low) * k / samples for k in range(1, samples)]
    points = sorted({*points, *kinks, *(p for p in (low, high) if not mp.isinf(p))})
    signs = [mp.sign(f(p)) for p in points]
    roots = [p for p, sign in zip(points, signs, strict=True) if sign == 0]
    for i in range(len(points) - 1):
        if signs[i] * signs[i + 1] < 0:
            a, b = points[i], points[i + 1]
            # Absolute at a switch at 0, where no relative accuracy is ever reached.
            unit = b - a
            while b - a > max(abs(b), unit) * mp.eps * 4:
                middle = (a + b) / 2
                if not a < middle < b:
                    break
                a, b = (middle, b) if mp.sign(f(middle)) == signs[i] else (a, middle)
            roots.append((a + b) / 2)
    return roots


class Mesh:
    """Panels from the left end to the right end, with `edges[i]` the left end of panel i.

    `start` is the index of the panel whose left edge is the reference point. Infinite sides reach
    so far that the rest of `∫|w|^weight p` is negligible. Panels that do not matter by `relevance`
    have densities 0. In a panel the densities change by at most `e^exponent_step`. Without
    `wave_tails` panels go on under waves, too, until the rest is negligible; and they go on up to
    the distances `reach` (left, right) of the reference at least, and beyond the mark
    `counted_from` until the rest is negligible beside the mass out there. Solutions of 𝓛u = rate·u
    grow in a panel by no more than about e^`_LARGEST_GROWTH`. `tail_bits` says how negligible the
    rest is, where that is not the accuracy of the resolution.
    """

    def __init__(
        self,
        model: Model,
        reference: Number,
        left: Number | None,
        right: Number | None,
        marks: Sequence[Number],
        resolution: Resolution,
        weight: Number = 0,
        relevance: Relevance | None = None,
        exponent_step: float = _LARGEST_EXPONENT_STEP,
        wave_tails: bool = True,
        reach: tuple[Number, Number] = (0, 0),
        rate: Number = 0,
        tail_bits: int | None = None,
        counted_from: Number | None = None,
    ) -> None:
        self.reach = reach
        self.tail_bits = resolution.bits if tail_bits is None else tail_bits
        self.counted_from = counted_from
        self.rate = rate
        self.weight = weight
        self.exponent_step = exponent_step
        self.relevance = relevance
        self.dynamics = Dynamics(model)
        self.resolution = resolution
        self.reference = reference
        zeros = [
            self.dynamics.first_zero(reference, direction) if end is None else None
            for direction, end in ((-1, left), (1, right))
        ]
        self.sides = Side(-1, left, zeros[0]), Side(1, right, zeros[1])
        low = next((x for x in (left, zeros[0]) if x is not None), -mp.inf)
        high = next((x for x in (right, zeros[1]) if x is not None), mp.inf)
        stops = [*self.dynamics.switch_points(low, high), *marks]
        self.waves: dict[int, WaveTail] = {}
        periods: dict[int, list[Number]] = {}
        if wave_tails:
            periods = {s.direction: self._periods(s) for s in self.sides if s.end is None}
        if any(periods.values()):
            self.resolution = resolution.for_waves()
            # Until the end of the computation: `estimated` restores it.
            mp.prec = max(mp.prec, self.resolution.working_bits)
        self.rule: ChebyshevRule = chebyshev_rule(
            self.resolution.count, self.resolution.working_bits
        )
        left_panels, left_edges = self._march(self.sides[0], stops, periods.get(-1, []))
        right_panels, right_edges = self._march(self.sides[1], stops, periods.get(1, []))
        self.panels: list[Panel] = [*reversed(left_panels), *right_panels]
        edges = [*reversed(left_edges), (reference, mp.mpf(0)), *right_edges]
        self.edges: list[Number] = [w for w, _ in edges]
        self.potentials: list[Number] = [phi for _, phi in edges]
        """Φ at the edges"""
        self.start = len(left_panels)

    # --- making panels ---------------------------------------------------------------------------

    def _march(
        self, side: Side, stops: Sequence[Number], periods: Sequence[Number]
    ) -> tuple[list[Panel], list[tuple[Number, Number]]]:
        """Panels outward from the reference point, and their outer edges with Φ there."""
        reference, direction = self.reference, side.direction
        places = sorted(set(stops), reverse=direction < 0)
        # A switch is found to the last bits: it may be the reference or the end itself.
        least = mp.ldexp(1 + abs(reference), 10 - mp.prec)
        most = mp.inf if side.end is None else self._span(side) - least
        inner = [m for m in places if least < direction * (m - reference) < most]
        if side.end is not None and self._span(side) <= 0:
            return [], []
        infinite = side.end is None
        if infinite:
            self._require_finite_mass(side)
            marks = [self._parameter(side, m) for m in inner]
            periods = [t for t in periods if all(t > m for m in marks)]
        else:
            marks = [*(direction * (m - reference) for m in inner), self._span(side)]
        panels: list[Panel] = []
        edges: list[tuple[Number, Number]] = []
        uncounted = mp.mpf(-1)
        far = self.counted_from
        if infinite and far is not None and direction * (far - reference) > 0:
            uncounted = self._parameter(side, far)
        passed: list[tuple[Number, Number, int]] = []
        phi, t, mass = mp.mpf(0), mp.mpf(0), mp.mpf(0)
        step: Number | None = mp.mpf(1) if infinite else None
        beyond = mp.asinh(self.reach[side.direction > 0])
        while True:
            if len(panels) > _MOST_PANELS:
                raise precision_cap(self.resolution.bits, f"{_MOST_PANELS} panels")
            ahead = [m for m in (*marks, *periods) if m > t]
            if not ahead and periods:
                self.waves[direction] = self._wave_tail(side, passed)
            if not ahead and (periods or not infinite):
                return panels, edges
            limits = ([t + step] if step is not None else []) + ahead[:1]
            target = min(limits)
            made = self._panel(side, infinite, t, target, phi)
            if not isinstance(made, _Made):
                # Twice the split is 1 at one resolution, less at the other: other panels.
                step = (target - t) * made * 2 * self.resolution.split
                if step < _SMALLEST_PANEL * (1 + abs(t)):
                    where = mp.nstr(self._position(side, infinite, t)[0], 12)
                    raise ComputationError(
                        "L' and C smooth between marked points",
                        f"no convergence near {self.dynamics.model.variable} = {where}",
                        "write the kink or jump with abs or piecewise, or keep away from it",
                    )
                continue
            phi = made.phi
            panels.append(made.panel)
            edges.append((self._position(side, infinite, target)[0], phi))
            mass = mass + made.mass if target > uncounted else mp.mpf(0)
            at_mark = ahead and ahead[0] == target and not infinite
            step = None if at_mark else made.growth * (target - t)
            t = target
            if t in periods:
                passed.append((t, phi, len(panels)))
            if infinite and t >= beyond and not any(m > t for m in marks):
                finished, beyond = self._rest_negligible(side, t, phi, mass)
                if finished:
                    return panels, edges

    def _span(self, side: Side) -> Number:
        return side.direction * (side.end - self.reference)

    def _position(self, side: Side, infinite: bool, t: Number) -> tuple[Number, Number]:
        """`w` and `|dw/dt|`."""
        if not infinite:
            return self.reference + side.direction * t, mp.mpf(1)
        if side.zero is None:
            cosh, sinh = map(mp.make_mpf, mpf_cosh_sinh(t._mpf_, mp.prec, "n"))
            return self.reference + side.direction * sinh, cosh
        stretch = abs(side.zero - self.reference) * mp.exp(-t)
        return side.zero - side.direction * stretch, stretch

    def _parameter(self, side: Side, position: Number) -> Number:
        """t of an open side at a position."""
        if side.zero is None:
            return mp.asinh(abs(position - self.reference))
        return -mp.log(abs(position - side.zero) / abs(side.zero - self.reference))

    def _guarded(self, side: Side, t: Number) -> Any:
        """The precision at which functions near a zero of C lose nothing by cancellation."""
        extra = 0 if side.zero is None else int(3 * t) + 10
        return mp.workprec(mp.prec + extra)

    def _stretch_growth(self, side: Side, t: Number) -> Number:
        """d/dt log(dw/dt) on an open side."""
        return mp.tanh(t) if side.zero is None else mp.mpf(-1)

    def _panel(
        self, side: Side, infinite: bool, near: Number, far: Number, phi: Number
    ) -> _Made | float:
        """The panel between two positions; not resolved: the share of its length that may be."""
        rule, dynamics = self.rule, self.dynamics
        half = (far - near) / 2
        middle = (far + near) / 2
        positions, stretches, logs_of_stretch, noises, slopes = [], [], [], [], []
        for node in rule.nodes:
            t = middle + half * node
            with self._guarded(side, t):
                w, stretch = self._position(side, infinite, t)
                gradient, noise = dynamics.drift_and_noise(w)
            # log cosh t up to log 2
            logs_of_stretch.append(float(t if side.zero is None else -t) if infinite else 0.0)
            stretch *= half
            positions.append(w)
            stretches.append(stretch)
            noises.append(noise)
            slopes.append(side.direction * 2 * gradient / (dynamics.eta * noise) * stretch)
        # Errors of Φ are relative ones of p; where L' cancels it is known no better than that.
        resolved = max(-rule.resolution(slopes), -rule.remainder(slopes) - _SLOPE_BITS)
        if resolved < self.resolution.bits:
            return self._share(resolved)
        rises, rise = rule.cumulative(slopes)
        log_noises = [_rough_log(c) for c in noises]
        s = float(dynamics.s)
        logs = [-float(r) - s * c for r, c in zip(rises, log_noises, strict=True)]
        spread = max(
            _spread([x + t for x, t in zip(logs, logs_of_stretch, strict=True)]),
            _spread([t - x - c for x, t, c in zip(logs, logs_of_stretch, log_noises, strict=True)]),
        )
        share = 0.9 * self.exponent_step / spread if spread else 2.0
        nothing: list[Number] = [mp.mpf(0)] * rule.count
        speed, scale = nothing, nothing
        if spread <= self.exponent_step:
            densities = [dynamics.density(phi + r, c) for r, c in zip(rises, noises, strict=True)]
            speed = [p * x for p, x in zip(densities, stretches, strict=True)]
            scale = [
                2 * x / (dynamics.eta * c * p)
                for p, c, x in zip(densities, noises, stretches, strict=True)
            ]
            if self.rate:
                # ∫√(λ/D)dw, from above: the n-th Picard term is at most its (2n)-th power over
                # (2n)!.
                strength = 4 * self.rate * max(p * q for p, q in zip(speed, scale, strict=True))
                growth = float(mp.sqrt(strength))
                share = min(share, 0.9 * _LARGEST_GROWTH / growth)
                if growth > _LARGEST_GROWTH:
                    return share
            resolved = min(resolved, -max(rule.resolution(speed), rule.resolution(scale)))
            share = min(share, self._share(resolved))
        matters = self._matters(positions)
        if spread > self.exponent_step or resolved < self.resolution.bits:
            if matters:
                return max(share, 0.25)
            speed, scale = nothing, nothing
        if not matters:
            share = 2.0
        weighted = speed
        if self.weight:
            weighted = [p * abs(w) ** self.weight for p, w in zip(speed, positions, strict=True)]
        integral = rule.integral(weighted)
        if side.direction < 0:
            positions, speed, scale = positions[::-1], speed[::-1], scale[::-1]
        growth = min(max(share, 0.5), 2.0)
        return _Made(Panel(positions, speed, scale), phi + rise, integral, growth)

    def _share(self, resolved: float) -> float:
        """How much of a panel's length gives the accuracy, where all of it gave `resolved` bits.

        The last coefficients fall like the count-th power of the length.
        """
        spare = resolved - self.resolution.bits
        if spare > _LOST_IN_ROUNDING:
            return 2.0
        return max(0.95 * 2.0 ** (spare / self.rule.count), 0.25)

    def _matters(self, positions: Sequence[Number]) -> bool:
        if self.relevance is None:
            return True
        far = self.counted_from
        if far is not None and (far - self.reference) * (positions[1] - far) > 0:
            return True
        low, high = min(positions[0], positions[-1]), max(positions[0], positions[-1])
        return self.relevance.matters(float(low), float(high), self.resolution.working_bits)

    # --- infinite sides --------------------------------------------------------------------------

    def _tail_rate(self, side: Side, t: Number) -> Number:
        """−d/dt log(|w|^weight p dw/dt): positive where the weighted mass decays outward."""
        with self._guarded(side, t):
            w, stretch = self._position(side, True, t)
            rate = self.dynamics.speed_rate(w)
        if self.weight:
            rate += self.weight / w
        return -(side.direction * rate * stretch + self._stretch_growth(side, t))

    def scale_growth(self, side: Side, t: Number) -> Number:
        """d/dt log(q dw/dt): not negative in the limit where the scale diverges."""
        with self._guarded(side, t):
            w, stretch = self._position(side, True, t)
            rate = self.dynamics.scale_rate(w)
        return side.direction * rate * stretch + self._stretch_growth(side, t)

    def _rest_negligible(
        self, side: Side, t: Number, phi: Number, mass: Number
    ) -> tuple[bool, Number]:
        """Whether the mass beyond t is negligible, and from which t on to ask again."""
        rate = self._tail_rate(side, t)
        if rate <= 0:
            return False, t
        with self._guarded(side, t):
            w, stretch = self._position(side, True, t)
            noise = self.dynamics.drift_and_noise(w)[1]
        # An exponential in t: the density per unit of t, times its decay length.
        rest = mp.exp(-phi - self.dynamics.s * mp.log(noise)) * stretch / rate
        rest *= abs(w) ** self.weight
        if rest > mp.ldexp(mass, -self.tail_bits - 10):
            return False, t
        return self._decays_beyond(side, t)

    def _require_finite_mass(self, side: Side) -> None:
        rates = [self._tail_rate(side, mp.mpf(k * _DECIDING_POSITION)) for k in (1, 2)]
        if max(rates) >= _SLOWEST_RATE:
            return
        if side.zero is None and max(map(self._far_rate(side), _FAR_POSITIONS)) >= _SLOWEST_RATE:
            return  # the force is weak where the first positions lie
        rate = rates[-1]
        if side.zero is not None:
            raise InfiniteAtZero(
                "a speed measure of finite mass at the zero of C",
                f"a density like the power {mp.nstr(rate - 1, 5)} of the distance to the zero "
                f"{mp.nstr(side.zero, 8)} of C",
                "paths are drawn there and stay",
            )
        decay = f"|w|^(−1 − ({mp.nstr(rate + self.weight, 5)}))"
        if self.weight:
            raise InfiniteMean(
                f"a stationary law with a finite moment of order {self.weight}",
                f"a tail that decays like {decay}",
                "ask for a lower order (see tail-index)",
            )
        raise InfiniteMean(
            "a speed measure of finite mass at the open end",
            f"a tail of p that decays like {decay}",
            "give a finite boundary on that side, or other parameters",
        )

    def _far_rate(self, side: Side) -> Callable[[int], Number]:
        """The tail's rate at far positions; what cannot be evaluated there decides nothing."""

        def rate(position: int) -> Number:
            try:
                return self._tail_rate(side, mp.mpf(position))
            except (ArithmeticError, ValueError):
                return mp.ninf

        return rate

    def _periods(self, side: Side) -> list[Number]:
        """t of points one period of the waves apart, far enough out for series in 1/x."""
        core, inside = core_of(self.dynamics.model), arb(float(self.reference))
        if side.direction > 0:
            core, inside = core.mirrored(), -inside
        scale = None
        if side.zero is None and core.program.uses_waves:
            scale = wave_scale(pieces(core.program, End(-1), inside)[0].program, End(-1))
        if scale is None:
            return []
        period = 2 * mp.pi * scale[0].denominator / scale[0].numerator
        count = int(0.35 * self.resolution.bits) + 6
        reference = side.direction * self.reference
        first = max(count * period / 2, 6 * mp.mpf(scale[1]), reference + 1)
        return [mp.asinh(first + k * period - reference) for k in range(count + 1)]

    def _wave_tail(self, side: Side, passed: Sequence[tuple[Number, Number, int]]) -> WaveTail:
        positions = [self._position(side, True, t)[0] for t, _, _ in passed]
        s = self.dynamics.s
        densities = [
            mp.exp(-phi - s * mp.log(self.dynamics.drift_and_noise(w)[1]))
            for w, (_, phi, _) in zip(positions, passed, strict=True)
        ]
        return WaveTail(positions, densities, [count for _, _, count in passed])

    def beyond(
        self,
        direction: int,
        integrands: Sequence[Sequence[Number]],
        weight: Callable[[Number], Number] | None = None,
    ) -> Number:
        """The integral of `weight·p` beyond the last panel of a side, from that of its periods.

        `integrands` are its values at the nodes; 0 where the panels reach all that counts.
        """
        tail = self.waves.get(direction)
        if tail is None:
            return mp.mpf(0)
        places = range(self.start, len(self.panels)) if direction > 0 else range(self.start)[::-1]
        masses = [self.rule.integral(integrands[i]) for i in places]
        here = [
            abs(w) * p * (1 if weight is None else weight(w))
            for w, p in zip(tail.positions, tail.densities, strict=True)
        ]
        count = len(here) - 1
        with mp.extraprec(6 * count):
            # M_i = |x_i| p_i Σ_j y_j x_i^−j and M_i − M_(i+1) = the mass of a period.
            scaled = [tail.positions[0] / w for w in tail.positions]
            rows = [[h * x**j for j in range(count)] for h, x in zip(here, scaled, strict=True)]
            matrix = mp.matrix(
                [[a - b for a, b in zip(*rows[i : i + 2], strict=True)] for i in range(count)]
            )
            periods = [mp.fsum(masses[a:b]) for a, b in pairwise(tail.stops)]
            found = mp.lu_solve(matrix, mp.matrix(periods))
            return mp.fsum(y * r for y, r in zip(found, rows[-1], strict=True))

    def _decays_beyond(self, side: Side, t: Number) -> tuple[bool, Number]:
        """Sample outward: the speed density must keep decaying (else a second well is there)."""
        with mp.workprec(60):
            far = max(mp.asinh(mp.mpf(10) ** 12), t + 1)
            for k in range(1, 201):
                u = t + (far - t) * k / 200
                if self._tail_rate(side, +u) <= 0:
                    return False, u
        return True, t

    # --- sums over panels ------------------------------------------------------------------------

    def cumulative(
        self, integrands: Sequence[Sequence[Number]], beyond: Number = 0
    ) -> tuple[list[list[Number]], list[Number]]:
        """Integrals from the left end: at the nodes of each panel, and at the edges.

        `beyond` is what lies left of the first panel.
        """
        at_nodes: list[list[Number]] = []
        at_edges = [mp.mpf(beyond)]
        for values in integrands:
            inner, total = self.rule.cumulative(values)
            at_nodes.append([at_edges[-1] + x for x in inner])
            at_edges.append(at_edges[-1] + total)
        return at_nodes, at_edges

    def cumulative_from_right(
        self, integrands: Sequence[Sequence[Number]], beyond: Number = 0
    ) -> tuple[list[list[Number]], list[Number]]:
        """Integrals to the right end: at the nodes of each panel, and at the edges."""
        at_nodes: list[list[Number]] = []
        at_edges = [mp.mpf(beyond)]
        for values in reversed(integrands):
            inner, total = self.rule.cumulative(values[::-1])
            at_nodes.append([at_edges[-1] + x for x in reversed(inner)])
            at_edges.append(at_edges[-1] + total)
        return at_nodes[::-1], at_edges[::-1]

    @property
    def speeds(self) -> list[list[Number]]:
        return [p.speed for p in self.panels]

    @property
    def scales(self) -> list[list[Number]]:
        return [p.scale for p in self.panels]

    def require_inaccessible(self, direction: int) -> None:
        """Refuse an open end that is reached in finite time (its scale converges)."""
        side = self.sides[0 if direction < 0 else 1]
        near = self.scale_growth(side, mp.mpf(_DECIDING_POSITION))
        far = self.scale_growth(side, mp.mpf(2 * _DECIDING_POSITION))
        if near >= -_SLOWEST_RATE or far >= -_SLOWEST_RATE:
            return
        if side.zero is not None:
            raise ComputationError(
                "a zero of C that the state cannot reach",
                f"the zero {mp.nstr(side.zero, 8)} of C, which is reached in finite time",
                "give an exit or a reflecting point before it",
            )
        raise InfiniteMean(
            "a diverging scale function at the open end",
            f"a scale density that decays there (rate {mp.nstr(far, 5)} in log |w|), so that "
            "the process escapes to infinity and the mean is infinite",
            "give a finite boundary on that side",
        )


def _spread(values: Sequence[float]) -> float:
    return max(values) - min(values)


def _rough_log(x: Number) -> float:
    """log x in a double, of a positive number of any size."""
    _, mantissa, exponent, bits = x._mpf_
    shift = max(bits - 60, 0)
    return math.log(int(mantissa >> shift)) + (exponent + shift) * _LOG_2


def products(left: Sequence[Sequence[Any]], right: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Products node by node, panel by panel."""
    return [[x * y for x, y in zip(a, b, strict=True)] for a, b in zip(left, right, strict=True)]


def precision_cap(bits: int, reached: str) -> PrecisionCapReached:
    """The error for a route that did not converge."""
    return PrecisionCapReached(
        "an error estimate within the digits asked for",
        f"{reached} at {bits} bits",
        "ask for fewer digits, or use method 'arb'",
    )
