"""Speed of the simulator against its peers, as ratios within one run.

    python benchmarks/simulation.py [--reference em.cpp] [--repeats 3]

Model of both cases: quadratic well, H = σ_g = 1, σ_H = 1/2, η = 1/10, Itô, h = 1/100.
(a) plain: final states at T = 10; (b) first exit of |w| > 1, live path-steps only.
The NumPy peer is in place, chunked and compacting, with SFC64. diffrax (one solve with a vector of
paths as its state, its fastest arrangement) and torchsde are timed where they are installed. A C++
reference that prints JSON lines `{"name": …, "rate": …}` is compiled and timed if its source is
given (it needs AVX-512).
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import sympy

from numerics.lowering import Model, lower_diffusion
from numerics.simulation.ergodic import ErgodicRun
from numerics.simulation.exit import exit_problem
from numerics.simulation.schemes import SCHEMES, kernel_model
from numerics.simulation.streams import stream_key
from theory.expressions import parse_expression

STEP = 0.01
KEY = stream_key(0, 99)


def model(gradient: str, noise: str) -> Model:
    """A model of fixed text at η = 1/10, Itô."""
    w = sympy.Symbol("w", real=True)
    return lower_diffusion(
        variable=w,
        gradient=parse_expression(gradient, {"w": w}),
        noise=parse_expression(noise, {"w": w}),
        eta=sympy.Rational(1, 10),
        theta=sympy.Integer(0),
    )


def numpy_plain(paths: int) -> int:
    """Euler steps on arrays of 10⁴ paths."""
    generator = np.random.Generator(np.random.SFC64(1))
    z, c = np.empty(10_000), np.empty(10_000)
    for _ in range(paths // 10_000):
        w = np.zeros(10_000)
        for _ in range(1000):
            generator.standard_normal(out=z)
            np.multiply(w, w, out=c)
            c *= 0.05 * STEP
            c += 0.1 * STEP
            np.sqrt(c, out=c)
            c *= z
            w *= 1.0 - STEP
            w += c
    return paths // 10_000 * 10_000 * 1000


def numpy_exit(paths: int) -> int:
    """Euler steps on the paths still inside."""
    generator = np.random.Generator(np.random.SFC64(2))
    w, steps = np.zeros(paths), 0
    while w.size:
        steps += w.size
        noise = np.sqrt((0.1 + 0.05 * w * w) * STEP)
        noise *= generator.standard_normal(w.size)
        w = w * (1.0 - STEP) + noise
        w = w[np.abs(w) <= 1.0]
    return steps


def diffrax_plain(paths: int) -> Callable[[], int] | None:
    """One solve of diffrax with all paths as its state, compiled; None where it is missing."""
    try:
        jax, diffrax, lineax = (import_module(n) for n in ("jax", "diffrax", "lineax"))
    except ImportError:
        return None
    jax.config.update("jax_enable_x64", True)
    jnp = jax.numpy

    def drift(_t: object, y: Any, _args: object) -> Any:
        return -y

    def noise(_t: object, y: Any, _args: object) -> Any:
        return lineax.DiagonalLinearOperator(jnp.sqrt(0.1 + 0.05 * y * y))

    @jax.jit
    def solve(key: Any) -> Any:
        path = diffrax.UnsafeBrownianPath(shape=(paths,), key=key)
        terms = diffrax.MultiTerm(diffrax.ODETerm(drift), diffrax.ControlTerm(noise, path))
        return diffrax.diffeqsolve(
            terms,
            diffrax.Euler(),
            0.0,
            10.0,
            STEP,
            jnp.zeros(paths),
            saveat=diffrax.SaveAt(t1=True),
            max_steps=1050,
            adjoint=diffrax.ForwardMode(),
        ).ys[0]

    def run() -> int:
        solve(jax.random.key(0)).block_until_ready()
        return paths * 1000

    return run


def torchsde_plain(paths: int) -> Callable[[], int] | None:
    """Euler's method of torchsde; None where it is missing."""
    try:
        torch, torchsde = (import_module(n) for n in ("torch", "torchsde"))
    except ImportError:
        return None

    class Well:
        noise_type, sde_type = "diagonal", "ito"

        def f(self, _t: object, y: Any) -> Any:
            return -y

        def g(self, _t: object, y: Any) -> Any:
            return torch.sqrt(0.1 + 0.05 * y * y)

    def run() -> int:
        start = torch.zeros(paths, 1, dtype=torch.float64)
        with torch.no_grad():
            torchsde.sdeint(Well(), start, torch.tensor([0.0, 10.0]), method="euler", dt=STEP)
        return paths * 1000

    return run


def plain(made: Model, paths: int, workers: int, scheme: str = "euler") -> int:
    """Final states of all paths, chunk by chunk."""
    run = ErgodicRun(kernel_model(made), SCHEMES[scheme], 0.0)

    def chunk(first: int) -> int:
        run.states(KEY, first, 4096, STEP, 0, 500, 1)
        return 4096 * 1000

    return shared(chunk, range(0, paths, 4096), workers)


