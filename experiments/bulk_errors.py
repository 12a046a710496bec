"""How honest the error estimates of `numerics.bulk` are: against certified values, many models.

    python experiments/bulk_errors.py [COUNT] [SEED] [--list]

For each of COUNT (10000) random power-law double wells (as in benchmarks/bulk.py, κ from 0.4 to
4·10^4) prints how many true errors exceed their estimate (must be 0), and the quantiles of
estimate/error (the 95 % quantile must be at most 10^3). The constants of `numerics.bulk_kernels`
(OVERSTATED, FIXED_ROUNDING, VARIATION_ROUNDING) come from this study.
"""

from __future__ import annotations

import sys
from fractions import Fraction

import numpy as np
import sympy

from numerics import bulk, first_passage
from numerics.errors import InfiniteMean
from numerics.lowering import lower_diffusion

w, a, eta, theta = sympy.symbols("w a eta theta", real=True)
LOSS = (w**2 - 1) ** 2 / 4


def main() -> None:
    numbers = [int(argument) for argument in sys.argv[1:] if argument != "--list"]
    count, seed = (*numbers, *(10_000, 20)[len(numbers) :])
    rng = np.random.default_rng(seed)
    drawn = {
        "a": 10 ** rng.uniform(-2, 1, count),
        "eta": 10 ** rng.uniform(-2, 0, count),
        "theta": rng.uniform(0, 1, count),
    }
    parts = {"gradient": sympy.diff(LOSS, w), "noise": 1 + a * LOSS}
    model = lower_diffusion(variable=w, **parts, eta=eta, theta=theta, parameters=(a, eta, theta))
    exits = rng.uniform(-0.5, 1.5, count)
    found = bulk.mean_exit_time(model, -1.0, exit_above=exits, parameters=drawn)
    ratios, errors, infinite = [], [], 0
    for i in range(count):
        noise = 1 + sympy.Rational(float(drawn["a"][i])) * LOSS
        exact_model = lower_diffusion(
            variable=w,
            gradient=parts["gradient"],
            noise=noise,
            eta=sympy.Rational(float(drawn["eta"][i])),
            theta=sympy.Rational(float(drawn["theta"][i])),
        )
        try:
            exact = first_passage.mean_exit_time(
                exact_model, -1, exit_above=Fraction(float(exits[i])), digits=19, method="arb"
            ).middle
        except InfiniteMean:
            infinite += 1
            if found.status[i] != 3:
                print(f"not recognised as infinite: model {i}")
            continue
        value = Fraction(float(found.mantissa[i])) * Fraction(2) ** int(found.exponent[i])
        true = float(abs(value / exact - 1))
        errors.append(true)
        ratios.append(found.relative_error[i] / max(true, 1e-19))
        if "--list" in sys.argv:
            sets = ", ".join(f"{name} = {drawn[name][i]:.6g}" for name in drawn)
            print(f"{ratios[-1]:.3g} {true:.2e} {sets}, exit = {exits[i]:.4g}")
        if true > found.relative_error[i]:
            print(f"understated: {true:.2e} > {found.relative_error[i]:.2e} at model {i}")
    quantiles = np.quantile(ratios, [0.0, 0.05, 0.5, 0.95])
    print(f"{len(ratios)} models, {infinite} infinite means; largest true error {max(errors):.1e}")
    print(f"understated: {sum(r < 1 for r in ratios)}")
    print("estimate/error: least {:.1f}, 5 % {:.1f}, median {:.0f}, 95 % {:.0f}".format(*quantiles))


if __name__ == "__main__":
    main()
