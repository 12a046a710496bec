"""Running the command line in this process: fast, and with the same streams as a user sees."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from exitlaw.cli import main


@dataclass(frozen=True)
class Outcome:
    """Exit status and both streams of one command."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)


Run = Callable[..., Outcome]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """`run("list", "--json")`, as `exitlaw list --json`."""

    def command(*arguments: str) -> Outcome:
        capsys.readouterr()
        status = main(arguments)
        streams = capsys.readouterr()
        return Outcome(status, streams.out, streams.err)

    return command


@cache
def _schema(name: str) -> Any:
    return json.loads(files("exitlaw").joinpath("schemas", f"{name}.json").read_text("utf-8"))


@pytest.fixture
def valid() -> Callable[[str, Any], None]:
    """`valid("verify", document)` raises where a document breaks its schema."""

    def validate(name: str, document: Any) -> None:
        schema = _schema(name)
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.validate(document, schema, cls=jsonschema.Draft202012Validator)

    return validate
