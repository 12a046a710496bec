"""Leading eigenvalues of −𝓛, free or killed at exits, with proven lower and upper bounds.

`−𝓛u = λu` as a system: `u' = S f`, `f' = −λ p u` (speed density p, scale density S = 1/(Dp)). The
angle of (u, f) turns monotonically, so the zeros of u count the eigenvalues below λ (Sturm). Signs
of u come from enclosures of the transfer matrices of Taylor panels; a panel with `λ ∫p ∫S < 4`
holds at most one zero (Lyapunov), as does one where V > λ (ψ'' = (V − λ)ψ in y), so that signs at
the ends of panels count them all. The transfers are power series in λ: one set of panels serves
every λ and every eigenvalue.

An infinite end is cut where W exceeds λ (`numerics.schroedinger`): with u = 0 there the count is a
lower bound of the number of eigenvalues below λ, with `u'/u = h'/h` an upper bound. A linear force
with a quadratic noise has the closed form `λ_n = n(H − θησ_H) − n(n−1)ησ_H/2`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial

from flint import arb, ctx

from numerics.core import Core, core_of, point_ball
from numerics.enclosure import Enclosure
from numerics.errors import ComputationError, InfiniteMean, PrecisionCapReached
from numerics.evaluators import as_fmpq, evaluate_arb
from numerics.exit_laplace import Matrix, RateSeries, matrices, rate_series
from numerics.landscape import (
    cover,
    inner_point,
    natural_end,
    outermost,
    require_finite_mass,
)
from numerics.local import End
from numerics.lowering import Model
from numerics.panels import Panel, halves
from numerics.precision import check_digits
from numerics.program import Program, single_rational
from numerics.rational import rational_functions
from numerics.routes import METHODS, Method
from numerics.schroedinger import (
    Comparison,
    comparison,
    decay_length,
    lowest_potential,
)
from numerics.tails import scale_excess

Point = int | Fraction | Program

DIGITS_BY_SERIES = 30
"""Up to here one set of power series in λ takes less time than recurrences for each λ."""
ROUGH_DIGITS = 8
LEAST_ACCURACY = 15.0
SHORT = 2.0
_MOST_PANELS = 6000
_ROUNDS = 5
_SAMPLES = 24
"""At how many points of a panel a well of V is looked for."""
_STEPS = 120


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues in ascending order, and where the continuum begins (None: there is none).

    All eigenvalues below the last one listed are listed. Fewer than asked for are given where no
    more are found below the edge.
    """

    eigenvalues: tuple[Enclosure, ...]
    continuum_edge: Enclosure | None


def spectrum(
    model: Model,
    count: int,
    *,
    exit_above: Point | None = None,
    exit_below: Point | None = None,
    digits: int = 15,
    method: Method = "both",
) -> Spectrum:
    """The `count` lowest eigenvalues of −𝓛: killed at the exits given, natural at infinity.

    Raises
    ------
    ComputationError : no normalisable law on a free line, an end where V has no expansion (as with
        exponential growth: give an exit), digits not reached.
    """
    check_digits(digits)
    if method not in METHODS:
        raise ComputationError("a method among arb, mpmath, both", repr(method), "choose one")
    if count < 1:
        raise ComputationError("at least one eigenvalue", str(count), "give --count 4")
    _require_domain(model, exit_below, exit_above)
    if method == "mpmath":
        from numerics.mpmath_spectrum import spectrum as estimated

        return estimated(model, count, exit_above=exit_above, exit_below=exit_below, digits=digits)
    free = exit_above is None and exit_below is None
    closed = _closed_form(model, count, digits) if free else None
    found = closed or _general(model, count, exit_below, exit_above, digits)
    if method == "both":
        from numerics.mpmath_spectrum import require_agreement

        require_agreement(model, found, exit_above, exit_below, digits)
    return found


