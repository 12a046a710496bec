"""A model in coordinates of unit noise, tabulated: what exact simulation by rejection reads.

With `σ = √(ηC)` and the Itô drift `a`, the coordinate `y = ∫dw/σ` obeys `dy = α dt + dB` where

    α = a/σ − σ'/2,    φ = (α² + dα/dy)/2,    A = ∫α dy,
    dα/dy = a' − a v'/(2v) − v''/4 + v'²/(8v),  v = σ²

(primes are d/dw; Lamperti's transform, no closed form needed). `w(y)`, `A(y)` and `φ(y)` are
polynomials on panels, interpolants at Chebyshev points to a few units of rounding, from the origin
to the exits, or as far out as a path comes with probability e^(−OUTWARD). Panels end where φ jumps
(the ends of a Huber loss's parabola); where α itself jumps, φ has no value: that is refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import chebyshev

from numerics.errors import ComputationError
from numerics.evaluators import numpy_function
from numerics.lowering import Model
from numerics.simulation.schemes import KernelModel

NODES = 14
"""Chebyshev points of a panel; its polynomials have one degree less."""

ACCURACY = 1e-13
"""Largest last coefficients of `α·Y` and `φ·Y²` on a panel of length Y, and of w relative to it."""

ROUGH = 0.3
"""Largest variation of φ on a panel, times Y²."""

LOAD, TILT = 0.5, 0.6
"""A cell of radius R about any point of a panel has (φ's variation)·R² and |φ's least|·R² below."""

OUTWARD = 90.0
"""The density of y at the end of an open side, e^(2A), is below its maximum by e^(−OUTWARD)."""

MOST_PANELS = 4000

BLINK = 1e-13
"""Relative width at which a change is a jump: panels that would be narrower end there."""

VERGE = 1e-8
"""Relative distance to a zero of C within which its digits may be gone to cancellation."""

_POINTS = chebyshev.chebpts1(NODES)
_TO_COEFFICIENTS = np.linalg.inv(chebyshev.chebvander(_POINTS, NODES - 1))
_TO_POWERS = np.array(
    [np.pad(chebyshev.cheb2poly(row), (0, NODES))[:NODES] for row in np.eye(NODES)]
)


@dataclass(frozen=True)
class UnitNoiseTable:
    """Panels from `edges[i]` to `edges[i+1]` in y; y = 0 at the origin.

    `potential`, `rate` and `state` hold, panel by panel, the coefficients of A, φ and w in powers
    of `(2y − edges[i] − edges[i+1])/(edges[i+1] − edges[i])`, lowest first. Around any point of
    panel i a cell of radius `radius[i]` has `least[i] <= φ <= least[i] + span[i]`; 0 where there
    is none.
    """

    edges: np.ndarray
    potential: np.ndarray
    rate: np.ndarray
    state: np.ndarray
    radius: np.ndarray
    least: np.ndarray
    span: np.ndarray
    open_below: bool
    open_above: bool
    error: float
    """bound on the relative error of exp(2A) that the panels' truncation leaves, as measured"""

    def panel_of(self, y: float) -> int:
        """The panel that holds y."""
        inside = np.searchsorted(self.edges, y, side="right") - 1
        return int(min(max(inside, 0), len(self.edges) - 2))

    def potential_at_edges(self) -> np.ndarray:
        """A at all edges."""
        signs = (-1.0) ** np.arange(NODES)
        return np.append(self.potential @ signs, self.potential[-1].sum())

    def states(self, y: np.ndarray) -> np.ndarray:
        """w of an array of y, inside the panels."""
        panels = np.clip(np.searchsorted(self.edges, y, side="right") - 1, 0, len(self.edges) - 2)
        low, high = self.edges[panels], self.edges[panels + 1]
        t = (2.0 * y - low - high) / (high - low)
        return np.sum(self.state[panels] * t[..., None] ** np.arange(NODES), axis=-1)

    def coordinate(self, w: float) -> float:
        """y of a state inside the panels, to rounding."""
        begins = self.state @ (-1.0) ** np.arange(NODES)
        panel = max(int(np.searchsorted(begins, w, side="right")) - 1, 0)
        polynomial = np.polynomial.Polynomial(self.state[panel])
        slope = polynomial.deriv()
        t = 0.0
        for _ in range(60):
            step = float((polynomial(t) - w) / slope(t))
            t = min(max(t - step, -1.0), 1.0)
            if abs(step) < 1e-15:
                break
        low, high = self.edges[panel], self.edges[panel + 1]
        return float(0.5 * (low + high) + 0.5 * (high - low) * t)


@dataclass(frozen=True)
class _Panel:
    begin: float
    end: float
    """states"""
    length: float
    """Y"""
    state: np.ndarray
    drift: np.ndarray
    rate: np.ndarray
    """Chebyshev coefficients of w, α and φ in y"""
    tail: float
    """last coefficients of α·Y"""

    @property
    def potential(self) -> np.ndarray:
        """Of ∫α dy from the panel's left end."""
        whole = chebyshev.chebint(self.drift, lbnd=-1.0) * (0.5 * self.length)
        return whole[:NODES]

    def bounds(self) -> tuple[float, float]:
        """Of the polynomial φ."""
        reach = float(np.abs(self.rate[1:]).sum())
        return float(self.rate[0]) - reach, float(self.rate[0]) + reach


Coefficients = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]
"""States to `σ, α, φ`."""


