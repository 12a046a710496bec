"""Certified enclosures at p digits must contain those at 2p: random models, resumable.

    python experiments/certified_torture.py [COUNT] [FILE] [--saturating]

Draws COUNT (10000) models from a fixed seed: polynomial, rational, circular and exponential losses
with constant, quadratic, matched and bounded noises, any θ, light and heavy tails. For each, one
quantity is enclosed at 15 and at 30 digits by the certified route; the first enclosure, as printed,
must contain the second. Outcomes go to FILE (certified_torture.csv) line by line; a run started
again continues where the file ends. Exit status 1 if any enclosure was broken.

With --saturating the losses and noises are those of classification and robust regression instead
(softplus, log cosh, tanh², Welsch, Geman-McClure, Bernoulli variances), heavy and light tails.
"""

from __future__ import annotations

import csv
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import sympy

from numerics import first_passage, stationary
from numerics.enclosure import Enclosure
from numerics.errors import ComputationError
from numerics.lowering import Model, lower_diffusion

w = sympy.Symbol("w", real=True)
DIGITS = 15
COLUMNS = ("index", "quantity", "loss", "noise", "eta", "theta", "outcome", "seconds")


def rational(rng: random.Random, low: float, high: float) -> Any:
    """A log-uniform rational of three digits."""
    value = low * (high / low) ** rng.random()
    return sympy.Rational(round(value * 1000) or 1, 1000)


def draw(index: int, seed: int = 0) -> tuple[str, dict[str, sympy.Expr]]:
    """The quantity and the formulas of one model; the same for every run."""
    rng = random.Random(f"{seed}/{index}")
    a, b, c = (rational(rng, 0.1, 3) for _ in range(3))
    losses = [
        a * w**2 / 2,
        (w**2 - 1) ** 2 / 4 + (b - 1) * w / 10,
        a * w**4 / 4 + b * w**2 / 2,
        a * w**2 / 2 + b * sympy.cos(c * w),
        a * sympy.sqrt(1 + w**2) + w**2 / 10,
        a * w**2 / 2 + b / (1 + w**2),
        a * w**6 / 6 - b * w**2 / 2,
    ]
    loss = rng.choice(losses)
    noises = [
        sympy.Integer(1),
        1 + rational(rng, 0.01, 2) * w**2,
        1 + rational(rng, 0.01, 1) * w**2 + w / 10,
        1 + rational(rng, 0.1, 2) * (w**2 - 1) ** 2 / 4,
        2 + sympy.sin(c * w),
        1 + b / (1 + w**2),
        1 + b * sympy.exp(-(w**2)),
    ]
    formulas = {
        "loss": loss,
        "noise": rng.choice(noises),
        "eta": rational(rng, 0.05, 2),
        "theta": rng.choice([sympy.Integer(0), sympy.Rational(1, 2), sympy.Integer(1), b / 3]),
    }
    return rng.choice(sorted(QUANTITIES)), formulas


def draw_saturating(index: int, seed: int = 0) -> tuple[str, dict[str, sympy.Expr]]:
    """The same with exponentials that saturate, alone or beside a quadratic."""
    rng = random.Random(f"saturating/{seed}/{index}")
    a, b, c, d = (rational(rng, 0.1, 3) for _ in range(4))
    softplus = sympy.log(1 + sympy.exp(-a * w))
    losses = [
        softplus + b * w**2 / 20,
        softplus + sympy.log(1 + sympy.exp(b * w + c / 7)),
        b * sympy.log(sympy.cosh(a * w)),
        b * sympy.tanh(a * w) ** 2 + c * w**2 / 20,
        b * (1 - sympy.exp(-a * w**2)),
        b * w**2 / (a + w**2),
        softplus**2 + c * w**2 / 10,
        b * sympy.sinh(a * w) ** 2 / 10,
    ]
    logistic = sympy.exp(d * w) / (1 + sympy.exp(d * w))
    noises = [
        sympy.Integer(1),
        1 + c * w**2,
        1 + c * logistic * (1 - logistic),
        logistic * (1 - logistic),
        2 + sympy.tanh(d * w),
        1 + c * w**2 * logistic,
        1 + c * sympy.exp(-(w**2)),
    ]
    formulas = {
        "loss": rng.choice(losses),
        "noise": rng.choice(noises),
        "eta": rational(rng, 0.1, 2),
        "theta": rng.choice([sympy.Integer(0), sympy.Rational(1, 2), sympy.Integer(1), b / 3]),
    }
    return rng.choice(sorted(QUANTITIES)), formulas


