"""Exact simulation by rejection: exit times and states without a time step, hence without its bias.

In coordinates of unit noise (`numerics.simulation.unit_noise`) the law of a path relative to that
of a Brownian motion is `exp(A(y_T) − A(y_0) − ∫₀ᵀ φ(y_t)dt)` (Girsanov). A path goes from cell to
cell: from y it leaves (y−r, y+r), where r is the radius of the cell, or the distance to the nearest
exit if that is less. The law of side and time T is drawn by rejection:

- a side, with odds `e^A` of the two ends, and a time T of the first exit of a Brownian motion; its
  density `f(t)`, in units of r², is tilted by `e^(−φ_min t)`. Both series of f alternate, so that
  three terms decide (Devroye 2009; Burq and Jones 2008);
- accepted with probability `exp(−∫(φ − φ_min)dt)`, on which a Poisson process of rate
  `φ_max − φ_min` decides (Beskos and Roberts 2005), at places of the Brownian path given that it
  leaves at T by that side.

Let z in (0, 2) be the distance from that side, q the density killed at both ends, g the flux into
z = 0. The next place z after a, a time s later and u before T, has a density
`∝ q(s; a, z) g(u; z)`, drawn by rejection from its leading term where s or u is large, else from
the bridge of a three-dimensional Bessel process, whose share that stays below 2 is a ratio of theta
series.

As the cells shrink towards an exit, half of the attempts reach it and the others go twice as far
away: a few suffice, and an exit is reached itself, not its neighbourhood. The only errors are those
of rounding and of the tables.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from numerics.errors import ComputationError
from numerics.lowering import Model
from numerics.simulation.exit import ExitProblem
from numerics.simulation.requirements import require_positive, require_positive_integer
from numerics.simulation.schemes import KernelModel, Point, as_float, compiled, kernel_model
from numerics.simulation.streams import Key, stream_key
from numerics.simulation.unit_noise import (
    UnitNoiseTable,
    unit_noise_coefficients,
    unit_noise_table,
)

EXACT = "exact"

_SOURCE = '''
@njit(error_model="numpy")
def two_normals(s0, s1, s2, s3):
    one, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
    two, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
    square, cosine, sine = polar(one, two)
    root = math.sqrt(square)
    return root * cosine, root * sine, s0, s1, s2, s3


@njit(error_model="numpy")
def draw(s0, s1, s2, s3):
    word, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
    return uniform(word), s0, s1, s2, s3


@njit(error_model="numpy")
def exit_time(tilt, s0, s1, s2, s3):
    """T of the first exit of a Brownian motion from (-1, 1), of density f(t) e^(tilt t)/norm.

    Before CUT = 1/1.25**2 from the series in e^(-1/(2t)), after it from that in e^(-pi**2 t/8).
    """
    rate = 1.2337005501361697 - tilt
    steep = max(tilt, 0.0) * 0.64
    early = 0.5844698624493413 * math.exp(steep)
    late = 1.5707963267948966 / rate * math.exp(-0.64 * rate)
    while True:
        u, s0, s1, s2, s3 = draw(s0, s1, s2, s3)
        v, s0, s1, s2, s3 = draw(s0, s1, s2, s3)
        w, s0, s1, s2, s3 = draw(s0, s1, s2, s3)
        if u * (early + late) < early:
            t = 1.0 / (1.5625 + minus_two_log(v))
            four = math.exp(-4.0 / t)
            share = 1.25 * math.sqrt(t) * math.exp(tilt * t - steep)
            if w < share * (1.0 - four * (3.0 - 5.0 * four * four)):
                return t, s0, s1, s2, s3
        else:
            t = 0.64 + 0.5 * minus_two_log(v) / rate
            nine = math.exp(-9.869604401089358 * t)
            if w < 1.0 - nine * (3.0 - 5.0 * nine * nine):
                return t, s0, s1, s2, s3


@njit(error_model="numpy")
def killed_over_free(s, a, z):
    """q(s; a, z) over the density of a free Brownian motion; s <= 2."""
    total = -math.expm1(-2.0 * a * z / s)
    for k in range(1, 4):
        total += math.exp(-(4.0 * k * (z - a) + 8.0 * k * k) / s)
        total -= math.exp(-2.0 * (a + 2.0 * k) * (z + 2.0 * k) / s)
        total += math.exp(-(8.0 * k * k - 4.0 * k * (z - a)) / s)
        total -= math.exp(-2.0 * (a - 2.0 * k) * (z - 2.0 * k) / s)
    return total


@njit(error_model="numpy")
def flux_over_one_sided(u, z):
    """g(u; z) over the flux into 0 without an end at 2; u <= 2."""
    total = 1.0
    for k in range(1, 4):
        total += (1.0 + 4.0 * k / z) * math.exp(-4.0 * k * (z + 2.0 * k) / u)
        total += (1.0 - 4.0 * k / z) * math.exp(-4.0 * k * (2.0 * k - z) / u)
    return total


@njit(error_model="numpy")
def over_leading(s, a, z):
    """A sum over n of U(n-1, a) U(n-1, z) e^(-(n**2-1) pi**2 s/8); s >= 1.

    With the cosines of pi a/2 and pi z/2 it is q over its leading term, with a = 1 also g.
    """
    before_a, before_z, here_a, here_z = 0.0, 0.0, 1.0, 1.0
    total = 1.0
    for n in range(2, 7):
        before_a, here_a = here_a, 2.0 * a * here_a - before_a
        before_z, here_z = here_z, 2.0 * z * here_z - before_z
        total += here_a * here_z * math.exp(-(n * n - 1) * 1.2337005501361697 * s)
    return total


@njit(error_model="numpy")
def place(a, s, u, s0, s1, s2, s3):
    """z of density q(s; a, z) g(u; z)/norm: where a path is s after a and u before it leaves by 0.
    """
    cosine_a = math.cos(1.5707963267948966 * a)
    while True:
        w, s0, s1, s2, s3 = draw(s0, s1, s2, s3)
        if s + u <= 2.0:
            x, y, s0, s1, s2, s3 = two_normals(s0, s1, s2, s3)
            v, _, s0, s1, s2, s3 = two_normals(s0, s1, s2, s3)
            scale = math.sqrt(s * u / (s + u))
            x = a * u / (s + u) + scale * x
            z = math.sqrt(x * x + scale * scale * (y * y + v * v))
            if z < 2.0:
                free = -math.expm1(-2.0 * a * z / s)
                if w * free < killed_over_free(s, a, z) * flux_over_one_sided(u, z):
                    return z, s0, s1, s2, s3
        elif s >= 1.0 and u >= 1.0:
            v, s0, s1, s2, s3 = draw(s0, s1, s2, s3)
            z = 2.0 * v
            cosine = math.cos(1.5707963267948966 * z)
            most = over_leading(s, 1.0, 1.0) * over_leading(u, 1.0, 1.0)
            share = over_leading(s, cosine_a, cosine) * over_leading(u, 1.0, cosine) / most
            if w < share * (1.0 - cosine * cosine):
                return z, s0, s1, s2, s3
        elif u < 1.0:
            x, y, s0, s1, s2, s3 = two_normals(s0, s1, s2, s3)
            v, _, s0, s1, s2, s3 = two_normals(s0, s1, s2, s3)
            z = math.sqrt(u * (x * x + y * y + v * v))
            if z < 2.0:
                angle = 1.5707963267948966 * z
                share = math.sin(angle) / angle * flux_over_one_sided(u, z)
                most = over_leading(s, 1.0, 1.0)
                if w * most < share * over_leading(s, cosine_a, math.cos(angle)):
                    return z, s0, s1, s2, s3
        else:
            x, _, s0, s1, s2, s3 = two_normals(s0, s1, s2, s3)
            z = a + math.sqrt(s) * x
            if 0.0 < z < 2.0:
                angle = 1.5707963267948966 * z
                share = math.sin(angle) * over_leading(u, 1.0, math.cos(angle))
                most = over_leading(u, 1.0, 1.0)
                if w * most < share * killed_over_free(s, a, z):
                    return z, s0, s1, s2, s3


@njit(forceinline=True, error_model="numpy")
def value(coefficients, edges, i, y):
    """A polynomial of panel i at y."""
    low, high = edges[i], edges[i + 1]
    t = (2.0 * y - low - high) / (high - low)
    total = coefficients[i, NODES - 1]
    for k in range(NODES - 2, -1, -1):
        total = fma(total, t, coefficients[i, k])
    return total


@njit(forceinline=True, error_model="numpy")
def panel_of(edges, i, y):
    """The panel of y, near panel i."""
    while i > 0 and y < edges[i]:
        i -= 1
    while i < edges.shape[0] - 2 and y >= edges[i + 1]:
        i += 1
    return i


@njit(error_model="numpy")
def leave(y, i, r, within, edges, potential, rate, least, span, s0, s1, s2, s3):
    """Time and side of the exit from (y-r, y+r), or the place at time `within` if that is before.

    Returns the time, the side (0 if the path is still inside), the place, and the stream.
    """
    up = panel_of(edges, i, y + r)
    down = panel_of(edges, i, y - r)
    rise = value(potential, edges, up, y + r) - value(potential, edges, down, y - r)
    upwards = 1.0 / (1.0 + math.exp(-rise))
    low, load, horizon = least[i], span[i] * r * r, within / (r * r)
    while True:
        time, s0, s1, s2, s3 = exit_time(-low * r * r, s0, s1, s2, s3)
        u, s0, s1, s2, s3 = draw(s0, s1, s2, s3)
        side = 1 if u < upwards else -1
        clock, z, seen, stopped = 0.0, 1.0, 0.0, y
        accepted = True
        looked = horizon >= time
        while True:
            u, s0, s1, s2, s3 = draw(s0, s1, s2, s3)
            clock += 0.5 * minus_two_log(u) / load
            if not looked and clock >= horizon:
                z, s0, s1, s2, s3 = place(z, horizon - seen, time - horizon, s0, s1, s2, s3)
                seen, stopped, looked = horizon, y + side * (1.0 - z) * r, True
            if clock >= time:
                break
            z, s0, s1, s2, s3 = place(z, clock - seen, time - clock, s0, s1, s2, s3)
            seen = clock
            x = y + side * (1.0 - z) * r
            u, s0, s1, s2, s3 = draw(s0, s1, s2, s3)
            if u * span[i] < value(rate, edges, panel_of(edges, i, x), x) - low:
                accepted = False
                break
        if accepted:
            if horizon < time:
                return within, 0, stopped, s0, s1, s2, s3
            return time * r * r, side, y + side * r, s0, s1, s2, s3


@njit(forceinline=True, error_model="numpy")
def cell(y, r, lower, upper):
    """The radius of a cell between the exits, and whether its ends are exits."""
    above, below = upper - y, y - lower
    r = min(r, min(above, below))
    return r, above <= r, below <= r


@njit(cache=True, nogil=True, error_model="numpy")
def exact_exits(
    key, first, start, begin, lower, upper, horizon,
    edges, potential, rate, radius, least, span, times, sides
):
    """Exit times and sides of paths first, first+1, …; return the cells that they left.

    Sides: -1, 1, 0 for a path still inside at the horizon, 2 for one that left the table.
    """
    steps = 0
    for n in range(times.shape[0]):
        s0, s1, s2, s3 = initial_state(key, first + n)
        y, i, clock, out = start, begin, 0.0, 0
        while out == 0 and clock < horizon:
            if not radius[i] > 0.0:
                out = 2
                break
            r, above, below = cell(y, radius[i], lower, upper)
            time, side, y, s0, s1, s2, s3 = leave(
                y, i, r, math.inf, edges, potential, rate, least, span, s0, s1, s2, s3
            )
            clock += time
            steps += 1
            if (side > 0 and above) or y >= upper:
                out = 1
            elif (side < 0 and below) or y <= lower:
                out = -1
            i = panel_of(edges, i, y)
        times[n], sides[n] = clock, out
    return steps


@njit(cache=True, nogil=True, error_model="numpy")
def exact_climbs(
    key, first, start, begin, lower, upper, penalty, limit,
    edges, potential, rate, radius, least, span, times
):
    """Times from the start to `upper`: from `lower` back to the start it takes `penalty`.

    Returns the cells left and the returns; times are negative where `limit` cells did not suffice.
    """
    steps = returns = 0
    for n in range(times.shape[0]):
        s0, s1, s2, s3 = initial_state(key, first + n)
        y, i, clock, taken = start, begin, 0.0, 0
        while True:
            if not radius[i] > 0.0 or taken == limit:
                clock = -1.0
                break
            r, above, below = cell(y, radius[i], lower, upper)
            time, side, y, s0, s1, s2, s3 = leave(
                y, i, r, math.inf, edges, potential, rate, least, span, s0, s1, s2, s3
            )
            clock += time
            taken += 1
            if (side > 0 and above) or y >= upper:
                break
            i = panel_of(edges, i, y)
            if (side < 0 and below) or y <= lower:
                clock += penalty
                returns += 1
                y, i = start, begin
        times[n] = clock
        steps += taken
    return steps, returns


@njit(cache=True, nogil=True, error_model="numpy")
def exact_record(
    key, first, fresh, states, streams, waits,
    edges, potential, rate, radius, least, span, out
):
    """Go on with paths first, first+1, … from their states and streams, for one wait after another.

    `out[n, k]`, the place after wait k, is NaN off the table. Streams begin where `fresh` is 1.
    """
    for n in range(out.shape[0]):
        if fresh:
            s0, s1, s2, s3 = initial_state(key, first + n)
        else:
            s0, s1, s2, s3 = streams[n, 0], streams[n, 1], streams[n, 2], streams[n, 3]
        y = states[n]
        i = panel_of(edges, 0, y)
        for k in range(waits.shape[0]):
            clock = 0.0
            while clock < waits[k]:
                if not radius[i] > 0.0:
                    y = math.nan
                    break
                left = waits[k] - clock
                time, side, y, s0, s1, s2, s3 = leave(
                    y, i, radius[i], left, edges, potential, rate, least, span, s0, s1, s2, s3
                )
                clock = waits[k] if side == 0 else clock + time
                i = panel_of(edges, i, y)
            out[n, k] = y
        states[n] = y
        streams[n, 0], streams[n, 1], streams[n, 2], streams[n, 3] = s0, s1, s2, s3
'''


def exact_kernel(name: str) -> Any:
    """One of the compiled functions above; the same for every model, which is in the tables."""
    from numerics.simulation.unit_noise import NODES

    return getattr(compiled(_SOURCE.replace("NODES", str(NODES)), name, EXACT), name)


@dataclass(frozen=True)
class ExactProblem:
    """Paths of a model from `start` until they leave (lower, upper), without a time step.

    Exits may be infinite. A `mirrored` problem is that of −w: so are its start and exits.
    """

    model: Model = field(repr=False)
    parameters: tuple[tuple[str, float], ...]
    kernel: KernelModel
    start: float
    lower: float
    upper: float
    mirrored: bool = False

    @cached_property
    def table(self) -> UnitNoiseTable:
        """The model between the exits, in coordinates of unit noise; 0 is the start."""
        return _table(self)

    @cached_property
    def scale(self) -> float:
        """The time of a cell, r² averaged with the density e^(2A)."""
        height = self.table.potential[:, 0]
        weight = np.exp(2.0 * (height - height.max())) * np.diff(self.table.edges)
        return float(np.average(self.table.radius**2, weights=weight))

    def coordinates(self) -> tuple[float, float, float]:
        """y of the start and of the exits."""
        edges = self.table.edges
        lower = float(edges[0]) if math.isfinite(self.lower) else -math.inf
        upper = float(edges[-1]) if math.isfinite(self.upper) else math.inf
        return 0.0, lower, upper

    def arguments(self) -> tuple[np.ndarray, ...]:
        """The tables as kernels take them."""
        t = self.table
        return t.edges, t.potential, t.rate, t.radius, t.least, t.span

    def sample(
        self, key: Key, first: int, count: int, h: float = 0.0, horizon: float = math.inf
    ) -> tuple[np.ndarray, np.ndarray, int]:
        """Exit times and sides of paths first … first+count−1, and the cells they left.

        A side is −1 or 1, or 0 for a path still inside at `horizon`. There is no step: `h` is not
        used.

        Raises
        ------
        ComputationError : a path went where the table ends
        """
        times, sides = np.empty(count), np.empty(count, dtype=np.int8)
        start, lower, upper = self.coordinates()
        steps = exact_kernel("exact_exits")(
            np.array(key, dtype=np.uint64), first, start, self.table.panel_of(start), lower, upper,
            horizon, *self.arguments(), times, sides,
        )  # fmt: skip
        if np.any(sides == _BEYOND):
            raise beyond(self)
        return times, sides, int(steps)


_BEYOND = 2


def beyond(problem: ExactProblem) -> ComputationError:
    """The error for a path that went where the table ends."""
    low, high = (float(w) for w in problem.table.states(problem.table.edges[[0, -1]]))
    return ComputationError(
        "paths that do not come near infinity, nor a zero of C",
        f"one that left ({low:.4g}, {high:.4g})",
        "give an exit on that side, or take another scheme",
    )


@lru_cache(maxsize=64)
def _table(problem: ExactProblem) -> UnitNoiseTable:
    coefficients = unit_noise_coefficients(
        problem.model, problem.kernel, dict(problem.parameters), problem.mirrored
    )
    return unit_noise_table(coefficients, problem.start, problem.lower, problem.upper)


def _given(parameters: Mapping[str, float] | None) -> tuple[tuple[str, float], ...]:
    return tuple(sorted((name, float(value)) for name, value in (parameters or {}).items()))


def exact_problem(
    model: Model, problem: ExitProblem, parameters: Mapping[str, float] | None = None
) -> ExactProblem:
    """An exit problem of the model as one for exact simulation."""
    return ExactProblem(
        model, _given(parameters), problem.kernel, problem.start, problem.lower, problem.upper
    )


@dataclass(frozen=True)
class ExactStepper:
    """Paths on the whole line, recorded at equal times; their kernel's states are y."""

    problem: ExactProblem
    dimension: int = 1

    def states(self, values: np.ndarray) -> np.ndarray:
        """w of an array of y."""
        return self.problem.table.states(values)

    def run(self, *arguments: Any) -> int:
        """As `numerics.simulation.trajectories` goes on with paths: states (paths, times, 1).

        Raises
        ------
        ComputationError : a path went where the table ends
        """
        key, first, fresh, states, streams, h, every, out = arguments
        waits = np.full(out.shape[1] - fresh, h * every)
        self.record(key, first, fresh, states[:, 0], streams, waits, out[:, fresh:, 0])
        return 0

    def record(
        self, key: np.ndarray, first: int, fresh: int, states: np.ndarray, streams: np.ndarray,
        waits: np.ndarray, out: np.ndarray,
    ) -> None:  # fmt: skip
        """The compiled `exact_record`, with the model's tables."""
        arguments = self.problem.arguments()
        exact_kernel("exact_record")(key, first, fresh, states, streams, waits, *arguments, out)
        if np.any(np.isnan(out)):
            raise beyond(self.problem)


