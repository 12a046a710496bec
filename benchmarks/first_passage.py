"""Certified exit times against their peers, as ratios within one run.

    python benchmarks/first_passage.py [--quick]

Problem: quartic double well L = (w² − 1)²/4, C = 1 + 19(w² − 1)²/40, η = 1/20, Ito, from −1 to the
saddle at 0. Peers, each arranged as well as we know how: nested `mpmath.quad` (what one writes
first), one Chebyshev interpolant of p in mpmath with its exact antiderivative (no error bound), and
nested `acb.integral` of python-flint (certified). `--quick` leaves out what takes many seconds.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import sympy
from flint import acb, arb, ctx
from mpmath import mp
from mpmath.libmp import BACKEND

from numerics.first_passage import mean_exit_time
from numerics.lowering import Model, lower_diffusion

W = sympy.Symbol("w", real=True)


def _model(loss: Any, noise: Any, eta: Any) -> Model:
    return lower_diffusion(variable=W, loss=loss, noise=noise, eta=eta, theta=0)


WELL = (W**2 - 1) ** 2 / 4
BENCHMARK = _model(WELL, 1 + sympy.Rational(19, 40) * (W**2 - 1) ** 2, sympy.Rational(1, 20))
TALL = {
    "e^10": _model(WELL, sympy.Integer(1), sympy.Rational(1, 20)),
    "e^1000": _model(WELL, sympy.Integer(1), sympy.Rational(1, 2000)),
}
UNSOLVED = _model(
    WELL + sympy.sin(3 * W) / 10, 1 + W**2 + sympy.exp(-(W**2)) / 2, sympy.Rational(1, 20)
)
"""No closed form of ∫2L'/(ηC)."""


# --- peers ---------------------------------------------------------------------------------------


def nested_mpmath(digits: int) -> Any:
    """∫ C^κ(y) ∫ C^(−1−κ)(z) dz dy by two calls of mpmath.quad, one inside the other."""
    with mp.workdps(digits + 10):
        coefficient, kappa = mp.mpf(19) / 40, mp.mpf(400) / 19

        def noise(x: Any) -> Any:
            return 1 + coefficient * (x * x - 1) ** 2

        def inner(y: Any) -> Any:
            return mp.quad(lambda z: noise(z) ** (-1 - kappa), [-mp.inf, -1, y])

        return 40 * mp.quad(lambda y: noise(y) ** kappa * inner(y), [-1, 0])


def chebyshev_mpmath(digits: int) -> Any:
    """One Chebyshev interpolant of p on [−1, 0], integrated exactly; the tail by quadrature."""
    with mp.workdps(digits + 10):
        coefficient, kappa = mp.mpf(19) / 40, mp.mpf(400) / 19
        # The nearest zero of C, mapped to the interval, fixes the rate of convergence.
        zero = 2 * mp.sqrt(1 + mp.mpc(0, 1) / mp.sqrt(coefficient)) + 1
        rate = max(abs(zero + mp.sqrt(zero**2 - 1)), abs(zero - mp.sqrt(zero**2 - 1)))
        count = int((digits + 14) * mp.log(10) / mp.log(rate)) + 10
        table: list[Any] = [mp.cospi(mp.mpf(j) / count) for j in range(2 * count)]
        points: list[Any] = [(t - 1) / 2 for t in table[: count + 1]]
        logs = [mp.log(1 + coefficient * (x * x - 1) ** 2) for x in points]
        speed = [mp.exp(-(1 + kappa) * v) for v in logs]
        scale = [mp.exp(kappa * v) for v in logs]
        tail: Any = mp.quad(
            lambda z: (1 + coefficient * (z * z - 1) ** 2) ** (-1 - kappa), [-mp.inf, -1]
        )
        coefficients = [*_chebyshev(speed, table), mp.mpf(0), mp.mpf(0)]
        integral = [mp.mpf(0)] + [
            (coefficients[m - 1] - coefficients[m + 1]) / (2 * m) for m in range(1, count + 1)
        ]
        integral[0] = -sum((-1) ** m * integral[m] for m in range(1, count + 1))
        mass = [
            tail + mp.fdot((b, table[j * m % (2 * count)]) for m, b in enumerate(integral)) / 2
            for j in range(count + 1)
        ]
        product = _chebyshev([s * m for s, m in zip(scale, mass, strict=True)], table)
        product[0] /= 2
        total = sum(2 * a / (1 - mp.mpf(m) ** 2) for m, a in enumerate(product) if m % 2 == 0)
        return 40 * total / 2