def lowered(formulas: dict[str, sympy.Expr]) -> Model:
    return lower_diffusion(
        variable=w,
        gradient=sympy.diff(formulas["loss"], w),
        noise=formulas["noise"],
        eta=formulas["eta"],
        theta=sympy.Min(formulas["theta"], 1),
        loss=formulas["loss"],
    )


QUANTITIES: dict[str, Callable[[Model, int], Enclosure]] = {
    "time-up": lambda m, d: first_passage.mean_exit_time(
        m, -1, exit_above=1, digits=d, method="arb"
    ),
    "time-out": lambda m, d: first_passage.mean_exit_time(
        m, 0, exit_below=-1, exit_above=2, digits=d, method="arb"
    ),
    "time-moment": lambda m, d: first_passage.exit_time_moment(
        m, 2, -1, exit_above=1, digits=d, method="arb"
    ),
    "probability": lambda m, d: first_passage.exit_probability(
        m, 0, exit_below=-1, exit_above=2, digits=d, method="arb"
    ),
    "density": lambda m, d: stationary.density(m, 1, digits=d, method="arb"),
    "cumulative": lambda m, d: stationary.cumulative(m, 1, digits=d, method="arb"),
}


def judge(index: int, saturating: bool = False) -> dict[Any, object]:
    """One model: contained, broken, or refused with the reason."""
    quantity, formulas = draw_saturating(index) if saturating else draw(index)
    begin = time.perf_counter()
    try:
        model = lowered(formulas)
        coarse = QUANTITIES[quantity](model, DIGITS)
        fine = QUANTITIES[quantity](model, 2 * DIGITS)
        if not coarse.overlaps(fine):
            outcome = "broken"
        else:
            # Balls before printing may hold more digits at 15 than at 30: both are then right.
            (_, low, high), (_, fine_low, fine_high) = (
                coarse.decimals(DIGITS),
                fine.decimals(2 * DIGITS),
            )
            inside = Fraction(low) <= Fraction(fine_low) <= Fraction(fine_high) <= Fraction(high)
            outcome = "contained" if inside else "overlapping"
    except ComputationError as error:
        outcome = f"refused: {type(error).__name__}: {error.received[:80]}"
    texts = {name: str(value) for name, value in formulas.items()}
    seconds = round(time.perf_counter() - begin, 3)
    return {"index": index, "quantity": quantity, **texts, "outcome": outcome, "seconds": seconds}


def finished(path: Path) -> set[int]:
    """Indices whose line is complete; an unfinished last line is cut off."""
    if not path.exists():
        return set()
    text = path.read_text(encoding="utf-8")
    if text and not text.endswith("\n"):
        path.write_text(text[: text.rfind("\n") + 1], encoding="utf-8")
    with path.open(encoding="utf-8", newline="") as stream:
        return {int(row["index"]) for row in csv.DictReader(stream)}


def main() -> int:
    saturating = "--saturating" in sys.argv
    arguments = [a for a in sys.argv[1:] if a != "--saturating"]
    count = int(arguments[0]) if arguments else 10_000
    path = Path(arguments[1] if len(arguments) > 1 else "certified_torture.csv")
    done = finished(path)
    with path.open("a", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        if not done and path.stat().st_size == 0:
            writer.writeheader()
        for index in range(count):
            if index in done:
                continue
            writer.writerow(judge(index, saturating))
            stream.flush()
            if index % 100 == 99:
                print(f"{index + 1} of {count}", file=sys.stderr)
    with path.open(encoding="utf-8", newline="") as stream:
        outcomes = Counter(row["outcome"].split(":")[0] for row in csv.DictReader(stream))
    print(dict(outcomes))
    return 1 if outcomes["broken"] or outcomes["overlapping"] else 0


if __name__ == "__main__":
    sys.exit(main())
