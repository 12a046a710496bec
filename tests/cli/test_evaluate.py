"""`exitlaw evaluate`: exact JSON, certified digits, every way to write a model."""

import csv
import io
import json
import re
from fractions import Fraction

import pytest

DECIMAL = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?")
WELL = ["--loss", "(w**2-1)**2/4", "--noise", "1+(w**2-1)**2/4", "--eta", "0.05"]
ANTI = ["--interpretation", "anti-ito"]
EXIT = ["--start", "-1", "--exit", "1"]
TIME = ["evaluate", "mean-exit-time"]
NORMAL = ["--loss", "w**2/2", "--noise", "1", "--eta", "2", "--interpretation", "ito"]
KEYS = {
    "quantity",
    "value",
    "lower",
    "upper",
    "digits",
    "digits_kind",
    "method",
    "seconds",
    "inputs",
}


def width_is_certified(document, digits: int) -> bool:
    low, high = Fraction(document["lower"]), Fraction(document["upper"])
    scale = max(abs(low), abs(high)) if document["digits_kind"] == "relative" else 1
    return low <= Fraction(document["value"]) <= high and high - low <= scale / 10**digits


MODELS = {
    "matched noise": [*WELL, *ANTI, *EXIT],
    "tilted well, other noise": [
        "--loss", "(w**2-1)**2/4+w/10", "--noise", "1+w**2/3+w/5", "--eta", "1/10",
        "--interpretation", "1/4", "--start", "-1", "--exit", "1/2",
    ],
    "cubic loss without a law": [
        "--loss", "w**2/2-w**3/3", "--noise", "1", "--eta", "0.1", "--interpretation", "ito",
        "--start", "0", "--exit", "3/2",
    ],
}  # fmt: skip


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())
def test_thirty_digits(run, valid, model):
    outcome = run(*TIME, *model, "--digits", "30", "--json")
    assert (outcome.status, outcome.err) == (0, "")
    document = outcome.document
    valid("evaluate", document)
    assert document.keys() == KEYS
    assert document["digits"] == 30
    assert document["method"] == "both"
    assert all(DECIMAL.fullmatch(document[key]) for key in ("value", "lower", "upper"))
    assert width_is_certified(document, 30)


@pytest.mark.parametrize("digits", [1, 5, 50, 200])
def test_more_digits_refine_fewer(run, digits):
    arguments = [*TIME, *WELL, *ANTI, *EXIT, "--method", "arb", "--json", "--digits"]
    coarse, fine = (run(*arguments, str(wanted)).document for wanted in (digits, 2 * digits))
    assert width_is_certified(coarse, digits)
    assert Fraction(coarse["lower"]) <= Fraction(fine["lower"])
    assert Fraction(fine["upper"]) <= Fraction(coarse["upper"])


@pytest.mark.parametrize("spelling", [["--start=-1"], ["--start", "-1"], ["--start", "(-1)"]])
def test_negative_values(run, spelling):
    outcome = run(*TIME, *WELL, *ANTI, *spelling, "--exit", "1", "--json")
    assert outcome.status == 0, outcome.err
    assert outcome.document["value"].startswith("31810.2")


def test_three_interpretations_differ(run):
    values = [
        float(run(*TIME, *WELL, *EXIT, "--interpretation", one, "--json").document["value"])
        for one in ("ito", "stratonovich", "anti-ito", "0", "1/2", "1")
    ]
    assert values[:3] == values[3:]
    assert values[0] > values[1] > values[2]


def test_drift_is_minus_the_gradient(run):
    by_loss = run(*TIME, *WELL, *ANTI, *EXIT, "--json").document
    drift = ["--drift", "w-w**3", *WELL[2:]]
    by_drift = run(*TIME, *drift, *ANTI, *EXIT, "--json").document
    assert by_loss["value"] == by_drift["value"]
    assert by_drift["inputs"]["drift"] == "w-w**3"


def test_parameters_and_another_variable(run):
    loss = ["--loss", "(x**2-a)**2/4", "--noise", "1+b*(x**2-1)**2", "--eta", "T/10"]
    named = ["--variable", "x", "--set", "a=1", "--set", "b=1/4", "--set", "T=0.5"]
    named_document = run(*TIME, *loss, *named, *ANTI, *EXIT, "--json").document
    assert named_document["value"] == run(*TIME, *WELL, *ANTI, *EXIT, "--json").document["value"]
    assert named_document["inputs"]["set"] == {"a": "1", "b": "1/4", "T": "0.5"}


