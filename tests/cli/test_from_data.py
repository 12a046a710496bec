"""`--sample-loss` and `--data`: the diffusion of SGD on samples, and SGD itself."""

import pytest

LOSS = ["--sample-loss", "(y-a*x*w)**2/2", "--data", "samples.csv", "--set", "a=1"]
WALK = ["--sample-loss", "-z*w", "--data", "walk.csv", "--eta", "1/8", "--start", "0"]
QUANTILE = 6.11
"""Standard errors that a false alarm of 1e-9 takes."""


@pytest.fixture(autouse=True)
def _files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "samples.csv").write_text("x,y\n1,0.5\n-1,0.5\n2,-1\n", "utf-8")
    (tmp_path / "walk.csv").write_text("z\n1\n-1\n", "utf-8")


def test_the_diffusion_of_the_samples(run, valid):
    words = ["mean-exit-time", "--eta", "1/10", "--interpretation", "ito", "--start", "0",
             "--exit", "1/4", "--json"]  # fmt: skip
    data = run("evaluate", *words, *LOSS, "--batch", "2", "--without-replacement")
    assert data.status == 0, data.err
    valid("evaluate", data.document)
    # The variance over the samples is four times that of a pair drawn without replacement.
    written = run("evaluate", *words, "--loss", "w**2+2*w/3", "--noise", "(2*w**2+8*w/3+19/18)/4")
    assert data.document["value"] == written.document["value"]
    assert data.document["inputs"]["sample_loss"] == "(y-a*x*w)**2/2"
    assert data.document["inputs"]["without_replacement"] is True


def test_a_model_file_may_name_the_samples(run, tmp_path):
    (tmp_path / "model.toml").write_text(
        'sample_loss = "(y-x*w)**2/2"\ndata = "samples.csv"\nbatch = 2\neta = 0.1\n'
        'interpretation = "ito"\n',
        "utf-8",
    )
    filed = run("evaluate", "tail-index", "--model", "model.toml", "--json")
    given = run("evaluate", "tail-index", *LOSS, "--batch", "2", "--eta", "0.1",
                "--interpretation", "ito", "--json")  # fmt: skip
    assert filed.document["value"] == given.document["value"]


def test_a_walk_leaves_when_it_must(run, valid, seed):
    """64 updates from (−8η, 8η) in the mean; 5 % off is 15 standard errors away, 12.2 suffice."""
    found = run("simulate", "sgd-exit-time", *WALK, "--exit", "1", "--exit-below", "-1",
                "--paths", "60000", "--seed", str(seed), "--json")  # fmt: skip
    assert found.status == 0, found.err
    valid("simulate", found.document)
    distance = abs(found.document["estimate"] - 8.0)
    assert distance <= QUANTILE * found.document["standard_error"]
    assert 2 * QUANTILE * found.document["standard_error"] < 0.4
    assert found.document["bias_bound"] == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["tail-index", "--data", "samples.csv", "--eta", "1", "--interpretation", "ito"],
         "--data without --sample-loss"),
        (["tail-index", *LOSS, "--noise", "1", "--eta", "1", "--interpretation", "ito"],
         "--noise beside it"),
        (["tail-index", *LOSS, "--batch", "1.5", "--eta", "1", "--interpretation", "ito"],
         "a positive integer for --batch"),
        (["tail-index", *LOSS, "--set", "b=1", "--eta", "1", "--interpretation", "ito"],
         "--set b=…, which occurs nowhere"),
    ],
)  # fmt: skip
def test_bad_input_is_named(run, words, message):
    done = run("evaluate", *words)
    assert done.status == 2
    assert message in done.err


# --- several dimensions --------------------------------------------------------------------------

PLANE = ["--variables", "a,b", "--eta", "1/2", "--interpretation", "ito", "--json"]
POINTS = ["--sample-loss", "((a-k*u)**2+(b-v)**2)/2", "--data", "points.csv", "--set", "k=1",
          "--batch", "2", "--without-replacement"]  # fmt: skip
WRITTEN = ["--loss", "a**2/2-a/2+b**2/2", "--noise", "[[5/12, -1/6], [-1/6, 1/8]]"]
"""By hand: mean (1/2, 0), variances 5/4 and 3/8, covariance -1/2, for a pair without replacement
times (4-2)/(2*3)."""
STEPS = ["--sample-loss", "-u*a-v*b", "--data", "steps.csv", "--variables", "a,b", "--eta", "1/8"]
OUT = ["--start", "0,0", "--exit-region", "a >= 3/2"]


@pytest.fixture(autouse=True)
def _plane_files(_files, tmp_path):
    (tmp_path / "points.csv").write_text("u,v\n1,0.5\n-1,0.5\n2,-1\n0,0\n", "utf-8")
    (tmp_path / "steps.csv").write_text("u,v\n1,1\n1,-1\n-1,1\n-1,-1\n", "utf-8")


