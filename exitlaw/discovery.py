"""Finding claims: metadata read off the sources without importing them, modules loaded on demand.

The arguments of `@claim(...)` are literals, so that listing needs neither SymPy nor any content.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from exitlaw.packages import ROOT, ensure_ours
from exitlaw.verdict import Verdict
from theory.errors import InputError

CONTENT = "derivations"

EXPECTED = frozenset(
    {Verdict.PROVED, Verdict.CERTIFIED, Verdict.AGREES, Verdict.CONSISTENT, Verdict.REFUTED}
)
"""Verdicts that a claim may demand."""


@dataclass(frozen=True)
class ClaimMetadata:
    """What is known of a claim without building it."""

    id: str
    title: str
    source: str
    expected: Mapping[str, str]
    """Per profile: `refuted`, or the least strength demanded."""
    depends: tuple[str, ...]
    corrected: str | None
    module: str
    """Dotted name of the module, or the path of a claim file."""

    def as_json(self) -> dict[str, object]:
        """The form of `exitlaw list --json`: one expectation if both profiles have the same."""
        kinds = set(self.expected.values())
        expected = kinds.pop() if len(kinds) == 1 else dict(self.expected)
        return {"id": self.id, "title": self.title, "expected": expected, "source": self.source}


def content_modules() -> dict[str, Path]:
    """Modules of `derivations`, by dotted name."""
    folder = ROOT / CONTENT
    return {
        f"{CONTENT}.{path.stem}": path
        for path in sorted(folder.glob("*.py"))
        if not path.stem.startswith("_")
    }


def all_metadata() -> tuple[ClaimMetadata, ...]:
    """Every claim of the content, sorted by module and place in it; ids are unique."""
    found: dict[str, ClaimMetadata] = {}
    for name, path in content_modules().items():
        for one in read_metadata(path, name):
            if one.id in found:
                raise InputError(
                    "claim ids that occur once",
                    f"{one.id!r} in {found[one.id].module} and {one.module}",
                    "rename one of them",
                )
            found[one.id] = one
    return tuple(found.values())


def read_metadata(path: Path, module: str) -> tuple[ClaimMetadata, ...]:
    """The claims of one source file, in order, without importing it.

    Raises
    ------
    InputError : the file is no Python, or a claim's metadata are not literals.
    """
    try:
        tree = ast.parse(path.read_text("utf-8"), str(path))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise InputError("a Python file of claims", f"{path}: {error}", "correct it") from error
    return tuple(
        _metadata(call, function, path, module) for call, function in claim_decorators(tree)
    )


def claim_decorators(tree: ast.Module) -> Iterator[tuple[ast.Call, ast.FunctionDef]]:
    """The `@claim(...)` calls of a module's functions."""
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef):
            continue
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Call) and _is_claim(decorator.func):
                yield decorator, node


def _is_claim(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", None)
    return name == "claim"


def _metadata(call: ast.Call, function: ast.FunctionDef, path: Path, module: str) -> ClaimMetadata:
    try:
        names = ("id",)[: len(call.args)]
        given = dict(zip(names, map(ast.literal_eval, call.args), strict=True))
        given |= {str(k.arg): ast.literal_eval(k.value) for k in call.keywords}
        expected = given.get("expected", "proved")
        if isinstance(expected, str):
            expected = {"quick": expected, "full": expected}
        if set(expected) != {"quick", "full"}:
            raise ValueError("`expected` names one verdict, or one for quick and one for full")
        for verdict in expected.values():
            if Verdict(verdict) not in EXPECTED:
                raise ValueError(f"{verdict!r} is no verdict to expect")
        for name in ("id", "title", "source"):
            if not str(given.get(name, "")).isprintable():
                raise ValueError(f"`{name}` holds a line break or a control character")
        return ClaimMetadata(
            id=str(given["id"]),
            title=str(given["title"]),
            source=str(given.get("source", "derived here")),
            expected=expected,
            depends=tuple(given.get("depends", ())),
            corrected=given.get("corrected"),
            module=module,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            "literal metadata in @claim(id, title=…, source=…, expected=…, depends=…, corrected=…)",
            f"{path}:{call.lineno} ({function.name}): {error}",
            "write them as plain strings, so that listing needs no import",
        ) from error


# --- selection ----------------------------------------------------------------------------------


def select(patterns: Sequence[str], known: Sequence[ClaimMetadata]) -> tuple[ClaimMetadata, ...]:
    """The claims that match any of the patterns (id, prefix or glob); all if there are none.

    Raises
    ------
    InputError : a pattern that matches nothing, as the empty one, with the nearest ids.
    """
    if not patterns:
        return tuple(known)
    chosen: set[str] = set()
    for pattern in patterns:
        # An empty text is a shell variable that is not set rather than the prefix of all.
        hits = [one.id for one in known if pattern and _matches(one.id, pattern)]
        if not hits:
            raise InputError(
                "a claim, its prefix or a glob", repr(pattern), _nearest(pattern, known)
            )
        chosen.update(hits)
    return tuple(one for one in known if one.id in chosen)


def _matches(id: str, pattern: str) -> bool:
    return id.startswith(pattern) or fnmatchcase(id, pattern)


def _nearest(pattern: str, known: Iterable[ClaimMetadata]) -> str:
    import difflib

    ids = [one.id for one in known]
    close = difflib.get_close_matches(pattern, ids, n=4, cutoff=0.4)
    return f"nearest: {', '.join(close)}" if close else "`exitlaw list` shows them all"


def with_dependencies(
    chosen: Iterable[ClaimMetadata], known: Iterable[ClaimMetadata]
) -> tuple[ClaimMetadata, ...]:
    """The chosen claims, and those that they depend on or name as corrected, in known order."""
    by_id = {one.id: one for one in known}
    needed: set[str] = set()
    waiting = [one.id for one in chosen]
    while waiting:
        id = waiting.pop()
        if id in needed or id not in by_id:
            continue
        needed.add(id)
        waiting += by_id[id].depends
        if by_id[id].corrected is not None:
            waiting.append(str(by_id[id].corrected))
    return tuple(one for one in by_id.values() if one.id in needed)


# --- loading ------------------------------------------------------------------------------------


def load(module: str) -> None:
    """Import a content module, or a claim file given by its path, so that its claims register."""
    ensure_ours()
    if module.endswith(".py"):
        _load_file(Path(module))
    else:
        importlib.import_module(module)


def file_module_name(path: Path) -> str:
    """A module name of its own for a claim file, so that equal file names do not collide."""
    resolved = str(path.resolve())
    return f"{path.stem}_{hashlib.sha256(resolved.encode()).hexdigest()[:8]}"


def _load_file(path: Path) -> None:
    from exitlaw.claim import REGISTRY

    name = file_module_name(path)
    if name in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError("a Python file of claims", str(path), "give a file that ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.append(folder)  # the author's own modules, after everything of ours
    before = set(REGISTRY)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        for id in set(REGISTRY) - before:
            del REGISTRY[id]
        raise
