"""Long series by recurrence equal those by FLINT's products."""

from __future__ import annotations

import pytest
import sympy
from certified_models import model, w
from flint import arb, arb_series, ctx

from numerics import recurrence
from numerics.core import core_of
from numerics.evaluators import evaluate_series
from numerics.local import End
from numerics.panels import make_panel

MODELS = {
    "double-well": model("(w**2-1)**2/4", "1 + 19*(w**2-1)**2/40", "1/20"),
    "tilted": model("(w**2-1)**2/4 + w/5", "1 + w**2/3", "1/7", "1/4"),
    "rational-loss": model(1 / (1 + w**2), 1 + w**4, sympy.Rational(1, 3), 1),
}


@pytest.mark.parametrize("name", MODELS)
def test_densities_by_both_ways(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    core = core_of(MODELS[name])
    with ctx.workprec(300):
        panel = make_panel(core.program, arb(-1) / 2, arb(-1) / 4)
        assert panel is not None
        made = {}
        for by_recurrence in (False, True):
            monkeypatch.setattr(recurrence, "available", lambda _, flag=by_recurrence: flag)
            expansion = panel.expansion(60, panel.half * 2, core.rate)
            mass = expansion.speed.antiderivative().plus_constant(arb(3))
            made[by_recurrence] = (
                expansion.speed.series,
                expansion.scale.series,
                expansion.scale_times_mass(mass).series,
            )
        for one, other in zip(made[False], made[True], strict=True):
            for k in range(60):
                assert one[k].overlaps(other[k])
                assert other[k].rad() < abs(other[k]) * 1e-40 + 1e-60


def test_the_equation_at_an_end() -> None:
    """p = t^(e₀) W with E W' = A W, against log p integrated the other way."""
    core = core_of(MODELS["double-well"])
    form = recurrence.end_form(core.program, End(-1))
    assert form is not None
    with ctx.workprec(200):
        equation, slope = form
        terms = recurrence.solve(
            [arb(c) for c in equation.coeffs()], [arb(c) for c in slope.coeffs()], [], arb(1), 40
        )
        t = arb(1) / 10
        ratio = sum((c * t**k for k, c in enumerate(terms)), arb(0))
        saved, ctx.cap = ctx.cap, 40
        try:
            q = evaluate_series(core.program, arb_series([arb(-10), 1]))[1]
        finally:
            ctx.cap = saved
        # d log p/dx at x = −10 by both: −q and (e₀ + t W'/W)·t, e₀ = 4(1 + κ), t = −1/x.
        slope_of_w = sum((k * c * t ** (k - 1) for k, c in enumerate(terms) if k), arb(0))
        exponent = 4 * (1 + arb(400) / 19)
        left = (exponent + t * slope_of_w / ratio) * t
        # 40 terms at a seventh of the radius of convergence.
        assert abs(left + q[0]) < 1e-20
