"""`exitlaw infer`: its documents and exit statuses, its refusals, and the examples of its page."""

import re
import shlex
import shutil
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "inference.md"
MODEL = ["--loss", "w**2/2", "--noise", "1", "--eta", "1/2", "--interpretation", "ito"]
STEEP = ["--loss", "2*w**2", *MODEL[2:]]
"""Variance 1/8 in place of 1/4."""


def _write(file: Path, **columns: np.ndarray) -> str:
    rows = np.column_stack(list(columns.values()))
    np.savetxt(file, rows, delimiter=",", header=",".join(columns), comments="", fmt="%.17g")
    return str(file)


@pytest.fixture
def independent(tmp_path: Path) -> str:
    """400 values of the stationary law of MODEL."""
    sample = np.random.default_rng(1).normal(0.0, 0.5, 400)
    return _write(tmp_path / "independent.csv", w=sample)


@pytest.fixture
def correlated(tmp_path: Path) -> str:
    """Four autoregressions with that law, as rows of path, time, w in the order of time."""
    from scipy.signal import lfilter

    noise = np.random.default_rng(2).standard_normal((4, 3000))
    noise[:, 1:] *= np.sqrt(1 - 0.81)
    states = 0.5 * np.asarray(lfilter([1], [1, -0.9], noise, axis=1))
    path, time = np.meshgrid(np.arange(4), np.arange(3000), indexing="ij")
    columns = {"path": path.T, "time": time.T, "w": states.T}
    return _write(
        tmp_path / "correlated.csv", **{name: part.ravel() for name, part in columns.items()}
    )


def test_goodness_of_fit(run, valid, independent):
    """H0 true: p is 0.42 at this seed. A variance of one half is found (distance 0.08)."""
    command = ["infer", "goodness-of-fit", "--observations", independent, "--independent", "--json"]
    true, wrong = run(*command, *MODEL), run(*command, *STEEP)
    for outcome in (true, wrong):
        valid("infer", outcome.document)
        assert outcome.document["sampling"]["used"] == 400
    assert (true.status, true.document["rejected"]) == (0, False), true.err
    assert (wrong.status, wrong.document["rejected"]) == (1, True)
    assert wrong.document["p_value"] < 1e-3
    assert 0.15 < true.document["detectable"] < 0.2
    assert true.document["inputs"]["observations"] == independent


def test_correlated_paths_are_thinned_within_each(run, valid, correlated):
    """τ is 18.4: one in 3τ of 4 paths of 3000."""
    outcome = run("infer", "goodness-of-fit", "--observations", correlated, *MODEL, "--json")
    assert outcome.status == 0, outcome.err
    valid("infer", outcome.document)
    sampling = outcome.document["sampling"]
    assert 40 < sampling["stride"] < 80
    assert sampling["used"] == 4 * -(-3000 // sampling["stride"])
    shown = run("infer", "goodness-of-fit", "--observations", correlated, *STEEP)
    assert shown.status == 1
    assert re.search(r"sample +\d+ of 12000 values, one in \d+", shown.out)


def test_tail_index_with_and_without_a_model(run, valid, tmp_path):
    """Student with 1 degree of freedom; the model's tail is Gaussian."""
    heavy = np.random.default_rng(3).standard_t(1.0, 50_000)
    file = _write(tmp_path / "heavy.csv", w=heavy)
    command = ["infer", "tail-index", "--observations", file, "--independent", "--json"]
    alone, beside = run(*command), run(*command, *MODEL)
    for outcome in (alone, beside):
        valid("infer", outcome.document)
        assert outcome.document["lower"] < 1.0 < outcome.document["upper"]
        assert outcome.document["power_law"]
    assert alone.status == 0
    assert (beside.status, beside.document["model_index"]) == (1, "inf")
    light = _write(tmp_path / "light.csv", w=np.random.default_rng(4).exponential(1.0, 5000))
    shown = run("infer", "tail-index", "--observations", light, "--independent", *MODEL)
    assert shown.status == 0
    assert "no power law shown" in shown.out


def test_scaling(run, valid, tmp_path):
    barriers = np.geomspace(0.5, 4.0, 6)
    noise = 1 + 0.02 * np.random.default_rng(5).standard_normal(6)
    times = 3 * barriers**2 * noise
    file = _write(tmp_path / "t.csv", barrier=barriers, time=times, error=0.02 * times)
    for law, status in ((None, 0), ("polynomial", 0), ("exponential", 1)):
        outcome = run(
            "infer", "scaling", "--observations", file, "--json", *(["--law", law] if law else [])
        )
        assert outcome.status == status
        valid("infer", outcome.document)
        assert outcome.document["verdict"] == "polynomial"
    assert re.search(r"power (1\.9|2\.0)", run("infer", "scaling", "--observations", file).out)
    neither = np.where(np.arange(6) % 2, 2.0, 1.0) * times
    file = _write(tmp_path / "n.csv", barrier=barriers, time=neither, error=0.02 * times)
    assert run("infer", "scaling", "--observations", file).status == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["infer"], "a test after 'exitlaw infer'"),
        (["infer", "goodness"], "nearest: goodness-of-fit"),
        (["infer", "goodness-of-fit", *MODEL], "--observations FILE for goodness-of-fit"),
        (["infer", "goodness-of-fit", "FILE"], "--loss EXPR or --drift EXPR"),
        (["infer", "goodness-of-fit", *MODEL, "FILE", "--level", "2"], "between 0 and 1"),
        (["infer", "goodness-of-fit", *MODEL, "FILE", "--column", "v"], "a column v"),
        (["infer", "goodness-of-fit", *MODEL, "FILE", "--series", "v"], "a column v"),
        (["infer", "goodness-of-fit", *MODEL, "FILE", "--discard", "390"], "at least 30 values"),
        (["infer", "goodness-of-fit", *MODEL, "--observations", "no.csv"], "no.csv"),
        (["infer", "goodness-of-fit", *MODEL, "--observations", "no.parquet"], "no.parquet"),
        (["infer", "goodness-of-fit", "--loss", "-w**2", *MODEL[2:], "FILE"], "integrated up to"),
        (["infer", "tail-index", "FILE", "--independent"], "at least 1600 values"),
        (["infer", "tail-index", "FILE", "--tail", "left"], "tail both, upper or lower"),
        (["infer", "tail-index", "FILE", "--tail", "upper", *MODEL], "both tails beside a model"),
        (["infer", "scaling", "FILE"], "a column barrier"),
        (["infer", "scaling", "FILE", "--law", "linear"], "--law polynomial or exponential"),
    ],
)
def test_refusals(run, independent, words, says):
    outcome = run(*(part for word in words for part in
                    (("--observations", independent) if word == "FILE" else (word,))))  # fmt: skip
    assert outcome.status == 2
    assert outcome.out == ""
    assert says in outcome.err
    assert "internal error" not in outcome.err


