"""`exitlaw new NAME`: a commented starting file of claims."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from theory.errors import InputError

TEMPLATE = "claims.py.txt"


def starting_file(name: str) -> str:
    """The text of `claims_NAME.py`.

    Raises
    ------
    InputError : the name is no Python identifier.
    """
    if not name.isidentifier() or not name.isascii():
        raise InputError(
            "a name of letters, digits and underscores",
            repr(name),
            "as my_model, for claims_my_model.py",
        )
    text = files("exitlaw").joinpath("templates", TEMPLATE).read_text("utf-8")
    return text.replace("NAME", name)


def write_starting_file(name: str, folder: Path | str = ".") -> Path:
    """Write `claims_NAME.py` into a folder; an existing file is never overwritten.

    Raises
    ------
    InputError : a bad name, or the file is there already or cannot be written.
    """
    text = starting_file(name)
    path = Path(folder) / f"claims_{name}.py"
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise InputError(
            "a file that does not exist yet", str(path), "choose another name"
        ) from error
    except OSError as error:
        raise InputError(
            "a folder that can be written", f"{path}: {error.strerror}", "choose another folder"
        ) from error
    return path
