"""What a claim file reads beside its own code: data, and modules that no import statement names.

The fingerprint sees imports as they are written. What is opened or imported in other ways while the
claims of a file are judged is noted here, with its contents, and a kept result holds only while
those files are as they were.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from exitlaw.packages import ROOT

_opened: set[str] = set()
_written: set[str] = set()
_watching = False


@contextmanager
def watched() -> Iterator[None]:
    """Note which files this process opens, and which modules it loads, until the end."""
    global _watching
    _listen()
    before = set(sys.modules)
    _watching = True
    try:
        yield
    finally:
        _watching = False
        new = (sys.modules[name] for name in set(sys.modules) - before)
        _opened.update(str(file) for module in new if (file := getattr(module, "__file__", None)))


@cache
def _listen() -> None:
    sys.addaudithook(_note)


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "open" or not _watching:
        return
    path, mode, flags = arguments
    if not isinstance(path, str | bytes):
        return
    if isinstance(mode, str):
        writes = any(letter in mode for letter in "wax+")
    else:
        writes = isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))
    (_written if writes else _opened).add(os.path.abspath(os.fsdecode(path)))


def contents(leave_out: Collection[str] = ()) -> dict[str, str]:
    """Hashes of all files read while it was watched, modules included, by absolute path.

    Left out are Python and what is installed with it, Exitlaw itself, what this process wrote, and
    the files in `leave_out`.
    """
    known = {str(Path(path).resolve()) for path in leave_out}
    found = {}
    for name in sorted(_opened - _written):
        path = Path(name)
        if path.suffix == ".pyc" or not path.is_file() or _is_installed(path):
            continue
        if str(path.resolve()) not in known:
            found[name] = _hash(path)
    return found


def unchanged(hashes: Mapping[str, str]) -> bool:
    """Whether all these files are as they were."""
    return all(Path(name).is_file() and _hash(Path(name)) == was for name, was in hashes.items())


def _hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        return f"unreadable: {error.errno}"


@cache
def _installed() -> tuple[Path, ...]:
    from numerics.cache import cache_folder

    ours = [ROOT / name for name in ("theory", "numerics", "exitlaw", "derivations")]
    system = [Path(name) for name in ("/proc", "/sys", "/dev", "/usr", "/etc")]
    python = [Path(sys.prefix), Path(sys.base_prefix)]
    return tuple(path.resolve() for path in (*ours, *system, *python, cache_folder()))


def _is_installed(path: Path) -> bool:
    resolved = path.resolve()
    return any(resolved.is_relative_to(folder) for folder in _installed())
