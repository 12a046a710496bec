"""First entries of a region in the plane: Euler's scheme with the boundary moved towards the start.

`dw = (−∇L + θ∇·D)dt + √(ηC) dB` in Itô form, `D = ηC/2`, C a full 2×2 matrix through its Cholesky
factor. The exit region is where a program f is negative; the chain is stopped where
`f <= 0.5826… √(h ∇fᵀ(ηC)∇f)`, the half-plane shift of Gobet and Menozzi (2010) at the nearest piece
of the boundary, of bias O(h) there; levels h and h/4 are extrapolated as for one dimension.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from numerics.errors import ComputationError
from numerics.evaluators import numpy_function, scalar_source
from numerics.planar import PlanarModel
from numerics.program import Program
from numerics.scheduling import ChunkStore, Progress, Scheduler, Threads
from numerics.simulation.estimate import Estimate
from numerics.simulation.exit import SHIFT, LevelDriver, Workplace, refuse_broken
from numerics.simulation.requirements import (
    require_fraction,
    require_positive,
    require_positive_integer,
)
from numerics.simulation.schemes import SCHEMES, Point, Scheme, as_float, compiled
from numerics.simulation.streams import Key

_SOURCE = '''
@njit(error_model="numpy")
def threshold(x, y, f, h, eta, cxx, cxy, cyy):
    """The value of the region's function at which the chain is stopped."""
    d = 1e-6 * (1.0 + abs(x) + abs(y))
    fx = (region(x + d, y) - f) / d
    fy = (region(x, y + d) - f) / d
    spread = cxx * fx * fx + 2.0 * cxy * fx * fy + cyy * fy * fy
    return SHIFT * math.sqrt(max(0.0, eta * h * spread))


@njit(cache=True, nogil=True, error_model="numpy")
def planar_exits(key, first, start_x, start_y, h, limit, eta, te, times, sides):
    """Fill entry times; side 1: entered, 0: still outside after `limit` steps, 2: not finite."""
    steps = 0
    for path in range(times.shape[0]):
        s0, s1, s2, s3 = initial_state(key, first + path)
        x, y = start_x, start_y
        age = 0
        side = 0
        while age < limit and side == 0:
            gx, gy = gradient(x, y)
            cxx, cxy, cyy = noise(x, y)
            ex, ey = divergence(x, y)
            one, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
            two, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
            square, cosine, sine = polar(one, two)
            radius = math.sqrt(eta * h * square)
            root = math.sqrt(cxx)
            u, v = radius * cosine, radius * sine
            x += (te * ex - gx) * h + root * u
            y += (te * ey - gy) * h + cxy / root * u + math.sqrt(cyy - cxy * cxy / cxx) * v
            age += 1
            f = region(x, y)
            if not (f > -math.inf and f < math.inf and x - x == 0.0 and y - y == 0.0):
                side = 2
            elif f <= threshold(x, y, f, h, eta, cxx, cxy, cyy):
                side = 1
        times[path] = age * h
        sides[path] = side
        steps += age
    return steps
