"""What people see: results and verdicts, drawn by Rich from the same documents as `--json`."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from exitlaw.verdict import Verdict, as_expected

Document = Mapping[str, Any]

VERDICT_STYLE = {
    "proved": "bold green",
    "certified": "green",
    "agrees": "cyan",
    "consistent": "blue",
    "refuted": "magenta",
    "unknown": "bold yellow",
    "conflict": "bold red",
}

# --- numbers ------------------------------------------------------------------------------------


def _seconds(seconds: float) -> str:
    if seconds < 0.0005:
        return "0 ms"
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _facts(rows: Iterable[tuple[str, str]]) -> Padding:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", justify="right", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows:
        grid.add_row(name, value)
    return Padding(grid, (0, 0, 0, 2))


def _digits(document: Document) -> str:
    kind, digits, method = document["digits_kind"], document["digits"], document["method"]
    if method == "double":
        error = document["relative_error"]
        return f"double precision, relative error about {error:.1g} at most, not certified"
    if kind == "estimated":
        return f"about {digits} digits, estimated by mesh refinement, not certified"
    if method == "mpmath":
        return f"{digits} digits ({kind}), estimated by mpmath, not certified"
    routes = "arb, and mpmath agrees" if method == "both" else "arb"
    return f"{digits} certified digits ({kind}) by {routes}"


def evaluation(document: Document) -> RenderableType:
    """A certified number with its ends, or a list of them."""
    if isinstance(document["value"], list):
        return _spectrum(document)
    heading = Text.assemble((document["quantity"], "bold"), "  ", (document["value"], "bold green"))
    rows = [("lower", document["lower"]), ("upper", document["upper"])]
    for key in ("formula", "minimum", "saddle", "error_against_exact"):
        if document.get(key) is not None:
            value = document[key]
            text = " … ".join(value) if isinstance(value, list) else str(value)
            rows.append((key.replace("_", " "), escape(text)))
    rows += [("digits", _digits(document)), ("time", _seconds(document["seconds"]))]
    return Group(heading, _facts(rows))


def _spectrum(document: Document) -> RenderableType:
    table = Table(title=document["quantity"], title_justify="left", title_style="bold")
    table.add_column("n", justify="right")
    for name in ("value", "lower", "upper"):
        table.add_column(name, style="bold green" if name == "value" else "", overflow="fold")
    columns = zip(document["value"], document["lower"], document["upper"], strict=True)
    for n, row in enumerate(columns):
        table.add_row(str(n), *row)
    rows = [
        ("continuum from", document["continuum_edge"]),
        ("digits", _digits(document)),
        ("time", _seconds(document["seconds"])),
    ]
    return Group(table, _facts(rows))


def simulation(document: Document) -> RenderableType:
    """A Monte Carlo estimate with its error budget."""
    low, high = document["interval"]
    heading = Text.assemble(
        (document["quantity"], "bold"),
        "  ≈ ",
        (f"{document['estimate']:.6g}", "bold blue"),
        f" ± {document['standard_error']:.2g} (standard error)",
    )
    rows = [
        (f"{100 * document['confidence']:.0f} % interval", f"{low:.8g} … {high:.8g}, statistical"),
        ("bias", f"at most {document['bias_bound']:.3g} ({document['bias_kind']})"),
        ("paths", f"{document['paths']:,} ({document['path_steps']:,} path-steps)"),
        ("scheme", f"{document['scheme']}, seed {document['seed']}"),
        ("time", _seconds(document["seconds"])),
        *(("note", escape(note)) for note in document.get("notes", [])),
    ]
    return Group(heading, _facts(rows))


def recording(document: Document) -> RenderableType:
    """Trajectories that were written."""
    heading = Text.assemble(
        (document["quantity"], "bold"), "  →  ", (document["output"], "bold blue")
    )
    rows = [
        ("format", f"{document['format']}, variables {', '.join(document['variables'])}"),
        ("paths", f"{document['paths']:,} ({document['path_steps']:,} path-steps)"),
        (
            "times",
            f"{document['samples']:,} of each path, from 0 to {document['until']:g}, "
            f"every {document['every']} × {document['dt']:g}",
        ),
        ("scheme", f"{document['scheme']}, seed {document['seed']}"),
        ("time", _seconds(document["seconds"])),
    ]
    return Group(heading, _facts(rows))


def inference(document: Document) -> RenderableType:
    """A test of observations: what was tested, the decision, and what it could not have seen."""
    outcome = _INFERENCE[document["test"]](document)
    verdict = "rejected" if document["rejected"] else outcome[0]
    heading = Text.assemble(
        (document["test"], "bold"), "  ", (verdict, "magenta" if document["rejected"] else "blue")
    )
    rows = [("hypothesis", escape(document["hypothesis"])), *outcome[1]]
    if "sampling" in document:
        rows.append(("sample", escape(document["sampling"]["explained"])))
    return Group(heading, _facts([*rows, ("time", _seconds(document["seconds"]))]))


_Outcome = tuple[str, list[tuple[str, str]]]


def _fit(document: Document) -> _Outcome:
    far = document["detectable"]
    seen = f"laws {far:.2g} or more away" if far < 1 else "no law whatever (too few values)"
    return "not rejected", [
        ("distance", f"{document['statistic']:.5g} (of the distribution functions)"),
        ("p-value", f"{_probability(document['p_value'])}, level {document['level']:g}"),
        ("power", f"at least {document['power']:g} against {seen}"),
    ]


def _tail(document: Document) -> _Outcome:
    low, high = document["lower"], document["upper"]
    kind = "a power law" if high != "inf" else "no power law shown: lighter tails are not excluded"
    rows = [
        (
            f"{100 * (1 - document['level']):.4g} % interval",
            f"{_index(low)} … {_index(high)}, bias bound included",
        ),
        (
            "1/index",
            f"{document['shape']:.4g} ± {document['standard_error']:.2g} (standard error), bias at "
            f"most {document['bias_bound']:.2g} ({document['bias_kind']})",
        ),
        ("excesses", f"{document['excesses']:,}"),
        ("tail", kind),
    ]
    if document["model_index"] is not None:
        rows.insert(0, ("model", document["model_index"]))
    return f"≈ {_index(document['index'])}", rows


def _probability(p: float) -> str:
    return f"{p:.3g}" if p > 0.0 else "below 1e-300"


def _index(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"


def _scaling(document: Document) -> _Outcome:
    rows = []
    for law, slope in (("polynomial", "power"), ("exponential", "rate")):
        fit, power = document[law], document[f"power_against_{law}"]
        found = f"{slope} {fit['slope']:.4g} ± {fit['slope_error']:.2g}"
        found += f", p-value {_probability(fit['p_value'])}; power against it {power:.3g}"
        rows.append((law, found))
    low, high = document["range"]
    rows.append(("range", f"barriers {low:.4g} … {high:.4g}, level {document['level']:g}"))
    wanted = document["range_with_power"]
    text = "none" if wanted is None else f"{wanted[0]:.4g} … {wanted[1]:.4g}"
    rows.append((f"range for power {document['power']:g}", text))
    return document["verdict"], rows


_INFERENCE = {"goodness-of-fit": _fit, "tail-index": _tail, "scaling": _scaling}


# --- claims -------------------------------------------------------------------------------------


def _styled(verdict: str) -> Text:
    return Text(verdict, VERDICT_STYLE.get(verdict, ""))


def claim_list(document: Document) -> RenderableType:
    """The claims by topic: id and title, what is expected of them, source."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("claim", overflow="fold")
    table.add_column("expected")
    table.add_column("source", style="dim", overflow="fold")
    for topic, claims in by_topic(document["claims"]).items():
        table.add_row(Text(topic, "bold underline"))
        for claim in claims:
            expected = claim["expected"]
            levels = dict.fromkeys(expected.values() if isinstance(expected, dict) else [expected])
            table.add_row(
                Text.assemble(claim["id"], "\n", (claim["title"], "dim")),
                Text(" / ").join(_styled(level) for level in levels),
                claim["source"],
            )
    return Group(table, Text(f"{len(document['claims'])} claims", "dim"))


