"""Kramers' formulas among the quantities of `evaluate`: times, rates and sharpness ratios."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import sympy

from exitlaw import model_input
from exitlaw.diffusion import Diffusion
from exitlaw.request import (
    MAY_NAME,
    Document,
    Request,
    Value,
    printed,
)
from numerics.enclosure import Enclosure
from numerics.lowering import Model, lower_constant
from numerics.program import Program
from theory.errors import InputError

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class EscapeFormula:
    """The formula that fits a model: its name, and the expression in `FORMULA_INPUTS`."""

    name: str
    expression: sympy.Expr


def escape_formula(diffusion: Diffusion) -> EscapeFormula:
    """Langevin for constant noise, power law where C rises affinely with L, else multiplicative."""
    from numerics.kramers_points import FORMULA_INPUTS
    from theory import kramers

    H_a, H_b, C_a, C_b, rise, exponent, eta, theta = (
        sympy.Symbol(name, real=True) for name in FORMULA_INPUTS
    )
    slope = kramers.noise_per_loss(diffusion.noise, diffusion.gradient, diffusion.variable)
    if slope == 0:
        return EscapeFormula("langevin", kramers.langevin_time(H_a, H_b, rise, eta, C_a))
    if slope is not None and slope.is_number and slope.is_positive:
        # C = σ_g + (2σ_H/H_a)(L − L(a)) and κ = H_a/(ησ_H), so κ = 2/(η dC/dL).
        kappa = 2 / (eta * slope)
        m = kappa + 1 - theta
        if m.subs({eta: diffusion.eta, theta: diffusion.theta}) > sympy.Rational(1, 2):
            time = kramers.power_law_time(H_a, H_b, rise, eta, C_a, kappa, theta)
            return EscapeFormula("power-law", time)
    return EscapeFormula(
        "multiplicative", kramers.multiplicative_time(H_a, H_b, C_a, C_b, exponent, theta)
    )


@dataclass(frozen=True)
class Escape:
    """A passage over a saddle: the lowered model, its critical points, its formula."""

    model: Model
    minimum: Enclosure
    saddle: Enclosure
    formula: EscapeFormula
    time: Enclosure


def _escape(request: Request, diffusion: Diffusion, start: Program, exit: Program) -> Escape:
    from numerics import kramers_points
    from numerics.lowering import lower

    model, formula = diffusion.lowered(), escape_formula(diffusion)
    points = kramers_points.critical_points(model, start, exit)
    inputs = [sympy.Symbol(name, real=True) for name in kramers_points.FORMULA_INPUTS]
    time = kramers_points.formula_value(
        model, points, lower(formula.expression, inputs), **request.precision
    )
    minimum, saddle = (
        kramers_points.enclosure(model, bracket, SHOWN_DIGITS)
        for bracket in (points.minimum, points.saddle)
    )
    return Escape(model, minimum, saddle, formula, time)


SHOWN_DIGITS = 15
"""Digits of the minimum, the saddle and the error that stand beside a Kramers time."""


def _pair(enclosure: Enclosure) -> list[str]:
    (_, lower, upper), _ = printed(enclosure, SHOWN_DIGITS)
    return [lower, upper]


def _beside(escape: Escape, error: Enclosure | None) -> Document:
    return {
        "formula": escape.formula.name,
        "minimum": _pair(escape.minimum),
        "saddle": _pair(escape.saddle),
        "error_against_exact": None if error is None else _pair(error),
    }


def _error_against_exact(escape: Escape, start: Program, exit: Program) -> Enclosure | None:
    """formula/exact − 1, certified; None where the exact time has no certified value."""
    from numerics import first_passage
    from numerics.errors import ComputationError

    digits = SHOWN_DIGITS + 5
    try:
        exact = first_passage.mean_exit_time(
            escape.model, start, exit_above=exit, digits=digits, method="arb"
        )
    except ComputationError:
        return None
    return _ratio(escape.time, exact, minus=1)


def _ratio(above: Enclosure, below: Enclosure, *, minus: int = 0) -> Enclosure:
    from flint import ctx

    bits = max(above.arb.bits(), below.arb.bits()) + 64
    with ctx.workprec(bits):
        return Enclosure.from_arb(above.arb / below.arb - minus)


def kramers_time(request: Request) -> Value:
    """Kramers' formula between start and exit, and its certified error."""
    start, exit = request.point("start"), request.point("exit")
    escape = _escape(request, request.diffusion(), start, exit)
    return Value(escape.time, _beside(escape, _error_against_exact(escape, start, exit)))


def _of(request: Request, default: str) -> str:
    of = request.options.get("of") or default
    if of not in ("exact", "kramers"):
        raise InputError("--of exact or kramers", repr(of), f"{default} is the default")
    return of


def escape_rate(request: Request) -> Enclosure | Value:
    """One over Kramers' time, or over the exact one."""
    from numerics import first_passage

    start, exit = request.point("start"), request.point("exit")
    finer = Request(request.options, request.model_text, request.digits + 2, request.method)
    one = Enclosure.exact(1)
    if _of(request, "kramers") == "exact":
        time = first_passage.mean_exit_time(
            request.model(), start, exit_above=exit, **finer.precision
        )
        return _ratio(one, time)
    escape = _escape(finer, request.diffusion(), start, exit)
    return Value(
        _ratio(one, escape.time),
        {key: value for key, value in _beside(escape, None).items() if value is not None},
    )


@dataclass(frozen=True)
class Well:
    """One of the two wells of a sharpness ratio."""

    diffusion: Diffusion
    start: sympy.Expr
    exit: sympy.Expr

    def ends(self) -> tuple[Program, Program]:
        """Start and exit as the numerics take them."""
        return lower_constant(self.start), lower_constant(self.exit)


def wells(request: Request) -> tuple[Well, Well]:
    """The flatter and the sharper well; what is not given for the flatter is the sharper's."""

    text, options = request.model_text, request.options
    flatter_text = replace(
        text,
        loss=options["flatter"],
        drift=None,
        noise=options.get("flatter_noise") or text.noise,
        **model_input.NO_SAMPLES,
    )
    constants = [
        one
        for name, one in options.items()
        if isinstance(one, str) and (name in MAY_NAME or name in ("loss", "noise"))
    ]
    flatter = model_input.diffusion(flatter_text, constants=constants)
    sharper = request.diffusion()
    start, exit = request.constant("start"), request.constant("exit")
    return (
        Well(
            flatter,
            request.constant("flatter_start") if request.given("flatter_start") else start,
            request.constant("flatter_exit") if request.given("flatter_exit") else exit,
        ),
        Well(sharper, start, exit),
    )


def sharpness_ratio(request: Request) -> Enclosure | Value:
    """Time out of the flatter well over that out of the sharper one."""
    from numerics import first_passage

    finer = Request(request.options, request.model_text, request.digits + 2, request.method)
    both = wells(request)
    if _of(request, "exact") == "exact":
        flat, sharp = (
            first_passage.mean_exit_time(
                well.diffusion.lowered(), start, exit_above=exit, **finer.precision
            )
            for well in both
            for start, exit in [well.ends()]
        )
        return _ratio(flat, sharp)
    flat, sharp = (_escape(finer, well.diffusion, *well.ends()) for well in both)
    formulas = dict.fromkeys((flat.formula.name, sharp.formula.name))
    return Value(_ratio(flat.time, sharp.time), {"formula": " / ".join(formulas)})
