"""Claims on noise, stationary laws, exact and Kramers escape times: verdicts and mutants.

Every claim is judged once, in the quick profile; a failure shows the rows of its evidence. The
Monte Carlo tests of the file (stationary law, exact time) spend at most 2e-9 of the false-alarm
budget together.
"""

import pytest

from exitlaw.claim import REGISTRY
from exitlaw.discovery import all_metadata, load
from exitlaw.judge import judge
from exitlaw.results import ClaimResult

MODULES = (
    "gradient_noise",
    "fokker_planck",
    "lemmas",
    "stationary_density",
    "pearson_moments",
    "exact_escape",
    "kramers_multiplicative",
)

VERDICTS = {
    "noise/quadratic-covariance": "proved",
    "noise/linear-regression": "proved",
    "fokker-planck/interpretation": "proved",
    "lemma/gamma-integral": "agrees",
    "lemma/gamma-modulus": "certified",
    "lemma/exponential-remainder": "proved",
    "lemma/student-integral": "proved",
    "lemma/pearson-integral": "proved",
    "stationary/zero-flux": "proved",
    "stationary/power-law": "proved",
    "stationary/normaliser": "proved",
    "stationary/moments": "proved",
    "stationary/tail-index": "proved",
    "stationary/gaussian-limit": "proved",
    "stationary/q-gaussian": "proved",
    "escape/exact-time": "proved",
    "escape/two-sided": "proved",
    "escape/finite-iff": "proved",
    "kramers/multiplicative": "proved",
    "kramers/langevin": "proved",
}

INDEPENDENT = {
    "stationary/power-law": {"agrees", "consistent"},
    "escape/exact-time": {"agrees", "consistent"},
    "kramers/multiplicative": {"certified"},
    "kramers/langevin": {"certified"},
    "lemma/gamma-modulus": {"certified"},
    "lemma/exponential-remainder": set(),
}
"""What the evidence beside the derivation shows, where it is not `agrees`."""


@pytest.fixture(scope="module")
def judged(seed: int) -> dict[str, ClaimResult]:
    """Results so far, each claim judged when first asked for."""
    for module in MODULES:
        load(f"derivations.{module}")
    return {}


def result_of(id: str, judged: dict[str, ClaimResult], seed: int) -> ClaimResult:
    if id not in judged:
        judged[id] = judge(REGISTRY[id], "quick", seed)
    return judged[id]


def explained(result: ClaimResult) -> str:
    """What to read when a claim is not as expected."""
    lines = [f"{result.id}: {result.statement}", f"because {result.why()}"]
    lines += [f"{row.verdict}: {row.kind}, {row.route}: {row.detail}" for row in result.rows()]
    lines += [f"step '{step.name}': {step.detail}" for step in result.steps if not step.ok]
    return "\n".join(lines)


def test_table_names_every_claim_of_the_modules():
    found = {one.id for one in all_metadata() if one.module.split(".")[-1] in MODULES}
    assert found == set(VERDICTS)


@pytest.mark.parametrize("id", VERDICTS)
def test_verdict(id: str, judged: dict[str, ClaimResult], seed: int):
    result = result_of(id, judged, seed)
    assert result.verdict == VERDICTS[id], explained(result)
    assert result.as_expected, explained(result)


@pytest.mark.parametrize("id", VERDICTS)
def test_independent_evidence_supports_the_claim(
    id: str, judged: dict[str, ClaimResult], seed: int
):
    result = result_of(id, judged, seed)
    found = {str(row.verdict) for row in result.evidence if row.kind != "derivation"}
    assert found - {"unknown"} == INDEPENDENT.get(id, {"agrees"}), explained(result)


@pytest.mark.parametrize("id", VERDICTS)
def test_named_mutants_are_refuted(id: str, judged: dict[str, ClaimResult], seed: int):
    result = result_of(id, judged, seed)
    named = [mutant for mutant in result.mutants if not mutant.generated]
    assert len(named) >= 3
    assert {mutant.name: mutant.status for mutant in named} == {m.name: "refuted" for m in named}


@pytest.mark.parametrize("id", VERDICTS)
def test_lemmas_stand(id: str, judged: dict[str, ClaimResult], seed: int):
    for lemma in result_of(id, judged, seed).lemmas:
        lemma_result = result_of(lemma, judged, seed)
        assert lemma_result.stands, explained(lemma_result)


def test_monte_carlo_covers_every_named_interpretation():
    from theory.symbols import theta

    for id in ("stationary/power-law", "escape/exact-time"):
        (test,) = [e for e in REGISTRY[id].build().evidence if e.kind == "monte-carlo"]
        readings = {str(point[theta]) for point in test.points}  # type: ignore[attr-defined]
        assert readings == {"0", "1/4", "1/2", "1"}
