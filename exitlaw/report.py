"""A run as a web page: one file that needs no network, formulas in MathML."""

from __future__ import annotations

import errno
import html
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sympy
from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup
from sympy.core.basic import Basic
from sympy.core.function import AppliedUndef
from sympy.printing.mathml import MathMLPresentationPrinter
from sympy.printing.pretty.pretty_symbology import greek_unicode

from exitlaw.claim import (
    REGISTRY,
    Bound,
    ClaimBody,
    Domain,
    Equality,
    Equivalence,
    LimitStatement,
    Statement,
)
from exitlaw.discovery import ClaimMetadata, load
from exitlaw.latex import listed
from exitlaw.relations import plain
from exitlaw.results import ClaimResult, Report
from theory.errors import InputError

PAGE = "index.html"


@dataclass(frozen=True)
class Figure:
    """A picture beside the page: its file name and what it shows."""

    file: str
    caption: str


def write_report(
    report: Report,
    claims: Sequence[ClaimMetadata],
    folder: Path | str,
    *,
    title: str = "Claims and their verdicts",
    figures: Sequence[Figure] = (),
) -> Path:
    """Write the page of a run into a folder (made if need be) and return its path.

    `claims` are the metadata of the run's claims, for titles, sources and modules.

    Raises
    ------
    InputError : the folder cannot be written.
    """
    by_id = {one.id: one for one in claims}
    entries = [_entry(by_id[result.id], result) for result in report.claims]
    environment = Environment(
        loader=PackageLoader("exitlaw"), autoescape=select_autoescape(), trim_blocks=True
    )
    text = environment.get_template("report.html").render(
        title=title, report=report, summary=report.summary(), entries=entries, figures=figures
    )
    path = Path(folder) / PAGE
    make_folder(folder)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise _unwritable(folder, error) from error
    return path


def make_folder(folder: Path | str) -> None:
    """Make the folder of a report if need be.

    Raises
    ------
    InputError : it cannot be made, or nothing can be written in it.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    if not os.access(folder, os.W_OK):
        raise _unwritable(folder, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))


def _unwritable(folder: Path | str, error: OSError) -> InputError:
    return InputError(
        "a folder that can be written", f"{folder}: {error.strerror}", "choose another with -o"
    )


def _entry(metadata: ClaimMetadata, result: ClaimResult) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "anchor": re.sub(r"[^A-Za-z0-9]+", "-", metadata.id),
        "title": metadata.title,
        "source": metadata.source,
        "result": result,
        "error": None,
        "steps": [],
    }
    try:
        load(metadata.module)
        body = REGISTRY[metadata.id].build()
    except Exception as error:
        return entry | {"error": f"{type(error).__name__}: {error}"}
    return entry | {
        "statement": statement(body.statement),
        "domain": _domain(body.domain),
        "hypotheses": body.conditions,
        "steps": _steps(body, result),
    }


def _steps(body: ClaimBody, result: ClaimResult) -> list[dict[str, Any]]:
    if body.derivation is None:
        return []
    return [
        {
            "name": step.name,
            "rule": step.rule,
            "relation": statement(step.relation),
            "ok": judged.ok,
            "detail": judged.detail,
        }
        for step, judged in zip(body.derivation.steps, result.steps, strict=False)
    ]


# --- formulas -----------------------------------------------------------------------------------


def _escaped(expression: Any) -> Any:
    """The expression with names that HTML would read as tags written out: the printer does not."""
    symbols = {
        s: sympy.Symbol(html.escape(s.name), **s.assumptions0)
        for s in expression.atoms(sympy.Symbol)
        if html.escape(s.name) != s.name
    }
    functions = {part.func for part in expression.atoms(AppliedUndef)}
    for function in functions:
        name = html.escape(function.__name__)
        if name != function.__name__:
            expression = expression.replace(function, sympy.Function(name))
    return expression.xreplace(symbols)


def _math(expression: Basic) -> str:
    printed = MathMLPresentationPrinter({"ln_notation": False}).doprint(_escaped(expression))
    # The printer knows Greek symbols, but not Greek names of functions.
    return re.sub(r"<mi>(\w+)</mi>", lambda m: f"<mi>{greek_unicode.get(m[1], m[1])}</mi>", printed)


def _operator(sign: str) -> str:
    return f"<mo>{html.escape(sign)}</mo>"


def statement(claimed: Statement | Basic) -> Markup:
    """MathML of a statement; its plain text where the printer knows no form for it."""
    try:
        inner = _statement(claimed)
    except Exception:
        return Markup("<code>{}</code>").format(plain(claimed))
    return Markup(f'<math display="block"><mrow>{inner}</mrow></math>')


def _statement(claimed: Statement | Basic) -> str:
    if isinstance(claimed, Equality):
        return _math(claimed.lhs) + _operator("=") + _math(claimed.rhs)
    if isinstance(claimed, Bound):
        return _math(claimed.lhs) + _operator("<" if claimed.strict else "≤") + _math(claimed.rhs)
    if isinstance(claimed, Equivalence):
        return _math(claimed.lhs) + _operator("⟺") + _math(claimed.rhs)
    if isinstance(claimed, LimitStatement):
        return _limit(claimed)
    return _math(claimed)


def _limit(claimed: LimitStatement) -> str:
    arrow = "∼" if claimed.rhs.has(claimed.variable) else "→"
    line = _math(claimed.lhs) + _operator(arrow) + _math(claimed.rhs)
    line += "<mspace width='1.5em'/>" + '<mo stretchy="false">(</mo>' + _math(claimed.variable)
    line += _operator("→") + _math(claimed.to) + '<mo stretchy="false">)</mo>'
    if claimed.remainder is not None:
        ratio = _math(claimed.lhs / claimed.rhs - 1)
        line += "<mspace width='1.5em'/>" + _operator("|") + ratio + _operator("|")
        line += _operator("≤") + _math(claimed.remainder)
    return line


def _domain(domain: Domain) -> list[Markup]:
    parts = []
    for symbol, allowed in domain.ranges.items():
        if allowed.values:
            inside = _operator(",").join(listed(allowed.values, _math, _operator("…")))
            ends = _operator("{") + inside + _operator("}")
        else:
            low, high = (_math(sympy.sympify(str(end))) for end in (allowed.low, allowed.high))
            ends = _operator("[") + low + _operator(",") + high + _operator("]")
        parts.append(_math(symbol) + _operator("∈") + ends)
    parts += [_math(constraint) for constraint in domain.constraints]
    return [Markup(f"<math><mrow>{part}</mrow></math>") for part in parts]
