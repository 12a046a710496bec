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
    "theory.errors": "wording of errors; tested by the messages that tests/cli expects",
    "theory.expressions": "the parser of text; claims are written in SymPy; tests/theory",
}
"""Modules, or functions, that no claim needs to call, each with its reason."""


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
    reason = NOT_RELIED_ON.get(str(target)) or NOT_RELIED_ON.get(target.module)
    if not claims:
        assert reason, f"{target}: no claim relies on it, and no reason is listed"
        return
    if reason is None:
        assert_noticed(target, claims)


@pytest.mark.slow
def test_reasons_are_about_functions_that_exist():
    known = {str(target) for target in targets()} | {target.module for target in targets()}
    assert set(NOT_RELIED_ON) <= known