def _require_domain(model: Model, below: Point | None, above: Point | None) -> None:
    """An end of the domain is infinite or an exit: a zero of C is neither."""
    core = core_of(model)
    with ctx.workprec(128):
        given = [point_ball(p) for p in (below, above) if p is not None]
        inside = sum(given, arb(0)) / len(given) if given else arb(as_fmpq(inner_point(core)))
        for exit_, side, x in ((below, core, inside), (above, core.mirrored(), -inside)):
            end = natural_end(side, x) if exit_ is None else None
            if end is not None and end.point is not None:
                zero = float(end.point) if side is core else -float(end.point)
                raise ComputationError(
                    "a domain whose ends are infinite or exits",
                    f"a zero of C at {zero:.6g}, which ends it",
                    "give an exit on that side of the zero on which the process lives",
                )


# --- linear force, quadratic noise ----------------------------------------------------------------


def _closed_form(model: Model, count: int, digits: int) -> Spectrum | None:
    """The exact spectrum where L' is linear and C a quadratic polynomial without zeros."""
    forms = [rational_functions(p) for p in (model.gradient, model.noise)]
    if forms[0] is None or forms[1] is None:
        return None
    (force, force_scale), (noise, noise_scale) = forms[0][0], forms[1][0]
    if force_scale.degree() > 0 or noise_scale.degree() > 0:
        return None
    if force.degree() != 1 or noise.degree() not in (0, 2):
        return None
    a, b, c = (Fraction(int(noise[i].p), int(noise[i].q)) for i in range(3))
    stiffness = Fraction(int(force[1].p), int(force[1].q))
    if a <= 0 or b * b - 4 * a * c > 0 or (c != 0 and b * b == 4 * a * c):
        return None
    bits = int(digits * 3.4) + 64
    with ctx.workprec(bits):
        eta, theta = evaluate_arb(model.eta)[0], evaluate_arb(model.theta)[0]
        h, spread = arb(as_fmpq(stiffness)), eta * arb(as_fmpq(c))
        if not h > 0 and c == 0:
            raise _no_law(stiffness)
        if c == 0:
            return Spectrum(tuple(_ball(n * h) for n in range(count)), None)
        bound = h / spread + (1 - theta) - arb(1) / 2
        if not bound > 0:
            raise _no_law(stiffness)
        exact = _exact_bound(model, stiffness, c)
        values: list[Enclosure] = []
        for n in range(count):
            below = n < exact if exact is not None else _decided(bound - n)
            if not below:
                break
            values.append(_ball(n * (h - theta * spread) - n * (n - 1) * spread / 2))
        return Spectrum(tuple(values), Enclosure.from_arb(spread * bound * bound / 2))


def _ball(value: arb | int) -> Enclosure:
    ball = arb(value) if isinstance(value, int) else value
    return Enclosure.exact(0) if ball.is_zero() else Enclosure.from_arb(ball)


def _exact_bound(model: Model, stiffness: Fraction, c: Fraction) -> Fraction | None:
    """m − 1/2 where η and θ are rational."""
    eta, theta = single_rational(model.eta), single_rational(model.theta)
    if eta is None or theta is None:
        return None
    return stiffness / (eta * c) + 1 - theta - Fraction(1, 2)


def _decided(value: arb) -> bool:
    if value > 0:
        return True
    if value <= 0:
        return False
    raise PrecisionCapReached(
        "an eigenvalue that can be told from the edge of the continuum",
        f"a distance of {value}",
        "give exact parameters",
    )


def _no_law(stiffness: Fraction) -> InfiniteMean:
    return InfiniteMean(
        "a law that can be normalised",
        f"a linear force of stiffness {float(stiffness):.6g} with too much noise",
        "give exits, or other parameters",
    )


# --- shooting -------------------------------------------------------------------------------------


