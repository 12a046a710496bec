"""The second, independent route: every certified quantity again in mpmath, with error estimates.

Nothing is shared with the certified route but the formulas themselves (`Program`s evaluated in
mpmath). Each function has the name and the arguments of its certified counterpart; the radius of
the `Enclosure` it returns is an *estimate*: every value is computed twice, with different orders,
panels and precision, and the radius is 32 times the difference plus the accuracy aimed at.

One pass: on each Chebyshev panel the inner integral is an exact antiderivative in coefficient
space; there is no inner quadrature per outer node.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from mpmath import mp

from numerics.chebyshev import Number
from numerics.core import at_point
from numerics.enclosure import Enclosure
from numerics.errors import ComputationError, InfiniteMean
from numerics.evaluators import evaluate_mpmath
from numerics.lowering import Model
from numerics.mpmath_panels import Dynamics, Mesh, Resolution, precision_cap, products
from numerics.mpmath_relevance import Relevance, relevance, tail_relevance
from numerics.mpmath_series import Series, State, polynomials
from numerics.program import Program

Point = int | Fraction | Program
"""An exact point: a rational, or a program without inputs."""

_ROUNDS = 4
_SAFETY = 32
_COARSE_BITS = 30
"""Panels that only say where the tails are negligible."""
FARTHEST_FOR_SERIES = 2**20_000
"""Steps of series grow like the distance, those of panels faster: beyond this they are fewer."""
_MOST_CUTS = 60
"""Distances of an exit in place of an open end, each twice the one before."""
_FAR_BITS = 4000
"""log2 of a distance at which a force that is weak at 2^120 may have set in."""


# --- exit times ---------------------------------------------------------------------------------


def mean_exit_time(
    model: Model,
    start: Point,
    *,
    exit_above: Point | None = None,
    exit_below: Point | None = None,
    reflect_above: Point | None = None,
    reflect_below: Point | None = None,
    digits: int = 15,
) -> Enclosure:
    """E[τ] of leaving through `exit_above` or `exit_below`; an end not given must be inaccessible.

    `reflect_above` or `reflect_below` puts a reflecting end in place of an exit.

    Raises
    ------
    ComputationError : start outside, C not positive, no convergence.
    InfiniteMean : infinite speed mass or converging scale at an open end.
    """
    return exit_time_moment(
        model,
        1,
        start,
        exit_above=exit_above,
        exit_below=exit_below,
        reflect_above=reflect_above,
        reflect_below=reflect_below,
        digits=digits,
    )


def exit_time_moment(
    model: Model,
    order: int,
    start: Point,
    *,
    exit_above: Point | None = None,
    exit_below: Point | None = None,
    reflect_above: Point | None = None,
    reflect_below: Point | None = None,
    digits: int = 15,
) -> Enclosure:
    """E[τ^order], by `T_n(x) = n ∫ G(x, y) p(y) T_(n−1)(y) dy` with the Green function G.

    With `l(x)` the scale integrated from the lower exit and `r(x)` to the upper one,
    `G(x, y) = l(x∧y) r(x∨y)/(l + r)`; with one exit alone, `r(x∨y)` or `l(x∧y)`.

    Raises
    ------
    As `mean_exit_time`.
    """
    if order < 0:
        raise ComputationError("an order of at least 0", str(order), "ask for order 1 or 2")
    if order == 0:
        return Enclosure.exact(1)
    ends = _Exits(start, exit_below, exit_above, reflect_below, reflect_above)
    if ends.on_boundary():
        return Enclosure.exact(0)

    matters = ends.relevance(model, order)

    def compute(resolution: Resolution) -> Number:
        mesh = ends.mesh(model, resolution, matters)
        return _exit_moment(mesh, order, ends.below is not None, ends.above is not None)

    return estimated(compute, digits)


def exit_probability(
    model: Model,
    start: Point,
    *,
    exit_above: Point,
    exit_below: Point,
    digits: int = 15,
) -> Enclosure:
    """The probability of leaving through `exit_above` before `exit_below`: a ratio of scales."""
    ends = _Exits(start, exit_below, exit_above)
    x, low, high = ends.positions()
    if x in (low, high):
        return Enclosure.exact(0 if x == low else 1)

    matters = ends.relevance(model)

    def compute(resolution: Resolution) -> Number:
        mesh = ends.mesh(model, resolution, matters)
        _, edges = mesh.cumulative(mesh.scales)
        return edges[mesh.start] / edges[-1]

    return estimated(compute, digits)


def exit_time_laplace(
    model: Model,
    rate: Point,
    start: Point,
    *,
    exit_above: Point | None = None,
    exit_below: Point | None = None,
    reflect_above: Point | None = None,
    reflect_below: Point | None = None,
    digits: int = 15,
) -> Enclosure:
    """E[e^(−rate τ)] for rate >= 0: the solution of 𝓛u = rate·u with u = 1 at the exits.

    With `v = u'/q` the equation is `u' = q v`, `v' = rate·p·u`, solved panel by panel as an
    integral equation at the Chebyshev nodes; an open end has v = 0. Where L' and C are rational,
    power series take far less time (`numerics.mpmath_series`).
    """
    ends = _Exits(start, exit_below, exit_above, reflect_below, reflect_above)
    if ends.on_boundary() or _number(rate) == 0:
        return Enclosure.exact(1)
    if _number(rate) < 0:
        raise ComputationError(
            "a rate of at least 0", _text(_number(rate)), "give a rate that is not negative"
        )

    def compute(resolution: Resolution) -> Number:
        try:
            reach = _series_ends(model, ends, resolution)
            if reach is not None:
                return _laplace_by_series(model, ends, rate, resolution, reach)
            mesh = ends.mesh(model, resolution, rate=_number(rate))
        except InfiniteMean as reason:
            return _laplace_by_cut(model, ends, rate, resolution, reason)
        if mesh.waves:
            _require_first_order(2)
        return _laplace(mesh, _number(rate), ends.below is not None, ends.above is not None)

    return estimated(compute, digits)


def _laplace_by_cut(
    model: Model, ends: _Exits, rate: Point, resolution: Resolution, reason: InfiniteMean
) -> Number:
    """The transform where paths may never come back from an open end: they count as 0.

    An exit X, at which nothing is counted, is put so far out that it makes no difference whether X
    is a wall instead. The difference, `E e^(−rate T_X)` times the transform from X with a wall
    there, is found at low precision.
    """
    x = _number(ends.start)
    above = ends.above is not None
    zero = Dynamics(model).first_zero(x, -1 if above else 1)
    rough, _ = Resolution.pair(20)
    octaves = mp.mpf(0 if zero is None else 1)
    for _ in range(_MOST_CUTS):
        distance = (1 + abs(x)) * 2**octaves if zero is None else abs(zero - x) / 2**octaves
        outward = -1 if above == (zero is None) else 1
        at = (x if zero is None else zero) + outward * distance
        mesh = _with_exit_at(model, ends, rate, rough, at)
        kept, _ = _rising(mesh, _number(rate), not above, True)
        lost, _ = _rising(mesh, _number(rate), above, True)
        _, back = _rising(mesh, _number(rate), not above, False)
        decay = mp.log(kept * back / lost, 2)
        if decay >= resolution.bits + 10:
            if polynomials(model) is not None:
                _, low, high = ends.positions()
                reach = (at, high) if low is None else (low, at)
                return _rising_series(model, ends, rate, resolution, reach, not above, True)
            mesh = _with_exit_at(model, ends, rate, resolution, at)
            return _rising(mesh, _number(rate), not above, True)[0]
        # At most twice as far; less where the decay, taken as a power, says that it is enough.
        wanted = (resolution.bits + 15) / decay if decay > 0 else mp.mpf(2)
        octaves += mp.log(min(mp.mpf(2), max(wanted, 1.1)), 2) if zero is None else 2
    raise ComputationError(
        "an open end that paths take ever longer to reach",
        f"{reason.received}; and a transform that depends on what happens there",
        "give an exit or a reflecting point on that side",
    )


def _series_ends(
    model: Model, ends: _Exits, resolution: Resolution
) -> tuple[Number, Number] | None:
    """The ends between which power series carry a solution; None where panels must.

    An open end is cut where coarse panels say that the rest of ∫p is negligible.
    """
    if polynomials(model) is None:
        return None
    _, low, high = ends.positions()
    coarse, _ = Resolution.pair(_COARSE_BITS)
    with mp.workprec(coarse.working_bits):
        mesh = ends.mesh(model, coarse, tail_bits=resolution.bits)
    if any(side.end is None and side.zero is not None for side in mesh.sides):
        return None
    found = (
        mesh.edges[0] if low is None else low,
        mesh.edges[-1] if high is None else high,
    )
    return found if max(map(abs, found)) < FARTHEST_FOR_SERIES else None


def _laplace_by_series(
    model: Model, ends: _Exits, rate: Point, resolution: Resolution, reach: tuple[Number, Number]
) -> Number:
    value = mp.mpf(0)
    if ends.above is not None:
        killed = ends.below is not None
        value += _rising_series(model, ends, rate, resolution, reach, False, killed)
    if ends.below is not None:
        killed = ends.above is not None
        value += _rising_series(model, ends, rate, resolution, reach, True, killed)
    return value


def _rising_series(
    model: Model,
    ends: _Exits,
    rate: Point,
    resolution: Resolution,
    reach: tuple[Number, Number],
    reverse: bool,
    killed: bool,
) -> Number:
    """As `_rising`, the first of its values, by power series."""
    series = Series(model, resolution)
    first, last = reach[::-1] if reverse else reach
    u, y = (mp.mpf(0), mp.mpf(1)) if killed else (mp.mpf(1), mp.mpf(0))
    inside = series.carry(State(first, u, y), _number(rate), _number(ends.start))
    return inside.u / series.carry(inside, _number(rate), last).u


def _with_exit_at(
    model: Model, ends: _Exits, rate: Point, resolution: Resolution, at: Number
) -> Mesh:
    """Panels with an exit at a point in place of the open end."""
    x, low, high = ends.positions()
    low, high = (at, high) if low is None else (low, at)
    return Mesh(model, x, low, high, (), resolution, rate=_number(rate))


class _Exits:
    """Start and exits, checked for order; meshes between them."""

    def __init__(
        self,
        start: Point,
        below: Point | None,
        above: Point | None,
        wall_below: Point | None = None,
        wall_above: Point | None = None,
    ) -> None:
        if below is None and above is None:
            raise ComputationError(
                "an exit below or above", "neither", "give exit_above, exit_below or both"
            )
        self.start, self.below, self.above = start, below, above
        self.wall_below, self.wall_above = wall_below, wall_above
        with mp.workprec(200):
            x, low, high = self.positions()
            if (low is not None and x < low) or (high is not None and x > high):
                raise ComputationError(
                    "a start between the exits",
                    f"start {mp.nstr(x, 8)}, exits {_text(low)} and {_text(high)}",
                    "choose a start inside the interval",
                )

    def positions(self) -> tuple[Number, Number | None, Number | None]:
        """Start and ends (exits or walls) in mpmath numbers at the working precision."""
        low = self.below if self.below is not None else self.wall_below
        high = self.above if self.above is not None else self.wall_above
        below = None if low is None else _number(low)
        above = None if high is None else _number(high)
        return _number(self.start), below, above

    def on_boundary(self) -> bool:
        """Whether the start is an exit (a reflecting end is none)."""
        with mp.workprec(400):
            x = _number(self.start)
            return any(x == _number(e) for e in (self.below, self.above) if e is not None)

    def relevance(self, model: Model, order: int = 1) -> Relevance | None:
        model.require_values()
        if self.wall_below is not None or self.wall_above is not None:
            return None
        if order > 1 and self.below is not None and self.above is not None:
            return None
        with mp.workprec(60):
            x, low, high = self.positions()
            dynamics = Dynamics(model)
            for direction, end in ((-1, low), (1, high)):
                if end is None and dynamics.first_zero(x, direction) is not None:
                    return None
        ends = [None if end is None else float(end) for end in (low, high)]
        return relevance(model, float(x), ends[0], ends[1], order)

    def mesh(
        self,
        model: Model,
        resolution: Resolution,
        matters: Relevance | None = None,
        rate: Number = 0,
        tail_bits: int | None = None,
    ) -> Mesh:
        x, low, high = self.positions()
        mesh = Mesh(
            model, x, low, high, (), resolution, relevance=matters, rate=rate, tail_bits=tail_bits
        )
        for direction, end in ((-1, low), (1, high)):
            if end is None:
                mesh.require_inaccessible(direction)
        return mesh


def _exit_moment(mesh: Mesh, order: int, lower_exit: bool, upper_exit: bool) -> Number:
    start = mesh.start
    below = mesh.cumulative(mesh.scales) if lower_exit else None
    above = mesh.cumulative_from_right(mesh.scales) if upper_exit else None
    times = [[mp.mpf(1)] * len(p.w) for p in mesh.panels]
    value = mp.mpf(0)
    for n in range(1, order + 1):
        weights = products(mesh.speeds, times)
        left = weights if below is None else products(weights, below[0])
        right = weights if above is None else products(weights, above[0])
        outside = [mp.mpf(0), mp.mpf(0)]
        if mesh.waves:
            _require_first_order(order)
            outside = [
                mesh.beyond(side, weights) if exit is None else mp.mpf(0)
                for side, exit in ((-1, below), (1, above))
            ]
        from_left, left_edges = mesh.cumulative(left, outside[0])
        from_right, right_edges = mesh.cumulative_from_right(right, outside[1])
        if below is not None and above is not None:
            whole = below[1][-1]
            times = [
                [n * (r * a + lo * b) / whole for r, a, lo, b in zip(*rows, strict=True)]
                for rows in zip(above[0], from_left, below[0], from_right, strict=True)
            ]
            value = n * (above[1][start] * left_edges[start] + below[1][start] * right_edges[start])
            value /= whole
        elif above is not None:
            times = [
                [n * (r * a + b) for r, a, b in zip(*rows, strict=True)]
                for rows in zip(above[0], from_left, from_right, strict=True)
            ]
            value = n * (above[1][start] * left_edges[start] + right_edges[start])
        elif below is not None:
            times = [
                [n * (a + lo * b) for a, lo, b in zip(*rows, strict=True)]
                for rows in zip(from_left, below[0], from_right, strict=True)
            ]
            value = n * (left_edges[start] + below[1][start] * right_edges[start])
    return value


def _require_first_order(order: int) -> None:
    if order > 1:
        raise ComputationError(
            "a mean exit time, where L' or C oscillate in a heavy tail",
            f"a moment of order {order} (of every order: a Laplace transform) by mpmath",
            "use the method arb, which certifies it",
        )


def _laplace(mesh: Mesh, rate: Number, lower_exit: bool, upper_exit: bool) -> Number:
    value = mp.mpf(0)
    if upper_exit:
        value += _rising(mesh, rate, False, lower_exit)[0]
    if lower_exit:
        value += _rising(mesh, rate, True, upper_exit)[0]
    return value


def _rising(mesh: Mesh, rate: Number, reverse: bool, killed: bool) -> tuple[Number, Number]:
    """The solution that grows away from the lower end (`reverse`: the upper), which is an exit
    (`killed`) or closed: at the start in units of its value at the far end, and that value.

    From an exit the flux is 1, from a closed end the solution is 1.
    """
    u, v = (mp.mpf(0), mp.mpf(1)) if killed else (mp.mpf(1), mp.mpf(0))
    panels = mesh.panels[::-1] if reverse else mesh.panels
    at_start = len(panels) - mesh.start if reverse else mesh.start
    value = u
    for index, panel in enumerate(panels):
        if index == at_start:
            value = u
        speed = panel.speed[::-1] if reverse else panel.speed
        scale = panel.scale[::-1] if reverse else panel.scale
        u, v = _volterra(mesh, scale, [rate * p for p in speed], u, v)
    return (u if at_start == len(panels) else value) / u, u


def _volterra(
    mesh: Mesh, scale: Sequence[Number], source: Sequence[Number], u: Number, v: Number
) -> tuple[Number, Number]:
    """(u, v) at the far end of a panel, for `u' = scale·v`, `v' = source·u`.

    Picard iteration: the terms fall like a factorial; they are summed until they are negligible.
    All terms are positive, so that nothing cancels.
    """
    rule = mesh.rule
    term = [u] * len(scale)
    term_flux = [v] * len(scale)
    end_u, end_v = u, v
    for _ in range(100_000):
        next_u, gain_u = rule.cumulative([q * f for q, f in zip(scale, term_flux, strict=True)])
        next_v, gain_v = rule.cumulative([s * t for s, t in zip(source, term, strict=True)])
        end_u += gain_u
        end_v += gain_v
        term, term_flux = next_u, next_v
        limit = -mesh.resolution.bits - 20
        if gain_u <= mp.ldexp(end_u, limit) and gain_v <= mp.ldexp(end_v, limit):
            return end_u, end_v
    raise precision_cap(mesh.resolution.bits, "a Picard iteration that did not end")


# --- stationary law -----------------------------------------------------------------------------


def normaliser(model: Model, *, digits: int = 15) -> Enclosure:
    """`∫ p dw` of `p = C^(−s) exp(−∫_r^w 2L'/(ηC))` with the reference `r` of `reference_point`."""

    def compute(resolution: Resolution) -> Number:
        mesh = _whole_line(model, resolution)
        return sum(_masses(mesh))

    return estimated(compute, digits)


def density(model: Model, at: Point, *, digits: int = 15) -> Enclosure:
    """The normalised stationary density at a point."""
    noise_there = at_point(model.noise, at)

    def compute(resolution: Resolution) -> Number:
        below, above, exponential = _at(model, _number(at), resolution)
        (noise,) = evaluate_mpmath(noise_there, _number(at))
        return noise ** (evaluate_mpmath(model.theta)[0] - 1) * exponential / (below + above)

    return estimated(compute, digits)


def moment(model: Model, order: Point, *, absolute: bool = False, digits: int = 15) -> Enclosure:
    """`E[w^order]` for an integer order from 0 on, or `E|w|^order` for any real one.

    An odd raw moment that may be zero is given with an absolute error of 10^-digits.

    Raises
    ------
    InfiniteMean : the moment does not exist.
    """

    def compute(resolution: Resolution) -> Number:
        power = order if isinstance(order, int) else _number(order)
        mesh = _whole_line(model, resolution, weight=_number(order))
        total = sum(_masses(mesh))
        # 0 is an edge: an integer power is smooth on each side of it, another one is not.
        smooth = power == mp.floor(power) or mesh.reference != 0
        at_zero = () if smooth else (mesh.start - 1, mesh.start)
        values = [
            [(abs(w) if absolute else w) ** power * p for w, p in zip(pn.w, pn.speed, strict=True)]
            for index, pn in enumerate(mesh.panels)
            if index not in at_zero
        ]
        kinked = mp.fsum(_beside_zero(mesh, index, power) for index in at_zero)
        inside = mesh.cumulative(values)[1][-1] + kinked
        if mesh.waves:
            weighted = [
                [
                    (abs(w) if absolute else w) ** power * p
                    for w, p in zip(pn.w, pn.speed, strict=True)
                ]
                for pn in mesh.panels
            ]
            inside += mp.fsum(
                mesh.beyond(d, weighted, lambda w: (abs(w) if absolute else w) ** power)
                for d in (-1, 1)
            )
        return inside / total

    return estimated(compute, digits, may_vanish=not absolute)


def _beside_zero(mesh: Mesh, index: int, power: Number) -> Number:
    """∫|w|^power p over a panel that has 0 as its end: the fraction of the power is kept exact."""
    panel = mesh.panels[index]
    outward = 1 if index == mesh.start else -1
    whole = max(int(mp.floor(power)), 0)
    power -= whole
    smooth = [
        (2 * abs(w) / (1 + x)) ** power * abs(w) ** whole * p
        for w, x, p in zip(panel.w[::outward], mesh.rule.nodes, panel.speed[::outward], strict=True)
    ]
    return mesh.rule.power_integral(smooth, power)


def tail_index(model: Model, *, digits: int = 15) -> Enclosure:
    """The supremum of r with E|w|^r finite: from the logarithmic slope of p at 2^±bits.

    Infinite for tails lighter than any power.
    """

    def index(distance_bits: int) -> Number:
        dynamics, inside = Dynamics(model), _inner_point(model)
        far = mp.ldexp(1, distance_bits)
        open_sides = [d for d in (-1, 1) if dynamics.first_zero(inside, d) is None]
        rates = [-w * dynamics.speed_rate(w) - 1 for w in (d * far for d in open_sides)]
        return min(rates, default=mp.inf)

    with mp.workprec(400):
        for bits in (120, _FAR_BITS):
            near, beyond = index(bits), index(bits + 40)
            if near > 1e6 and beyond > 1e3 * near:
                return Enclosure.infinity()
    return estimated(lambda resolution: index(resolution.working_bits * 2), digits)


def cumulative(model: Model, at: Point, *, digits: int = 15) -> Enclosure:
    """The stationary probability of lying below a point."""

    def compute(resolution: Resolution) -> Number:
        below, above, _ = _at(model, _number(at), resolution)
        return below / (below + above)

    return estimated(compute, digits)


def _masses(mesh: Mesh) -> tuple[Number, Number]:
    """∫p to the left and to the right of the reference point."""
    edges = mesh.cumulative(mesh.speeds)[1]
    middle = edges[mesh.start]
    return middle + mesh.beyond(-1, mesh.speeds), edges[-1] - middle + mesh.beyond(1, mesh.speeds)


def _at(model: Model, at: Number, resolution: Resolution) -> tuple[Number, Number, Number]:
    """∫p to the left and to the right of a point, and e^(−Φ) there, Φ = 0 at an inner point.

    The panels begin where the law is, which a point far out in a tail would not see.
    """
    reference, dynamics = _inner_point(model), Dynamics(model)
    zero = dynamics.first_zero(reference, 1 if at > reference else -1)
    if zero is not None and (at - zero) * (zero - reference) >= 0:
        raise ComputationError(
            "a point inside the interval of the law",
            f"{mp.nstr(at, 8)}, where that ends at the zero {mp.nstr(zero, 8)} of C",
            "choose a point on the other side of the zero",
        )
    matters = None
    if all(dynamics.first_zero(reference, direction) is None for direction in (-1, 1)):
        matters = tail_relevance(model, float(reference), float(at))
    mesh = Mesh(model, reference, None, None, (at,), resolution, relevance=matters, counted_from=at)
    place = min(range(len(mesh.edges)), key=lambda i: abs(mesh.edges[i] - at))
    below = mesh.cumulative(mesh.speeds, mesh.beyond(-1, mesh.speeds))[1][place]
    above = mesh.cumulative_from_right(mesh.speeds, mesh.beyond(1, mesh.speeds))[1][place]
    return below, above, mp.exp(-mesh.potentials[place])


def quantile(model: Model, probability: Point, *, digits: int = 15) -> Enclosure:
    """The point below which the stationary law has the given probability in (0, 1)."""
    with mp.workprec(200):
        if not 0 < _number(probability) < 1:
            raise ComputationError(
                "a probability strictly between 0 and 1",
                _text(_number(probability)),
                "give a value inside (0, 1)",
            )

    guesses: list[Number] = []

    def compute(resolution: Resolution) -> Number:
        # Newton's iteration doubles the digits: only the last step has to be made with all, and
        # from a good guess no other.
        ladder = [resolution] if guesses else resolution.ladder()
        guess = guesses[-1] if guesses else _rough_quantile(model, probability, ladder[0])
        for coarser in ladder:
            guess = _newton_quantile(model, probability, guess, coarser)
        guesses.append(guess)
        return guess

    return estimated(compute, digits, may_vanish=True)


def _rough_quantile(model: Model, probability: Point, resolution: Resolution) -> Number:
    """By linear interpolation on a panel."""
    with mp.workprec(resolution.working_bits):
        mesh = _whole_line(model, resolution)
        at_nodes, edges = mesh.cumulative(mesh.speeds, mesh.beyond(-1, mesh.speeds))
        level = _number(probability) * (edges[-1] + mesh.beyond(1, mesh.speeds))
        if not edges[0] < level < edges[-1]:
            raise precision_cap(resolution.bits, "a quantile far out in a tail under waves")
        index = max(i for i, e in enumerate(edges[:-1]) if e <= level)
        return _inverse_on_panel(mesh.panels[index].w, at_nodes[index], level)


def _newton_quantile(
    model: Model, probability: Point, guess: Number, resolution: Resolution
) -> Number:
    """Newton's iteration on the logarithm of the smaller of F and 1 − F, which is nearly straight
    in a tail, until the next step would not count.
    """
    with mp.workprec(resolution.working_bits):
        wanted, dynamics = _number(probability), Dynamics(model)
        for _ in range(200):
            below, above, exponential = _at(model, guess, resolution)
            if 2 * wanted <= 1:
                excess = below * mp.log(below / (wanted * (below + above)))
            else:
                excess = above * mp.log((1 - wanted) * (below + above) / above)
            noise = dynamics.drift_and_noise(guess)[1]
            step = excess / (exponential * noise ** (-dynamics.s))
            zero = dynamics.first_zero(guess, -1 if step > 0 else 1)
            if zero is not None and abs(step) >= abs(guess - zero):
                guess = (guess + zero) / 2
                continue
            guess -= step
            if abs(step) <= mp.ldexp(max(abs(guess), mp.mpf(1)), -resolution.bits // 2 - 6):
                return guess
    raise precision_cap(resolution.bits, "a Newton iteration that did not settle")


def _inverse_on_panel(w: Sequence[Number], masses: Sequence[Number], level: Number) -> Number:
    """Linear interpolation: a first guess of the quantile."""
    for i in range(len(w) - 1):
        if masses[i] <= level <= masses[i + 1]:
            share = (level - masses[i]) / (masses[i + 1] - masses[i])
            return w[i] + share * (w[i + 1] - w[i])
    return w[0] if level < masses[0] else w[-1]


def _inner_point(model: Model) -> Number:
    """A point of the interval that holds the law: which one is decided by exact signs."""
    from numerics.core import core_of
    from numerics.landscape import inner_point

    return _number(inner_point(core_of(model)))


def _whole_line(model: Model, resolution: Resolution, weight: Number = 0) -> Mesh:
    reference = _inner_point(model)
    return Mesh(model, reference, None, None, (reference,), resolution, weight)


# --- error estimates ----------------------------------------------------------------------------


def _number(point: Point) -> Number:
    if isinstance(point, Program):
        return evaluate_mpmath(point)[0]
    fraction = Fraction(point)
    return mp.mpf(fraction.numerator) / fraction.denominator


def _text(value: Number | None) -> str:
    return "none" if value is None else str(mp.nstr(value, 8))


def estimated(
    compute: Callable[[Resolution], Number], digits: int, may_vanish: bool = False
) -> Enclosure:
    """Compute at two resolutions, and raise both until the difference is small enough."""
    if digits < 1:
        raise ComputationError("a positive number of digits", str(digits), "ask for 15")
    bits = int(digits * 3.33) + 14
    estimate = ""
    for _ in range(_ROUNDS):
        values = []
        for resolution in Resolution.pair(bits):
            with mp.workprec(resolution.working_bits):
                values.append(compute(resolution))
        with mp.workprec(bits + 64):
            value = values[1]
            radius = _SAFETY * abs(values[0] - value) + mp.ldexp(abs(value), -bits + 4)
            allowed = mp.mpf(10) ** -digits / 4
            near_zero = may_vanish and abs(value) <= 1000 * radius and radius <= allowed
            if radius <= allowed * abs(value) or near_zero:
                return as_enclosure(value, radius)
            estimate = f"{mp.nstr(value, 8)} ± {mp.nstr(radius, 3)}"
        bits += 40
    raise precision_cap(bits, estimate)


def as_enclosure(value: Number, radius: Number) -> Enclosure:
    """The ball of a positive radius around a number."""
    sign, mantissa, exponent, _ = value._mpf_
    _, radius_mantissa, radius_exponent, _ = radius._mpf_
    return Enclosure(
        -int(mantissa) if sign else int(mantissa),
        int(exponent),
        int(radius_mantissa),
        int(radius_exponent),
    )


__all__ = [
    "InfiniteMean",
    "cumulative",
    "density",
    "exit_probability",
    "exit_time_laplace",
    "exit_time_moment",
    "mean_exit_time",
    "moment",
    "normaliser",
    "quantile",
    "tail_index",
]
