"""Claims with their verdicts as LaTeX, Markdown or JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from exitlaw import latex
from exitlaw.claim import REGISTRY, Claim, ClaimBody
from exitlaw.discovery import all_metadata, load, select
from exitlaw.results import ClaimResult, Report
from theory.errors import InputError

FORMATS = ("latex", "markdown", "json")


def export(
    claims: Sequence[str] = (),
    *,
    format: str = "latex",
    fragment: bool = False,
    report: Report | None = None,
) -> str:
    """The content's claims as text.

    Parameters
    ----------
    claims : ids, prefixes or globs; all if empty
    format : "latex" (compiles as it is, unless `fragment`), "markdown" or "json"
    fragment : without preamble or heading, to be included in another document
    report : a run's report; each formula then carries its verdict

    Raises
    ------
    InputError : an unknown claim or format.
    """
    if format not in FORMATS:
        raise InputError(f"one of the formats {', '.join(FORMATS)}", repr(format), "--format latex")
    chosen = select(claims, all_metadata())
    for one in chosen:
        load(one.module)
    results = {} if report is None else {result.id: result for result in report.claims}
    entries = [(REGISTRY[one.id], results.get(one.id)) for one in chosen]
    return _WRITERS[format](entries, fragment)


def _body(claim: Claim) -> ClaimBody | str:
    """The claim's body, or why it could not be built."""
    try:
        return claim.build()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


Entries = Sequence[tuple[Claim, ClaimResult | None]]


def _latex(entries: Entries, fragment: bool) -> str:
    sections = []
    for claim, result in entries:
        body = _body(claim)
        if isinstance(body, str):
            sections.append(
                rf"\subsection*{{{latex.text(claim.title)}}}"
                f"\n{latex.text(f'The statement could not be built: {body}')}\n"
            )
        else:
            sections.append(latex.claim_section(claim, body, result))
    return latex.document(sections, "Claims and their verdicts", fragment=fragment)


def _markdown(entries: Entries, fragment: bool) -> str:
    lines = [] if fragment else ["# Claims and their verdicts", ""]
    for claim, result in entries:
        verdict = "" if result is None else f" — **{result.verdict}**"
        lines += [f"## {claim.title}", "", f"`{claim.id}`{verdict}", ""]
        body = _body(claim)
        if isinstance(body, str):
            lines += [f"The statement could not be built: {body}", ""]
            continue
        lines += [f"$$ {latex.statement(body.statement)} $$", ""]
        where = latex.domain(body.domain)
        if where:
            lines += [f"for {where}", ""]
        lines += [f"- {hypothesis}" for hypothesis in body.conditions]
        lines += ["", f"Source: {claim.source}", ""]
        if result is not None:
            lines += [f"Decided by: {result.why()}", ""]
        if body.derivation is not None:
            for number, step in enumerate(body.derivation.steps, 1):
                lines += [
                    f"{number}. {step.name} ({step.rule}):",
                    "",
                    f"   $$ {latex.statement(step.relation)} $$",
                    "",
                ]
    return "\n".join(lines) + "\n"


def entry_as_json(claim: Claim, result: ClaimResult | None) -> dict[str, Any]:
    """One claim as data: formulas both as LaTeX and as SymPy writes them."""
    entry: dict[str, Any] = {
        "id": claim.id,
        "title": claim.title,
        "source": claim.source,
        "expected": {profile: str(verdict) for profile, verdict in claim.expected.items()},
        "depends": list(claim.depends),
        "corrected": claim.corrected,
        "verdict": None if result is None else str(result.verdict),
    }
    body = _body(claim)
    if isinstance(body, str):
        return entry | {"error": body}
    entry |= {
        "statement": {"latex": latex.statement(body.statement), "text": _text(body.statement)},
        "domain": {"latex": latex.domain(body.domain), "text": _domain_text(body)},
        "hypotheses": list(body.conditions),
        "steps": [
            {
                "name": step.name,
                "rule": step.rule,
                "relation": {"latex": latex.statement(step.relation), "text": _text(step.relation)},
            }
            for step in (body.derivation.steps if body.derivation is not None else ())
        ],
        "mutants": [{"name": m.name, "formula": str(m.formula)} for m in body.mutants],
    }
    return entry


def _text(relation: Any) -> str:
    from exitlaw.relations import plain

    return plain(relation)


def _domain_text(body: ClaimBody) -> list[str]:
    lines = []
    for symbol, allowed in body.domain.ranges.items():
        if allowed.values:
            lines.append(f"{symbol} in {{{', '.join(map(str, allowed.values))}}}")
        else:
            lines.append(f"{symbol} in [{allowed.low}, {allowed.high}]")
    return lines + [str(constraint) for constraint in body.domain.constraints]


def _json(entries: Entries, fragment: bool) -> str:
    document: Mapping[str, Any] = {"claims": [entry_as_json(c, r) for c, r in entries]}
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


_WRITERS = {"latex": _latex, "markdown": _markdown, "json": _json}
