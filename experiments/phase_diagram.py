"""Phase diagram of sharpness ratios: how R grows over the scaling laws, every cell judged.

    python experiments/phase_diagram.py -o phase_diagram.png

Scaling law `sigma_g ~ H^a`, `sigma_H ~ H^b`, `Delta_L ~ H^c`: for the power-law dynamic R depends
on a - c and b - 1 alone (and on A, kappa, theta), so that the plane of these two, once for each
A/kappa, shows all of (a, b, c). The colour of a cell is the class that `theory.sharpness.growth`
predicts for r -> oo; its mark is the verdict of two independent tests:

1. growth: log R of the escape times in ball arithmetic at log r = 2000 and 20000; the distance from
   the predicted leading term, relative to max(leading, log r), must fall by half and below 2 %;
2. exact times: double integrals of a flat and a sharp quartic well at r = 3, enclosed; their log R
   must lie within the relative error of Kramers' times, (1 + u)/(2 A) for each minimum.

    agrees (dot)        both hold
    refuted (cross)     the growth is another one
    no barrier (dash)   growth holds, but the flat minimum has A' < 2: no Kramers time to compare
    no law (infinity)   an infinite time of the flat minimum is proved once kappa' <= 1/2 - s
    unknown (?)         none of these
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import sympy
from flint import arb, ctx, fmpq
from sympy import Integer, Rational

from derivations import _escape_models as models
from derivations import _flat_and_sharp as ratios
from exitlaw.evaluation import as_ball
from theory import landscapes, sharpness
from theory.sharpness import Growth

THETA = Rational(3, 4)
INDEX = Integer(6)
"""kappa of the sharp minimum."""
STEEPNESS = (Rational(3, 5), Integer(2), Integer(4))
"""Values of A/kappa."""
SPREAD = Integer(3)
"""r of the exact times."""
LOGARITHMS = (2000, 20000)
"""log r at which the growth is measured."""

VERDICTS = ("agrees", "refuted", "no barrier", "no law", "unknown")


@dataclass(frozen=True)
class Cell:
    """One scaling law at one A/kappa: the predicted class and the verdict."""

    steepness: str
    rise: str
    tail: str
    growth: str
    verdict: str
    detail: str


def axis(points: int) -> list[sympy.Expr]:
    """Exponents from -1 to 2."""
    return [Rational(-1) + Rational(3 * k, points - 1) for k in range(points)]


def judge(steepness: sympy.Expr, rise: sympy.Expr, tail: sympy.Expr, sharp_time: arb) -> Cell:
    """The verdict of one cell."""
    A = steepness * INDEX
    kind = sharpness.growth(rise, 1 + tail, 0, THETA)
    verdict, detail = _verdict(kind, A, rise, tail, sharp_time)
    return Cell(str(steepness), str(rise), str(tail), kind.value, verdict, detail)


def _verdict(
    kind: Growth, A: sympy.Expr, rise: sympy.Expr, tail: sympy.Expr, sharp_time: arb
) -> tuple[str, str]:
    if kind is Growth.NO_LAW:
        return _without_law(A)
    errors = [_growth_error(A, rise, tail, size) for size in LOGARITHMS]
    text = f"distance from the leading term {errors[0]:.2g}, {errors[1]:.2g}"
    if errors[1] > 0.02 or (errors[1] > errors[0] / 2 and errors[1] > 1e-9):
        return "refuted", text
    flat_barrier = sharpness.flat_barrier(A, SPREAD, rise, 0)
    if flat_barrier < 2:
        return "no barrier", f"{text}; A' = {float(flat_barrier):.2g} at r = {SPREAD}"
    return _exact(A, rise, tail, sharp_time, text)


def _without_law(A: sympy.Expr) -> tuple[str, str]:
    """Whether the exact time is proved infinite once kappa' <= 1/2 - s."""
    from numerics.errors import InfiniteMean

    limit = THETA - Rational(1, 2)
    values = _minimum(A, Rational(0), Rational(0), Integer(1))
    values[ratios.sigma_H] = values[ratios.H_a] / (limit / 2)
    try:
        time = models.family_time(landscapes.quartic, values, 8)
    except InfiniteMean as error:
        return "no law", str(error)
    return "refuted", f"the time at kappa' = {limit / 2} is finite: {float(time):.4g}"