'''


@dataclass(frozen=True)
class PlanarExit:
    """Paths from `start` until they enter the exit region."""

    model: PlanarModel
    region: Program
    start: tuple[float, float]
    eta: float
    theta: float

    @property
    def scheme(self) -> Scheme:
        """Euler's."""
        return SCHEMES["euler"]

    @property
    def watch(self) -> str:
        """The boundary shift."""
        return "shift"

    def sample(
        self, key: Key, first: int, count: int, h: float, horizon: float = math.inf
    ) -> tuple[np.ndarray, np.ndarray, int]:
        """Entry times and sides (1, or 0 at the horizon) of paths first … first+count−1."""
        parts = {
            "gradient": self.model.gradient,
            "noise": self.model.noise,
            "divergence": self.model.noise_divergence,
            "region": self.region,
        }
        decorator = '@njit(forceinline=True, error_model="numpy")\n'
        functions = "\n\n".join(decorator + scalar_source(p, name) for name, p in parts.items())
        source = f"{functions}\n{_SOURCE.replace('SHIFT', repr(SHIFT))}"
        times, sides = np.empty(count), np.empty(count, dtype=np.int8)
        steps = compiled(source, "planar_exits", "planar").planar_exits(
            np.array(key, dtype=np.uint64),
            first,
            *self.start,
            h,
            math.ceil(min(horizon / h, 2.0**61)),
            self.eta,
            0.5 * self.theta * self.eta,
            times,
            sides,
        )
        refuse_broken(sides, h)
        return times, sides, int(steps)

    def coarse_step(self) -> float:
        """A first step from the rates of drift and noise at the start, and the way to the exit."""
        d = 1e-4 * (1.0 + math.hypot(*self.start))
        points = np.array(self.start)[:, np.newaxis] + d * np.array(
            [[0.0, 1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0, -1.0]]
        )
        ones = np.ones(points.shape[1])
        drift = np.stack([g * ones for g in numpy_function(self.model.gradient)(*points)])
        noise = np.stack([c * ones for c in numpy_function(self.model.noise)(*points)])
        f = numpy_function(self.region)(*points)[0] * ones
        rate = float(np.abs(drift[:, 1::2] - drift[:, 2::2]).sum(axis=0).max()) / (2.0 * d)
        fx, fy = float(f[1] - f[2]) / (2.0 * d), float(f[3] - f[4]) / (2.0 * d)
        spread = noise[0, 0] * fx**2 + 2.0 * noise[1, 0] * fx * fy + noise[2, 0] * fy**2
        if not (noise[0, 0] > 0.0 and noise[0, 0] * noise[2, 0] > noise[1, 0] ** 2):
            raise ComputationError(
                "a noise C that is positive definite at the start",
                f"C = {noise[:, 0].tolist()}",
                "correct the noise, or give another start",
            )
        if not f[0] > 0.0:
            raise ComputationError(
                "a start outside the exit region", f"start {self.start}", "move it"
            )
        diffusive = 0.02 * float(f[0]) ** 2 / (self.eta * spread) if spread > 0.0 else math.inf
        return min(0.1 / rate if rate > 0.0 else math.inf, diffusive, 1.0)


def mean_exit_time(
    model: PlanarModel,
    start: Sequence[Point],
    exit_region: Program,
    *,
    paths: int | None = None,
    target_error: float | None = None,
    dt: float | None = None,
    seed: int = 0,
    workers: int = 1,
    scheduler: Scheduler | None = None,
    store: ChunkStore | None = None,
    progress: Progress | None = None,
) -> Estimate:
    """Mean time to enter `exit_region` from `start`, from drift and diffusion alone.

    Parameters
    ----------
    model : planar drift and noise, η and θ
    start : two coordinates, outside the region
    exit_region : program of the two variables, negative inside the region
    paths, target_error, dt, seed, workers, scheduler, store, progress : as in one dimension

    Raises
    ------
    ComputationError : bad input, explosion, a region that is not entered within the work allowed
    """
    begun = time.perf_counter()
    x, y = (as_float(coordinate, "a start") for coordinate in start)
    eta, theta = as_float(model.eta, "η"), as_float(model.theta, "θ")
    problem = PlanarExit(model, exit_region, (x, y), require_positive("η", eta), theta)
    h = problem.coarse_step()
    if dt is not None:
        h = require_positive("a time step dt", dt)
    if paths is not None:
        require_positive_integer("paths", paths, least=2)
    require_positive_integer("workers", workers)
    driver = LevelDriver(
        problem,
        seed,
        Workplace(scheduler or Threads(workers), store, progress),
        paths,
        require_fraction("a relative target error", target_error, default=0.01),
        fixed_step=dt is not None,
    )
    value, error, bias, used = driver.run(h)
    return Estimate(
        estimate=value,
        standard_error=error,
        bias_bound=bias,
        bias_kind="estimated",
        paths=used,
        path_steps=driver.steps,
        scheme="euler-shift",
        seed=seed,
        seconds=time.perf_counter() - begun,
    )
