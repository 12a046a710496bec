"""Runs: what a file's claims come to, whoever computes them, and what rests on what."""

import importlib
import sys

import claim_files
import pytest

from exitlaw.results import ClaimResult, EvidenceResult, MutantResult
from exitlaw.verdict import Verdict, as_expected, combine
from exitlaw.verification import _settle, check_file, forget_file, recall, verify
from theory.errors import InputError


@pytest.fixture
def file(tmp_path):
    """Writes a claim file and forgets it after the test."""
    written = []

    def write(*parts: str):
        path = claim_files.write(tmp_path, *parts)
        written.append(path)
        return path

    yield write
    for path in written:
        forget_file(path)


def verdicts(report) -> dict[str, str]:
    return {claim.id: str(claim.verdict) for claim in report.claims}


def test_file_of_claims_is_judged(file):
    report = check_file(file(claim_files.TRUE, claim_files.FALSE, claim_files.CRASHES))
    assert verdicts(report) == {
        "sums/arithmetic": "agrees",
        "sums/off-by-one": "refuted",
        "sums/crash": "unknown",
    }
    assert not report.ok
    assert report.summary()["not_as_expected"] == 2
    assert report.summary()["mutants"]["survived"] > 0  # of the false claim: the true formula


def test_lemma_that_is_cited_carries_a_proof_which_says_so(file):
    report = check_file(
        file(claim_files.CITED, claim_files.BY_LEMMA.format(lemma="sums/arithmetic"))
    )
    assert verdicts(report)["sums/by-lemma"] == "proved"
    row = next(c for c in report.claims if c.id == "sums/by-lemma").evidence[0]
    assert "cited, not proved: sums/arithmetic (agrees; Gauss 1786)" in row.detail


def test_numbers_that_agree_are_no_lemma_for_a_proof(file):
    uncited = claim_files.CITED.replace(', source="Gauss 1786"', "")
    report = check_file(file(uncited, claim_files.BY_LEMMA.format(lemma="sums/arithmetic")))
    assert verdicts(report)["sums/by-lemma"] == "agrees"
    row = next(c for c in report.claims if c.id == "sums/by-lemma").evidence[0]
    assert "neither proof nor source" in row.detail


def test_a_lemma_with_evidence_alone_is_not_used_outside_of_it(file):
    sampled = claim_files.CITED.replace(", cited=True", "")
    report = check_file(file(sampled, claim_files.BY_LEMMA.format(lemma="sums/arithmetic")))
    assert verdicts(report)["sums/by-lemma"] == "agrees"
    row = next(c for c in report.claims if c.id == "sums/by-lemma").evidence[0]
    assert "was not shown to lie in [1, 100]" in row.detail


def test_lemma_that_falls_takes_the_proof_with_it(file):
    missing = claim_files.CITED.replace("sums/arithmetic", "sums/unproved")
    missing = missing.replace('"agrees"', '"proved"')
    report = check_file(file(missing, claim_files.BY_LEMMA.format(lemma="sums/unproved")))
    found = verdicts(report)
    assert found["sums/unproved"] == "agrees"  # but `proved` was expected: it does not stand
    assert found["sums/by-lemma"] == "agrees"
    row = next(c for c in report.claims if c.id == "sums/by-lemma").evidence[0]
    assert "does not stand" in row.detail


def test_workers_do_not_change_results(file):
    path = file(claim_files.TRUE, claim_files.FALSE, claim_files.CRASHES)
    one, two = check_file(path, workers=1), check_file(path, workers=2)

    def content(report):
        claims = [claim.as_json() for claim in report.claims]
        for claim in claims:
            claim.pop("seconds")
            for row in claim["evidence"]:
                row.pop("seconds")
        return claims

    assert content(one) == content(two)


def test_worker_that_dies_makes_only_its_own_claim_unknown(file):
    report = check_file(file(claim_files.DIES, claim_files.TRUE, claim_files.FALSE), workers=2)
    assert verdicts(report) == {
        "sums/dies": "unknown",
        "sums/arithmetic": "agrees",
        "sums/off-by-one": "refuted",
    }
    assert "died" in report.claims[0].why()