def _chebyshev(values: list, table: list) -> list:
    """Chebyshev coefficients, the first one doubled as is usual."""
    count = len(values) - 1
    weighted = [values[0] / 2, *values[1:-1], values[-1] / 2]
    found = [
        mp.fdot((v, table[j * m % (2 * count)]) for j, v in enumerate(weighted)) * 2 / count
        for m in range(count + 1)
    ]
    found[-1] /= 2
    return found


def nested_arb(digits: int) -> arb:
    """`acb.integral` inside `acb.integral`, with a proven cut of the tail."""
    with ctx.workdps(digits + 12):
        coefficient, kappa = arb(19) / 40, arb(400) / 19

        def noise(z: acb) -> acb:
            return 1 + coefficient * (z * z - 1) * (z * z - 1)

        def speed(z: acb, analytic: bool) -> acb:
            return noise(z).pow(acb(-1 - kappa), analytic=analytic)

        cut, rest = arb(3), arb(1)
        while not rest < arb(10) ** (-digits - 6):
            # C >= (64/81) c z⁴ for |z| >= 3
            power = 1 - 4 * (1 + kappa)
            rest = (coefficient * 64 / 81) ** (-1 - kappa) * cut**power / -power
            cut = cut * 5 / 4
        tail = acb.integral(speed, acb(-cut), acb(-1)).real + arb(0, rest.upper())

        def outer(y: acb, analytic: bool) -> acb:
            middle = acb(arb(y.real.mid()), arb(y.imag.mid()))
            inner = acb.integral(speed, acb(-1), middle) + (y - middle) * speed(y, analytic)
            return noise(y).pow(acb(kappa), analytic=analytic) * (inner + tail)

        return 40 * acb.integral(outer, acb(-1), acb(0)).real


# --- timing --------------------------------------------------------------------------------------


def seconds(run: Callable[[], object], repeats: int = 3) -> float:
    """Median wall time after one warm-up; a run beyond 5 s is timed once, cold."""
    begun = time.perf_counter()
    run()
    first = time.perf_counter() - begun
    if first > 5:
        return first
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        run()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def ours(model: Model, digits: int, start: int = -1, stop: int = 0) -> float:
    """Our certified time, warmed up."""
    return seconds(
        lambda: mean_exit_time(model, start, exit_above=stop, digits=digits, method="arb"), 7
    )


def check() -> None:
    """All four agree before anything is timed."""
    value = float(mean_exit_time(BENCHMARK, -1, exit_above=0, digits=15, method="arb"))
    for peer in (chebyshev_mpmath, nested_arb):
        if not math.isclose(float(peer(15)), value, rel_tol=1e-14):
            raise SystemExit(f"{peer.__name__} disagrees: nothing was timed")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="leave out the slow peers")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    check()
    rows: list[dict[str, object]] = []

    def row(name: str, own: float, peer: float, wanted: str) -> None:
        rows.append(
            {"case": name, "ours_s": own, "peer_s": peer, "ratio": peer / own, "wanted": wanted}
        )

    for digits in (15, 30, 50, 100):
        own = ours(BENCHMARK, digits)
        one_pass = seconds(lambda d=digits: chebyshev_mpmath(d))
        row(f"one-pass mpmath, {digits} digits", own, one_pass, ">= 1")
        if digits == 50:
            row("nested acb.integral, 50 digits", own, seconds(lambda: nested_arb(50)), ">= 5")
            if not options.quick:
                nested = seconds(lambda: nested_mpmath(50))
                row("nested mpmath.quad, 50 digits", own, nested, ">= 1000")
    if not options.quick:
        thousand = ours(BENCHMARK, 1000)
        row("1000 digits; acb.integral at 500", thousand, seconds(lambda: nested_arb(500)), ">= 10")
    closed = ours(BENCHMARK, 50)
    row("no closed exponent, 50 digits", ours(UNSOLVED, 50), closed, ">= 0.2")
    low, high = (ours(TALL[name], 50, -1, 1) for name in ("e^10", "e^1000"))
    row("e^1000; e^10, 50 digits", high, low, ">= 0.5")

    packages = {name: version(name) for name in ("python-flint", "mpmath", "sympy")}
    machine = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        "mpmath backend": BACKEND,
        **packages,
    }
    if options.json:
        print(json.dumps({"machine": machine, "rows": rows}, indent=2))
        return
    print("  ".join(f"{key} {value}" for key, value in machine.items() if value))
    print(f"{'peer':40} {'ours':>10} {'peer':>10} {'ratio':>9}  wanted")
    for r in rows:
        own, peer, ratio = (float(str(r[key])) for key in ("ours_s", "peer_s", "ratio"))
        print(f"{r['case']:40} {own:9.4f}s {peer:9.4f}s {ratio:9.2f}  {r['wanted']}")


if __name__ == "__main__":
    main()