@dataclass
class _Interval:
    """A finite interval with its panels; natural ends are cut."""

    model: Model
    core: Core
    low: arb
    high: arb
    cut_low: bool
    cut_high: bool
    barriers: tuple[list[tuple[arb, arb]], list[tuple[arb, arb]]]
    """For the low and the high end: states, and lower bounds of V from there to infinity"""
    top: float
    """V exceeds this beyond the cuts"""
    decay: float
    accuracy: float
    """Nats to which transfers across panels are known"""
    margin: float
    """Depth of a tail from which on less accuracy is enough"""
    least_accuracy: float
    """How much less, at most"""
    panels: list[Panel] = field(default_factory=list)
    transfers: list[RateSeries] = field(default_factory=list)
    capacity: float = 0.0
    """The λ up to which every panel holds at most one zero, and `transfers` hold."""
    by_rate: bool = False
    """Transfers are made for each λ anew, by recurrences: at many digits that takes less time"""
    depths: list[float] = field(default_factory=list)
    """∫√(V − capacity)/√D from each panel inward"""

    def prepare(self, level: float) -> None:
        """Panels fine enough for every λ up to `level`, with their transfers."""
        if level <= self.capacity:
            return
        if not self.panels:
            self.panels = cover(self.core, self.low, self.high, _MOST_PANELS)
        least, most = (self._forbidden(side, level) for side in (0, 1))
        pending, done = self.panels[::-1], []
        while pending:
            panel = pending.pop()
            if (
                _load(self.core, panel) + math.log(level) < math.log(4.0)
                or (least is not None and panel.right <= least)
                or (most is not None and panel.left >= most)
            ):
                done.append(panel)
                continue
            parts = halves(panel)
            if parts is None or len(done) > 20_000:
                raise ComputationError(
                    "a spectrum that panels resolve",
                    f"eigenvalues near {level:.6g}",
                    "ask for fewer",
                )
            pending.extend(reversed(parts))
        self.panels, self.capacity = [q for p in done for q in self._short(p, level)], level
        self.transfers, self.depths = [], self._depths(level)
        if not self.by_rate:
            for panel, accuracy in self._accuracies():
                self.transfers += rate_series(self.core, [panel], arb(level), accuracy)

    def _accuracies(self) -> Iterator[tuple[Panel, float]]:
        """Panels, and how well each has to be crossed."""
        for panel, depth in zip(self.panels, self.depths, strict=True):
            # An error of the direction at a depth d of a tail counts e^(−2d).
            least = self.least_accuracy
            yield panel, max(self.accuracy - 2 * max(depth - self.margin, 0.0), least)

    def _matrices(self, rate: arb) -> Iterator[Matrix]:
        """Transfers at λ = rate, from the low end to the high end."""
        x = -rate / arb(self.capacity)
        if not abs(x) <= 1:
            # Beyond what the panels and their series are proved for.
            raise _Undecided
        if self.by_rate:
            for panel, accuracy in self._accuracies():
                yield from matrices(self.core, panel, -rate, accuracy)
        else:
            for transfer in self.transfers:
                yield transfer.matrix(x)

    def _short(self, panel: Panel, level: float) -> list[Panel]:
        """Parts of a panel on each of which solutions decay by a few powers of e."""
        if self._decay(panel, level) <= SHORT:
            return [panel]
        parts = halves(panel)
        return [panel] if parts is None else [q for p in parts for q in self._short(p, level)]

    def _decay(self, panel: Panel, level: float) -> float:
        return decay_length(self.model, float(panel.left), float(panel.right), level, points=2)

    def _depths(self, level: float) -> list[float]:
        """∫√(V − level)/√D from each panel inward to where V < level, for the two outer parts."""
        depths = [0.0] * len(self.panels)
        for order, cut in (
            (range(len(depths)), self.cut_low),
            (range(len(depths) - 1, -1, -1), self.cut_high),
        ):
            outer: list[int] = []
            for index in order:
                left, right = (
                    float(x) for x in (self.panels[index].left, self.panels[index].right)
                )
                # Where noise is weak a well is narrower than a panel.
                if not cut or lowest_potential(self.model, left, right, _SAMPLES) < level:
                    break
                outer.append(index)
            depth = 0.0
            for index in reversed(outer):
                depths[index] = depth
                depth += self._decay(self.panels[index], level)
        return depths

    def _forbidden(self, side: int, level: float) -> arb | None:
        """The state beyond which V exceeds the level, outward on a side with a natural end."""
        return next((w for w, least in self.barriers[side] if least > level), None)

    def boundary(self, w: arb) -> arb:
        """f/u = D u'/u at a cut where the function compared with has no flux left over."""
        return _comparison(self.model, -1 if w is self.low else 1).boundary(w)

    def shoot(self, rate: arb, neumann: bool) -> tuple[int, arb]:
        """(eigenvalues below the rate, a function of the rate that vanishes at eigenvalues).

        `neumann` applies to cut ends; exits are always killed.
        """
        with ctx.workprec(math.ceil(self.accuracy / math.log(2)) + 60):
            free_low, free_high = neumann and self.cut_low, neumann and self.cut_high
            state = _Direction(arb(1), self.boundary(self.low)) if free_low else _Direction()
            zeros, sign, skipped = 0, 1, False
            for matrix in self._matrices(rate):
                state.cross(matrix)
                if state.u.contains(0) and not skipped:
                    # A zero at the seam itself, as symmetry puts it. The panels on its two sides
                    # hold at most one each, so that it is one in all if the sign changes across.
                    skipped = True
                    continue
                here = _sign(state.u)
                if skipped and here == sign:
                    raise _Undecided
                zeros += here != sign
                sign, skipped = here, False
            if skipped:
                raise _Undecided
            if not free_high:
                return zeros, state.u * state.size
            mismatch = state.f - self.boundary(self.high) * state.u
            # cot of the angle left over against cot of the boundary's angle
            passed = _sign(mismatch) * sign < 0
            # Unscaled, so that it is nearly linear in the rate.
            return zeros + passed, mismatch * state.size


