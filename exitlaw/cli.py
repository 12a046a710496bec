"""The command line: `exitlaw list|verify|derive|evaluate|simulate|infer|export|report|check|new`.

Results go to standard output, progress and messages to standard error. Exit status: 0 as expected,
1 a verdict differs, 2 nothing was judged or computed, with one message that says why.
Everything heavy is imported inside the command that needs it.
"""

import difflib
import inspect
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from threading import enumerate as threads
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from exitlaw.command_options import EVALUATE, INFER, SIMULATE, Option, Quantity, options_of
from numerics.errors import ComputationError
from theory.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

TRACEBACK_VARIABLE = "EXITLAW_TRACEBACK"
"""Environment variable: set to 1, an internal error shows where it happened."""

INTERRUPTED = 130
"""Exit status after Ctrl-C."""


# --- errors -------------------------------------------------------------------------------------


def nearest(name: str, known: Iterable[str]) -> str:
    """Advice that names the known words most like `name`, or all of them."""
    known = list(known)
    close = difflib.get_close_matches(name, known, n=4, cutoff=0.5)
    if close:
        return f"nearest: {', '.join(close)}"
    return f"known: {', '.join(known)}"


def _usage_message(error: typer.TyperException) -> str:
    """A parser's complaint in the house's form: expected, received, what to do next."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "exitlaw"
    flag = getattr(error, "option_name", None)
    if flag is not None and context is not None and type(error).__name__ == "NoSuchOption":
        flags = [text for parameter in context.command.params for text in parameter.opts]
        return str(InputError(f"an option of '{command}'", flag, nearest(flag, flags)))
    text = error.format_message().rstrip(".")
    return f"{text}; '{command} --help' shows what is accepted"


def _fail(message: str) -> int:
    print(f"exitlaw: {message}", file=sys.stderr)
    return 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; no exception escapes."""
    sys.set_int_max_str_digits(0)  # enclosures may have more digits than Python's default allows
    try:
        status = app(
            args=None if arguments is None else list(arguments),
            prog_name="exitlaw",
            standalone_mode=False,
        )
        sys.stdout.flush()
        if status == INTERRUPTED:
            # Typer takes the interruption for an exit with this status.
            raise KeyboardInterrupt
        return status if isinstance(status, int) else 0
    except (InputError, ComputationError) as error:
        return _fail(str(error))
    except typer.TyperException as error:
        return _fail(_usage_message(error))
    except (typer.Abort, KeyboardInterrupt):
        print("exitlaw: interrupted", file=sys.stderr, flush=True)
        if arguments is None and any(t.name.startswith("ThreadPool") for t in threads()):
            # They would run to the end of their chunks, and the process would wait for them.
            os._exit(INTERRUPTED)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader went away (`exitlaw list | head`): nothing to report, nobody to report it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get(TRACEBACK_VARIABLE) == "1":
            raise
        return _fail(
            f"internal error, {type(error).__name__}: {error}; this is a defect of Exitlaw: please "
            f"report it with the command you ran ({TRACEBACK_VARIABLE}=1 shows where it happened)"
        )


# --- output -------------------------------------------------------------------------------------


def _print_json(document: Mapping[str, Any]) -> None:
    print(json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False))


def _console(*, stderr: bool = False) -> "Console":
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    # A pipe has no width of its own; 80 columns would fold every second line.
    width = None if stream.isatty() or "COLUMNS" in os.environ else WIDTH
    return Console(stderr=stderr, highlight=False, width=width)


WIDTH = 110
"""Columns of tables that are written to a file or a pipe."""


def _write(path: str, text: str) -> None:
    """Write a file, or say why it could not be written."""
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(
            "a file that can be written", f"{path}: {error.strerror}", "choose another path"
        ) from error


# --- the application ----------------------------------------------------------------------------


class NearestNames(TyperGroup):
    """A group whose unknown commands are answered with the nearest names."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in self.commands:
            what = "quantity" if ctx.info_name in ("evaluate", "simulate") else "command"
            what = "test" if ctx.info_name == "infer" else what
            raise InputError(
                f"a {what} of '{ctx.command_path}'", repr(args[0]), nearest(args[0], self.commands)
            )
        return super().resolve_command(ctx, args)


class Quantities(NearestNames):
    """Quantities; options may also stand before the quantity's name."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0].startswith("-") and args[0] != "--help":
            named = next((one for one in args if one in self.commands), None)
            if named is None:
                raise InputError(
                    f"a quantity after '{ctx.command_path}'",
                    args[0],
                    f"one of {', '.join(self.commands)}",
                )
            args = [named, *(one for one in args if one is not named)]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=NearestNames,
    no_args_is_help=False,
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode="rich",
    help="Is a formula about escape times true, where, and how do we know?",
)
evaluate_group = typer.Typer(
    cls=Quantities, no_args_is_help=False, invoke_without_command=True, rich_markup_mode="rich"
)
simulate_group = typer.Typer(
    cls=Quantities, no_args_is_help=False, invoke_without_command=True, rich_markup_mode="rich"
)