def test_model_file(run, tmp_path):
    file = tmp_path / "well.toml"
    file.write_text(
        'loss = "(w**2-a)**2/4"\nnoise = "1+(w**2-1)**2/4"\neta = 0.05\n'
        'interpretation = "anti-ito"\n[set]\na = 1\n'
    )
    from_file = run(*TIME, "--model", str(file), *EXIT, "--json").document
    assert from_file["value"] == run(*TIME, *WELL, *ANTI, *EXIT, "--json").document["value"]
    overruled = run(*TIME, "--model", str(file), "--eta", "0.1", *EXIT, "--json").document
    assert overruled["inputs"]["eta"] == "0.1"
    assert float(overruled["value"]) < float(from_file["value"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("loss = 'w", "TOML"),
        ("los = '1'", "nearest: loss"),
        ("loss = [1]", "formula in quotes"),
        ("loss = 'w'\nset = 3", "[set]"),
        ("loss = 'w'\nnoise = '1'\ninterpretation = 'ito'\neta = nan", "nan"),
    ],
)
def test_model_file_is_explained(run, tmp_path, text, words):
    file = tmp_path / "model.toml"
    file.write_text(text)
    outcome = run(*TIME, "--model", str(file), *EXIT)
    assert outcome.status == 2
    assert words in outcome.err


def test_inputs_record_what_was_asked(run):
    document = run(*TIME, *WELL, *ANTI, *EXIT, "--json").document
    assert document["inputs"] == {
        "loss": "(w**2-1)**2/4",
        "noise": "1+(w**2-1)**2/4",
        "eta": "0.05",
        "interpretation": "anti-ito",
        "variable": "w",
        "start": "-1",
        "exit": "1",
    }


def test_exact_zero_is_printed_as_zero(run):
    document = run("evaluate", "moment", "--order", "3", *NORMAL, "--json").document
    assert (document["value"], document["lower"], document["upper"]) == ("0", "0", "0")
    assert document["digits_kind"] == "relative"


def test_light_tails_have_infinite_index(run, valid):
    document = run("evaluate", "tail-index", *NORMAL, "--json").document
    valid("evaluate", document)
    assert (document["value"], document["lower"], document["upper"]) == ("inf", "inf", "inf")


def test_spectrum_is_lists_and_an_edge(run, valid):
    document = run("evaluate", "spectrum", "--count", "3", *NORMAL, "--json").document
    valid("evaluate", document)
    assert [round(float(value), 9) for value in document["value"]] == [0, 1, 2]
    assert document["continuum_edge"] == "inf"


def test_kramers_says_its_formula_and_its_error(run, valid):
    document = run("evaluate", "kramers-time", *WELL, *ANTI, *EXIT, "--json").document
    valid("evaluate", document)
    assert document["formula"] == "power-law"
    low, high = map(Fraction, document["error_against_exact"])
    exact = run(*TIME, *WELL, *ANTI, *EXIT, "--digits", "25", "--json").document
    finer = run(
        "evaluate", "kramers-time", *WELL, *ANTI, *EXIT, "--digits", "25", "--json"
    ).document
    assert low <= Fraction(finer["value"]) / Fraction(exact["value"]) - 1 <= high
    assert 0 < high - low < abs(low) / 10**14


@pytest.mark.parametrize(
    ("noise", "formula"),
    [("2", "langevin"), ("3+(w**2-1)**2", "power-law"), ("1+w/3", "multiplicative"),
     ("1-(w**2-1)**2/20", "multiplicative")],
)  # fmt: skip
def test_kramers_formula_is_chosen_by_the_noise(run, noise, formula):
    model = ["--loss", "(w**2-1)**2/4", "--noise", noise, "--eta", "0.05"]
    outcome = run("evaluate", "kramers-time", *model, *ANTI, *EXIT, "--json")
    assert outcome.document["formula"] == formula


def test_rate_is_one_over_time(run):
    time = float(run("evaluate", "kramers-time", *WELL, *ANTI, *EXIT, "--json").document["value"])
    rate = float(run("evaluate", "escape-rate", *WELL, *ANTI, *EXIT, "--json").document["value"])
    assert rate * time == pytest.approx(1, rel=1e-12)
    exact = run("evaluate", "escape-rate", "--of", "exact", *WELL, *ANTI, *EXIT, "--json").document
    assert float(exact["value"]) != pytest.approx(rate, rel=1e-4)


