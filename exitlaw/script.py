"""Derivations for people: printed step by step, each with its check."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exitlaw.claim import REGISTRY, Claim, Statement
from exitlaw.derivation import DerivationOutcome
from exitlaw.discovery import CONTENT, ClaimMetadata, all_metadata, load, select, with_dependencies
from exitlaw.relations import plain

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Derived:
    """A claim with the outcome of its derivation; `error` where the body could not be built."""

    claim: Claim
    statement: Statement | None
    outcome: DerivationOutcome | None
    concludes: bool
    error: str | None = None
    remainder: str | None = None
    """What is shown of the remainder of a limit."""

    @property
    def ok(self) -> bool:
        """Nothing broke: a derivation that is there checks and ends in the statement."""
        if self.error is not None:
            return False
        return self.outcome is None or (self.outcome.ok and self.concludes)

    def as_json(self) -> dict[str, Any]:
        """The document of `exitlaw derive --json`."""
        from exitlaw import latex

        steps = () if self.outcome is None else self.outcome.steps
        return {
            "id": self.claim.id,
            "title": self.claim.title,
            "source": self.claim.source,
            "statement": None if self.statement is None else plain(self.statement),
            "latex": None if self.statement is None else latex.statement(self.statement),
            "ok": self.ok,
            "concludes": self.concludes,
            "error": self.error,
            "remainder": self.remainder,
            "lemmas": [] if self.outcome is None else list(self.outcome.lemmas),
            "steps": [
                {
                    "name": one.step.name,
                    "rule": one.step.rule,
                    "relation": plain(one.step.relation),
                    "latex": latex.statement(one.step.relation),
                    "check": type(one.step.check).__name__,
                    "ok": one.ok,
                    "detail": one.detail,
                    "seconds": round(one.seconds, 6),
                }
                for one in steps
            ],
        }


def derive(metadata: ClaimMetadata, known: Sequence[ClaimMetadata]) -> Derived:
    """Load a claim with the claims it rests on and run its derivation, step by step."""
    for one in (metadata, *with_dependencies([metadata], known)):
        load(one.module)
    claim = REGISTRY[metadata.id]
    try:
        body = claim.build()
        if body.derivation is None:
            return Derived(claim, body.statement, None, False, remainder=body.remainder_note)
        outcome = body.derivation.run()
        concludes = body.derivation.concludes(body.statement)
        inside = not outcome.ok or outcome.exceeds(body.domain) is None
        return Derived(
            claim, body.statement, outcome, concludes and inside, remainder=body.remainder_note
        )
    except Exception as error:
        return Derived(claim, None, None, False, f"{type(error).__name__}: {error}")


def derive_all(claims: Sequence[str]) -> list[Derived]:
    """The derivations of all claims that match (ids, prefixes, globs)."""
    known = all_metadata()
    return [derive(one, known) for one in select(claims, known)]


def show(derived: Derived, console: Console) -> None:
    """Print one derivation."""
    from rich.markup import escape
    from rich.padding import Padding

    claim = derived.claim
    console.print(f"\n[bold]{escape(claim.title)}[/bold]  [dim]{escape(claim.id)}[/dim]")
    if derived.error is not None:
        console.print(f"  [red]could not be built:[/red] {escape(derived.error)}")
        return
    assert derived.statement is not None
    console.print(Padding(escape(plain(derived.statement)), (0, 0, 0, 2)))
    if derived.remainder is not None:
        console.print(Padding(f"[dim]{escape(derived.remainder)}[/dim]", (0, 0, 0, 2)))
    if derived.outcome is None:
        console.print("  [yellow]no derivation: this claim rests on evidence alone[/yellow]")
        return
    for number, one in enumerate(derived.outcome.steps, 1):
        mark = "[green]✓[/green]" if one.ok else "[red]✗[/red]"
        console.print(
            f"  {mark} {number}. {escape(one.step.name)} [dim]({one.seconds:.2f} s)[/dim]"
        )
        console.print(Padding(escape(plain(one.step.relation)), (0, 0, 0, 7)))
        console.print(Padding(f"[dim]{escape(one.step.rule)}[/dim]", (0, 0, 0, 7)))
        check = f"{type(one.step.check).__name__}: {one.detail}"
        style = "cyan" if one.ok else "red"
        console.print(Padding(f"[{style}]{escape(check)}[/{style}]", (0, 0, 0, 7)))
    if not derived.outcome.ok:
        broke = derived.outcome.broke
        assert broke is not None
        console.print(f"  [red]broken at step '{escape(broke.step.name)}'[/red]")
    elif not derived.concludes:
        console.print(
            "  [red]the last step does not establish the statement on the whole domain[/red]"
        )
    else:
        lemmas = ", ".join(derived.outcome.lemmas)
        tail = f", given {lemmas}" if lemmas else ""
        console.print(f"  [green]every step checked{escape(tail)}[/green]")


def run(name: str) -> int:
    """Print every derivation of the content module `name` and exit: 0 if all hold, else 1.

    A script that calls this has registered its claims as `__main__` already; the module is
    imported under its own name instead, so that no claim exists twice.
    """
    from rich.console import Console

    for id in [id for id, claim in REGISTRY.items() if claim.module == "__main__"]:
        del REGISTRY[id]
    console = Console(highlight=False)
    known = all_metadata()
    module = f"{CONTENT}.{name}"
    derived = [derive(one, known) for one in known if one.module == module]
    for one in derived:
        show(one, console)
    broken = [one.claim.id for one in derived if not one.ok]
    if broken:
        console.print(f"\n[red]broken: {', '.join(broken)}[/red]")
    sys.exit(1 if broken or not derived else 0)
