"""Mean first-passage times per second in doubles, random parameters; a SciPy one-pass beside it.

    python benchmarks/bulk.py [COUNT]

Model: L = (w² − 1)²/4, C = 1 + aL with a, η log-uniform and θ uniform at random, from −1 to the
saddle 0 and past it to 1, lower tail infinite. The SciPy one-pass integrates the tail and the inner
integral with `solve_ivp` (one sweep, relative tolerance 1e-10), one parameter set at a time.
"""

from __future__ import annotations

import platform
import sys
import time

import numpy as np
import sympy

from numerics import bulk
from numerics.lowering import Model, lower_diffusion


def family() -> Model:
    """The power-law double well with free a, η, θ."""
    w, a, eta, theta = sympy.symbols("w a eta theta", real=True)
    loss = (w**2 - 1) ** 2 / 4
    return lower_diffusion(
        variable=w,
        gradient=sympy.diff(loss, w),
        noise=1 + a * loss,
        eta=eta,
        theta=theta,
        loss=loss,
        parameters=(a, eta, theta),
    )


def draw(count: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Random parameters: barriers from 0.5 to 50 units of noise."""
    rng = np.random.default_rng(seed)
    return {
        "a": 10 ** rng.uniform(-2, 1, count),
        "eta": 10 ** rng.uniform(-2, 0, count),
        "theta": rng.uniform(0, 1, count),
    }


def scipy_one_pass(a: float, eta: float, theta: float, exit: float) -> float:
    """τ by one sweep of an ODE for Φ, ∫p and ∫q∫p; the tail in w = −1 − sinh t first."""
    from scipy.integrate import solve_ivp

    s = 1 - theta

    def coefficients(w: float) -> tuple[float, float]:
        c = 1 + a * (w * w - 1) ** 2 / 4
        return 2 * w * (w * w - 1) / (eta * c), c

    def tail(t: float, y: np.ndarray) -> list[float]:
        w, stretch = -1 - np.sinh(t), np.cosh(t)
        slope, c = coefficients(w)
        return [-slope * stretch, np.exp(-y[0]) * c**-s * stretch]

    def sweep(w: float, y: np.ndarray) -> list[float]:
        slope, c = coefficients(w)
        return [slope, np.exp(-y[0]) * c**-s, 2 / eta * np.exp(y[0]) * c ** (s - 1) * y[1]]

    options = {"method": "DOP853", "rtol": 1e-11, "atol": 1e-30}
    # t = 8 is w ≈ −1500: the rest of p is below 1e-10 for these parameters.
    mass = solve_ivp(tail, (0, 8), [0.0, 0.0], **options).y[1, -1]
    return solve_ivp(sweep, (-1, exit), [0.0, mass, 0.0], **options).y[2, -1]


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    model, parameters = family(), draw(count)
    print(f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}")
    found = bulk.mean_exit_time(model, -1.0, exit_above=1.0, parameters=draw(10))
    for exit in (0.0, 1.0):
        rates = []
        for _ in range(3):
            begin = time.perf_counter()
            found = bulk.mean_exit_time(model, -1.0, exit_above=exit, parameters=parameters)
            rates.append(count / (time.perf_counter() - begin))
        few = 20
        begin = time.perf_counter()
        peer = [
            scipy_one_pass(float(a), float(eta), float(theta), exit)
            for a, eta, theta in list(zip(*parameters.values(), strict=True))[:few]
        ]
        peer_rate = few / (time.perf_counter() - begin)
        differences = np.abs(np.array(peer) / found.value[:few] - 1)
        rate = float(np.median(rates))
        print(
            f"-1 -> {exit:+.0f}: {rate:,.0f} per second; largest error estimate "
            f"{found.relative_error.max():.1e}; SciPy one pass {peer_rate:,.1f} per second "
            f"(1 : {rate / peer_rate:,.0f}), which differs by at most {differences.max():.1e}"
        )


if __name__ == "__main__":
    main()
