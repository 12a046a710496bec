"""The judge: what stands, what is refuted, what is unknown, and that nothing crashes it."""

import pytest
from ornstein_uhlenbeck import ENCLOSURES, POINTS, D, V, body, derivation, estimate, k, registered
from sympy import Integer, Symbol

from exitlaw.claim import Equality, Mutant
from exitlaw.derivation import Derivation, Identity, LemmaUse, Step
from exitlaw.evidence import (
    Certificate,
    Context,
    EnclosureComparison,
    Finding,
    MonteCarloTest,
    pooled,
    two_sided_quantile,
)
from exitlaw.judge import judge
from exitlaw.results import ClaimResult
from exitlaw.verdict import Verdict
from numerics.testing import confidence_sequence_half_width

pytestmark = pytest.mark.usefixtures("registry")


def status(result: ClaimResult, name: str) -> str:
    return next(m.status for m in result.mutants if m.name == name)


def test_true_claim_is_proved_and_all_mutants_fall():
    result = judge(registered(body))
    assert result.verdict is Verdict.PROVED
    assert result.as_expected
    kinds = {row.kind: row.verdict for row in result.evidence}
    assert kinds == {"derivation": Verdict.PROVED, "enclosure": Verdict.AGREES}
    assert {m.status for m in result.mutants} == {"refuted"}
    assert sum(m.generated for m in result.mutants) >= 5
    assert all(m.point and m.refuted_by for m in result.mutants)


def test_false_formula_is_refuted_with_point_and_enclosures():
    result = judge(registered(lambda: body(2 * D / k)))
    assert result.verdict is Verdict.REFUTED
    assert not result.as_expected
    row = next(row for row in result.evidence if row.kind == "enclosure")
    assert row.point == {"k": "3", "D": "2/7"}
    assert row.enclosures is not None
    assert {"reference", "formula"} == set(row.enclosures)
    broken = next(step for step in result.steps if not step.ok)
    assert broken.name == "stationary solution"


def test_proof_and_refutation_conflict():
    wrong = EnclosureComparison("wrong", lambda p, d: ENCLOSURES.reference(POINTS[0], d), POINTS)
    result = judge(registered(lambda: body(evidence=(wrong,))))
    assert result.verdict is Verdict.CONFLICT
    assert not result.as_expected


def test_survivor_makes_the_claim_unknown():
    twin = Mutant("true at the points", D / k + (k - 3) * (k - Integer(1) / 5))
    result = judge(registered(lambda: body(mutants=(*body().mutants, twin))))
    assert status(result, "true at the points") == "survived"
    assert result.verdict is Verdict.UNKNOWN
    assert "true at the points" in result.why()
    assert any(row["kind"] == "mutants" for row in result.as_json()["evidence"])


def test_equivalent_mutant_needs_normal_form():
    same = Mutant("written otherwise", (D**2 - D) / (k * (D - 1)))
    result = judge(registered(lambda: body(mutants=(*body().mutants, same))))
    assert status(result, "written otherwise") == "equivalent"
    assert result.verdict is Verdict.PROVED


def test_too_few_mutants_make_the_claim_unknown():
    result = judge(registered(lambda: body(mutants=body().mutants[:2], generate=False)))
    assert result.verdict is Verdict.UNKNOWN
    assert "at least 3" in result.why()


def test_claim_without_any_evidence_is_unknown():
    result = judge(registered(lambda: body(evidence=(), derivation=None)))
    assert result.verdict is Verdict.UNKNOWN


def test_broken_derivation_leaves_the_weaker_evidence():
    wrong = derivation(2 * D / k)
    result = judge(registered(lambda: body(derivation=wrong)))
    assert result.verdict is Verdict.AGREES
    assert not result.as_expected


def test_derivation_of_another_statement_proves_nothing():
    step = Step("beside the point", Equality(D, D), "trivial", Identity(D, D))
    result = judge(registered(lambda: body(derivation=Derivation((step,)))))
    row = next(row for row in result.evidence if row.kind == "derivation")
    assert row.verdict is Verdict.UNKNOWN
    assert "statement" in row.detail


@pytest.mark.parametrize("error", [ValueError("no"), ZeroDivisionError(), RecursionError()])
def test_error_while_building_is_unknown(error):
    def build():
        raise error

    result = judge(registered(build))
    assert result.verdict is Verdict.UNKNOWN
    assert type(error).__name__ in result.why()


def test_error_in_evidence_is_unknown_with_its_reason():
    def reference(point, digits):
        raise ArithmeticError("quadrature gave up")

    failing = EnclosureComparison("failing", reference, POINTS)
    result = judge(registered(lambda: body(evidence=(failing,), derivation=None)))
    assert result.verdict is Verdict.UNKNOWN
    assert "quadrature gave up" in result.evidence[0].detail