class _Direction:
    """The direction of (u, f): `(x − sy, y + sx)` for some |s| <= r, in units 1 and σ.

    Only the angle matters for signs, and a transfer contracts angles where solutions grow, by
    `det T/|T x|²`: balls for u and f apart would grow instead.
    """

    def __init__(self, u: arb | None = None, f: arb | None = None) -> None:
        u, f = (arb(0) if u is None else u), (arb(1) if f is None else f)
        self.unit = arb(1)
        self.size = arb(1)
        self._x, self._y = arb(u.mid()), arb(f.mid())
        norm = (self._x**2 + self._y**2).sqrt()
        error = arb(u.rad()) + arb(f.rad())
        if not norm > error:
            raise _Undecided
        self._r = arb((error / (norm - error)).upper())
        self._normalise(norm)

    @property
    def u(self) -> arb:
        return self._x + arb(0, self._r.upper()) * self._y

    @property
    def f(self) -> arb:
        return (self._y + arb(0, self._r.upper()) * self._x) * self.unit

    def cross(self, matrix: Matrix) -> None:
        """Apply a transfer matrix."""
        unit = self._balanced(matrix)
        a, b = matrix.a, matrix.b * self.unit
        c, d = matrix.c / unit, matrix.d * (self.unit / unit)
        determinant = matrix.determinant * (self.unit / unit)
        self.unit = unit
        x, y, r = self._x, self._y, self._r
        u, f = a * x + b * y, c * x + d * y
        self._x, self._y = arb(u.mid()), arb(f.mid())
        norm = (self._x**2 + self._y**2).sqrt()
        error = arb(u.rad()) + arb(f.rad())
        aside = ((b * x - a * y) ** 2 + (d * x - c * y) ** 2).sqrt()
        turned = error + r * (abs(determinant) * (x**2 + y**2) + error * aside) / norm
        kept = norm - error - r * aside
        if not kept > 0:
            raise _Undecided
        self._r = arb((turned / kept).upper())
        self._normalise(norm)

    def _balanced(self, matrix: Matrix) -> arb:
        """The unit of f in which a transfer mixes u and f evenly."""
        ratio = (abs(matrix.c) / abs(matrix.b)).mid().sqrt()
        return arb(ratio.mid()) if ratio.is_finite() and ratio > 0 else self.unit

    def _normalise(self, norm: arb) -> None:
        scale = arb(norm.mid())
        x, y = self._x / scale, self._y / scale
        self._x, self._y = arb(x.mid()), arb(y.mid())
        spread = arb(x.rad()) + arb(y.rad())
        # What rounding turned: the length is nearly 1.
        self._r = arb((self._r + 2 * spread).upper())
        self.size = arb((self.size * scale).mid())


