"""Levels and coverage of the tests of observations.

    python experiments/inference_study.py [--seed 0] [--scale 1]

- tail index: share of 95 % intervals that hold the index of laws of known index, and share of
  samples in which a power law is claimed (every lighter tail excluded);
- thinning and goodness of fit: single paths of `dw = −w dt + √(1+w²) dB` (Ito; Student's law with 3
  degrees of freedom, divided by √3), thinned, against that law: how often p is below 5 % and 1 %;
- sequential test of level 5 %, 1 % and 0.1 %: share of runs of 10,000 values that reject the true
  mean at any of 46 looks.

`--scale` multiplies the numbers of samples; 1 takes a minute of one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from scipy import stats

from numerics import testing
from numerics.correlation import thin
from numerics.errors import ComputationError
from numerics.tail_index import tail_index

Draw = Callable[[np.random.Generator, int], np.ndarray]

TAILS: dict[str, tuple[float, Draw]] = {
    "Student 1": (1.0, lambda rng, n: rng.standard_t(1, n)),
    "Student 1, shifted by 10": (1.0, lambda rng, n: 10 + rng.standard_t(1, n)),
    "Student 2.5, shifted by 10": (2.5, lambda rng, n: 10 + rng.standard_t(2.5, n)),
    "Student 3, |x|": (3.0, lambda rng, n: np.abs(rng.standard_t(3, n))),
    "Student 6": (6.0, lambda rng, n: rng.standard_t(6, n)),
    "Pareto 2.5": (2.5, lambda rng, n: rng.random(n) ** -0.4),
    "Burr 2": (2.0, lambda rng, n: np.sqrt(1 / rng.random(n) - 1)),
    "exponential": (np.inf, lambda rng, n: rng.exponential(1, n)),
    "normal": (np.inf, lambda rng, n: rng.standard_normal(n)),
    "power 2 times a logarithm": (
        2.0,
        lambda rng, n: (lambda u: u**-0.5 * (1 - np.log(u)))(rng.random(n)),
    ),
    "e^(−√x)": (np.inf, lambda rng, n: rng.exponential(1, n) ** 2),
    "lognormal": (np.inf, lambda rng, n: np.exp(rng.standard_normal(n))),
}
TAIL_SAMPLES = {2000: 100, 20_000: 100, 200_000: 30}
PATHS = 500
SEQUENCES: dict[str, tuple[float, Draw]] = {
    "exponential": (1.0, lambda rng, n: rng.exponential(1, n)),
    "lognormal": (float(np.exp(0.5)), lambda rng, n: np.exp(rng.standard_normal(n))),
    "successes of probability 1/200": (0.005, lambda rng, n: (rng.random(n) < 0.005) * 1.0),
    "Student 4": (0.0, lambda rng, n: rng.standard_t(4, n)),
}
RUNS = 250


def tails(rng: np.random.Generator, scale: float) -> None:
    for count, samples in TAIL_SAMPLES.items():
        samples = max(1, round(samples * scale))
        for name, (index, draw) in TAILS.items():
            found = [tail_index(draw(rng, count)) for _ in range(samples)]
            held = np.mean([one.interval[0] <= index <= one.interval[1] for one in found])
            claimed = np.mean([one.is_power_law for one in found])
            print(f"{count:>7,}  {name:<28} index held {held:6.1%}   power law {claimed:6.1%}")


def student_paths(rng: np.random.Generator, paths: int, count: int) -> np.ndarray:
    """Euler steps of 1/200, recorded at every 40th; from the stationary law."""
    step, states = 0.005, np.empty((paths, count))
    w = rng.standard_t(3, paths) / np.sqrt(3)
    for i in range(count):
        for _ in range(40):
            w = w - w * step + np.sqrt((1 + w * w) * step) * rng.standard_normal(paths)
        states[:, i] = w
    return states


def thinning(rng: np.random.Generator, scale: float) -> None:
    p, refused = [], 0
    for path in student_paths(rng, max(1, round(PATHS * scale)), 3000):
        try:
            values = thin([path]).values
        except ComputationError:
            refused += 1
            continue
        law = stats.t(3)
        p.append(testing.kolmogorov_smirnov(values, lambda x, law=law: law.cdf(x * np.sqrt(3))))
    for level in (0.05, 0.01):
        print(f"thinned paths: p < {level:g} in {np.mean(np.array(p) < level):.1%}")
    print(f"thinned paths: {refused} of {refused + len(p)} refused as too short")


def sequences(rng: np.random.Generator, scale: float) -> None:
    looks = [*range(100, 1000, 50), *range(1000, 10_001, 333)]
    for level in (0.05, 0.01, 0.001):
        for name, (mean, draw) in SEQUENCES.items():
            test = testing.SequentialTest(mean, (), level, tuned_for=1000)
            runs = max(1, round(RUNS * scale))
            rejected = 0
            for _ in range(runs):
                values = draw(rng, 10_000)
                rejected += any(test.decide(values[:n]) == "rejected" for n in looks)
            print(f"level {level:<6g} {name:<32} ever rejected {rejected / runs:.2%}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scale", type=float, default=1.0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    for study in (tails, thinning, sequences):
        study(rng, options.scale)


if __name__ == "__main__":
    main()