@pytest.mark.parametrize(
    "words",
    [
        ["evaluate", "mean-exit-time", *OUT],
        ["evaluate", "exit-probability", *OUT, "--against", "b >= 1/2"],
        ["simulate", "mean-exit-time", *OUT, "--paths", "100", "--dt", "0.1"],
        ["simulate", "moment", "--order", "1", "--observable", "a*b", "--paths", "64"],
        ["simulate", "stationary-density", "--at", "1/2,0", "--paths", "64"],
    ],
    ids=lambda words: "-".join(words[:2]),
)
def test_quantities_of_the_plane_are_those_of_the_written_model(run, valid, words):
    data = run(*words, *PLANE, *POINTS)
    assert data.status == 0, data.err
    valid(words[0], data.document)
    written = run(*words, *PLANE, *WRITTEN)
    assert written.status == 0, written.err
    value = "value" if words[0] == "evaluate" else "estimate"
    assert data.document[value] == written.document[value]
    assert data.document["inputs"]["variables"] == "a,b"
    assert data.document["inputs"]["data"] == "points.csv"


def test_a_walk_in_the_plane_leaves_when_it_must(run, valid, seed):
    """Two independent walks, one strip: as in one dimension."""
    found = run("simulate", "sgd-exit-time", *STEPS, "--start", "0,0", "--exit-region",
                "a >= 1 or a <= -1", "--paths", "60000", "--seed", str(seed), "--json")  # fmt: skip
    assert found.status == 0, found.err
    valid("simulate", found.document)
    assert abs(found.document["estimate"] - 8.0) <= QUANTILE * found.document["standard_error"]
    assert 2 * QUANTILE * found.document["standard_error"] < 0.4
    assert found.document["bias_bound"] == 0
    assert found.document["inputs"]["exit_region"] == "a >= 1 or a <= -1"


def test_names_that_are_set_may_stand_in_points_and_regions(run):
    words = ["simulate", "sgd-exit-time", *STEPS, "--paths", "100", "--json"]
    named = run(*words, "--set", "r=1", "--start", "r-1,0", "--exit-region", "a**2 >= r")
    plain = run(*words, "--start", "0,0", "--exit-region", "a**2 >= 1")
    assert named.document["estimate"] == plain.document["estimate"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--exit-region", "a >= 1"], "2 coordinates after --start"),
        (["--start", "0,0"], "--exit-region"),
        (["--start", "0,0", "--exit-region", "c >= 1"], "c has no value"),
        (["--start", "0,0", "--exit", "1"], "--exit 1"),
        (["--start", "2,0", "--exit-region", "a >= 1"], "a start outside the exit region"),
        (["--start", "0,0", "--exit-region", "a >= 1", "--set", "q=1"], "--set q=…, which occurs"),
        (["--start", "0,0", "--exit-region", "a >= 1", "--set", "u=1"], "--set u=…, which is a"),
        (["--start", "0,0", "--exit-region", "a >= 1", "--set", "a=1"], "leave a free"),
        (["--start", "0,0", "--exit-region", "a >= 1", "--variables", "a,c"], "with b"),
        (["--start", "0,0,0", "--exit-region", "a >= 1", "--variables", "a,b,c"], "without c"),
        (["--start", "0,0", "--exit-region", "a >= 1", "--sample-loss", "-u*a-t*b"], "with t"),
        (["--start", "0,0", "--exit-region", "a >= 1", "--data", "none.csv"], "can be read"),
    ],
)
def test_bad_descents_in_the_plane_are_named(run, words, message):
    start = [] if "--start" in words else ["--start", "0"]
    done = run("simulate", "sgd-exit-time", *STEPS, *start, *words)
    assert (done.status, done.out) == (2, "")
    assert message in done.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--sample-loss", "(v-(a+b)*u)**2/2", "--data", "points.csv"], "a C of rank 1"),
        (["--sample-loss", "u*a+v*b", "--data", "steps.csv", "--noise", "1"], "--noise beside it"),
        (["--loss", "a**2+b**2", "--noise", "1", "--data", "points.csv"], "--data without"),
    ],
)
def test_bad_models_of_the_plane_are_named(run, words, message):
    done = run("evaluate", "mean-exit-time", *PLANE, *OUT, *words)
    assert (done.status, done.out) == (2, "")
    assert message in done.err


def test_a_region_without_variables_is_named(run):
    done = run("simulate", "sgd-exit-time", *WALK, "--exit-region", "w >= 1")
    assert done.status == 2
    assert "--variables x,y" in done.err


def test_doubles_of_models_from_data(run):
    words = ["mean-exit-time", *LOSS, "--eta", "1/10", "--interpretation", "ito", "--start", "-1/3",
             "--exit", "1/4", "--method", "double", "--sweep", "a=0.9:1.1:3"]  # fmt: skip
    done = run("evaluate", *words)
    assert done.status == 2
    assert "leave out --method double" in done.err