def by_topic(claims: Iterable[Document]) -> dict[str, list[Document]]:
    """The claims under the first part of their ids, topics in the order in which they appear."""
    topics: dict[str, list[Document]] = {}
    for claim in claims:
        topics.setdefault(claim["id"].partition("/")[0], []).append(claim)
    return topics


def stands_as_expected(claim: Document) -> bool:
    """Whether a verified claim's verdict, and each of its mutants, is as expected."""
    return as_expected(Verdict(claim["verdict"]), Verdict(claim["expected"])) and not any(
        mutant["status"] == "survived" for mutant in claim["mutants"]
    )


def _mark(claim: Document) -> Text:
    if claim["skipped"]:
        return Text("–", "yellow")
    return Text("✓", "green") if stands_as_expected(claim) else Text("✗", "bold red")


def _mutants(claim: Document) -> Text:
    count = Counter(mutant["status"] for mutant in claim["mutants"])
    if not count:
        return Text("–", "dim")
    text = Text(f"{count['refuted']}", "green")
    text.append(f" of {sum(count.values())}", "dim")
    if count["equivalent"]:
        text.append(f", {count['equivalent']} ≡", "dim")
    if count["survived"]:
        text.append(f", {count['survived']} survived", "bold red")
    return text


def _evidence(claim: Document) -> Text:
    found = Counter(
        (one["kind"], one["verdict"]) for one in claim["evidence"] if one["kind"] != "mutants"
    )
    names = [
        Text(kind if times == 1 else f"{kind} ×{times}", VERDICT_STYLE.get(verdict, ""))
        for (kind, verdict), times in found.items()
    ]
    return Text(", ").join(names)