infer_group = typer.Typer(
    cls=Quantities, no_args_is_help=False, invoke_without_command=True, rich_markup_mode="rich"
)


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    if version:
        from exitlaw import __version__

        print(__version__)
        raise typer.Exit(0)
    if context.invoked_subcommand is None:
        print(context.get_help())


def _quantity_needed(
    context: typer.Context, known: Mapping[str, Quantity], what: str = "quantity"
) -> None:
    if context.invoked_subcommand is None:
        raise InputError(
            f"a {what} after '{context.command_path}'", "none", f"one of {', '.join(known)}"
        )


@evaluate_group.callback()
def _evaluate(context: typer.Context) -> None:
    """A number with certified digits, enclosed from below and above."""
    _quantity_needed(context, EVALUATE)


@simulate_group.callback()
def _simulate(context: typer.Context) -> None:
    """A Monte Carlo estimate from drift and diffusion, with its error budget."""
    _quantity_needed(context, SIMULATE)


@infer_group.callback()
def _infer(context: typer.Context) -> None:
    """What observed weights, or measured exit times, say about a model: tests with their power."""
    _quantity_needed(context, INFER, "test")


# --- evaluate, simulate and infer ---------------------------------------------------------------

Options = dict[str, Any]
"""Values of a quantity's options by name; absent ones are None, False or an empty list."""


def _parameter(option: Option) -> inspect.Parameter:
    if option.is_flag:
        kind, default = bool, False
    else:
        kind, default = (list[str], []) if option.many else (str | None, None)
    info = typer.Option(
        *option.flags,
        help=option.help,
        metavar=option.metavar or None,
        rich_help_panel=option.panel,
        show_default=False,
    )
    return inspect.Parameter(
        option.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[kind, info],
    )


def _check_values(quantity: Quantity, accepted: list[Option], options: Options) -> None:
    """Required options are there, and no option swallowed the next one's flag as its value."""
    flags = {flag for option in accepted for flag in option.flags if flag.startswith("--")}
    for option in accepted:
        value = options[option.name]
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and text.split("=")[0] in flags:
                raise InputError(
                    f"{option.metavar} after {option.flags[0]}",
                    f"the option {text}",
                    "give the value first",
                )
    missing = [
        option for option in accepted if option.name in quantity.required
        and options[option.name] is None
    ]  # fmt: skip
    if missing:
        raise InputError(
            f"{' and '.join(f'{one.flags[0]} {one.metavar}' for one in missing)} "
            f"for {quantity.name}",
            "none",
            f"add {', '.join(f'{one.flags[0]} …' for one in missing)}",
        )


def _register(
    group: typer.Typer, quantity: Quantity, run: Callable[[str, Options], None], simulated: bool
) -> None:
    """Make a quantity a command of `group`, with its own options and no others."""
    accepted = options_of(quantity, simulated=simulated)

    def command(**options: Any) -> None:
        _check_values(quantity, accepted, options)
        run(quantity.name, options)

    parameters = [_parameter(option) for option in accepted]
    # Typer reads a command's options off its signature.
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    group.command(quantity.name, help=quantity.summary)(command)


def _run_evaluate(quantity: str, options: Options) -> None:
    if options["sweep"] is not None:
        from exitlaw import sweeps

        sweeps.run(quantity, options)
        return
    if options["output"]:
        raise InputError(
            "-o FILE only with --sweep", "-o without --sweep", "redirect standard output instead"
        )
    from exitlaw import quantities

    document = quantities.evaluate(quantity, options)
    if options["json"]:
        _print_json(document)
        return
    from exitlaw import display

    _console().print(display.evaluation(document))


def _run_simulate(quantity: str, options: Options) -> None:
    from exitlaw import simulated_quantities

    recorded = SIMULATE[quantity].recorded
    with _ChunkProgress() as progress:
        if recorded:
            document = simulated_quantities.record(quantity, options, progress)
        else:
            document = simulated_quantities.simulate(quantity, options, progress)
    if options["json"]:
        _print_json(document)
        return
    from exitlaw import display

    _console().print(display.recording(document) if recorded else display.simulation(document))


def _run_infer(test: str, options: Options) -> None:
    from exitlaw import inference_documents

    document = inference_documents.infer(test, options)
    if options["json"]:
        _print_json(document)
    else:
        from exitlaw import display

        _console().print(display.inference(document))
    if document["rejected"]:
        raise typer.Exit(1)