def _load(core: Core, panel: Panel) -> float:
    """log of a bound of ∫p ∫S over a panel."""
    strength = 2 * panel.variation(panel.half) + panel.inverse_noise_bound
    return strength + math.log(float(core.rate.abs_upper())) + 2 * math.log(panel.width)


class _Undecided(Exception):
    """A sign that the precision does not decide."""


def _sign(x: arb) -> int:
    if x > 0:
        return 1
    if x < 0:
        return -1
    raise _Undecided


# --- any model ------------------------------------------------------------------------------------


def _general(
    model: Model, count: int, below: Point | None, above: Point | None, digits: int
) -> Spectrum:
    from numerics.mpmath_series import polynomials

    core = core_of(model)
    with ctx.workprec(128):
        if below is None:
            _require_natural(core)
        if above is None:
            _require_natural(core.mirrored())
    edge = _edge(model, below, above)
    free = below is None and above is None
    values: list[Enclosure] = [Enclosure.exact(0)] if free else []
    level = None if edge is None else float(edge)
    guesses = _guesses(model, count, below, above, level)
    if level is None:
        while len(guesses) < count:
            guesses.append(2 * guesses[-1] if guesses else 1.0)
    # Eigenfunctions of those next to the edge hardly decay: they are out of reach.
    listed = [
        n
        for n in range(len(values), min(count, len(guesses)))
        if level is None or guesses[n] < level * (1 - 1e-9)
    ]
    # From the highest down: its panels serve the others.
    shooting = _Shooting(model, core, below, above, level, digits)
    if digits > DIGITS_BY_SERIES and polynomials(model) is not None:
        shooting.coarse = _Shooting(model, core, below, above, level, ROUGH_DIGITS)
    found = [
        shooting.eigenvalue(n, guesses[n], min(guesses[m] for m in listed))
        for n in reversed(listed)
    ]
    for value in reversed(found):
        if value is None:
            break
        values.append(value)
    return Spectrum(tuple(values), None if edge is None else Enclosure.from_arb(edge))


def _require_natural(core: Core) -> None:
    """Finite mass and diverging scale at the left end: no boundary condition is needed there."""
    end = End(-1)
    require_finite_mass(core, end)
    if not scale_excess(outermost(core, end, arb(0)), end) >= 0:
        raise ComputationError(
            "an infinite end that cannot be reached (its scale diverges)",
            "an end where the scale converges, or may converge",
            "give an exit on that side",
        )


def _edge(model: Model, below: Point | None, above: Point | None) -> arb | None:
    """The least limit of V at the natural ends; None: no continuum."""
    edges: list[arb] = []
    with ctx.workprec(256):
        for outward, exit in ((-1, below), (1, above)):
            if exit is not None:
                continue
            edge = _comparison(model, outward).limit()
            if edge.is_finite():
                edges.append(edge)
    return min(edges, key=float) if edges else None


def _comparison(model: Model, outward: int) -> Comparison:
    found = comparison(model, outward)
    if found is None:
        raise ComputationError(
            "L' and C whose growth can be compared at an end without an exit (powers, exponentials "
            "and bounded waves can)",
            f"another behaviour as {model.variable} → {'+' if outward > 0 else '−'}∞",
            "give an exit there, far out",
        )
    return found


def _guesses(
    model: Model, count: int, below: Point | None, above: Point | None, level: float | None
) -> list[float]:
    from numerics.mpmath_spectrum import finite_difference_spectrum

    return finite_difference_spectrum(model, count, below, above, level)