def test_progress_is_told_of_every_claim(file):
    calls = []
    check_file(
        file(claim_files.TRUE, claim_files.FALSE),
        progress=lambda done, total, result: calls.append((done, total, result.id)),
    )
    assert calls == [(1, 2, "sums/arithmetic"), (2, 2, "sums/off-by-one")]


def test_results_are_kept_and_reused_until_the_code_changes(file, tmp_path):
    ledger = tmp_path / "ledger.sqlite"
    path = file(claim_files.TRUE, claim_files.FALSE)
    first = check_file(path, ledger=ledger)
    again = check_file(path, ledger=ledger)
    assert [claim.cached for claim in first.claims] == [False, False]
    assert [claim.cached for claim in again.claims] == [True, True]
    assert verdicts(first) == verdicts(again)
    assert [c.as_json()["mutants"] for c in first.claims] == [
        c.as_json()["mutants"] for c in again.claims
    ]

    # A change in one claim leaves the other's result; a comment changes nothing.
    text = path.read_text("utf-8").replace("n * (n - 1) / 2)\n", "n * (n - 3) / 2)\n")
    path.write_text(text + "\n# a remark\n", encoding="utf-8")
    forget_file(path)
    changed = check_file(path, ledger=ledger)
    assert [claim.cached for claim in changed.claims] == [True, False]

    other_seed = check_file(path, ledger=ledger, seed=1)
    assert not any(claim.cached for claim in other_seed.claims)


READS = """

import importlib, pathlib, sys

FOLDER = pathlib.Path(__file__).parent


@claim("sums/from-elsewhere", title="A formula read from files", expected="agrees")
def elsewhere():
    power = int((FOLDER / "power.txt").read_text())
    factor = importlib.import_module("factor_" + FOLDER.name).FACTOR
    return body(n ** (power - 1) * (n + 1) / factor)
"""


@pytest.mark.parametrize("changed", ["power.txt", "factor"])
def test_what_a_claim_file_reads_is_part_of_its_result(file, tmp_path, changed):
    path = file(READS)
    module = tmp_path / f"factor_{tmp_path.name}.py"
    (tmp_path / "power.txt").write_text("2")
    module.write_text("FACTOR = 2")
    ledger = tmp_path / "ledger.sqlite"
    for cached in (False, True):
        report = check_file(path, ledger=ledger)
        assert verdicts(report) == {"sums/from-elsewhere": "agrees"}
        assert report.claims[0].cached is cached
    (tmp_path / "power.txt" if changed == "power.txt" else module).write_text(
        "3" if changed == "power.txt" else "FACTOR = 3  # not 2"
    )
    forget_file(path)
    sys.modules.pop(module.stem)
    importlib.invalidate_caches()
    assert verdicts(check_file(path, ledger=ledger)) == {"sums/from-elsewhere": "refuted"}


def test_a_claim_that_ends_python_is_unknown(file):
    ends = """

@claim("sums/exit", title="Ends", expected="agrees")
def ends():
    raise SystemExit(0)
"""
    assert verdicts(check_file(file(ends))) == {"sums/exit": "unknown"}


def test_undecided_claims_are_tried_again(file, tmp_path):
    path = file(claim_files.CRASHES)
    for _ in range(2):
        report = check_file(path, ledger=tmp_path / "ledger.sqlite")
        assert not report.claims[0].cached


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"profile": "fast"}, "profile"),
        ({"seed": -1}, "seed"),
        ({"workers": 0}, "workers"),
    ],
)
def test_bad_options_are_refused(file, options, message):
    with pytest.raises(InputError, match=message):
        check_file(file(claim_files.TRUE), **options)


def test_files_that_are_no_claims_are_refused(tmp_path):
    with pytest.raises(InputError, match="a Python file of claims"):
        check_file(tmp_path / "claims_none.py")
    empty = tmp_path / "claims_empty.py"
    empty.write_text("x = 1\n")
    with pytest.raises(InputError, match="no function under @claim"):
        check_file(empty)
    broken = tmp_path / "claims_broken.py"
    broken.write_text("def (:\n")
    with pytest.raises(InputError, match="correct it"):
        check_file(broken)


