"""Our packages, imported by location: a user's repository may have folders of the same names."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

PACKAGES = ("theory", "numerics", "derivations")
ROOT = Path(__file__).resolve().parent.parent
"""The folder that holds exitlaw and its sister packages."""


class WrongPackage(ImportError):
    """A package of one of our names that is not ours is already imported."""


def ensure_ours() -> None:
    """Make `theory`, `numerics` and `derivations` mean ours, whatever `sys.path` would find first.

    Raises
    ------
    WrongPackage : another package of that name has already been imported in this process.
    """
    for name in PACKAGES:
        folder = ROOT / name
        module = sys.modules.get(name)
        if module is None:
            _import(name, folder)
        elif not _is_in(module, folder):
            found = getattr(module, "__file__", None) or next(iter(module.__path__), "?")
            raise WrongPackage(
                f"expected the package {name!r} of Exitlaw ({folder}); received another one that "
                f"is already imported ({found}); check the claims in a process of their own: "
                "exitlaw check FILE"
            )


def _import(name: str, folder: Path) -> None:
    start = folder / "__init__.py"
    spec = importlib.util.spec_from_file_location(
        name, start, submodule_search_locations=[str(folder)]
    )
    if not start.is_file() or spec is None or spec.loader is None:
        raise WrongPackage(
            f"expected the package {name!r} beside exitlaw in {ROOT}; received no {start}; "
            "install Exitlaw again"
        )
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


def _is_in(module: object, folder: Path) -> bool:
    path = getattr(module, "__path__", None)
    return path is not None and Path(next(iter(path))).resolve() == folder