class _ChunkProgress:
    """A simulation as it runs: a bar on standard error; nothing where no one watches.

    The chunks are those of the current stage: a pilot, then one step size after the other.
    """

    def __init__(self) -> None:
        self.bar: Any = None
        self.task: Any = None
        self.done = 0
        self.stage = 0
        self.found = 0
        self.began = 0.0

    def __enter__(self) -> "_ChunkProgress":
        if sys.stderr.isatty():
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                TextColumn,
                TimeElapsedColumn,
                TimeRemainingColumn,
            )

            self.bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TimeElapsedColumn(),
                TextColumn("[dim]remaining"),
                TimeRemainingColumn(),
                console=_console(stderr=True),
                transient=True,
            )
            self.bar.start()
            self.task = self.bar.add_task("simulating", total=None, rate="")
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.stop()

    def __call__(self, done: int, total: int) -> None:
        if self.bar is None:
            return
        if self.stage == 0 or done <= self.done:
            self.stage += 1
            self.began, self.found = time.monotonic(), done
            self.bar.reset(self.task, total=total, description=f"stage {self.stage}", rate="")
        self.done = done
        spent = time.monotonic() - self.began
        rate = f"{(done - self.found) / spent:.3g} chunks/s" if done > self.found else ""
        self.bar.update(self.task, completed=done, total=total, rate=rate)


for _quantity in EVALUATE.values():
    _register(evaluate_group, _quantity, _run_evaluate, simulated=False)
for _quantity in SIMULATE.values():
    _register(simulate_group, _quantity, _run_simulate, simulated=True)
for _quantity in INFER.values():
    _register(infer_group, _quantity, _run_infer, simulated=False)
app.add_typer(evaluate_group, name="evaluate")
app.add_typer(simulate_group, name="simulate")
app.add_typer(infer_group, name="infer")


# --- claims -------------------------------------------------------------------------------------


Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Claims = Annotated[
    list[str] | None,
    typer.Argument(metavar="[CLAIM]…", help="Ids, prefixes or globs; all if none is given."),
]


@app.command("list")
def _list(json: Json = False) -> None:
    """The claims: what each states, what is expected of it, where it comes from."""
    from exitlaw.discovery import all_metadata

    document = {"claims": [one.as_json() for one in all_metadata()]}
    if json:
        _print_json(document)
        return
    from exitlaw import display

    _console().print(display.claim_list(document))


Profile = Annotated[str, typer.Option(metavar="quick|full", help="How much is computed.")]
Seed = Annotated[str, typer.Option(metavar="N", help="Seed of every simulation.")]
Workers = Annotated[str | None, typer.Option(metavar="N", help="Processes (default: all cores).")]
Scheduler = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="A Dask scheduler, in place of processes.")
]
LedgerFile = Annotated[
    str | None,
    typer.Option("--ledger", metavar="FILE", help="Verdicts kept (default: in the cache folder)."),
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Judge everything anew, keep nothing.")]


def _run_options(
    profile: str,
    seed: str,
    workers: str | None,
    scheduler: str | None,
    ledger: str | None,
    no_cache: bool,
) -> dict[str, Any]:
    """The options of a run of claims, checked and as `exitlaw.verification` takes them."""
    if no_cache and ledger is not None:
        raise InputError("--ledger FILE or --no-cache", "both", "give one of the two")
    if profile not in ("quick", "full"):
        raise InputError(
            "--profile quick or full", repr(profile), nearest(profile, ["quick", "full"])
        )
    if ledger is None and not no_cache:
        from numerics.cache import cache_folder

        ledger = str(cache_folder() / "ledger.sqlite")
    return {
        "profile": profile,
        "seed": _integer(seed, "--seed", least=0),
        "workers": os.cpu_count() or 1 if workers is None else _integer(workers, "--workers", 1),
        "scheduler": scheduler,
        "ledger": ledger,
    }


def _integer(text: str, what: str, least: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        raise InputError(
            f"a whole number from {least} on for {what}", repr(text), f"as {what} {least}"
        )
    return value


class _Progress:
    """Claims as they are judged, on standard error: a bar on a terminal, else one line each."""

    def __init__(self) -> None:
        self.bar: Any = None
        self.task: Any = None

    def __enter__(self) -> "_Progress":
        if sys.stderr.isatty():
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                TextColumn,
                TimeElapsedColumn,
            )

            self.bar = Progress(
                TextColumn("judging"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("[dim]{task.description}"),
                console=_console(stderr=True),
                transient=True,
            )
            self.bar.start()
            self.task = self.bar.add_task("", total=None)
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.stop()

    def __call__(self, done: int, total: int, result: Any) -> None:
        if self.bar is None:
            print(f"{done}/{total} {result.id}: {result.verdict}", file=sys.stderr)
        else:
            self.bar.update(self.task, completed=done, total=total, description=result.id)


def _report(report: Any, *, as_json: bool) -> None:
    """Print a run's verdicts; exit status 1 where one is not as expected."""
    document = report.as_json()
    if as_json:
        _print_json(document)
    else:
        from exitlaw import display

        titles = {claim.id: claim.title for claim in report.claims}
        _console().print(display.verdict_table(document, titles))
    if not report.ok:
        raise typer.Exit(1)


@app.command("verify")
def _verify(
    claims: Claims = None,
    profile: Profile = "quick",
    seed: Seed = "0",
    workers: Workers = None,
    scheduler: Scheduler = None,
    ledger: LedgerFile = None,
    no_cache: NoCache = False,
    json: Json = False,
) -> None:
    """Derive, evaluate, measure and judge the claims."""
    options = _run_options(profile, seed, workers, scheduler, ledger, no_cache)
    from exitlaw.verification import verify

    with _Progress() as progress:
        report = verify(claims or (), **options, progress=progress)
    _report(report, as_json=json)


@app.command("check")
def _check(
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help="Files of claims.")],
    profile: Profile = "quick",
    seed: Seed = "0",
    workers: Workers = None,
    scheduler: Scheduler = None,
    ledger: LedgerFile = None,
    no_cache: NoCache = False,
    json: Json = False,
) -> None:
    """Judge claims of your own, from files."""
    options = _run_options(profile, seed, workers, scheduler, ledger, no_cache)
    from dataclasses import replace

    from exitlaw.verification import check_file

    with _Progress() as progress:
        reports = [check_file(file, **options, progress=progress) for file in files]
    whole = replace(
        reports[0],
        claims=tuple(claim for report in reports for claim in report.claims),
        lemmas=tuple(lemma for report in reports for lemma in report.lemmas),
        seconds=sum(report.seconds for report in reports),
    )
    _report(whole, as_json=json)