def test_sharpness_ratio(run, valid):
    sharp = ["--loss", "(w**2-1)**2", "--noise", "1", "--eta", "1", "--interpretation", "ito"]
    flat = ["--flatter", "(w**2/4-1)**2", "--flatter-start", "-2", "--flatter-exit", "2"]
    document = run("evaluate", "sharpness-ratio", *sharp, *flat, *EXIT, "--json").document
    valid("evaluate", document)
    # The flat well is the sharp one stretched by 2: times scale by 4 where the noise is constant.
    assert float(document["value"]) == pytest.approx(4, rel=1e-14)


def test_sweep_to_csv(run, tmp_path):
    arguments = [*TIME, *WELL[:4], "--eta", "1", *ANTI, *EXIT, "--digits", "10"]
    outcome = run(*arguments, "--sweep", "eta=0.1:0.5:5")
    rows = list(csv.DictReader(io.StringIO(outcome.out)))
    assert [row["eta"] for row in rows] == ["1/10", "1/5", "3/10", "2/5", "1/2"]
    values = [float(row["value"]) for row in rows]
    assert values == sorted(values, reverse=True)
    single = run(*TIME, *WELL[:4], "--eta", "1/5", *ANTI, *EXIT, "--digits", "10", "--json")
    assert rows[1]["lower"] == single.document["lower"]


def test_sweep_in_double_precision(run, valid):
    """Estimates cover the certified values; what doubles cannot give, balls give."""
    model = ["--loss", "(w**2-1)**2/4", "--noise", "1+a*(w**2-1)**2/4", "--eta", "1/3"]
    sweep = [*model, "--interpretation", "ito", *EXIT, "--sweep", "a=0.1:4.9:4"]
    outcome = run(*TIME, *sweep, "--method", "double")
    rows = list(csv.DictReader(io.StringIO(outcome.out)))
    certified = list(csv.DictReader(io.StringIO(run(*TIME, *sweep, "--method", "arb").out)))
    assert [row["method"] for row in rows] == ["double"] * 4
    for row, exact in zip(rows, certified, strict=True):
        assert row["digits_kind"] == "estimated"
        assert Fraction(row["lower"]) <= Fraction(exact["lower"])
        assert Fraction(row["upper"]) >= Fraction(exact["upper"])
        assert float(row["relative_error"]) < 1e-13
    document = run(*TIME, *sweep, "--method", "double", "--json").document
    valid("sweep", document)
    for row in document["rows"]:
        valid("evaluate", row)
    assert document["rows"][1]["inputs"]["set"] == {"a": "17/10"}


def test_spectra_in_double_precision(run, valid):
    """n(3 − n h/2 + h/2) below the continuum from h(3/h + 1/2)²/2: a parabola under 1 + w²."""
    model = ["--loss", "3*w**2/2", "--noise", "1+w**2", "--eta", "h", "--interpretation", "ito"]
    sweep = ["evaluate", "spectrum", *model, "--count", "5", "--method", "double"]
    document = run(*sweep, "--sweep", "h=0.5:1:3", "--json").document
    for text, row in zip(("1/2", "3/4", "1"), document["rows"], strict=True):
        valid("evaluate", row)
        h = Fraction(text)
        assert (row["method"], row["digits_kind"]) == ("double", "estimated")
        exact = [n * 3 - n * (n - 1) * h / 2 for n in range(5) if n < 3 / h + Fraction(1, 2)]
        assert len(row["value"]) == len(exact)
        assert row["value"][0] == "0"
        for low, value, high in zip(row["lower"], exact, row["upper"], strict=True):
            assert Fraction(low) <= value <= Fraction(high)
        edge = h * (3 / h + Fraction(1, 2)) ** 2 / 2
        assert float(row["continuum_edge"]) == pytest.approx(float(edge), rel=1e-13)
    table = run(*sweep, "--sweep", "h=0.5:1:3").out
    assert [row["method"] for row in csv.DictReader(io.StringIO(table))] == ["double"] * 3


def test_doubles_leave_a_decision_to_balls(run, valid):
    """The median of a symmetric law is 0: no relative error in doubles, exactly 0 by balls."""
    arguments = ["evaluate", "quantile", "--probability", "1/2", *WELL, *ANTI, "--json"]
    document = run(*arguments, "--method", "double").document
    valid("evaluate", document)
    assert (document["value"], document["method"]) == ("0", "arb")