def _growth_error(A: sympy.Expr, rise: sympy.Expr, tail: sympy.Expr, size: int) -> float:
    """|log R - leading|/max(leading, log r) at log r = size, in ball arithmetic."""
    with ctx.workprec(64 + int(8 * size)):
        log_r = arb(size)
        barrier, index = (
            _ball(value) * (_ball(power) * log_r).exp()
            for value, power in ((A, rise), (INDEX, tail))
        )
        shift = _ball(Rational(1, 2) - THETA)

        def log_time(steep: arb, tail_index: arb) -> arb:
            return (tail_index + shift) * (steep / tail_index).log1p() - (
                shift / tail_index
            ).log1p()

        value = log_r + log_time(barrier, index) - log_time(_ball(A), _ball(INDEX))
        r = sympy.Symbol("r", positive=True)
        leading = sharpness.leading_log_ratio(r, A, INDEX, rise, 1 + tail, 0, THETA)
        predicted = _at_large_r(leading, r, log_r)
        scale = abs(predicted).max(log_r)
        return float(abs(value - predicted) / scale)


def _at_large_r(expression: sympy.Expr, r: sympy.Symbol, log_r: arb) -> arb:
    """The expression at r = exp(log_r): sums of products of constants, powers and log r."""
    total = arb(0)
    for term in sympy.Add.make_args(sympy.expand(expression)):
        product = arb(1)
        for factor in sympy.Mul.make_args(term):
            base, exponent = factor.as_base_exp()
            if factor == sympy.log(r):
                product *= log_r
            elif base == r:
                product *= (_ball(exponent) * log_r).exp()
            elif isinstance(factor, sympy.log):
                product *= _ball(factor.args[0]).log()
            else:
                product *= _ball(factor)
        total += product
    return total


def _ball(value: sympy.Expr) -> arb:
    exact = Fraction(str(sympy.Rational(value)))
    return arb(fmpq(exact.numerator, exact.denominator))


def _exact(
    A: sympy.Expr, rise: sympy.Expr, tail: sympy.Expr, sharp_time: arb, text: str
) -> tuple[str, str]:
    """Compare exact log R at r = SPREAD with that of Kramers' times."""
    flat = _minimum(A, rise, tail, SPREAD)
    try:
        time = models.family_time(landscapes.quartic, flat, 8)
    except ValueError as error:
        return "unknown", f"{text}; exact time: {error}"
    with ctx.workprec(128):
        measured = (time.arb / sharp_time).log()
    formula = sharpness.power_law_log_ratio(SPREAD, A, INDEX, rise, 1 + tail, 0, THETA)
    expected = as_ball(Fraction(str(formula.evalf(30))), Fraction(str(formula.evalf(30))))
    flat_A = sharpness.flat_barrier(A, SPREAD, rise, 0)
    flat_index = sharpness.flat_kappa(INDEX, SPREAD, 1 + tail)
    allowed = sum(
        float((2 + steep / index) / (2 * steep))
        for steep, index in ((A, INDEX), (flat_A, flat_index))
    )
    distance = float(abs(measured - expected))
    report = f"{text}; exact log R {float(measured):.4g}, formula {float(formula):.4g}"
    return ("agrees" if distance <= allowed else "refuted"), report