def test_error_in_a_check_breaks_the_step():
    class Faulty:
        def establishes(self):
            return ()

        def run(self):
            raise TypeError("faulty check")

        def broken(self):
            return self

    step = Step("faulty", Equality(D, D), "none", Faulty())
    result = judge(registered(lambda: body(derivation=Derivation((step,)))))
    assert "faulty check" in result.steps[0].detail
    assert result.verdict is Verdict.AGREES


def test_missing_extra_is_skipped_not_passed():
    def decide(statement, context):
        raise ModuleNotFoundError("No module named 'dask'", name="dask")

    result = judge(
        registered(
            lambda: body(derivation=None, evidence=(Certificate("on a cluster", decide),)),
            expected="certified",
        )
    )
    assert result.verdict is Verdict.UNKNOWN
    assert result.is_skipped
    assert not result.failed
    assert not result.as_expected
    assert "dask" in result.as_json()["skipped"]


def test_other_missing_module_is_a_failure():
    def decide(statement, context):
        raise ModuleNotFoundError("No module named 'nothing'", name="nothing")

    result = judge(
        registered(lambda: body(derivation=None, evidence=(Certificate("broken", decide),)))
    )
    assert result.failed


# --- expected refutations -----------------------------------------------------------------------


def test_expected_refutation_names_a_correction_that_stands():
    registered(body, "demo/right")
    wrong = registered(
        lambda: body(2 * D / k, derivation=None, mutants=()),
        "demo/wrong",
        expected="refuted",
        corrected="demo/right",
    )
    result = judge(wrong)
    assert result.verdict is Verdict.REFUTED
    assert result.as_expected
    assert result.mutants == ()


def test_expected_refutation_without_correction_is_a_conflict():
    wrong = registered(lambda: body(2 * D / k), "demo/wrong", expected="refuted")
    assert judge(wrong).verdict is Verdict.CONFLICT


def test_evidence_that_refutes_the_correction_as_well_is_a_conflict():
    nothing_holds = EnclosureComparison(
        "refutes everything",
        lambda p, d: ENCLOSURES.reference({k: Integer(1), D: Integer(97)}, d),
        POINTS,
    )
    registered(body, "demo/right")
    wrong = registered(
        lambda: body(2 * D / k, evidence=(nothing_holds,), derivation=None),
        "demo/wrong",
        expected="refuted",
        corrected="demo/right",
    )
    assert judge(wrong).verdict is Verdict.CONFLICT


# --- statistical evidence -----------------------------------------------------------------------

VARIANCE = 2 / 21


def monte_carlo(value: float, error: float, neighbours=("factor 2",), **more) -> MonteCarloTest:
    return MonteCarloTest(
        "made up", lambda point, context: estimate(value, error, **more), POINTS[:1], neighbours
    )


def test_consistent_with_power():
    test = monte_carlo(VARIANCE * 1.001, VARIANCE / 1000)
    result = judge(registered(lambda: body(derivation=None, evidence=(test,)), expected="agrees"))
    assert result.evidence[0].verdict is Verdict.CONSISTENT
    assert "0.999" in result.evidence[0].detail


def test_mutants_are_refuted_by_simulation_alone():
    test = monte_carlo(VARIANCE, VARIANCE / 1000)
    result = judge(
        registered(lambda: body(derivation=None, evidence=(test,)), expected="consistent")
    )
    assert result.verdict is Verdict.CONSISTENT
    assert all(m.refuted_by == "monte-carlo: made up" for m in result.mutants)


@pytest.mark.parametrize(
    ("value", "error", "more", "reason"),
    [
        (VARIANCE, VARIANCE / 5, {}, "power below"),
        (VARIANCE, VARIANCE / 1000, {"paths": 500}, "at least 10000"),
        (VARIANCE, VARIANCE / 1000, {"bias": VARIANCE / 2}, "power below"),
        (VARIANCE, 0.0, {}, "gave"),
        (float("nan"), VARIANCE, {}, "gave"),
    ],
)
def test_weak_simulation_is_unknown(value, error, more, reason):
    test = monte_carlo(value, error, **more)
    result = judge(registered(lambda: body(derivation=None, evidence=(test,))))
    assert result.evidence[0].verdict is Verdict.UNKNOWN
    assert reason in result.evidence[0].detail


def test_neighbour_below_five_per_cent_gives_no_power():
    near = Mutant("three per cent", D / k * Integer(103) / 100)
    test = monte_carlo(VARIANCE, VARIANCE / 1e6, neighbours=("three per cent",))
    result = judge(
        registered(lambda: body(derivation=None, evidence=(test,), mutants=(*body().mutants, near)))
    )
    assert result.evidence[0].verdict is Verdict.UNKNOWN


def test_simulation_without_neighbours_or_with_unknown_ones_is_unknown():
    for neighbours in ((), ("no such mutant",)):
        test = monte_carlo(VARIANCE, VARIANCE / 1000, neighbours=neighbours)
        result = judge(
            registered(
                lambda test=test: body(derivation=None, evidence=(test,)),
                f"demo/{len(neighbours)}",
            )
        )
        assert result.evidence[0].verdict is Verdict.UNKNOWN


