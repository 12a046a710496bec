"""Corrupting functions of `theory` in place, and finding the claims that rely on them."""

import ast
import importlib
import inspect
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

import theory
from exitlaw.claim import REGISTRY, Claim, Profile
from exitlaw.discovery import all_metadata, load
from exitlaw.judge import judge
from exitlaw.results import ClaimResult
from exitlaw.verdict import as_expected, combine

TIMEOUT = 60.0
"""Seconds after which a corrupted computation is stopped: it may never end by itself."""


@dataclass(frozen=True)
class Target:
    """A function of `theory`, by module and qualified name."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"

    @property
    def function(self) -> FunctionType:
        """The function object whose code is replaced."""
        found: object = importlib.import_module(self.module)
        for part in self.name.split("."):
            found = inspect.getattr_static(found, part)
        return _plain(found)


def _plain(found: object) -> FunctionType:
    if isinstance(found, property):
        found = found.fget
    elif isinstance(found, classmethod | staticmethod):
        found = found.__func__
    elif isinstance(found, cached_property):
        found = found.func
    assert isinstance(found, FunctionType)
    return found


def theory_modules() -> list[ModuleType]:
    """All modules of `theory`."""
    folder = Path(str(theory.__file__)).parent
    names = sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
    return [importlib.import_module(f"theory.{name}") for name in names]


def targets() -> list[Target]:
    """Every function and method written in `theory`."""
    found = []
    for module in theory_modules():
        for name, member in vars(module).items():
            if isinstance(member, FunctionType) and member.__module__ == module.__name__:
                found.append(Target(module.__name__, name))
            elif isinstance(member, type) and member.__module__ == module.__name__:
                found += [
                    Target(module.__name__, f"{name}.{inner}")
                    for inner, value in vars(member).items()
                    if _is_written(value, module)
                ]
    return found


def _is_written(value: object, module: ModuleType) -> bool:
    try:
        function = _plain(value)
    except AssertionError:
        return False
    return function.__code__.co_filename == module.__file__  # not made by dataclass


# --- corruptions --------------------------------------------------------------------------------

SWAPPED = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
}
REVERSED = {
    ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip


class _Corruption(ast.NodeTransformer):
    """Changes the n-th place of a function's body that can be changed."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.seen = 0
        self.description = ""

    def _hit(self, description: str) -> bool:
        self.seen += 1
        if self.seen - 1 == self.wanted:
            self.description = description
            return True
        return False

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return node  # a message is no mathematics

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        kind = SWAPPED.get(type(node.op))
        before = ast.unparse(node)
        self.generic_visit(node)
        if kind is not None and self._hit(before):
            node.op = kind()
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        before = ast.unparse(node)
        self.generic_visit(node)
        kind = REVERSED.get(type(node.ops[0]))
        if kind is not None and self._hit(before):
            node.ops[0] = kind()
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        before = ast.unparse(node)
        self.generic_visit(node)
        if isinstance(node.op, ast.USub | ast.Not) and self._hit(before):
            return node.operand
        return node

    def visit_Return(self, node: ast.Return) -> ast.AST:
        return self._tripled(node)

    def visit_Yield(self, node: ast.Yield) -> ast.AST:
        return self._tripled(node)

    def _tripled(self, node: ast.Return | ast.Yield) -> ast.AST:
        before = ast.unparse(node)
        self.generic_visit(node)
        if node.value is not None and self._hit(f"{before}, tripled"):
            node.value = ast.BinOp(node.value, ast.Mult(), ast.Constant(3))
        # Where a factor does not matter (a law before it is normalised), a term does.
        if node.value is not None and self._hit(f"{before}, plus 1"):
            node.value = ast.BinOp(node.value, ast.Add(), ast.Constant(1))
        return node


def corrupted_code(target: Target, number: int) -> tuple[CodeType, str] | None:
    """The code of the `number`-th corruption of a function, and the place that was changed."""
    function = target.function
    path = Path(function.__code__.co_filename)
    tree = ast.parse(path.read_text("utf-8"), str(path))
    node = _definition(tree, target.name.split("."))
    corruption = _Corruption(number)
    node.body = [corruption.visit(statement) for statement in node.body]
    if not corruption.description:
        return None
    ast.fix_missing_locations(tree)
    whole = compile(tree, str(path), "exec")
    code = next(c for c in _codes(whole) if c.co_qualname == function.__code__.co_qualname)
    return code, corruption.description


def _definition(tree: ast.Module, names: list[str]) -> ast.FunctionDef:
    found: ast.Module | ast.ClassDef | ast.FunctionDef = tree
    for name in names:
        found = next(
            node
            for node in found.body
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name
        )
    assert isinstance(found, ast.FunctionDef)
    return found


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


@contextmanager
def replaced(target: Target, code: CodeType) -> Iterator[None]:
    """The function with other code, everywhere that it is referred to."""
    function = target.function
    before = function.__code__
    function.__code__ = code
    try:
        yield
    finally:
        function.__code__ = before


# --- claims -------------------------------------------------------------------------------------


def light(claim: Claim) -> Claim:
    """The claim with its algebra, enclosures and certificates, without mutants or simulation."""

    def build():
        body = claim.build()
        evidence = tuple(one for one in body.evidence if one.kind != "monte-carlo")
        return replace(body, evidence=evidence, mutants=(), generate=False)

    return replace(claim, build=build)


@contextmanager
def stopped_after(seconds: float) -> Iterator[None]:
    """Interrupt what runs longer, again and again: the judge turns each into `unknown`."""

    def stop(*_: object) -> None:
        raise TimeoutError("stopped")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds / 4)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def verdict_of(id: str, profile: Profile = "quick") -> ClaimResult:
    """Judge a claim by algebra and enclosures alone."""
    with stopped_after(TIMEOUT):
        return judge(light(REGISTRY[id]), profile)


def holds(result: ClaimResult) -> bool:
    """The claim still meets its expectation, mutants and simulation set aside.

    What only simulation can show is not asked for here.
    """
    verdicts = [row.verdict for row in result.evidence]
    return as_expected(combine(verdicts), result.expected)


def loaded_claims() -> list[str]:
    """Ids of the content's claims, all loaded, those that are expected to be refuted left out."""
    known = all_metadata()
    for one in known:
        load(one.module)
    return [one.id for one in known if one.expected["quick"] != "refuted"]


def used_by(id: str) -> tuple[ClaimResult, set[CodeType]]:
    """A claim's light verdict, and the code of every function of `theory` that it called."""
    folder = str(Path(str(theory.__file__)).parent)
    called: set[CodeType] = set()

    def note(frame, event, argument):
        if event == "call" and frame.f_code.co_filename.startswith(folder):
            called.add(frame.f_code)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        result = verdict_of(id)
    finally:
        sys.setprofile(before)
    return result, called