def exits(made: Model, paths: int, workers: int, scheme: str) -> int:
    """Exit times of all paths, in one chunk for each worker."""
    problem = exit_problem(made, 0, exit_above=1, exit_below=-1, scheme=scheme)
    size = paths // workers

    def chunk(first: int) -> int:
        return problem.sample(KEY, first, size, STEP)[2]

    return shared(chunk, range(0, workers * size, size), workers)


BUSY: dict[int, float] = {}
"""CPU seconds of each thread in the latest case that `shared` has run."""


def shared(chunk: Callable[[int], int], firsts: range, workers: int) -> int:
    """Steps of all chunks, by threads whose CPU times are kept in `BUSY`."""
    BUSY.clear()

    def timed(first: int) -> int:
        begun = time.thread_time()
        steps = chunk(first)
        thread = threading.get_ident()
        BUSY[thread] = BUSY.get(thread, 0.0) + time.thread_time() - begun
        return steps

    with ThreadPoolExecutor(workers) as pool:
        return sum(pool.map(timed, firsts))


def rate(work: Callable[[], int], repeats: int) -> float:
    """Median path-steps per second; the first call warms up."""
    work()
    rates = []
    for _ in range(repeats):
        begun = time.perf_counter()
        steps = work()
        rates.append(steps / (time.perf_counter() - begun))
    return statistics.median(rates)


def reference_rates(source: Path) -> dict[str, float]:
    """Best rate of each case of the C++ reference: keys a1, a2, b1, b2 (threads)."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "reference"
        subprocess.run(
            ["g++", "-O3", "-march=native", "-std=c++17", "-pthread", source, "-o", program],
            check=True,
        )
        lines = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    best: dict[str, float] = {}
    for line in lines.splitlines():
        if line.startswith("{"):
            row = json.loads(line)
            name = row["name"]
            if name.startswith("("):
                key = name[1] + ("2" if "2 threads" in name else "1")
                best[key] = max(best.get(key, 0.0), row["rate"])
    return best


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--reference", type=Path, help="C++ source of the AVX-512 reference")
    options.add_argument("--repeats", type=int, default=3)
    arguments = options.parse_args()
    repeats = arguments.repeats
    well = model("w", "1 + w**2/2")
    general = model("w**3/4 + w - w**2/5", "1 + w**2/2 + w**4/10")
    cases: dict[str, Callable[[], int]] = {
        "a  NumPy, in place, 1 thread": lambda: numpy_plain(20_000),
        "a1 power-law well, 1 thread": lambda: plain(well, 100_000, 1),
        "a2 power-law well, 2 threads": lambda: plain(well, 200_000, 2),
        "a1 quartic model, 1 thread": lambda: plain(general, 100_000, 1),
        "a1 power-law well, taylor, 1 thread": lambda: plain(well, 50_000, 1, "taylor"),
        "b  NumPy, compacting, 1 thread": lambda: numpy_exit(400),
        "b1 grid, 1 thread": lambda: exits(well, 4_000, 1, "euler-grid"),
        "b2 grid, 2 threads": lambda: exits(well, 8_000, 2, "euler-grid"),
        "b1 bridge, 1 thread": lambda: exits(well, 4_000, 1, "euler-bridge"),
        "b1 taylor-bridge, 1 thread": lambda: exits(well, 2_000, 1, "taylor-bridge"),
    }
    for name, peer in (
        ("a  diffrax, one solve, all cores", diffrax_plain(100_000)),
        ("a  torchsde, all cores", torchsde_plain(10_000)),
    ):
        if peer is None:
            print(f"not installed: {name.split()[1].rstrip(',')}", file=sys.stderr)
        else:
            cases[name] = peer
    reference = reference_rates(arguments.reference) if arguments.reference else {}
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, "
          f"NumPy {np.__version__}")  # fmt: skip
    rates: dict[str, float] = {}
    balance: dict[str, float] = {}
    for name, work in cases.items():
        print(f"… {name}", file=sys.stderr)
        rates[name] = rate(work, repeats)
        balance[name] = sum(BUSY.values()) / max(BUSY.values(), default=math.nan)
    for name, value in rates.items():
        numpy = rates[next(n for n in rates if n[0] == name[0] and "NumPy" in n)]
        known = reference.get(name[:2].strip())
        ratio = f"{value / known:10.2f}" if known else f"{'–':>10}"
        print(f"{name:38} {value:9.3g}/s {value / numpy:8.1f} of NumPy {ratio} of reference")
    for case, one, two in (
        ("a", "a1 power-law well, 1 thread", "a2 power-law well, 2 threads"),
        ("b", "b1 grid, 1 thread", "b2 grid, 2 threads"),
    ):
        print(f"({case}) two threads / one: {rates[two] / rates[one]:.2f}; "
              f"CPU seconds of both / of the busier one: {balance[two]:.2f}")  # fmt: skip
    both = rates["a2 power-law well, 2 threads"]
    for name in rates:
        if "diffrax" in name or "torchsde" in name:
            print(f"two threads / {name[3:]}: {both / rates[name]:.1f}")
    special = rates["a1 power-law well, 1 thread"]
    print(f"general model / special case: {rates['a1 quartic model, 1 thread'] / special:.2f}")
    if not all(math.isfinite(v) for v in rates.values()):
        raise SystemExit("a rate is not finite")


if __name__ == "__main__":
    main()
