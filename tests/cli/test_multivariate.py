"""Two dimensions: estimates by finite elements, marked as such, against known answers."""

import pytest

PLANE = ["--variables", "x,y", "--eta", "1/2", "--interpretation", "ito", "--json"]
WELL = ["--loss", "(x**2-1)**2/4+y**2/2", "--noise", "1", *PLANE, "--start=-1,0"]
TIME = ["evaluate", "mean-exit-time"]
PATHS = ["simulate", "mean-exit-time"]


def test_separable_well_has_the_time_of_its_first_coordinate(run, valid):
    outcome = run(*TIME, *WELL, "--exit-region", "x >= 1")
    assert outcome.status == 0, outcome.err
    document = outcome.document
    valid("evaluate", document)
    assert document["digits_kind"] == "estimated"
    assert document["method"] == "finite-elements"
    # 14.2777366… is the certified one-dimensional time over (x²-1)²/4.
    assert float(document["lower"]) <= 14.2777366365 <= float(document["upper"])


def test_paths_have_the_time_of_the_first_coordinate(run, valid, seed):
    """H0: |estimate − 14.2777…| ≤ bias bound; 6.11 standard errors beyond it, false alarm 1e-9.

    1.96 standard errors and the bias bound are at most 0.1 of the estimate, so the reach is at most
    0.32 of it: twice the time is excluded unless the estimate is 10 standard errors high.
    """
    exact = 14.2777366365
    outcome = run(
        *PATHS, *WELL, "--exit-region", "x >= 1", "--target-error", "0.1", "--seed", str(seed)
    )
    assert outcome.status == 0, outcome.err
    document = outcome.document
    valid("simulate", document)
    assert document["inputs"]["exit_region"] == "x >= 1"
    reach = document["bias_bound"] + 6.11 * document["standard_error"]
    assert abs(document["estimate"] - exact) <= reach
    assert abs(document["estimate"] - 2 * exact) > reach


def test_a_rare_exit_is_split_by_itself(run, valid, seed):
    """τ = 1.02·10⁵ over the same barrier at η = 1/20: plain paths would take 2·10⁶ steps each.

    H0: |estimate − certified| ≤ bias bound; false alarm 1e-9 at 6.11 standard errors; three times
    the time is excluded.
    """
    rare = [
        *WELL[:4],
        "--variables",
        "x,y",
        "--eta",
        "1/20",
        "--interpretation",
        "ito",
        "--json",
        "--start=-1,0",
        "--exit-region",
        "x >= 1",
        "--target-error",
        "0.2",
    ]
    outcome = run(*PATHS, *rare, "--seed", str(seed))
    assert outcome.status == 0, outcome.err
    document = outcome.document
    valid("simulate", document)
    assert document["scheme"] == "euler-shift+splitting"
    exact = 102108.365457
    reach = document["bias_bound"] + 6.11 * document["standard_error"]
    assert abs(document["estimate"] - exact) <= reach
    assert abs(document["estimate"] - 3 * exact) > reach


def test_stationary_moment_and_density(run, valid, seed):
    """Independent Gaussians of variances η/2 and η/4: E x²y² = η²/8, p(x, 0) = √2/(πη)·e^(−x²/η).

    H0 each: |estimate − exact| ≤ bias bound; false alarm 1e-9; twice the value is excluded.
    """
    bowl = ["--loss", "x**2/2+y**2", "--noise", "[1, 1]", *PLANE]
    for quantity, arguments, exact in (
        ("moment", ["--order", "2", "--observable", "x*y"], 0.03125),
        ("stationary-density", ["--at", "1/2,0"], 0.5460694491888174),
    ):
        outcome = run(
            "simulate", quantity, *bowl, *arguments, "--target-error", "0.1", "--seed", str(seed)
        )
        assert outcome.status == 0, outcome.err
        document = outcome.document
        valid("simulate", document)
        reach = document["bias_bound"] + 6.11 * document["standard_error"]
        assert abs(document["estimate"] - exact) <= reach
        assert abs(document["estimate"] - 2 * exact) > reach


def test_paths_and_finite_elements_agree_where_no_coordinate_decides(run, seed):
    """A full, state-dependent noise, read as anti-Ito, and a round region.

    H0: the estimate is within its bias bound of a value in the interval of the finite elements;
    false alarm 1e-9 at 6.11 standard errors; twice the value is excluded as above.
    """
    noise = "[[1+x**2/2, 1/4], [1/4, 1]]"
    model = ["--loss", "x**2/2+y**2", "--noise", noise, "--variables", "x,y", "--eta", "1"]
    question = [*model, "--interpretation", "anti-ito", "--start=0,0", "--json"]
    region = ["--exit-region", "x**2+y**2 >= 1"]
    meshed = run(*TIME, *question, *region)
    assert meshed.status == 0, meshed.err
    walked = run(*PATHS, *question, *region, "--target-error", "0.1", "--seed", str(seed))
    assert walked.status == 0, walked.err
    low, high = float(meshed.document["lower"]), float(meshed.document["upper"])
    reach = walked.document["bias_bound"] + 6.11 * walked.document["standard_error"]
    assert low - reach <= walked.document["estimate"] <= high + reach
    assert walked.document["estimate"] + reach < 2 * low


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
        ([*PATHS, *WELL], "--exit-region"),
        ([*PATHS, *WELL, "--exit-region", "x + 1"], "condition"),
        ([*PATHS, *WELL, "--exit-region", "x >= 1", "--exit", "1"], "--exit 1"),
        ([*PATHS, *WELL, "--exit-region", "x <= 0"], "outside the exit region"),
        ([*PATHS, *WELL, "--exit-region", "x >= 1", "--scheme", "heun"], "euler-shift"),
        ([*PATHS, *WELL, "--exit-region", "x >= 1", "--scheme", "euler-bridge"], "euler-shift"),
        ([*PATHS, *WELL, "--exit-region", "x >= 1", "--importance", "z"], "z has no value"),
        (
            [*PATHS, *PLANE, "--loss", "x**2+y**2", "--noise", "1+x**2+y**2", "--start=0,0",
             "--exit-region", "x >= 1", "--scheme", "milstein-shift"],
            "noise that commutes",
        ),
        ([*PATHS, *WELL, "--exit-region", "x >= 1", "--paths", "0"], "--paths"),
        ([*PATHS, *WELL[:-1], "--start=1", "--exit-region", "x >= 1"], "2 coordinates"),
        (["simulate", "moment", *WELL[:-1], "--order", "2"], "--observable"),
        (["simulate", "moment", *WELL[:-1], "--order", "-1", "--observable", "x"], "order"),
        (["simulate", "moment", *WELL[:-1], "--order", "2", "--observable", "z"], "z has no value"),
        (["simulate", "stationary-density", *WELL[:-1], "--at", "0"], "2 coordinates after --at"),
        (
            ["simulate", "moment", "--loss", "w**2", "--noise", "1", "--eta", "1",
             "--interpretation", "ito", "--order", "2", "--observable", "w"],
            "--variables x,y",
        ),
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
