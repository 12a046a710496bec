"""Mean first-passage times per second in doubles, random parameters; a SciPy one-pass beside it.

    python benchmarks/bulk.py [COUNT]

Model: L = (w² − 1)²/4, C = 1 + aL with a, η log-uniform and θ uniform at random, from −1 to the
saddle 0 and past it to 1, lower tail infinite. The peer is the best of SciPy and NumPy: the closed
form of p (C is affine in L), adaptive quadrature of the tail once, Chebyshev interpolants of degree
300 for the inner integral and for the outer one, one parameter set at a time. The rate is given per
second of wall time, and per second of CPU time, which other load leaves alone.
"""

from __future__ import annotations

import platform
import sys
import time
from typing import Any

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
    """τ with p = C^(−κ−s), κ = 2/(ηa): tail by `quad`, inner and outer integral by Chebyshev."""
    from numpy.polynomial import chebyshev
    from scipy.integrate import quad

    power = 2 / (eta * a) + 1 - theta

    def speed(w: Any) -> Any:
        return (1 + a * (np.square(w) - 1) ** 2 / 4) ** -power

    def state(x: Any) -> Any:
        return -1 + (exit + 1) * (x + 1) / 2

    half = (exit + 1) / 2
    tail = quad(speed, -np.inf, -1, epsabs=0, epsrel=1e-12, limit=200)[0]
    inner = chebyshev.chebint(chebyshev.chebinterpolate(lambda x: speed(state(x)), 300), lbnd=-1)

    def outer(x: Any) -> Any:
        c = 1 + a * (np.square(state(x)) - 1) ** 2 / 4
        return c ** (power - 1) * (tail + half * chebyshev.chebval(x, inner))

    total = chebyshev.chebint(chebyshev.chebinterpolate(outer, 300), lbnd=-1)
    return 2 / eta * half * float(chebyshev.chebval(1.0, total))


def _left_over(status: np.ndarray) -> str:
    """How many sets have an infinite mean, and how many doubles leave to balls."""
    infinite, undecided = int((status == 3).sum()), int(((status == 1) | (status == 2)).sum())
    return f"{infinite} infinite means, {undecided} of {len(status)} left to balls"


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    model, parameters = family(), draw(count)
    print(f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}")
    found = bulk.mean_exit_time(model, -1.0, exit_above=1.0, parameters=draw(10))
    for exit in (0.0, 1.0):
        rates, per_cpu = [], []
        for _ in range(3):
            begin, worked = time.perf_counter(), time.process_time()
            found = bulk.mean_exit_time(model, -1.0, exit_above=exit, parameters=parameters)
            rates.append(count / (time.perf_counter() - begin))
            per_cpu.append(count / (time.process_time() - worked))
        few = 100
        sets = list(zip(*parameters.values(), strict=True))[:few]
        worked = time.process_time()
        peer = [scipy_one_pass(float(a), float(e), float(t), exit) for a, e, t in sets]
        peer_rate = few / (time.process_time() - worked)
        finite = found.status[:few] == 0
        differences = np.abs(np.array(peer)[finite] / found.value[:few][finite] - 1)
        print(
            f"-1 -> {exit:+.0f}: {np.median(rates):,.0f} per second of wall time, "
            f"{np.median(per_cpu):,.0f} per CPU second; largest error estimate "
            f"{found.relative_error[found.status == 0].max():.1e}; {_left_over(found.status)}\n"
            f"   SciPy one pass {peer_rate:,.0f} per CPU second (1 : "
            f"{np.median(per_cpu) / peer_rate:,.0f}); "
            f"median difference {np.median(differences):.1e}"
        )


if __name__ == "__main__":
    main()
