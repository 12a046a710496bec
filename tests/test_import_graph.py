"""The import graph, computed from the sources, is the one that the design draws.

theory <- numerics (not theory) <- exitlaw <- derivations (found at run time). Imports inside
functions count as well; only `if TYPE_CHECKING:` is set apart, for it never runs.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import exitlaw

PACKAGES = ("theory", "numerics", "exitlaw", "derivations")
ROOT = Path(exitlaw.__file__).resolve().parent.parent

MAY_IMPORT: dict[str, set[str]] = {
    "theory": {"theory"},
    "numerics": {"numerics"},
    "exitlaw": {"exitlaw", "theory", "numerics"},
    "derivations": {"derivations", "exitlaw", "theory", "numerics"},
}
"""Which of our packages each package may import."""

THEORY_LIBRARIES = {"sympy", "flint"}
ONLY_SYMPY_IN_NUMERICS = "numerics.lowering"


@dataclass(frozen=True)
class Import:
    """One import: the importing module, the imported one, and whether it runs on import."""

    importer: str
    imported: str
    line: int
    at_module_level: bool
    type_checking: bool

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


def modules(root: Path) -> dict[str, Path]:
    """Dotted names and files of all modules of the four packages."""
    found = {}
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            parts = list(path.relative_to(root).with_suffix("").parts)
            if parts[-1] == "__init__":
                parts.pop()
            found[".".join(parts)] = path
    return found


def _imports_of(name: str, path: Path, known: set[str]) -> Iterator[Import]:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]

    def targets(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
            return
        base = node.module or ""
        if node.level:
            parents = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*parents, base] if base else parents)
        for alias in node.names:
            submodule = f"{base}.{alias.name}"
            yield submodule if submodule in known else base

    def visit(node: ast.AST, top: bool, checking: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for target in targets(node):
                yield Import(name, target, node.lineno, top, checking)
            return
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            top = False
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for child in node.body:
                yield from visit(child, top, True)
            for child in node.orelse:
                yield from visit(child, top, checking)
            return
        for child in ast.iter_child_nodes(node):
            yield from visit(child, top, checking)

    yield from visit(ast.parse(path.read_text("utf-8"), str(path)), True, False)


def import_graph(root: Path) -> list[Import]:
    """Every import of every module of the project under `root`."""
    known = modules(root)
    return [one for name, path in known.items() for one in _imports_of(name, path, set(known))]


def violations(root: Path) -> list[str]:
    """What breaks the drawing, in words."""
    graph = import_graph(root)
    broken = []
    for one in graph:
        layer, target = one.importer.split(".")[0], one.imported.split(".")[0]
        if target in PACKAGES:
            if target not in MAY_IMPORT[layer]:
                broken.append(f"{one}: {layer} may not know {target}")
        elif target in sys.stdlib_module_names:
            continue
        elif layer == "theory" and target not in THEORY_LIBRARIES:
            broken.append(f"{one}: theory knows only {sorted(THEORY_LIBRARIES)}")
        elif layer == "numerics" and target == "sympy" and one.importer != ONLY_SYMPY_IN_NUMERICS:
            broken.append(f"{one}: in numerics only {ONLY_SYMPY_IN_NUMERICS} knows SymPy")
    return broken + [f"import cycle: {' -> '.join(cycle)}" for cycle in cycles(graph, root)]


def cycles(graph: list[Import], root: Path) -> list[list[str]]:
    """Cycles among the imports that run when a module is imported."""
    known = set(modules(root))
    edges: dict[str, list[str]] = {name: [] for name in known}
    for one in graph:
        if one.at_module_level and not one.type_checking and one.imported in known:
            edges[one.importer].append(one.imported)
    found: list[list[str]] = []
    finished: set[str] = set()

    def walk(name: str, path: list[str]) -> None:
        if name in path:
            found.append([*path[path.index(name) :], name])
            return
        if name in finished:
            return
        for target in edges[name]:
            # A package that imports its own submodule is how a package is made, not a cycle,
            # unless the submodule imports a name from the package in turn.
            walk(target, [*path, name])
        finished.add(name)

    for name in sorted(known):
        walk(name, [])
    return found


def test_sources_keep_to_the_drawing():
    assert violations(ROOT) == []


def test_graph_is_not_empty():
    """The check above would pass on nothing: it must have seen the layers meet."""
    pairs = {(one.importer.split(".")[0], one.imported.split(".")[0]) for one in import_graph(ROOT)}
    assert {("theory", "sympy"), ("exitlaw", "theory"), ("exitlaw", "numerics")} <= pairs


@pytest.mark.parametrize(
    ("module", "source", "message"),
    [
        ("theory/kramers.py", "import numpy", "theory knows only"),
        ("theory/kramers.py", "def f():\n    import numerics.enclosure", "theory may not know"),
        ("numerics/tails.py", "from theory import kramers", "numerics may not know theory"),
        ("numerics/tails.py", "def f():\n    import sympy as sp", "only numerics.lowering knows"),
        ("numerics/tails.py", "import exitlaw", "numerics may not know exitlaw"),
        ("exitlaw/engine.py", "def f():\n    from derivations import x", "may not know"),
        ("exitlaw/engine.py", "import exitlaw.other", "import cycle"),
    ],
)
def test_each_rule_notices_its_violation(tmp_path, module, source, message):
    for package in PACKAGES:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / "exitlaw" / "other.py").write_text("import exitlaw.engine\n")
    assert violations(tmp_path) == []
    (tmp_path / module).write_text(source + "\n")
    assert any(message in line for line in violations(tmp_path))


@pytest.mark.parametrize("statement", ["import exitlaw", "import exitlaw.cli"])
def test_front_door_is_cheap(statement):
    """Neither the package nor its command line imports a heavy library before it is needed."""
    heavy = ["sympy", "numba", "scipy", "matplotlib", "flint", "mpmath", "numpy", "jinja2"]
    code = f"import sys; {statement}; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
