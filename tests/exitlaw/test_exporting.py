"""LaTeX that compiles, Markdown, JSON, the page of a run, and derivations printed as scripts."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sympy import Function, Integer, Integral, Symbol, exp, log, oo, symbols

import exitlaw
from exitlaw import latex
from exitlaw.claim import Bound, Domain, Equality, Equivalence, LimitStatement, Range
from exitlaw.discovery import all_metadata, content_modules
from exitlaw.exporting import export
from exitlaw.report import statement as mathml
from exitlaw.report import write_report
from exitlaw.results import Report
from exitlaw.script import derive_all
from theory.errors import InputError

ROOT = Path(exitlaw.__file__).resolve().parent.parent
x, eta = symbols("x eta", positive=True)
Delta_L = Symbol("Delta_L", positive=True)


def compiled(text: str, folder: Path) -> str:
    """Compile with pdflatex as it is printed; returns the log."""
    (folder / "claims.tex").write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "claims.tex"],
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


needs_pdflatex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex here")


@needs_pdflatex
def test_all_claims_compile(tmp_path):
    log = compiled(export(), tmp_path)
    assert "Output written on claims.pdf" in log
    assert "Undefined control sequence" not in log
    assert "Missing character" not in log


@needs_pdflatex
def test_verdicts_stand_beside_the_formulas(tmp_path):
    from exitlaw.verification import verify

    report = verify(["noise/linear-regression"])
    text = export(["noise/linear-regression"], report=report)
    assert r"\textbf{proved}" in text
    assert "Mutants:" in text
    compiled(text, tmp_path)


@needs_pdflatex
def test_fragment_is_part_of_another_document(tmp_path):
    fragment = export(["noise/linear-regression"], fragment=True)
    assert r"\documentclass" not in fragment
    compiled(latex.PREAMBLE + fragment + latex.END, tmp_path)


@needs_pdflatex
@pytest.mark.parametrize(
    "plain", ["50 % & more_under {score} #1 $5 ~ ^ \\", "η ≤ 2, κ → ∞, L’ ≥ ½", "naïve Itô"]
)
def test_plain_text_is_printed_as_it_is(tmp_path, plain):
    compiled(latex.PREAMBLE + latex.text(plain) + latex.END, tmp_path)


def test_statements_of_every_kind():
    assert latex.statement(Equality(x, Integer(2))) == "x = 2"
    assert latex.statement(Bound(x, Integer(2))) == r"x \le 2"
    assert latex.statement(Bound(x, Integer(2), strict=True)) == "x < 2"
    assert r"\iff" in latex.statement(Equivalence(Symbol("A"), x > 1))
    assert r"\to" in latex.statement(LimitStatement(1 / x, Integer(0), x, oo))
    assert r"\sim" in latex.statement(LimitStatement(x + 1, x, x, oo))
    assert r"\left|" in latex.statement(LimitStatement(x + 1, x, x, oo, remainder=1 / x))
    assert latex.formula(Delta_L) == r"\Delta L"
    assert latex.formula(log(x)).startswith(r"\log")
    assert latex.domain(Domain({x: Range(0, 1)}, (x < eta,))) == r"$x \in [0, 1]$, $x < \eta$"


def test_markdown_has_formula_and_steps():
    text = export(["noise/linear-regression"], format="markdown")
    assert text.startswith("# ")
    assert text.count("$$") % 2 == 0
    assert "`noise/linear-regression`" in text
    assert "1. " in text


def test_json_is_data():
    document = json.loads(export(["noise"], format="json"))
    ids = [claim["id"] for claim in document["claims"]]
    assert ids == ["noise/quadratic-covariance", "noise/linear-regression"]
    assert document["claims"][0]["steps"][0]["relation"]["latex"]


def test_unknown_format_is_refused():
    with pytest.raises(InputError, match="latex, markdown, json"):
        export(format="word")


def test_page_of_a_run(tmp_path):
    from exitlaw.verification import verify

    report = verify(["noise/linear-regression"])
    path = write_report(report, all_metadata(), tmp_path / "pages")
    text = path.read_text("utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert "<math" in text
    assert "proved" in text
    assert "http://" not in text.replace("http://www.w3.org", "")  # needs no network
    assert "<script" not in text


def test_page_escapes_what_claims_say(tmp_path):
    report = Report("1", 0, "quick", 0.0, ())
    text = write_report(report, (), tmp_path, title="<script>alert(1)</script>").read_text("utf-8")
    assert "<script>" not in text


def test_page_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="-o"):
        write_report(Report("1", 0, "quick", 0.0, ()), (), tmp_path / "file")


@pytest.mark.parametrize(
    "claimed",
    [
        Equality(Function("tau")(x), Integral(exp(-x), (x, 0, eta))),
        LimitStatement(1 / x, Integer(0), x, oo, remainder=1 / x),
        Equivalence(Symbol("A"), x > 1),
    ],
)
def test_statements_as_mathml(claimed):
    assert str(mathml(claimed)).startswith("<math")


# --- derivations as scripts ---------------------------------------------------------------------


def script(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, timeout=600
    )


def test_derivation_runs_as_a_script_from_any_folder(tmp_path):
    done = script([str(ROOT / "derivations" / "gradient_noise.py")], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("every step checked") == 2
    assert "second time" not in done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("module", content_modules())
def test_every_derivation_runs_as_a_module(module, tmp_path):
    done = script(["-m", module], tmp_path)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


def test_derivation_as_data():
    (derived,) = derive_all(["noise/linear-regression"])
    document = derived.as_json()
    assert document["ok"]
    assert document["concludes"]
    assert all(step["ok"] and step["check"] for step in document["steps"])


def test_a_name_is_no_command_and_no_tag(tmp_path):
    evil = Symbol(r"x}\input{/etc/passwd}")
    function = Function(r"f\immediate\write18{id}")
    line = latex.statement(Equality(evil, function(x) ** 2))
    assert r"\input" not in line.replace(r"\textbackslash{}", "")
    assert r"\textbackslash{}input" in line
    tag = Symbol("<script>alert(1)</script>", real=True)
    page = str(mathml(Equality(Integral(tag, (tag, 0, 1)), Function("<b>")(tag))))
    assert "<script>" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;" in page
