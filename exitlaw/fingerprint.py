"""What a verdict depends on, as one hash: the claim's own code, all code it can reach, versions.

Of the claim's module the other claims are left out, so that a change in one claim does not touch
its neighbours; there, comments and docstrings do not count. Statement and evidence are functions
of this code, the seed and the profile.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from exitlaw.discovery import ClaimMetadata, claim_decorators
from exitlaw.packages import ROOT

ENGINE = ("checks", "claim", "derivation", "evaluation", "evidence", "judge", "mutants",
          "positivity", "regions", "relations", "results", "scope", "series",
          "verdict")  # fmt: skip
"""Modules of exitlaw that decide verdicts."""

OURS = ("theory", "numerics", "exitlaw", "derivations")

LIBRARIES = ("exitlaw", "sympy", "mpmath", "python-flint", "numpy", "scipy", "numba")


IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]*(\([^)]*\)|[^\n#]*)|import[ \t]+([^\n#]+))",
    re.MULTILINE,
)
"""An import at the start of a line, at whatever depth."""

NAMED = re.compile(r"[\"']((?:theory|numerics|exitlaw|derivations)(?:\.\w+)+)[\"']")
"""A module of ours named by a string, as for `import_module`."""


@cache
def _text(path: Path) -> str:
    return path.read_text("utf-8")


@cache
def _code(path: Path) -> str:
    return hashlib.sha256(_text(path).encode()).hexdigest()


@cache
def _parts(path: Path) -> tuple[tuple[str | None, str], ...]:
    """The top-level statements of a module of claims, each with the id of the claim that it is."""
    tree = ast.parse(_text(path), str(path))
    ids = {
        function: call.args[0].value
        for call, function in claim_decorators(tree)
        if call.args and isinstance(call.args[0], ast.Constant)
    }
    return tuple((ids.get(node), ast.dump(_without_docstrings(node))) for node in tree.body)  # type: ignore[call-overload]


def _without_docstrings(tree: ast.stmt) -> ast.stmt:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            value = first.value if isinstance(first, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                node.body = node.body[1:] or [ast.Pass()]
    return tree


def _code_of_claim(path: Path, id: str) -> str:
    """The module without its other claims."""
    text = "\n".join(code for owner, code in _parts(path) if owner in (None, id))
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def _imports(path: Path) -> tuple[Path, ...]:
    """Files of ours, or beside the file, that a module imports anywhere in its code."""
    found: dict[Path, None] = {}
    for name in NAMED.findall(_text(path)):
        found |= dict.fromkeys(_files(name, path))
    for module, names, modules in IMPORT.findall(_text(path)):
        listed = re.findall(r"\w+(?=\s*(?:,|$|\)|as\b))", names) if module else []
        dotted = [f"{module}.{name}" for name in listed]
        # Each name brings its package along; exitlaw's front door only where a name is its own.
        dotted += [module] if module and module != "exitlaw" else []
        dotted += [part.split()[0] for part in modules.split(",") if part.strip()]
        for name in dotted:
            for file in _files(name, path):
                found[file] = None
    return tuple(found)


def _files(name: str, importer: Path) -> Iterator[Path]:
    """Files that importing `name` runs; exitlaw/__init__.py only where `name` is not beside it."""
    parts = name.split(".")
    root = ROOT if parts[0] in OURS else importer.parent
    inside = len(parts) > 1 and (ROOT / "exitlaw" / f"{parts[1]}.py").is_file()
    inside = inside and parts[0] == "exitlaw"
    for end in range(2 if inside else 1, len(parts) + 1):
        stem = root.joinpath(*parts[:end])
        for file in (stem.with_suffix(".py"), stem / "__init__.py"):
            if file.is_file():
                yield file


@cache
def _reached(start: tuple[Path, ...]) -> tuple[Path, ...]:
    """All files that some files lead to by imports, themselves included."""
    seen: set[Path] = set()
    waiting = list(start)
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            waiting += _imports(path)
    return tuple(sorted(seen))


def source_of(module: str) -> Path:
    """The file of a content module (dotted name) or claim file (path)."""
    if module.endswith(".py"):
        return Path(module)
    return ROOT.joinpath(*module.split(".")).with_suffix(".py")


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that compute."""
    found = {"python": sys.version.split()[0]}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


def fingerprint(
    claim: ClaimMetadata, related: Iterable[ClaimMetadata], *, profile: str, seed: int
) -> str:
    """The key of a claim's result in the ledger.

    `related` are the claims it depends on or is corrected by, directly or not: their statements
    enter lemmas and corrections.
    """
    involved = (claim, *(one for one in related if one.id != claim.id))
    files = {one.id: source_of(one.module) for one in involved}
    own = set(files.values())
    engine = [ROOT / "exitlaw" / f"{name}.py" for name in ENGINE]
    reached = [path for path in _reached((*sorted(own), *engine)) if path not in own]
    document = {
        "claims": {id: _code_of_claim(path, id) for id, path in sorted(files.items())},
        "code": {str(path): _code(path) for path in reached},
        "versions": versions(),
        "profile": profile,
        "seed": seed,
    }
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def forget_sources() -> None:
    """Read the sources again next time (a long-lived process may see them change)."""
    for remembered in (_text, _code, _parts, _imports, _reached):
        remembered.cache_clear()