def test_id_that_is_taken_is_refused(tmp_path):
    path = claim_files.write(tmp_path, claim_files.TRUE, claim_files.TRUE)
    with pytest.raises(InputError, match="once"):
        check_file(path)


def test_unknown_claim_names_the_nearest():
    with pytest.raises(InputError, match="nearest: noise/quadratic-covariance"):
        verify(["noise/quadratic-covarianse"])


# --- what rests on what -------------------------------------------------------------------------


def result(id: str, verdict: str, *lemmas: str, expected: str = "proved") -> ClaimResult:
    row = EvidenceResult("derivation", "made up", Verdict(verdict), "", 0.0)
    refuted = tuple(MutantResult(str(k), "refuted") for k in range(3))
    return ClaimResult(id, id, Verdict(expected), evidence=(row,), mutants=refuted, lemmas=lemmas)


def settled(*results: ClaimResult) -> dict[str, str]:
    found = _settle((), {one.id: one for one in results})
    return {id: str(one.verdict) for id, one in found.items()}


def test_proofs_that_rest_on_each_other_prove_nothing():
    assert settled(result("a", "proved", "b"), result("b", "proved", "a")) == {
        "a": "unknown",
        "b": "unknown",
    }


def test_fall_of_a_lemma_goes_through_a_chain():
    assert settled(
        result("a", "proved", "b"), result("b", "proved", "c"), result("c", "unknown")
    ) == {"a": "unknown", "b": "unknown", "c": "unknown"}


def test_chain_of_proofs_stands():
    found = settled(result("a", "proved", "b"), result("b", "agrees", expected="agrees"))
    assert found["a"] == "proved"


def test_refuted_lemma_does_not_stand_even_where_that_is_expected():
    found = settled(result("a", "proved", "b"), result("b", "refuted", expected="refuted"))
    assert found["a"] == "unknown"


# --- combination --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("findings", "verdict"),
    [
        ((), "unknown"),
        (("unknown",), "unknown"),
        (("unknown", "agrees"), "agrees"),
        (("consistent", "agrees", "certified"), "certified"),
        (("proved", "unknown"), "proved"),
        (("agrees", "refuted"), "refuted"),
        (("unknown", "refuted"), "refuted"),
        (("proved", "refuted"), "conflict"),
        (("conflict", "proved"), "conflict"),
    ],
)
def test_combination_of_findings(findings, verdict):
    assert combine(map(Verdict, findings)) == verdict


@pytest.mark.parametrize("verdict", ["proved", "agrees", "consistent"])
def test_open_neighbour_leaves_nothing_but_a_refutation(verdict):
    assert combine([Verdict(verdict)], open_neighbour=True) is Verdict.UNKNOWN
    assert combine([Verdict.REFUTED], open_neighbour=True) is Verdict.REFUTED


@pytest.mark.parametrize(
    ("verdict", "expected", "meets"),
    [
        ("proved", "agrees", True),
        ("agrees", "proved", False),
        ("agrees", "agrees", True),
        ("refuted", "refuted", True),
        ("unknown", "refuted", False),
        ("conflict", "refuted", False),
        ("conflict", "consistent", False),
        ("unknown", "unknown", False),
        ("refuted", "agrees", False),
    ],
)
def test_expectation(verdict, expected, meets):
    assert as_expected(Verdict(verdict), Verdict(expected)) is meets


# --- what is remembered -------------------------------------------------------------------------


def test_recall_computes_nothing_and_gives_what_was_judged(tmp_path):
    ledger = tmp_path / "ledger.sqlite"
    assert recall([], ledger).claims == ()
    judged = verify(["noise"], ledger=ledger)
    remembered = recall([], ledger)
    assert verdicts(remembered) == verdicts(judged)
    assert all(claim.cached for claim in remembered.claims)
    assert recall(["noise/linear-regression"], ledger).claims == remembered.claims[1:]
    assert recall([], ledger, seed=1).claims == ()