@dataclass
class _Shooting:
    """One spectrum; `intervals[k, …]` is what the k-th attempt at an eigenvalue works on."""

    model: Model
    core: Core
    below: Point | None
    above: Point | None
    level: float | None
    """Where the continuum begins"""
    digits: int
    intervals: dict[tuple[int, bool], _Interval] = field(default_factory=dict)
    coarse: _Shooting | None = None
    """Finds eigenvalues to a few digits, where many digits are dear that way"""

    def eigenvalue(self, n: int, guess: float, smallest: float) -> Enclosure | None:
        """λ_n between proven bounds; None where it is not below the edge."""
        if self.coarse is not None:
            rough = self.coarse.eigenvalue(n, guess, smallest)
            if rough is None:
                return None
            root = self._refined(n, rough)
            if root is not None:
                return self._proven(n, float(root), smallest, lambda *_: root, by_rate=True)
        refine = partial(_root, n=n, guess=guess, level=self.level)
        return self._proven(n, guess, smallest, refine, by_rate=False)

    def _refined(self, n: int, rough: Enclosure) -> arb | None:
        """A number near λ_n of which nothing is proved; None where it is not had in short time."""
        from numerics.mpmath_spectrum import refined

        bits = math.ceil((self.digits + 6) * math.log2(10))
        root = refined(self.model, n, rough.middle, self.below, self.above, bits)
        with ctx.workprec(bits + 60):
            return None if root is None else arb(as_fmpq(root))

    def _proven(
        self,
        n: int,
        guess: float,
        smallest: float,
        refine: Callable[[_Interval, float], arb | None],
        by_rate: bool,
    ) -> Enclosure | None:
        """Bounds of λ_n around a root that `refine` gives to an accuracy; None if it gives none."""
        accuracy, reached = (self.digits + 4) * math.log(10) + 4, ""
        for attempt in range(_ROUNDS):
            # Errors of the cut decay like e^(−2∫√(V − λ)); those of rare transitions are relative.
            rare = max(-math.log(smallest), math.log(guess / smallest), 0) / 2
            decay = (accuracy / 2 + rare + 4) * (1 + attempt / 2)
            top = guess * 1.02
            if self.level is not None:
                top = min(top, (guess + self.level) / 2)
            with ctx.workprec(128):
                interval = self.intervals.get((attempt, by_rate))
                if interval is None or interval.top < top or interval.decay < decay:
                    # In a tail u and f are of one size, in units in which a well mixes them not.
                    units = rare + 10 * attempt
                    interval = self._interval(
                        top, decay, accuracy + 20, 3 + units, LEAST_ACCURACY + 2 * units
                    )
                    if interval is None:
                        return None
                    interval.by_rate = by_rate
                    self.intervals[attempt, by_rate] = interval
                interval.prepare(top)
            try:
                root = refine(interval, accuracy)
                if root is None:
                    return None
                return _proven(interval, n, root, self.digits)
            except _Undecided:
                reached = f"an undecided sign near {guess:.10g}"
            accuracy *= 1.4
        raise PrecisionCapReached(
            f"{self.digits} certain digits of eigenvalue {n}", reached, "ask for fewer digits"
        )

    def _interval(
        self, top: float, decay: float, accuracy: float, margin: float, least: float
    ) -> _Interval | None:
        """The interval, natural ends cut where V > top and eigenfunctions have decayed."""
        ends: list[arb] = []
        barriers: tuple[list[tuple[arb, arb]], list[tuple[arb, arb]]] = ([], [])
        for side, exit in enumerate((self.below, self.above)):
            if exit is not None:
                with ctx.workprec(math.ceil(accuracy / math.log(2)) + 60):
                    ends.append(point_ball(exit))
                continue
            outward = 2 * side - 1
            other = self.above if side == 0 else self.below
            anchor = float(point_ball(other)) if other is not None else 0.0
            position, reached, previous = anchor + outward, 0.0, anchor
            for step in range(_STEPS):
                bound = None
                if outward * position > 0:
                    bound = _comparison(self.model, outward).least_beyond(arb(position))
                    if bound is not None:
                        barriers[side].append((arb(position), bound))
                reached += decay_length(self.model, previous, position, top)
                if bound is not None and bound > top and reached > decay:
                    break
                previous = position
                # Far out everything is a power of w; under waves each panel more is dear.
                near = step < _STEPS // 3 or not _comparison(self.model, outward).expanded
                factor = 1.2 if near else 3.0
                position = round(anchor + (position - anchor) * factor, 6)
            else:
                return None
            ends.append(arb(position))
        return _Interval(
            self.model,
            self.core,
            low=ends[0],
            high=ends[1],
            cut_low=self.below is None,
            cut_high=self.above is None,
            barriers=barriers,
            top=top,
            decay=decay,
            accuracy=accuracy,
            margin=margin,
            least_accuracy=least,
        )