def test_rejected_simulation_refutes():
    test = monte_carlo(VARIANCE * 1.1, VARIANCE / 1000)
    result = judge(registered(lambda: body(derivation=None, evidence=(test,))))
    assert result.verdict is Verdict.REFUTED


def test_simulation_runs_once_for_claim_and_mutants():
    calls = []

    def simulate(point, context):
        calls.append(point)
        return estimate(VARIANCE, VARIANCE / 1000)

    test = MonteCarloTest("counted", simulate, POINTS[:1], ("factor 2",))
    judge(registered(lambda: body(derivation=None, evidence=(test,))))
    assert len(calls) == 1


def counted(error: float, looks: int, value: float = VARIANCE):
    """A test whose batches have this standard error, and the seeds that it drew."""
    seeds = []

    def simulate(point, context):
        seeds.append(context.seed)
        return estimate(value, error)

    return MonteCarloTest("counted", simulate, POINTS[:1], ("factor 2",), looks=looks), seeds


@pytest.mark.parametrize(
    ("error", "looks", "verdict", "batches"),
    [
        (VARIANCE / 1000, 3, "consistent", 1),  # one batch decides
        (VARIANCE / 16, 3, "consistent", 2),
        (VARIANCE / 12, 3, "consistent", 4),
        (VARIANCE / 6, 3, "unknown", 4),  # twice the formula is told apart, half of it is not
        (VARIANCE / 3, 3, "unknown", 4),  # undecided at the last look: no pass
        (VARIANCE / 16, 1, "unknown", 1),
    ],
)
def test_simulation_stops_as_soon_as_it_decides(error, looks, verdict, batches):
    test, seeds = counted(error, looks)
    context = Context(neighbours={"factor 2": 2 * D / k}, false_alarm=1e-9)
    assert test.judge(Equality(V, D / k), context).verdict == verdict
    assert len(set(seeds)) == len(seeds) == batches


def test_looking_again_spends_the_budget_once():
    limits = []
    for looks in (1, 3):
        test, _ = counted(VARIANCE / 1000, looks)
        context = Context(neighbours={"factor 2": 2 * D / k}, false_alarm=1e-9)
        detail = test.judge(Equality(V, D / k), context).detail
        limits.append(float(detail.split("limit ")[1].split(";")[0]))
    assert limits == [
        pytest.approx(two_sided_quantile(1e-9 / looks / 10), abs=0.01) for looks in (1, 3)
    ]
    assert limits[1] > limits[0]


def test_batches_are_pooled_by_their_paths():
    one, other = estimate(1.0, 0.1), estimate(4.0, 0.4, paths=30_000)
    both = pooled([one, other])
    assert both.paths == one.paths + 30_000
    share = one.paths / both.paths
    assert both.estimate == pytest.approx(share * 1.0 + (1 - share) * 4.0)
    assert both.standard_error == pytest.approx(
        ((share * 0.1) ** 2 + ((1 - share) * 0.4) ** 2) ** 0.5
    )
    assert pooled([one]) is one


def test_few_looks_are_cheaper_than_a_confidence_sequence():
    level, paths = 1e-11, 10_000
    sequence = confidence_sequence_half_width(paths, 1.0, level, tuned_for=paths) * paths**0.5
    assert two_sided_quantile(level / 5) < sequence < two_sided_quantile(level / 5) + 0.6


def test_undeclared_lemma_breaks_the_proof():
    registered(body, "demo/lemma")
    step = Step("by lemma", Equality(V, D / k), "lemma", LemmaUse("demo/lemma", Equality(V, D / k)))
    result = judge(registered(lambda: body(derivation=Derivation((step,))), "demo/use"))
    row = result.evidence[0]
    assert row.verdict is Verdict.UNKNOWN
    assert "depends" in row.detail


def test_point_outside_the_domain_refutes_nothing():
    far = EnclosureComparison("far", ENCLOSURES.reference, ({k: Integer(1000), D: Integer(1)},))
    result = judge(registered(lambda: body(2 * D / k, derivation=None, evidence=(far,))))
    assert result.evidence[0].verdict is Verdict.UNKNOWN
    assert "outside" in result.evidence[0].detail


def test_free_symbol_of_a_formula_is_unknown():
    extra = Symbol("extra")
    result = judge(registered(lambda: body(D / k * extra, derivation=None)))
    assert "extra" in result.evidence[0].detail
    assert result.verdict is Verdict.UNKNOWN


def test_finding_of_a_certificate_is_taken_as_it_is():
    sure = Certificate("by hand", lambda s, c: Finding(Verdict.CERTIFIED, "decided"))
    result = judge(registered(lambda: body(derivation=None, evidence=(sure, ENCLOSURES))))
    assert result.verdict is Verdict.CERTIFIED