def unit_noise_coefficients(
    model: Model,
    kernel: KernelModel,
    parameters: Mapping[str, float] | None = None,
    mirrored: bool = False,
) -> Coefficients:
    """`σ`, `α` and `φ` of a model at an array of states w; of its mirror image at states −w."""
    values = tuple(float((parameters or {}).get(name, 0.0)) for name in model.parameters)
    programs = (
        model.gradient, model.gradient_slope, model.noise, model.noise_slope, model.noise_curvature,
    )  # fmt: skip
    functions = [numpy_function(program) for program in programs]
    eta, te = kernel.eta, 0.5 * kernel.theta * kernel.eta

    sign = -1.0 if mirrored else 1.0

    def coefficients(w: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        w = sign * w
        with np.errstate(all="ignore"):
            g, g1, c, c1, c2 = (np.broadcast_to(f(w, *values)[0], w.shape) for f in functions)
            drift, slope = te * c1 - g, te * c2 - g1
            v, v1, v2 = eta * c, eta * c1, eta * c2
            sigma = np.sqrt(v)
            alpha = drift / sigma - v1 / (4.0 * sigma)
            rise = slope - drift * v1 / (2.0 * v) - v2 / 4.0 + v1**2 / (8.0 * v)
            return sigma, sign * alpha, 0.5 * (alpha**2 + rise)

    return coefficients


def _panel(coefficients: Coefficients, begin: float, end: float) -> _Panel | None:
    """The panel between two states; None where polynomials do not hold it."""
    middle, half = 0.5 * (begin + end), 0.5 * (end - begin)
    # Rounding of w moves the functions of w: no panel is finer than that.
    floor = 4e-16 * abs(middle) / half if half > 0.0 else math.inf
    sigma = coefficients(middle + half * _POINTS)[0]
    if not (floor < 1.0 and np.all(np.isfinite(sigma)) and np.all(sigma > 0.0)):
        return None
    speed = _TO_COEFFICIENTS @ (half / sigma)
    if np.abs(speed[-2:]).max() > (ACCURACY + floor) * np.abs(speed).max():
        return None
    along = chebyshev.chebint(speed, lbnd=-1.0)
    length = float(chebyshev.chebval(1.0, along))
    wanted = 0.5 * length * (1.0 + _POINTS)
    t = _POINTS.copy()
    for _ in range(8):
        step = (chebyshev.chebval(t, along) - wanted) / chebyshev.chebval(t, speed)
        t = np.clip(t - step, -1.0, 1.0)
        if np.abs(step).max() < 1e-9:
            # The next step would be below rounding: they are squared.
            break
    # The ends as well: a kink between an end and the nearest point would not be seen.
    _, drifts, rates = coefficients(middle + half * np.append(t, [1e-12 - 1.0, 1.0 - 1e-12]))
    if not (np.all(np.isfinite(drifts)) and np.all(np.isfinite(rates))):
        return None
    state, drift, rate = (
        _TO_COEFFICIENTS @ f for f in (middle + half * t, drifts[:-2], rates[:-2])
    )
    ends = np.array([-1.0, 1.0])
    missed = [
        float(np.abs(chebyshev.chebval(ends, f) - seen[-2:]).max())
        for f, seen in ((drift, drifts), (rate, rates))
    ]
    tails = [float(np.abs(f[-2:]).max()) for f in (state, drift, rate)]
    size = float(np.abs(drift).sum() + math.sqrt(np.abs(rate).sum()))
    fits = (
        tails[0] <= (ACCURACY + floor) * half,
        # A jump of α is one on any panel, however short.
        max(tails[1], missed[0]) <= 1e-6 * size,
        tails[1] * length <= ACCURACY + (1e-15 + floor) * np.abs(drift).sum() * length,
        tails[2] * length**2 <= ACCURACY + (1e-15 + floor) * np.abs(rate).sum() * length**2,
        missed[0] * length <= 30.0 * (ACCURACY + (1e-15 + floor) * np.abs(drift).sum() * length),
        missed[1] * length**2
        <= 30.0 * (ACCURACY + (1e-15 + floor) * np.abs(rate).sum() * length**2),
        2.0 * np.abs(rate[1:]).sum() * length**2 <= ROUGH,
    )
    return _Panel(begin, end, length, state, drift, rate, tails[1] * length) if all(fits) else None


def _march(
    coefficients: Coefficients, origin: float, end: float, first: float
) -> tuple[list[_Panel], bool]:
    """Panels from the origin towards an end, outwards; whether the end was reached.

    Raises
    ------
    ComputationError : drift or noise that are not smooth on the way
    """
    sign = 1.0 if end > origin else -1.0
    panels: list[_Panel] = []
    here, width = origin, first
    level = peak = 0.0
    crossed = False
    while len(panels) < MOST_PANELS:
        there = here + sign * width
        last = (there - end) * sign >= -0.25 * width
        if last:
            there = end
        panel = _panel(coefficients, min(here, there), max(here, there))
        if panel is None:
            width *= 0.5
            # Around 0, where C often ends, numbers are finer than anywhere else.
            if width < max(BLINK * abs(here), BLINK**8 * first):
                across = here + sign * 4.0 * width
                # Beyond a kink there is room for a panel; where there is none, all is rough.
                if crossed or not _continuous(coefficients, here, across):
                    beyond = here + sign * max(4.0 * width, VERGE * abs(here))
                    if math.isinf(end) and _ends(coefficients, beyond):
                        return panels, False
                    raise _not_smooth(here)
                here, width, crossed = across, 64.0 * width, True
            continue
        panels.append(panel)
        crossed = False
        if last:
            return panels, True
        level += sign * float(np.sum(chebyshev.chebint(panel.drift, lbnd=-1.0))) * panel.length / 2
        peak = max(peak, level)
        if math.isinf(end) and 2.0 * (peak - level) > OUTWARD:
            return panels, False
        here, width = there, 1.5 * width
    if math.isfinite(end):
        raise ComputationError(
            f"drift and noise that {MOST_PANELS} polynomials hold between start and exit",
            f"more before {here:.6g}",
            "take another scheme",
        )
    return panels, False


def _ends(coefficients: Coefficients, w: float) -> bool:
    """Whether C has no positive value at a state: the domain ends before it."""
    sigma = coefficients(np.array([w]))[0]
    return not (np.isfinite(sigma[0]) and sigma[0] > 0.0)


def _continuous(coefficients: Coefficients, one: float, other: float) -> bool:
    """Whether σ and α are the same at neighbouring states."""
    sigma, alpha, rate = coefficients(np.array([one, other]))
    with np.errstate(invalid="ignore"):
        # 1/size is a length of the model, whatever its units: α is small against nothing else.
        size = np.abs(alpha).max() + math.sqrt(np.abs(rate).max())
        return bool(
            abs(sigma[1] - sigma[0]) <= 1e-6 * sigma[0] and abs(alpha[1] - alpha[0]) <= 1e-6 * size
        )


def _not_smooth(w: float) -> ComputationError:
    return ComputationError(
        "a continuous drift and a smooth positive noise for exact simulation",
        f"a jump, or a kink or a zero of C, near {0.0 if abs(w) < 1e-50 else w:.6g}",
        "take another scheme",
    )


def unit_noise_table(
    coefficients: Coefficients, origin: float, lower: float, upper: float
) -> UnitNoiseTable:
    """Panels around an origin, to the exits or far out on an open side.

    Parameters
    ----------
    coefficients : of the model, `unit_noise_coefficients`
    origin : a state; lower < origin < upper, either of which may be infinite

    Raises
    ------
    ComputationError : drift or noise that are not smooth between the exits
    """
    near = min([abs(b - origin) for b in (lower, upper) if math.isfinite(b)], default=1.0)
    above, closed_above = _march(coefficients, origin, upper, 0.05 * near)
    below, closed_below = _march(coefficients, origin, lower, 0.05 * near)
    panels = [*reversed(below), *above]
    reach = max(BLINK * abs(origin), BLINK**8 * near)
    if not (above and below and _continuous(coefficients, origin - reach, origin + reach)):
        raise _not_smooth(origin)
    lengths = np.array([panel.length for panel in panels])
    edges = np.concatenate([[0.0], np.cumsum(lengths)])
    edges -= edges[len(below)]
    edges[len(below)] = 0.0
    rises = np.array([panel.potential for panel in panels])
    heights = np.concatenate([[0.0], np.cumsum(rises.sum(axis=1))])
    rises[:, 0] += heights[:-1] - heights[len(below)]
    bounds = np.array([panel.bounds() for panel in panels])
    radius, least, span = _cells(edges, bounds, not closed_below, not closed_above)
    return UnitNoiseTable(
        edges,
        rises @ _TO_POWERS,
        np.array([panel.rate for panel in panels]) @ _TO_POWERS,
        np.array([panel.state for panel in panels]) @ _TO_POWERS,
        radius,
        least,
        span,
        not closed_below,
        not closed_above,
        math.expm1(2.0 * NODES * sum(panel.tail for panel in panels)),
    )


def _cells(
    edges: np.ndarray, bounds: np.ndarray, open_below: bool, open_above: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Radius of the cells about the points of each panel, and bounds of φ on them."""
    count = len(bounds)
    radius, least, span = np.zeros(count), np.zeros(count), np.zeros(count)
    guess = edges[-1] - edges[0]
    for i in range(count):
        low, high = edges[i], edges[i + 1]
        room = math.inf
        if open_below:
            room = min(room, low - edges[0])
        if open_above:
            room = min(room, edges[-1] - high)
        if room <= 0.0:
            continue
        r = min(room, max(guess, 8.0 * (high - low)))
        while True:
            # The panel itself at least: next to a zero of C its two ends may be one double.
            first = max(0, min(i, int(np.searchsorted(edges, low - r, side="right")) - 1))
            last = min(count, max(i + 1, int(np.searchsorted(edges, high + r, side="left"))))
            bottom = float(bounds[first:last, 0].min())
            top = float(bounds[first:last, 1].max())
            if (top - bottom) * r * r <= LOAD and abs(bottom) * r * r <= TILT:
                radius[i], least[i], span[i] = r, bottom, top - bottom
                break
            r *= 0.8
            if not r > BLINK * max(abs(low), abs(high)):
                # Next to a zero of C, or of φ's poles: a path that comes here has left the table.
                break
        guess = 1.6 * r
    return radius, least, span
