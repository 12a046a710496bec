"""A wrong formula in `theory` must be noticed: every function is corrupted, one at a time.

The claims that call the function are judged again, by algebra and enclosures: one of them must
lose its verdict, and none may crash. Corruptions change an operator, a sign, a comparison, or
triple what is returned.
"""

from types import CodeType

import pytest
from corruption import (
    Target,
    corrupted_code,
    holds,
    loaded_claims,
    replaced,
    targets,
    used_by,
    verdict_of,
)

from exitlaw.results import ClaimResult

QUICK_CLAIMS = ("noise/quadratic-covariance", "noise/linear-regression")
"""Claims of the sample that every run takes: their light judgement takes below a second."""

ATTEMPTS = 8
"""Corruptions tried per function until one is noticed: some change nothing that is called."""

NOT_RELIED_ON = {
    # Reading and checking input: claims are written in SymPy, not in text.
    "theory.errors": "wording of errors: tests/cli expects the messages",
    "theory.expressions": "the parser of text: tests/theory/test_expressions.py",
    "theory.expression_text": "the writer of text: tests/theory/test_expression_text.py",
    "theory.diffusion._": "reading of parameters and names: tests/theory/test_diffusion.py",
    "theory.diffusion.as_expression": "reading of numbers: tests/theory/test_diffusion.py",
    "theory.diffusion.parse_interpretation": "reading of text: tests/theory/test_diffusion.py",
    "theory.diffusion.Diffusion.": "construction from text: tests/theory/test_diffusion.py",
    "theory.stationary.classify_power_law": "names degenerate input: tests/theory",
    "theory.kramers.noise_per_loss": "which formula fits a model: tests/theory/test_kramers.py",
    # More than one dimension: no claim of this ledger is about it.
    "theory.diffusion.DiffusionND": "d dimensions: tests/theory/test_diffusion.py",
    "theory.eyring_kramers": "d dimensions: tests/theory/test_eyring_kramers.py",
    "theory.stationary_nd": "d dimensions: tests/theory/test_stationary_nd.py",
    "theory.fokker_planck.current_nd": "d dimensions: tests/theory/test_fokker_planck.py",
    "theory.fokker_planck.forward_operator_nd": "d dimensions: tests/theory",
    "theory.fokker_planck.backward_generator_nd": "d dimensions: tests/theory",
    # Subjects of which this ledger makes no claim: relaxation, discrete time, other papers.
    "theory.lamperti": "relaxation: tests/theory/test_lamperti.py",
    "theory.spectrum": "relaxation: tests/theory/test_spectrum.py",
    "theory.discrete": "discrete time: tests/theory/test_discrete.py",
    "theory.literature": "other papers' formulas: tests/theory/test_literature.py",
    "theory.stationary.degenerate_normaliser": "degenerate noise: tests/theory",
    # Other routes to the same answer.
    "theory.normal_form.": "routes that no derivation takes: tests/theory/test_normal_form.py",
    "theory.pearson.density": "the law as one formula: tests/theory/test_pearson.py",
    "theory.pearson.normaliser_integrand": "the law as one formula: tests/theory/test_pearson.py",
    "theory.rational_form._Builder.": "translation of rare forms: tests/theory/test_normal_form.py",
}
"""Beginnings of names of functions that no claim needs to call, each with its reason.

A function that some claim does call is corrupted in any case.
"""


NOT_NOTICED = {
    "theory.sharpness.leading_log_ratio": "the one claim that calls it takes its last branch; the "
    "others: tests/theory/test_sharpness.py and each cell of experiments/phase_diagram.py",
    "theory.polynomial_ring.Ring.is_free": "tells 'not zero' from 'undecided', and neither is a "
    "proof: no verdict depends on it; tests/theory/test_normal_form.py",
}
"""Functions that claims call without depending on what they return, each with its reason."""


def reason_for(target: Target) -> str | None:
    """Why no claim relies on a function, if that is listed."""
    return next(
        (why for start, why in NOT_RELIED_ON.items() if str(target).startswith(start)), None
    )


class Usage:
    """What each claim relies on, found once by tracing."""

    def __init__(self, claims: list[str]) -> None:
        self.results: dict[str, ClaimResult] = {}
        self.called: dict[str, set[CodeType]] = {}
        for id in claims:
            self.results[id], self.called[id] = used_by(id)

    def claims_of(self, target: Target) -> list[str]:
        """Claims that hold and call the function, the quickest first."""
        code = target.function.__code__
        users = [id for id, called in self.called.items() if code in called]
        standing = [id for id in users if holds(self.results[id])]
        return sorted(standing, key=lambda id: self.results[id].seconds)


def assert_noticed(target: Target, claims: list[str]) -> None:
    """Some corruption of the function takes the verdict of some claim that calls it."""
    unnoticed = []
    for number in range(ATTEMPTS):
        corruption = corrupted_code(target, number)
        if corruption is None:
            break
        code, place = corruption
        with replaced(target, code):
            for id in claims:
                if not holds(verdict_of(id)):
                    return
        unnoticed.append(place)
    assert not unnoticed, f"{target}: no claim among {claims} noticed {unnoticed}"
    pytest.fail(f"{target}: nothing to corrupt")


def test_sample_of_corruptions_is_noticed():
    known = set(loaded_claims())
    usage = Usage([id for id in QUICK_CLAIMS if id in known])
    assert all(holds(result) for result in usage.results.values())
    relied = [target for target in targets() if usage.claims_of(target)]
    formulas = [target for target in relied if target.module == "theory.gradient_noise"]
    assert formulas
    for target in formulas:
        assert_noticed(target, usage.claims_of(target))


@pytest.fixture(scope="module")
def usage() -> Usage:
    return Usage(loaded_claims())


@pytest.mark.slow
@pytest.mark.parametrize("target", targets(), ids=str)
def test_every_corruption_is_noticed(target: Target, usage: Usage):
    claims = usage.claims_of(target)
    if str(target) in NOT_NOTICED:
        return
    if claims:
        assert_noticed(target, claims)
    else:
        assert reason_for(target), f"{target}: no claim relies on it, and no reason is listed"


@pytest.mark.slow
def test_reasons_are_about_functions_that_exist():
    names = [str(target) for target in targets()]
    assert all(any(name.startswith(start) for name in names) for start in NOT_RELIED_ON)
    assert set(NOT_NOTICED) <= set(names)
