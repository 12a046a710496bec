"""Exact simulation of the power-law well: no time step, no bias.

In Lamperti coordinates `sinh(ky) = (σ_H x + ρ)/Δ`, `k = √(ησ_H)`, `Δ² = σ_gσ_H − ρ²`, the well
`L = Hx²/2`, `C = σ_g + 2ρx + σ_H x²` has unit noise and the drift

    α(y) = −c tanh(ky) + g sech(ky),    c = k(m − 1/2),  g = Hρ/(kΔ),  m = H/(ησ_H) + 1 − θ.

With `(t, u) = (tanh, sech)` on the unit circle, `φ = (α² + α')/2` is half the quadratic form
`c²t² − g(2c + k)tu + (g² − ck)u²`, and lies between half its eigenvalues: `l <= φ <= l + r`. A path
of length δ is proposed as a Brownian bridge to an end point of density `∝ exp(A(y) − (y−x)²/2δ)`,
`A' = α`, and accepted with probability `exp(−∫(φ − l)dt)`, decided by a Poisson process of rate r
(Beskos and Roberts 2005). End points come from a normal law by rejection with
`A(y) <= A(x) + α(x)(y−x) + K(y−x)²/2`, `K = k(√(c²+g²) − c)/2 >= α'`.
Steps of length δ compose exactly, whatever δ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from numerics.errors import ComputationError
from numerics.simulation.requirements import require_positive, require_positive_integer
from numerics.simulation.schemes import compiled
from numerics.simulation.streams import stream_key

_SOURCE = '''
@njit(forceinline=True, error_model="numpy")
def potential(y, k, c, g):
    """A(y) = −(c/k) ln cosh(ky) + (g/k)·2 atan(tanh(ky/2)), without overflow."""
    z = abs(k * y)
    log_cosh = z + math.log1p(math.exp(-2.0 * z)) - 0.6931471805599453
    return (-c * log_cosh + 2.0 * g * math.atan(math.tanh(0.5 * k * y))) / k


@njit(forceinline=True, error_model="numpy")
def excess(y, k, c, g, least):
    """φ(y) − l."""
    t = math.tanh(k * y)
    u = 1.0 / math.cosh(k * y)
    form = c * c * t * t - g * (2.0 * c + k) * t * u + (g * g - c * k) * u * u
    return 0.5 * form - least


@njit(error_model="numpy")
def normal(s0, s1, s2, s3):
    one, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
    two, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
    square, cosine, _ = polar(one, two)
    return math.sqrt(square) * cosine, s0, s1, s2, s3


@njit(error_model="numpy")
def exact_step(x, delta, k, c, g, least, span, bend, s0, s1, s2, s3):
    """The state after a time delta, by rejection; and the stream after it."""
    slope = -c * math.tanh(k * x) + g / math.cosh(k * x)
    start = potential(x, k, c, g)
    width = delta / (1.0 - bend * delta)
    while True:
        z, s0, s1, s2, s3 = normal(s0, s1, s2, s3)
        y = x + slope * width + math.sqrt(width) * z
        bound = start + slope * (y - x) + 0.5 * bend * (y - x) * (y - x)
        word, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
        if uniform(word) > math.exp(potential(y, k, c, g) - bound):
            continue
        time = 0.0
        place = x
        accepted = True
        while True:
            word, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
            wait = 0.5 * minus_two_log(uniform(word)) / span
            if time + wait >= delta:
                break
            # The bridge from (time, place) to (delta, y), one Poisson time later.
            left = delta - time
            z, s0, s1, s2, s3 = normal(s0, s1, s2, s3)
            place += (y - place) * wait / left + math.sqrt(wait * (left - wait) / left) * z
            time += wait
            word, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
            if uniform(word) * span < excess(place, k, c, g, least):
                accepted = False
                break
        if accepted:
            return y, s0, s1, s2, s3


@njit(cache=True, nogil=True, error_model="numpy")
def exact_states(key, first, start, steps, delta, k, c, g, least, span, bend, out):
    """Lamperti coordinates of paths first, first+1, … after `steps` exact steps."""
    for i in range(out.shape[0]):
        s0, s1, s2, s3 = initial_state(key, first + i)
        y = start
        for _ in range(steps):
            y, s0, s1, s2, s3 = exact_step(
                y, delta, k, c, g, least, span, bend, s0, s1, s2, s3
            )
        out[i] = y
'''


@dataclass(frozen=True)
class PowerLawWell:
    """`dx = −Hx dt + √(η(σ_g + 2ρx + σ_H x²)) ∘_θ dB`, with σ_H > 0 and σ_gσ_H > ρ².

    Raises
    ------
    ComputationError : parameters outside this range
    """

    H: float
    sigma_g: float
    rho: float
    sigma_H: float
    eta: float
    theta: float

    def __post_init__(self) -> None:
        positive = min(self.H, self.sigma_g, self.sigma_H, self.eta) > 0.0
        if not (positive and self.sigma_g * self.sigma_H > self.rho**2 and 0 <= self.theta <= 1):
            raise ComputationError(
                "H, σ_g, σ_H, η > 0, σ_gσ_H > ρ² and θ from 0 to 1", str(self), "correct them"
            )

    @property
    def gap(self) -> float:
        """Δ = √(σ_gσ_H − ρ²)."""
        return math.sqrt(self.sigma_g * self.sigma_H - self.rho**2)

    @property
    def unit(self) -> float:
        """k = √(ησ_H)."""
        return math.sqrt(self.eta * self.sigma_H)

    def lamperti(self, x: Any) -> Any:
        """The coordinate of unit noise."""
        return np.arcsinh((self.sigma_H * x + self.rho) / self.gap) / self.unit

    def state(self, y: Any) -> Any:
        """The state of a Lamperti coordinate."""
        return (self.gap * np.sinh(self.unit * y) - self.rho) / self.sigma_H

    def drift_constants(self) -> tuple[float, float]:
        """`c` and `g` of the drift `−c tanh(ky) + g sech(ky)`."""
        m = self.H / (self.eta * self.sigma_H) + 1.0 - self.theta
        return self.unit * (m - 0.5), self.H * self.rho / (self.unit * self.gap)

    def excess_bounds(self) -> tuple[float, float]:
        """Infimum l of `φ = (α² + α')/2` on the circle, and the span r of its values."""
        c, g = self.drift_constants()
        a, b = c * c, g * g - c * self.unit
        radius = math.hypot(a - b, g * (2.0 * c + self.unit))
        return 0.25 * (a + b - radius), 0.5 * radius


def exact_states(
    well: PowerLawWell, start: float, time: float, *, paths: int, seed: int = 0
) -> np.ndarray:
    """Independent draws from the exact law of the state at a time.

    Parameters
    ----------
    well : the model
    start : state at time 0
    time : > 0; many relaxation times 1/(H − θησ_H) give the stationary law
    paths : how many; path n of a seed is the same for any number of them

    Returns
    -------
    array of `paths` states : without any discretisation bias

    Raises
    ------
    ComputationError : bad input
    """
    require_positive_integer("paths", paths)
    horizon = require_positive("a time", time)
    k = well.unit
    c, g = well.drift_constants()
    least, span = well.excess_bounds()
    bend = 0.5 * k * (math.hypot(c, g) - c)
    longest = min(1.0 / span, 0.5 / bend if bend > 0.0 else math.inf)
    steps = max(1, math.ceil(horizon / longest))
    out = np.empty(paths)
    compiled(_SOURCE, "exact_states", "exact").exact_states(
        np.array(stream_key(seed, 0), dtype=np.uint64),
        0,
        float(well.lamperti(start)),
        steps,
        horizon / steps,
        k,
        c,
        g,
        least,
        span,
        bend,
        out,
    )
    return well.state(out)