LAW = ("--loss", "w**2/2", "--noise", "1", "--eta", "1", "--interpretation", "ito", "--at", "0")


@pytest.mark.parametrize("file", ["missing/times.csv", "missing/times.png", "folder.csv"])
def test_a_sweep_that_cannot_be_written_computes_nothing(run, tmp_path, monkeypatch, file):
    from exitlaw import quantities

    (tmp_path / "folder.csv").mkdir()
    monkeypatch.setattr(quantities, "evaluate", lambda *_: pytest.fail("computed"))
    path = str(tmp_path / file)
    sweep = ("--sweep", "eta=1:2:2", "-o", path)
    outcome = run("evaluate", "stationary-density", *LAW, *sweep)
    assert (outcome.status, outcome.out) == (2, "")
    assert f"a file that can be written; received {path}" in outcome.err


def test_a_sweep_names_the_point_without_a_value(run, tmp_path):
    path = tmp_path / "times.csv"
    arguments = ("--loss", "c*w**2/2", *LAW[2:], "--sweep", "c=1:-1:3", "-o", str(path))
    outcome = run("evaluate", "cumulative", *arguments)
    assert (outcome.status, outcome.out) == (2, "")
    assert "(at c = 0); what was computed before, 1 of its points, is written" in outcome.err
    head, row = path.read_text("utf-8").splitlines()
    assert (head[:8], row[:2]) == ("c,value,", "1,")
    printed = run("evaluate", "cumulative", *arguments[:-2])
    assert (printed.status, printed.out) == (2, path.read_text("utf-8"))
    document = run("evaluate", "cumulative", *arguments[:-2], "--json")
    assert (document.status, document.out) == (2, "")
    arguments = ("--drift", "-w+c/w", *LAW[2:-2], "--start", "1", "--exit", "2")
    outcome = run("evaluate", "mean-exit-time", *arguments, "--sweep", "c=0:1:2")
    assert "infinite at 0 (at c = 1)" in outcome.err


def test_sweep_to_files(run, tmp_path):
    table, plot = tmp_path / "times.csv", tmp_path / "times.png"
    outcome = run(
        *TIME, "--loss", "(w**2-1)**2/4+t*w", "--noise", "1", "--eta", "0.5", *ANTI, *EXIT,
        "--sweep", "t=0.01:0.1:3:log", "-o", str(table), "-o", str(plot),
    )  # fmt: skip
    assert (outcome.status, outcome.out) == (0, "")
    assert len(table.read_text().splitlines()) == 4
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_values_beyond_doubles_are_drawn_by_their_logarithms():
    from exitlaw.sweeps import ordinates

    assert ordinates([["1e-698"], ["1e-2"]]) == ([[-698.0, -2.0]], True)
    assert ordinates([["1e-200"], ["1e-2"]]) == ([[1e-200, 1e-2]], False)
    assert ordinates([["0"], ["1e-698"]]) == ([[0.0, 0.0]], False)
    [first, [known, missing]], _ = ordinates([["0", "2"], ["0"]])
    assert (first, known, missing != missing) == ([0.0, 0.0], 2.0, True)


def test_sweep_as_json(run, valid):
    outcome = run(*TIME, *WELL[:4], "--eta", "1", *ANTI, *EXIT, "--sweep", "start=-1:0:3", "--json")
    document = outcome.document
    assert document["sweep"] == {"name": "start", "values": ["-1", "-1/2", "0"]}
    valid("sweep", document)
    for row in document["rows"]:
        valid("evaluate", row)


def test_people_see_the_digits(run):
    outcome = run(*TIME, *WELL, *ANTI, *EXIT)
    assert outcome.status == 0
    assert outcome.err == ""
    assert "15 certified digits (relative)" in outcome.out
    assert "mean-exit-time" in outcome.out


def test_quantity_may_follow_its_options(run):
    first = run(*TIME, *WELL, *ANTI, *EXIT, "--json").document
    second = run("evaluate", *WELL, *ANTI, *EXIT, "mean-exit-time", "--json").document
    assert first["value"] == second["value"]


def test_json_is_one_document(run):
    outcome = run(*TIME, *WELL, *ANTI, *EXIT, "--json")
    json.JSONDecoder().raw_decode(outcome.out)
    assert outcome.out.strip().endswith("}")
    assert outcome.err == ""
