"""Claims on Kramers escape, the saddle, the interpretation and sharpness ratios.

Derivations and enclosures of every claim are judged; the simulations, which compile kernels and
draw ten thousand paths each, run with the slow tests and in `exitlaw verify`.
"""

from dataclasses import replace

import pytest
import sympy

from derivations import _flat_and_sharp, joined_parabolas, sharpness_classes
from exitlaw.claim import REGISTRY, Claim
from exitlaw.discovery import all_metadata, load
from exitlaw.judge import judge
from exitlaw.verdict import as_expected
from theory import kramers, sharpness

MODULES = (
    "derivations.kramers_escape",
    "derivations.power_law_escape",
    "derivations.fixed_kappa",
    "derivations.barrier_order",
    "derivations.joined_parabolas",
    "derivations.saddle_escape",
    "derivations.which_sde",
    "derivations.sharpness_ratios",
    "derivations.sharpness_limits",
    "derivations.sharpness_classes",
)
IDS = tuple(one.id for one in all_metadata() if one.module in MODULES)


@pytest.fixture(scope="module", autouse=True)
def loaded():
    for module in (*MODULES, "derivations.lemmas", "derivations.kramers_multiplicative"):
        load(module)


def without_simulation(claim: Claim) -> Claim:
    """The claim judged by algebra and enclosures alone."""

    def build():
        body = claim.build()
        kept = tuple(one for one in body.evidence if one.kind != "monte-carlo")
        return replace(body, evidence=kept)

    return replace(claim, build=build)


@pytest.mark.parametrize("id", IDS)
def test_the_claim_has_its_verdict_and_no_mutant_survives(id):
    result = judge(without_simulation(REGISTRY[id]))
    problems = [(e.kind, e.verdict, e.detail) for e in result.evidence]
    assert as_expected(result.verdict, result.expected), problems
    assert [m.name for m in result.mutants if m.status == "survived"] == []
    if result.expected != "refuted":
        assert len(REGISTRY[id].build().mutants) >= 3


@pytest.mark.slow
@pytest.mark.parametrize(
    "id", [one for one in IDS if one.startswith(("interpretation", "sharpness", "kramers/deep"))]
)
def test_the_claim_has_its_verdict_with_its_simulations(id):
    result = judge(REGISTRY[id], "full")
    problems = [(e.kind, e.verdict, e.detail) for e in result.evidence]
    assert as_expected(result.verdict, result.expected), problems
    assert [m.name for m in result.mutants if m.status == "survived"] == []
    simulated = [e.verdict for e in result.evidence if e.kind == "monte-carlo"]
    wanted = "refuted" if result.expected == "refuted" else "consistent"
    assert all(verdict == wanted for verdict in simulated)


@pytest.mark.parametrize(
    ("function", "id"),
    [
        (kramers.power_law_exponent, "kramers/power-law"),
        (kramers.power_law_factor, "kramers/deep-barrier"),
        (kramers.laplace_coefficient, "lemma/laplace-second-order"),
        (kramers.second_order_coefficient_affine, "kramers/second-order"),
        (kramers.saddle_half_coefficient, "kramers/saddle-half"),
        (sharpness.flat_kappa, "sharpness/class-tail"),
        (sharpness.langevin_log_ratio, "sharpness/hessian-noise"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_a_wrong_formula_breaks_the_claim(function, id, monkeypatch):
    def wrong(*arguments, **named):
        return 2 * function(*arguments, **named)

    module = kramers if function.__module__ == "theory.kramers" else sharpness
    monkeypatch.setattr(module, function.__name__, wrong)
    result = judge(without_simulation(REGISTRY[id]))
    assert not as_expected(result.verdict, result.expected)


def test_the_scaling_law_is_that_of_the_ratios():
    point = sharpness_classes._class_point(64, 8, 6, "1/2", "1", 0)
    scaled = {
        **point,
        _flat_and_sharp.a: point[_flat_and_sharp.rise],
        _flat_and_sharp.b: 1 + point[_flat_and_sharp.tail],
        _flat_and_sharp.c: 0,
    }
    flat, sharp = _flat_and_sharp.minima(scaled)
    for values, size, index in ((sharp, 8, 6), (flat, 64, 6 * 64)):
        step, noise = values[_flat_and_sharp.eta], values[_flat_and_sharp.sigma_g]
        assert 2 * values[_flat_and_sharp.Delta_L] / (step * noise) == size
        curvature = values[_flat_and_sharp.H_a]
        assert curvature / (step * values[_flat_and_sharp.sigma_H]) == index


def test_the_remainder_of_the_joint_vanishes_for_a_deep_barrier_and_a_steep_well():
    symbols = joined_parabolas
    remainder = symbols.joint_remainder()
    sizes = []
    for depth in (10**2, 10**4):
        values = {
            symbols.H_a: depth, symbols.H_b: -1, symbols.Delta_L: depth, symbols.eta: 1,
            symbols.sigma_g: 1, symbols.kappa: 3, symbols.theta: 0,
        }  # fmt: skip
        exact = {symbol: sympy.Integer(value) for symbol, value in values.items()}
        sizes.append(sympy.N(remainder.xreplace(exact)))
    assert sizes[1] < sizes[0] / 1000
