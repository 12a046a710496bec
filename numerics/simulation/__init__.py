"""Monte Carlo from drift and diffusion alone: stationary laws, moments and escape times.

The public functions are loaded when first used, so that importing the package is cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numerics.simulation.ergodic import moment, stationary_densities, stationary_density
    from numerics.simulation.estimate import Estimate
    from numerics.simulation.exit import exit_times
    from numerics.simulation.mean_exit import mean_exit_time

_HOMES = {
    "Estimate": "estimate",
    "exit_times": "exit",
    "mean_exit_time": "mean_exit",
    "moment": "ergodic",
    "stationary_densities": "ergodic",
    "stationary_density": "ergodic",
}

__all__ = [
    "Estimate",
    "exit_times",
    "mean_exit_time",
    "moment",
    "stationary_densities",
    "stationary_density",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
