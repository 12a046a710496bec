"""Simulated mean exit times from 10² to 10¹², against certified ones.

    python experiments/splitting_ladder.py [--target-error 0.05] [--workers 2]
        [--scheme exact | --plane]

The quartic double well from one minimum to the other, in Itô's reading, with constant noise, with
noise that grows with the loss (heavy tails), and, with `--plane`, beside an Ornstein–Uhlenbeck
coordinate in two dimensions (where a rung takes minutes). For each rung η is chosen, by certified
times, so that τ is near a power of ten; the simulation knows drift and noise alone. H₀ of a rung:
|truth − certified| <= bias bound; a rung fails beyond 6.1 standard errors more (1e-9), and with a
target of 5 % it rejects a time 10 % off. Exit status 1 if a rung fails.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import sympy

from numerics.first_passage import mean_exit_time as certified_time
from numerics.lowering import Model, lower_diffusion, lower_multivariate, lower_region
from numerics.simulation import Estimate, mean_exit_time, region_exit
from theory.expressions import parse_expression

NOISES = {"constant noise": "1", "power-law noise": "1 + (w**2 - 1)**2/4"}
RUNGS = (2, 4, 6, 8, 10, 12)
LARGEST_SCORE = 6.1


def double_well(noise: str, eta: Any) -> Model:
    """L = (w² − 1)²/4 in Itô's reading."""
    w = sympy.Symbol("w", real=True)
    return lower_diffusion(
        variable=w,
        gradient=parse_expression("w**3 - w", {"w": w}),
        noise=parse_expression(noise, {"w": w}),
        eta=eta,
        theta=sympy.Integer(0),
    )


def certified(model: Model) -> float:
    """The mean time from −1 to 1."""
    return float(certified_time(model, -1, exit_above=1, digits=10, method="arb"))


def learning_rate(noise: str, tau: float) -> Any:
    """An η, in steps of 10⁻⁵, for which the time is near τ."""
    low, high = 1000, 400_000
    while high - low > 1:
        middle = (low + high) // 2
        if certified(double_well(noise, sympy.Rational(middle, 100_000))) > tau:
            low = middle
        else:
            high = middle
    return sympy.Rational(high, 100_000)


def in_the_plane(eta: Any, **sampling: Any) -> Estimate:
    """The time of the double well in x, with y on its own, by paths in two dimensions."""
    x, y = sympy.symbols("x y", real=True)
    model = lower_multivariate((x, y), (x**3 - x, y), 1, eta=eta, theta=sympy.Integer(0))
    return region_exit.mean_exit_time(model, (-1, 0), lower_region(x >= 1, (x, y)), **sampling)


def main() -> None:
    """Climb and print the ladder."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--target-error", type=float, default=0.05)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--scheme", default=None)
    options.add_argument("--plane", action="store_true")
    arguments = options.parse_args()
    print(f"{'noise':16} {'eta':>6} {'certified':>12} {'simulated':>12} {'error':>7} "
          f"{'±':>6} {'score':>6}  {'scheme':24} {'CPU s':>6}")  # fmt: skip
    failed = 0
    for name, noise in ({"in the plane": "1"} if arguments.plane else NOISES).items():
        for rung in RUNGS:
            eta = learning_rate(noise, 10.0**rung)
            model = double_well(noise, eta)
            exact = certified(model)
            begun = time.process_time()
            sampling: dict[str, Any] = {
                "target_error": arguments.target_error,
                "seed": arguments.seed,
                "workers": arguments.workers,
            }
            found = (
                in_the_plane(eta, **sampling)
                if arguments.plane
                else mean_exit_time(model, -1, exit_above=1, scheme=arguments.scheme, **sampling)
            )
            seconds = time.process_time() - begun
            miss = found.estimate - exact
            score = max(0.0, abs(miss) - found.bias_bound) / found.standard_error
            failed += score > LARGEST_SCORE
            allowed = (found.half_width() + found.bias_bound) / found.estimate
            print(f"{name:16} {float(eta):6.4f} {exact:12.5g} {found.estimate:12.5g} "
                  f"{100 * miss / exact:+6.2f}% {100 * allowed:5.2f}% {score:6.2f}  "
                  f"{found.scheme:24} {seconds:6.1f}", flush=True)  # fmt: skip
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
