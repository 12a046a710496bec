"""What a verdict depends on, as one hash: the claim's own code, all code it can reach, versions.

Of the claim's module the other claims are left out, so that a change in one claim does not touch
its neighbours; comments and docstrings never count. Statement and evidence are functions of this
code, the seed and the profile.
"""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from exitlaw.discovery import ClaimMetadata, claim_decorators
from exitlaw.packages import ROOT

ENGINE = ("checks", "claim", "derivation", "evaluation", "evidence", "judge", "mutants",
          "positivity", "regions", "relations", "results", "series", "verdict")  # fmt: skip
"""Modules of exitlaw that decide verdicts."""

OURS = ("theory", "numerics", "exitlaw", "derivations")

LIBRARIES = ("exitlaw", "sympy", "mpmath", "python-flint", "numpy", "scipy", "numba")


@cache
def _tree(path: Path) -> ast.Module:
    tree = ast.parse(path.read_text("utf-8"), str(path))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            value = first.value if isinstance(first, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                node.body = node.body[1:] or [ast.Pass()]
    return tree


@cache
def _code(path: Path) -> str:
    return hashlib.sha256(ast.dump(_tree(path)).encode()).hexdigest()


def _code_of_claim(path: Path, id: str) -> str:
    """The module without its other claims."""
    tree = _tree(path)
    others = set()
    for call, function in claim_decorators(tree):
        first = call.args[0] if call.args else None
        if not (isinstance(first, ast.Constant) and first.value == id):
            others.add(function)
    kept = [node for node in tree.body if node not in others]
    text = "\n".join(ast.dump(node) for node in kept)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def _imports(path: Path) -> tuple[Path, ...]:
    """Files of ours, or beside the file, that a module imports anywhere in its code."""
    found: dict[Path, None] = {}
    for node in ast.walk(_tree(path)):
        for name in _names(node):
            for file in _files(name, path):
                found[file] = None
    return tuple(found)


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _files(name: str, importer: Path) -> Iterator[Path]:
    parts = name.split(".")
    roots = [ROOT] if parts[0] in OURS else [importer.parent]
    for root in roots:
        for end in range(1, len(parts) + 1):
            stem = root.joinpath(*parts[:end])
            for file in (stem.with_suffix(".py"), stem / "__init__.py"):
                if file.is_file():
                    yield file


def _closure(start: Iterable[Path]) -> list[Path]:
    seen: set[Path] = set()
    waiting = list(start)
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            waiting += _imports(path)
    return sorted(seen)


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
    reached = [path for path in _closure((*own, *engine)) if path not in own]
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
    for remembered in (_tree, _code, _imports):
        remembered.cache_clear()