def _root(
    interval: _Interval, accuracy: float, *, n: int, guess: float, level: float | None
) -> arb | None:
    """An approximation of λ_n: bracketed by counts, refined by the Illinois rule."""
    low, high = guess * (1 - 1e-3), guess * (1 + 1e-3)
    for _ in range(_STEPS):
        if interval.shoot(arb(low), True)[0] <= n:
            break
        low /= 2 if low > guess / 4 else 16
    for _ in range(_STEPS):
        interval.prepare(high)
        if interval.shoot(arb(high), True)[0] > n:
            break
        high *= 1.5
        if level is not None and high >= level:
            return None
    a, b = arb(low), arb(high)
    at_a, at_b = interval.shoot(a, True), interval.shoot(b, True)
    while (at_a[0], at_b[0]) != (n, n + 1):
        middle = arb(((a * b).sqrt() if float(b) > 2 * float(a) else (a + b) / 2).mid())
        at_middle = interval.shoot(middle, True)
        a, at_a, b, at_b = (
            (middle, at_middle, b, at_b) if at_middle[0] <= n else (a, at_a, middle, at_middle)
        )
    return _illinois(interval, a, b, at_a[1], at_b[1], accuracy)


def _illinois(interval: _Interval, a: arb, b: arb, at_a: arb, at_b: arb, accuracy: float) -> arb:
    """A zero between a and b: false position, the value at a stagnant end halved."""
    with ctx.workprec(math.ceil(accuracy / math.log(2)) + 60):
        close = arb(6 - accuracy).exp()
        side, previous = 0, a
        for _ in range(_STEPS):
            c = arb(((a * at_b - b * at_a) / (at_b - at_a)).mid())
            if not (c > a and c < b):
                c = arb(((a + b) / 2).mid())
            if abs(c - previous) < c * close:
                return c
            previous = c
            try:
                at_c = arb(interval.shoot(c, True)[1].mid())
            except _Undecided:
                # No sign at this precision: as near as it can be told.
                return c
            if at_c * at_b > 0:
                b, at_b = c, at_c
                at_a, side = (at_a / 2 if side == -1 else at_a), -1
            else:
                a, at_a = c, at_c
                at_b, side = (at_b / 2 if side == 1 else at_b), 1
        return previous


def _proven(interval: _Interval, n: int, root: arb, digits: int) -> Enclosure:
    """The ball around the root that the two counts prove."""
    with ctx.workprec(math.ceil(interval.accuracy / math.log(2)) + 60):
        width = root * arb(10) ** (-digits) / 4
        low, high = arb((root - width).mid()), arb((root + width).mid())
        for outward, cut, end in (
            (-1, interval.cut_low, interval.low),
            (1, interval.cut_high, interval.high),
        ):
            if not cut:
                continue
            least = _comparison(interval.model, outward).least_beyond(end)
            if least is None or not least > low:
                raise _Undecided
        if interval.shoot(low, True)[0] > n:
            raise _Undecided
        if interval.shoot(high, False)[0] < n + 1:
            raise _Undecided
        return Enclosure.from_arb(low.union(high))