@app.command("derive")
def _derive(
    claim: Annotated[str, typer.Argument(metavar="CLAIM", help="Id, prefix or glob.")],
    json: Json = False,
) -> None:
    """The steps of a derivation, each with the check that algebra performs."""
    from exitlaw.discovery import all_metadata, select
    from exitlaw.script import derive, show

    known = all_metadata()
    exact = [one for one in known if one.id == claim]
    chosen = exact or select([claim], known)
    derived = [derive(one, known) for one in chosen]
    if json:
        documents = [one.as_json() for one in derived]
        _print_json(documents[0] if len(documents) == 1 else {"claims": documents})
    else:
        for one in derived:
            show(one, _console())
    if not all(one.ok for one in derived):
        raise typer.Exit(1)


@app.command("export")
def _export(
    claims: Claims = None,
    format: Annotated[str, typer.Option(metavar="latex|markdown|json", help="Format.")] = "latex",
    fragment: Annotated[
        bool, typer.Option("--fragment", help="Without preamble, to be included elsewhere.")
    ] = False,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Write to FILE.")
    ] = None,
) -> None:
    """The claims as LaTeX, Markdown or JSON, with the verdicts that are known (see verify)."""
    from exitlaw.exporting import export
    from exitlaw.verification import recall
    from numerics.cache import cache_folder

    report = recall(claims or (), cache_folder() / "ledger.sqlite")
    text = export(claims or (), format=format, fragment=fragment, report=report)
    if output is None:
        print(text, end="")
    else:
        _write(output, text)


@app.command("report")
def _report_page(
    folder: Annotated[
        str, typer.Option("--output", "-o", metavar="FOLDER", help="Where to write the page.")
    ] = "exitlaw-report",
    profile: Profile = "quick",
    seed: Seed = "0",
    workers: Workers = None,
    scheduler: Scheduler = None,
    ledger: LedgerFile = None,
    no_cache: NoCache = False,
) -> None:
    """A page of all claims with their verdicts, derivations and figures."""
    options = _run_options(profile, seed, workers, scheduler, ledger, no_cache)
    from exitlaw import figures
    from exitlaw.discovery import all_metadata
    from exitlaw.report import Figure, make_folder, write_report
    from exitlaw.verification import verify

    make_folder(folder)
    with _Progress() as progress:
        report = verify((), **options, progress=progress)
    caption = "Escape times against the barrier: exact (certified) and by Kramers' formula."
    picture = Figure("escape-times.svg", caption)
    page = write_report(report, all_metadata(), folder, figures=[picture])
    figures.draw_barrier_times(page.parent / picture.file)
    print(f"{page} is written")
    if not report.ok:
        raise typer.Exit(1)


@app.command("new")
def _new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The file is claims_NAME.py.")],
    folder: Annotated[
        str, typer.Option("--output", "-o", metavar="FOLDER", help="Where to write it.")
    ] = ".",
) -> None:
    """A commented starting file for claims of your own."""
    from exitlaw.new_claims import write_starting_file

    path = write_starting_file(name, folder)
    print(f"{path} is written; next: exitlaw check {path}")


if __name__ == "__main__":
    sys.exit(main())