def _minimum(A: sympy.Expr, rise: sympy.Expr, tail: sympy.Expr, spread: Integer):
    """The flat minimum at this r (the sharp one for r = 1), exponents rounded to exact powers."""
    point = {
        ratios.r: spread, ratios.A: A, ratios.kappa: INDEX, ratios.theta: THETA,
        ratios.a: Integer(0), ratios.b: Integer(0), ratios.c: Integer(0),
    }  # fmt: skip
    flat, _ = ratios.minima(point)
    values = dict(flat)
    steep = _rational(sharpness.flat_barrier(A, spread, rise, 0))
    index = _rational(sharpness.flat_kappa(INDEX, spread, 1 + tail))
    values[ratios.sigma_g] = 2 / steep
    values[ratios.sigma_H] = values[ratios.H_a] / index
    return values


def _rational(value: sympy.Expr) -> sympy.Expr:
    """A nearby rational number: the exponents of a grid make powers of r irrational."""
    return sympy.Rational(Fraction(str(sympy.N(value, 25))).limit_denominator(10**12))


def cells(points: int) -> Iterator[Cell]:
    """All cells, row by row."""
    for steepness in STEEPNESS:
        sharp = _minimum(steepness * INDEX, Rational(0), Rational(0), Integer(1))
        sharp_time = models.family_time(landscapes.quartic, sharp, 10).arb
        for tail in axis(points):
            for rise in axis(points):
                yield judge(steepness, rise, tail, sharp_time)


def draw(table: list[Cell], points: int, target: Path) -> None:
    """One panel per A/kappa: colour the class, mark the verdict."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.patches import Patch, Rectangle

    colours = {
        Growth.BARRIER: "#3b6fb6", Growth.BALANCED: "#5f9e6e", Growth.TAIL: "#d9822b",
        Growth.POLYNOMIAL: "#e3e3df", Growth.NO_LAW: "#8a3b5c",
    }  # fmt: skip
    marks: dict[str, str] = dict(zip(VERDICTS, ("•", "×", "–", "∞", "?"), strict=True))
    figure, panels = plt.subplots(1, len(STEEPNESS), figsize=(13, 5.6), sharey=True)
    step = 3 / (points - 1)
    for panel, steepness in zip(panels, STEEPNESS, strict=True):
        for cell in table:
            if cell.steepness != str(steepness):
                continue
            x, y = float(Fraction(cell.rise)), float(Fraction(cell.tail))
            kind = Growth(cell.growth)
            panel.add_patch(
                Rectangle((x - step / 2, y - step / 2), step, step, color=colours[kind])
            )
            dark = kind is not Growth.POLYNOMIAL
            panel.text(x, y, marks[cell.verdict], ha="center", va="center", fontsize=9,
                       color="white" if dark else "black")  # fmt: skip
        panel.set(xlim=(-1 - step / 2, 2 + step / 2), ylim=(-1 - step / 2, 2 + step / 2))
        panel.set(xlabel="$a - c$", title=rf"$A/\kappa = {steepness}$", aspect="equal")
    panels[0].set_ylabel("$b - 1$")
    patches = [Patch(color=colour, label=kind.value) for kind, colour in colours.items()]
    legend = ",  ".join(f"{mark} {name}" for name, mark in marks.items())
    figure.legend(handles=patches, loc="lower center", ncols=5, frameon=False)
    figure.suptitle(
        rf"Growth of $R$ for $r \to \infty$, power law, $\kappa = {INDEX}$, $\theta = {THETA}$"
        f"\n{legend}",
        fontsize=11,
    )
    figure.tight_layout(rect=(0, 0.08, 1, 1))
    figure.savefig(target, dpi=160)
    plt.close(figure)


def main() -> None:
    """Judge every cell, write figure and table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, default=Path("phase_diagram.png"))
    parser.add_argument("--points", type=int, default=13, help="cells per axis and panel")
    options = parser.parse_args()
    table = list(cells(options.points))
    draw(table, options.points, options.output)
    options.output.with_suffix(".json").write_text(
        json.dumps([asdict(cell) for cell in table], indent=1), encoding="utf-8"
    )
    counts = {name: sum(cell.verdict == name for cell in table) for name in VERDICTS}
    print(", ".join(f"{count} {name}" for name, count in counts.items() if count))


if __name__ == "__main__":
    main()
