"""Two dimensions: estimates by finite elements, marked as such, against known answers."""

import pytest

PLANE = ["--variables", "x,y", "--eta", "1/2", "--interpretation", "ito", "--json"]
WELL = ["--loss", "(x**2-1)**2/4+y**2/2", "--noise", "1", *PLANE, "--start=-1,0"]
TIME = ["evaluate", "mean-exit-time"]


def test_separable_well_has_the_time_of_its_first_coordinate(run, valid):
    outcome = run(*TIME, *WELL, "--exit-region", "x >= 1")
    assert outcome.status == 0, outcome.err
    document = outcome.document
    valid("evaluate", document)
    assert document["digits_kind"] == "estimated"
    assert document["method"] == "finite-elements"
    # 14.2777366… is the certified one-dimensional time over (x²-1)²/4.
    assert float(document["lower"]) <= 14.2777366365 <= float(document["upper"])


@pytest.mark.parametrize("noise", ["1", "[1, 1]", "[[1, 0], [0, 1]]"])
def test_brownian_exit_from_a_disc(run, noise):
    """No force, D = 1: the time from the centre of the unit disc is 1/(2d) = 1/4."""
    model = ["--drift", "[0, 0]", "--noise", noise, "--variables", "x,y", "--eta", "2"]
    outcome = run(
        *TIME, *model, "--interpretation", "ito", "--start=0,0", "--exit-region", "x**2+y**2 >= 1",
        "--json",
    )  # fmt: skip
    assert outcome.status == 0, outcome.err
    assert float(outcome.document["lower"]) <= 0.25 <= float(outcome.document["upper"])


def test_probability_of_one_region_before_another(run, valid):
    regions = ["--exit-region", "x >= 1", "--against", "x <= -2"]
    outcome = run("evaluate", "exit-probability", *WELL, *regions)
    assert outcome.status == 0, outcome.err
    valid("evaluate", outcome.document)
    assert float(outcome.document["lower"]) <= 0.99034244075 <= float(outcome.document["upper"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([*TIME, *WELL], "--exit-region"),
        ([*TIME, *WELL, "--exit-region", "x + 1"], "condition"),
        ([*TIME, *WELL, "--exit-region", "z >= 1"], "z has no value"),
        ([*TIME, *WELL, "--exit", "1"], "--exit 1"),
        ([*TIME, *WELL, "--exit-region", "x >= 1", "--method", "arb"], "--method arb"),
        ([*TIME, *WELL, "--exit-region", "x >= 1", "--digits", "30"], "--digits"),
        (["evaluate", "exit-probability", *WELL, "--exit-region", "x >= 1"], "--against"),
        (["simulate", "mean-exit-time", *WELL, "--exit-region", "x >= 1"], "one-dimensional"),
        (
            [*TIME, "--loss", "w**2", "--noise", "1", "--eta", "1", "--interpretation", "ito",
             "--start", "0", "--exit-region", "w >= 1"],
            "--variables x,y",
        ),
    ],
)  # fmt: skip
def test_bad_input_in_the_plane(run, arguments, words):
    outcome = run(*arguments)
    assert (outcome.status, outcome.out) == (2, "")
    assert words in outcome.err
    assert "internal error" not in outcome.err