def test_models_of_several_weights_are_refused(run, independent, tmp_path):
    model = tmp_path / "plane.toml"
    model.write_text(
        'loss = "x**2+y**2"\nnoise = "1"\neta = 1\ninterpretation = "ito"\nvariables = "x,y"\n'
    )
    for test in ("goodness-of-fit", "tail-index"):
        outcome = run("infer", test, "--observations", independent, "--model", str(model))
        assert outcome.status == 2
        assert "a model of one weight; received variables x,y" in outcome.err


@pytest.mark.parametrize("entry", ["nan", "inf", "1e999", "word", ""])
def test_entries_that_are_no_numbers(run, tmp_path, entry):
    file = tmp_path / "bad.csv"
    file.write_text("w,v\n" + "0.5,1\n" * 50 + f"{entry},1\n")
    outcome = run("infer", "goodness-of-fit", *MODEL, "--observations", str(file))
    assert outcome.status == 2
    assert "numbers in column w" in outcome.err


def test_a_false_statement_of_independence_is_refused(run, correlated):
    outcome = run("infer", "goodness-of-fit", *MODEL, "--observations", correlated, "--independent")
    assert outcome.status == 2
    assert "independent values, as stated" in outcome.err


# --- the page -----------------------------------------------------------------------------------

_PART = re.compile(
    r"```python\n(?P<code>.*?)```|(?P<shell>(?:^    [^\n]*\n|^\n(?=    ))+)", re.M | re.S
)


def _lines(text: str) -> list[str]:
    """Without the time that was taken, and without the blanks that fill a line."""
    return [line.strip() for line in text.splitlines() if not re.match(r" *time  ", line)]


def _shell(block: str) -> list[tuple[str, list[str]]]:
    """The commands of an indented block, and the lines shown below each."""
    found: list[tuple[str, list[str]]] = []
    for line in re.sub(r"\\\n *", "", block).splitlines():
        if line.startswith("    exitlaw "):
            found.append((line.strip(), []))
        elif found and line.strip():
            found[-1][1].append(line.strip())
    return found


@pytest.mark.slow
def test_the_examples_of_the_page(run, tmp_path, monkeypatch):
    """From top to bottom, in one folder, each shows what it prints here."""
    pytest.importorskip("pyarrow")
    shutil.copy(DOCS / "examples" / "regression.csv", tmp_path)
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text("utf-8")
    ran = 0
    for part in _PART.finditer(text):
        if part["code"]:
            printed = StringIO()
            with redirect_stdout(printed):
                exec(compile(part["code"], str(PAGE), "exec"), {})
            shown = re.match(r"\s*```text\n(.*?)```", text[part.end() :], re.S)
            assert shown is not None
            assert _lines(printed.getvalue()) == _lines(shown[1])
            ran += 1
        else:
            for command, lines in _shell(part["shell"]):
                outcome = run(*shlex.split(command)[1:])
                assert outcome.status in (0, 1), outcome.err
                if lines:
                    assert [line for line in _lines(outcome.out) if line] == lines
                ran += 1
    assert ran >= 9
