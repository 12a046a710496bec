"""Figures of the report, computed from the same functions as everything else."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import sympy

from numerics import first_passage
from numerics.lowering import lower_constant, lower_diffusion
from theory import kramers
from theory.diffusion import Diffusion

KAPPA = 3
"""Tail parameter κ = H_a/(ησ_H) of the power-law dynamic in the figure."""
H_A, H_B = 2, -1
LANGEVIN_BARRIERS = tuple(Fraction(n, 10) for n in (10, 14, 20, 28, 40, 56, 80, 112, 160, 220))
"""Barriers in units of ησ_g."""
POWER_LAW_BARRIERS = (*LANGEVIN_BARRIERS[::2], *map(Fraction, (16, 40, 100, 250, 630)))

w = sympy.Symbol("w", real=True)


@dataclass(frozen=True)
class EscapeTimes:
    """Exact mean times and Kramers' formula over the barriers, for one dynamic."""

    name: str
    barriers: tuple[float, ...]
    exact: tuple[float, ...]
    kramers: tuple[float, ...]


def barrier_times(power_law: bool) -> EscapeTimes:
    """Times from minimum to minimum of L = ΔL(1 − w²/(4ΔL))², H_a = 2, H_b = −1, η = σ_g = 1.

    Anti-Ito, the convention of the published power-law formula; with constant noise it does not
    matter. The exact times are certified, the formula is that of `theory.kramers`.
    """
    exact, formula = [], []
    barriers = POWER_LAW_BARRIERS if power_law else LANGEVIN_BARRIERS
    for barrier in barriers:
        height = sympy.Rational(barrier.numerator, barrier.denominator)
        loss = height * (1 - w**2 / (4 * height)) ** 2
        # C = σ_g + (2σ_H/H_a) L and κ = H_a/(ησ_H), so C = 1 + 2L/κ.
        noise = 1 + sympy.Rational(2, KAPPA) * loss if power_law else sympy.Integer(1)
        model = Diffusion.from_loss(loss, noise, eta=1, interpretation="anti-ito", variable=w)
        end = 2 * sympy.sqrt(height)
        time = first_passage.mean_exit_time(
            lower_diffusion(model),
            lower_constant(-end),
            exit_above=lower_constant(end),
            digits=8,
            method="arb",
        )
        exact.append(float(time))
        expression = (
            kramers.power_law_time(H_A, H_B, height, 1, 1, KAPPA, 1)
            if power_law
            else kramers.langevin_time(H_A, H_B, height, 1, 1)
        )
        formula.append(float(sympy.N(expression, 15)))
    name = f"power law, κ = {KAPPA}" if power_law else "Langevin"
    return EscapeTimes(name, tuple(map(float, barriers)), tuple(exact), tuple(formula))


def draw_barrier_times(path: Path | str) -> None:
    """Exact and Kramers times against the barrier, log-log beside semi-log, both dynamics."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, 2, figsize=(9.6, 4.2), sharey=True, layout="constrained")
    for power_law, colour in ((False, "tab:orange"), (True, "tab:blue")):
        times = barrier_times(power_law)
        for panel in panels:
            panel.plot(times.barriers, times.exact, "o", color=colour, label=f"{times.name}: exact")
            panel.plot(
                times.barriers, times.kramers, "-", color=colour, label=f"{times.name}: Kramers"
            )
    for panel, scale in zip(panels, ("log", "linear"), strict=True):
        panel.set(xscale=scale, yscale="log", xlabel="barrier ΔL/(ησ$_g$)")
        panel.grid(alpha=0.3)
    panels[0].set(ylabel="mean escape time", title="log–log: a power law is straight")
    panels[1].set(title="semi-log: an exponential is straight", xlim=(0, 25))
    panels[0].legend(frameon=False)
    figure.savefig(path, dpi=160)
    pyplot.close(figure)
