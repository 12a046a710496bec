"""`exitlaw simulate`: exact JSON, reproducible, and right within its own error budget."""

import pytest

MODEL = ["--loss", "(w**2-1)**2/4", "--noise", "1+(w**2-1)**2/4", "--eta", "0.5"]
ANTI = ["--interpretation", "anti-ito"]
EXIT = ["--start", "-1", "--exit", "1"]
TIME = ["mean-exit-time", *MODEL, *ANTI, *EXIT]

FALSE_ALARM = 1e-9
"""Of each comparison below: 6.1 standard errors beyond the bias bound."""
QUANTILE = 6.11


@pytest.mark.parametrize(
    "quantity",
    [TIME, ["moment", "--order", "2", *MODEL, *ANTI], ["stationary-density", "--at", "0.5", *MODEL,
                                                      *ANTI]],
    ids=lambda words: words[0],
)  # fmt: skip
def test_estimate_meets_the_certified_value(run, valid, seed, quantity):
    simulated = run("simulate", *quantity, "--target-error", "0.05", "--seed", str(seed), "--json")
    assert simulated.status == 0, simulated.err
    document = simulated.document
    valid("simulate", document)
    exact = float(run("evaluate", *quantity, "--method", "arb", "--json").document["value"])
    distance = abs(document["estimate"] - exact) - document["bias_bound"]
    assert distance <= QUANTILE * document["standard_error"]
    low, high = document["interval"]
    budget = (high - low) / 2 + document["bias_bound"]
    assert budget <= 0.05 * abs(document["estimate"])


def test_workers_change_no_bit(run):
    one, two = (
        run("simulate", *TIME, "--paths", "2000", "--workers", workers, "--json").document
        for workers in ("1", "2")
    )
    for key in ("estimate", "standard_error", "bias_bound", "paths", "path_steps"):
        assert one[key] == two[key]


def test_seed_changes_the_estimate(run):
    values = {
        run("simulate", *TIME, "--paths", "2000", "--seed", seed, "--json").document["estimate"]
        for seed in ("1", "2")
    }
    assert len(values) == 2


def test_people_see_the_budget(run):
    outcome = run("simulate", *TIME, "--paths", "2000")
    assert outcome.status == 0
    assert "95 % interval" in outcome.out
    assert "bias  at most" in outcome.out
