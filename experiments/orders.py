"""Observed strong and weak orders of the schemes, and orders of the bias of exit times.

    python experiments/orders.py [--paths 400000] [--seed 0]

Slopes of log error against log step, with their standard errors (`numerics.simulation.orders`):

- strong: the power-law well (η = 1, Stratonovich), against a path of Milstein's scheme at 1/16 of
  the smallest step, on the same noise; expected 1/2 for Euler, 1 for Milstein and Platen;
- weak: `E w_1²` of a model with the explicit solution `w_t = sinh(asinh w_0 + t/4 + B_t/2)`, whose
  exact ends are taken on the same noise; expected 1, 1 and 2;
- two dimensions, full noise with columns that do not commute (diagonal, for Milstein's scheme): the
  same against a fine path of the same scheme, `E XᵀWX` for the weak order;
- exits: mean exit times of an Ornstein–Uhlenbeck process against the certified one; expected 1/2
  where only the grid is watched, 1 with the boundary shift and with the bridge.

About half a minute, mostly compilation. Slopes at finite steps bend: their distance from the order
is a property of the steps, not of chance.
"""

from __future__ import annotations

import argparse
from fractions import Fraction

import numpy as np
import sympy

from numerics.first_passage import mean_exit_time
from numerics.lowering import Model, lower_diffusion, lower_multivariate
from numerics.multivariate import MultivariateModel
from numerics.simulation import vector_orders, vector_schemes
from numerics.simulation.exit import exit_problem
from numerics.simulation.orders import Order, coupled_ends, exit_order, strong_order, weak_order
from numerics.simulation.schemes import SCHEMES

w, x, y = sympy.symbols("w x y", real=True)
HALF = sympy.Rational(1, 2)

EXITS = {
    "euler-grid": (0.5, (0.04, 0.02, 0.01, 0.005)),
    "euler-shift": (1.0, (0.1, 0.05, 0.025)),
    "euler-bridge": (1.0, (0.1, 0.05, 0.025)),
}
"""Expected order and steps of each way to watch an exit."""


def _model(gradient: sympy.Expr, noise: sympy.Expr, eta: sympy.Expr, theta: sympy.Expr) -> Model:
    return lower_diffusion(variable=w, gradient=gradient, noise=noise, eta=eta, theta=theta)


def _plane(scheme: str) -> MultivariateModel:
    full = [[1 + y**2, x * y / 2], [x * y / 2, 1 + x**2]]
    noise = [1 + x**2, 1 + y**2 / 2] if scheme == "milstein" else full
    return lower_multivariate((x, y), (x - y / 2, y + x / 2), noise, eta=HALF, theta=HALF)


def _row(what: str, expected: float, found: Order) -> str:
    steps = ", ".join(f"{h:.4g}: {e:.3g}" for h, e in zip(found.steps, found.errors, strict=True))
    return f"{what:<22} {expected:>8.2g} {found.slope:>8.3f} ± {found.standard_error:.3f}   {steps}"


def main() -> None:
    """Print the table of slopes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--paths", type=int, default=400_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    paths, seed = arguments.paths, arguments.seed
    print(f"{'scheme':<22} {'expected':>8} {'slope':>8}   {'':5}   errors by step")

    well = _model(w, 1 + w**2 / 2, sympy.Integer(1), HALF)
    explicit = _model(-sympy.sqrt(1 + w**2) / 4, 1 + w**2, HALF**2, HALF)
    for scheme in SCHEMES.values():
        ends = coupled_ends(
            well, scheme, 1, until=1.0, counts=(8, 16, 32, 64), fine=1024,
            paths=max(1000, paths // 20), seed=seed,
        )  # fmt: skip
        print(_row(f"{scheme.name} strong", scheme.strong_order, strong_order(ends)), flush=True)
        ends = coupled_ends(
            explicit, scheme, Fraction(1, 2), until=1.0, counts=(4, 8, 16), fine=16, paths=paths,
            seed=seed,
        )  # fmt: skip
        exact = np.sinh(np.arcsinh(0.5) + 0.25 + 0.5 * ends.brownian)
        print(_row(f"{scheme.name} weak", scheme.weak_order, weak_order(ends, exact)), flush=True)

    weights = np.array([[1.0, 0.5], [0.5, 2.0]])
    for scheme in (SCHEMES[name] for name in vector_schemes.NAMES):
        # Without commuting columns Platen's scheme has strong order 1/2 only.
        strong = 0.5 if scheme.name == "platen" else scheme.strong_order
        plane = {"model": _plane(scheme.name), "scheme": scheme.name, "start": (1, -1)}
        found = vector_orders.coupled_ends(
            **plane, until=1.0, counts=(16, 32, 64), fine=1024, paths=max(1000, paths // 50),
            seed=seed,
        )  # fmt: skip
        print(_row(f"{scheme.name} strong 2-D", strong, vector_orders.strong_order(found)))
        # Errors of order 2 fall below the noise at the steps where slopes of order 1 have settled;
        # the fine path's own error, a quarter or a sixteenth of the step, must not bend the slope.
        counts, fine = ((4, 8, 16), 64) if scheme.weak_order > 1.0 else ((16, 32, 64), 1024)
        found = vector_orders.coupled_ends(
            **plane, until=2.0, counts=counts, fine=fine, paths=paths, seed=seed
        )
        order = vector_orders.weak_order(found, weights)
        print(_row(f"{scheme.name} weak 2-D", scheme.weak_order, order), flush=True)

    line = _model(w, sympy.Integer(1), sympy.Integer(1), sympy.Integer(0))
    certified = float(mean_exit_time(line, 0, exit_above=1, digits=10, method="arb"))
    for name, (expected, steps) in EXITS.items():
        problem = exit_problem(line, 0, exit_above=1, scheme=name)
        found = exit_order(problem, certified, steps, paths, seed)
        print(_row(f"{name} exits", expected, found), flush=True)


if __name__ == "__main__":
    main()