def verdict_table(document: Document, titles: Mapping[str, str]) -> RenderableType:
    """The verdicts by topic, then what went against expectation and why, then one line of sums."""
    table = Table(
        box=box.SIMPLE_HEAD, padding=(0, 1), header_style="dim", pad_edge=False, expand=True
    )
    table.add_column("", width=1)
    table.add_column("claim", ratio=3, overflow="fold")
    table.add_column("verdict", width=10, no_wrap=True)
    table.add_column("evidence", ratio=2)
    table.add_column("neighbours refuted", width=12)
    table.add_column("time", justify="right", width=7, no_wrap=True)
    for topic, claims in by_topic(document["claims"]).items():
        table.add_row("", Text(topic, "bold cyan"))
        for claim in claims:
            name = Text(claim["id"])
            if claim["id"] in titles:
                name.append(f"\n{titles[claim['id']]}", "dim")
            table.add_row(
                _mark(claim),
                name,
                _styled(claim["verdict"]),
                _evidence(claim),
                _mutants(claim),
                Text(_seconds(claim["seconds"]), "dim"),
            )
        table.add_section()
    parts: list[RenderableType] = [table]
    parts += [unexpected(claim) for claim in document["claims"] if not stands_as_expected(claim)]
    return Group(*parts, summary_line(document))


SHOWN_SURVIVORS = 6


def unexpected(claim: Document) -> RenderableType:
    """Why a claim is not as expected: every finding, the first surviving mutants."""
    if claim["skipped"]:
        return Text.assemble((claim["id"], "bold yellow"), f" not judged: {claim['skipped']}\n")
    lines = Text.assemble(
        (claim["id"], "bold red"),
        f": expected {claim['expected']}, found ",
        _styled(claim["verdict"]),
        "\n",
    )
    for one in claim["evidence"]:
        if one["kind"] == "mutants":
            continue  # the survivors are listed by name below
        lines.append(f"  {one['verdict']}", VERDICT_STYLE.get(one["verdict"], ""))
        lines.append(f"  {one['kind']}, {one['route']}: {one['detail']}\n")
    survivors = [mutant for mutant in claim["mutants"] if mutant["status"] == "survived"]
    for mutant in survivors[:SHOWN_SURVIVORS]:
        lines.append("  survived", "bold red").append(f"  {mutant['name']}")
        lines.append(f": {mutant['detail']}\n" if mutant["detail"] else "\n")
    if len(survivors) > SHOWN_SURVIVORS:
        lines.append(f"  and {len(survivors) - SHOWN_SURVIVORS} more survived\n", "dim")
    return lines


def summary_line(document: Document) -> Text:
    """Claims as expected or not, mutants by status, time, seed and profile."""
    summary, mutants = document["summary"], document["summary"]["mutants"]
    style = "bold red" if summary["not_as_expected"] else "bold green"
    text = Text(f"{summary['as_expected']} of {summary['claims']} claims as expected", style)
    if summary["not_as_expected"]:
        text.append(f", {summary['not_as_expected']} not", "bold red")
    if summary["skipped"]:
        text.append(f", {summary['skipped']} skipped", "yellow")
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in summary["verdicts"].items())
    remembered = f" ({summary['cached']} remembered)" if summary["cached"] else ""
    text.append(
        f" ({verdicts})\n{mutants['tried']} false neighbours tried: {mutants['refuted']} refuted, "
        f"{mutants['equivalent']} equivalent, {mutants['survived']} survived\n"
        f"{_seconds(document['seconds'])}{remembered} · seed {document['seed']} · "
        f"profile {document['profile']} · false-alarm probability below "
        f"{summary['false_alarm']:.0e}",
        "default not bold",
    )
    return text
