"""Every certified quantity of one model at 15, 50 and 200 digits, by each route alone.

    python benchmarks/quantities.py [--digits 15,50,200] [--routes arb,mpmath] [--only NAME,…]

Model: quartic double well L = (w² − 1)²/4, C = 1 + (w² − 1)²/4, η = 1/20, Ito. Each figure is one
call in a process of its own, with nothing kept from before, imports not counted, in CPU seconds
(so that other work on the machine counts less). `--timeout` bounds each call, in wall time.
"""

from __future__ import annotations

import argparse
import multiprocessing
import platform
import time
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from importlib.metadata import version
from typing import Any

import sympy
from mpmath.libmp import BACKEND

from numerics import (  # noqa: F401  (the second routes: their imports are not to be timed)
    eigenvalues,
    first_passage,
    mpmath_route,
    mpmath_spectrum,
    stationary,
)
from numerics.lowering import lower_diffusion

W = sympy.Symbol("w", real=True)
WELL = lower_diffusion(
    variable=W,
    loss=(W**2 - 1) ** 2 / 4,
    noise=1 + (W**2 - 1) ** 2 / 4,
    eta=sympy.Rational(1, 20),
    theta=0,
)
THROUGH = {"start": -1, "exit_above": 1}
BETWEEN = {"start": 0, "exit_below": -1, "exit_above": 1}
TENTH = Fraction(1, 10)

QUANTITIES: dict[str, Callable[..., object]] = {
    "stationary-density at 1/2": lambda **o: stationary.density(WELL, Fraction(1, 2), **o),
    "normaliser": lambda **o: stationary.normaliser(WELL, **o),
    "cumulative at 1/2": lambda **o: stationary.cumulative(WELL, Fraction(1, 2), **o),
    "quantile of 3/4": lambda **o: stationary.quantile(WELL, Fraction(3, 4), **o),
    "moment 2": lambda **o: stationary.moment(WELL, 2, **o),
    "absolute moment 1/2": lambda **o: stationary.moment(WELL, Fraction(1, 2), absolute=True, **o),
    "tail-index": lambda **o: stationary.tail_index(WELL, **o),
    "mean-exit-time": lambda **o: first_passage.mean_exit_time(WELL, **THROUGH, **o),
    "mean-exit-time, two exits": lambda **o: first_passage.mean_exit_time(WELL, **BETWEEN, **o),
    "exit-time-moment 2": lambda **o: first_passage.exit_time_moment(WELL, 2, **THROUGH, **o),
    "exit-time-moment 2, two exits": lambda **o: first_passage.exit_time_moment(
        WELL, 2, **BETWEEN, **o
    ),
    "exit-time-laplace": lambda **o: first_passage.exit_time_laplace(WELL, TENTH, **THROUGH, **o),
    "exit-time-laplace, two exits": lambda **o: first_passage.exit_time_laplace(
        WELL, TENTH, **BETWEEN, **o
    ),
    "exit-probability": lambda **o: first_passage.exit_probability(WELL, **BETWEEN, **o),
    "spectrum, 2 eigenvalues": lambda **o: eigenvalues.spectrum(WELL, 2, **o),
    "spectrum, 2, exit at 1": lambda **o: eigenvalues.spectrum(WELL, 2, exit_above=1, **o),
}


def seconds(run: Callable[[], object], timeout: float) -> float | None:
    """CPU time of a call in a fresh process; None beyond the timeout."""
    context = multiprocessing.get_context("fork")
    receive, send = context.Pipe(duplex=False)

    def timed() -> None:
        begun = time.process_time()
        run()
        send.send(time.process_time() - begun)

    process = context.Process(target=timed)
    process.start()
    finished = receive.poll(timeout)
    if not finished:
        process.kill()
    process.join()
    if finished and process.exitcode == 0:
        return float(receive.recv())
    if finished:
        raise SystemExit("a quantity failed: see above")
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--digits", default="15,50,200")
    parser.add_argument("--routes", default="arb,mpmath")
    parser.add_argument("--only", default="", help="parts of names, separated by commas")
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds for each call")
    options = parser.parse_args()
    columns: list[tuple[str, int]] = [
        (route, int(digits))
        for route in options.routes.split(",")
        for digits in options.digits.split(",")
    ]
    wanted = options.only.split(",")
    packages = {name: version(name) for name in ("python-flint", "mpmath")}
    machine: dict[str, Any] = {"python": platform.python_version(), "machine": platform.machine()}
    machine |= {"mpmath backend": BACKEND, **packages}
    print("  ".join(f"{key} {value}" for key, value in machine.items()))
    print(" | ".join([f"{'':30}", *(f"{route:>6} {digits:4}" for route, digits in columns)]))
    for name, quantity in QUANTITIES.items():
        if not any(part in name for part in wanted):
            continue
        print(f"{name:30}", end="", flush=True)
        for route, digits in columns:
            taken = seconds(partial(quantity, digits=digits, method=route), options.timeout)
            shown = f"> {options.timeout:.0f} s" if taken is None else f"{taken:.3f} s"
            print(f" | {shown:>11}", end="", flush=True)
        print()


if __name__ == "__main__":
    main()