def exact_stepper(
    model: Model, start: Point, parameters: Mapping[str, float] | None = None
) -> ExactStepper:
    """Paths of a model without exits, for `trajectories` and `exact_states`; y = 0 at the start.

    Raises
    ------
    ComputationError : a start that is not a number, a parameter without a value
    """
    kernel = kernel_model(model, parameters)
    origin = as_float(start, "a start")
    return ExactStepper(
        ExactProblem(model, _given(parameters), kernel, origin, -math.inf, math.inf)
    )


def exact_states(
    model: Model,
    start: Point,
    instants: np.ndarray,
    *,
    paths: int,
    seed: int = 0,
    parameters: Mapping[str, float] | None = None,
) -> np.ndarray:
    """States of independent paths at given times, from their exact law.

    Parameters
    ----------
    model : of any smooth drift and noise, at any θ
    start : state at time 0
    instants : (K,) increasing times > 0
    paths : how many; path n of a seed is the same for any number of them
    parameters : values of the model's parameters by name

    Returns
    -------
    array (paths, K) of states : without any discretisation bias

    Raises
    ------
    ComputationError : bad input, drift or noise that are not smooth, paths that go to infinity
    """
    require_positive_integer("paths", paths)
    times = np.atleast_1d(np.asarray(instants, dtype=float))
    waits = np.diff(times, prepend=0.0)
    for wait in waits:
        require_positive("times that increase from above 0", float(wait))
    stepper = exact_stepper(model, start, parameters)
    out = np.empty((paths, times.size))
    stepper.record(
        np.array(stream_key(seed, 0), dtype=np.uint64), 0, 1, np.zeros(paths),
        np.zeros((paths, 4), dtype=np.uint64), waits, out,
    )  # fmt: skip
    return stepper.states(out)
