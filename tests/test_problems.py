"""Every line of the table of exact answers, by each route; and an audit of the table itself."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import mpmath
import pytest
from mpmath.libmp import to_rational
from problems import PROBLEMS, Problem

from exitlaw import quantities
from exitlaw.command_options import EVALUATE, options_of


def options_for(problem: Problem, **more: str) -> dict[str, object]:
    """The options of `exitlaw evaluate` for a problem, absent ones included."""
    accepted = options_of(EVALUATE[problem.quantity], simulated=False)
    blank: dict[str, object] = {
        one.name: False if one.is_flag else [] if one.many else None for one in accepted
    }
    return {**blank, **problem.options, **more}


def _exact(text: str) -> Fraction:
    return Fraction(text)


def _assert_encloses(answer: object, lower: str, upper: str, digits: int, kind: str) -> None:
    if answer == mpmath.inf:
        assert (lower, upper) == ("inf", "inf")
        return
    low, high = _exact(lower), _exact(upper)
    value = Fraction(*to_rational(mpmath.mpf(answer)._mpf_))
    slack = abs(value) * Fraction(1, 10 ** (mpmath.mp.dps - 5))
    assert low - slack <= value <= high + slack
    scale = max(abs(low), abs(high)) if kind == "relative" else 1
    assert high - low <= scale * Fraction(1, 10**digits)


def _runs() -> Iterator[Any]:
    """Each problem by each route; mpmath's hard ones take long."""
    for problem in PROBLEMS:
        for method in ("arb", "mpmath"):
            long = method == "mpmath" and (
                problem.difficulty == "hard" or problem.quantity == "spectrum"
            )
            marks = [pytest.mark.slow] if long else []
            yield pytest.param(problem, method, marks=marks, id=f"{problem.slug}-{method}")


@pytest.mark.parametrize(("problem", "method"), list(_runs()))
def test_exact_answer_is_enclosed(problem: Problem, method: str):
    document = quantities.evaluate(
        problem.quantity, options_for(problem, digits=str(problem.digits), method=method)
    )
    # Only a proof knows an exact zero: an estimate of it has absolute digits.
    kind = "absolute" if method == "mpmath" and problem.answer() == 0 else problem.digits_kind
    assert document["digits_kind"] == kind
    with mpmath.workdps(problem.digits + 30 if problem.slug != "power-law-double-well" else 36):
        answer = problem.answer()
        triples = (
            zip(answer, document["lower"], document["upper"], strict=True)
            if isinstance(answer, list)
            else [(answer, document["lower"], document["upper"])]
        )
        for value, lower, upper in triples:
            _assert_encloses(value, lower, upper, problem.digits, kind)
        if problem.continuum_edge is not None:
            edge = problem.continuum_edge()
            found = mpmath.mpf(document["continuum_edge"])
            assert found == edge or abs(found / edge - 1) < mpmath.mpf(10) ** (2 - problem.digits)


def test_slugs_are_unique_and_every_line_is_documented():
    slugs = [problem.slug for problem in PROBLEMS]
    assert len(set(slugs)) == len(slugs)
    assert all(problem.source and problem.quantity in EVALUATE for problem in PROBLEMS)


def test_every_quantity_has_an_exact_answer():
    assert {problem.quantity for problem in PROBLEMS} == set(EVALUATE)


def test_options_are_those_of_the_command():
    for problem in PROBLEMS:
        accepted = {one.name for one in options_of(EVALUATE[problem.quantity], simulated=False)}
        assert set(problem.options) <= accepted, problem.slug


def test_every_difficulty_occurs():
    assert {problem.difficulty for problem in PROBLEMS} == {"easy", "moderate", "hard"}


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.slug)
def test_answers_do_not_depend_on_the_working_precision(problem: Problem):
    """An answer that lost digits to cancellation would make a right enclosure look wrong."""
    with mpmath.workdps(40):
        coarse = problem.answer()
    with mpmath.workdps(70):
        fine = problem.answer()
    pairs = zip(coarse, fine, strict=True) if isinstance(fine, list) else [(coarse, fine)]
    for a, b in pairs:
        assert a == b or abs(a - b) <= abs(b) * mpmath.mpf(10) ** -36
