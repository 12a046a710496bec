"""A process of its own for a user's claim file: `python -m exitlaw.claim_process list|check FILE`.

Prints one JSON document on standard output. What the claim file prints itself goes to standard
error. Exit status 2 and a message on standard error where nothing could be judged.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from exitlaw.packages import WrongPackage, ensure_ours


def main(arguments: Sequence[str]) -> int:
    """Serve one request; see the module's docstring."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # nothing but the answer may reach the reader
    command, path, *options = arguments
    given = dict(zip(options[::2], options[1::2], strict=True))
    try:
        ensure_ours()
        document = _list(path) if command == "list" else _check(path, given)
    except (ValueError, WrongPackage) as error:
        print(error, file=sys.stderr)
        return 2
    with answer:
        json.dump(document, answer)
    return 0


def _list(path: str) -> dict[str, Any]:
    from pathlib import Path

    from exitlaw.discovery import read_metadata

    return {"claims": [one.as_json() for one in read_metadata(Path(path), path)]}


def _check(path: str, given: dict[str, str]) -> dict[str, Any]:
    from exitlaw.verification import check_file

    report = check_file(
        path, profile=given.get("--profile", "quick"), seed=int(given.get("--seed", "0"))
    )
    return {
        "claims": [
            {
                **claim.to_record(),
                "verdict": claim.verdict,
                "as_expected": claim.as_expected,
                "skipped": claim.skipped if claim.is_skipped else None,
            }
            for claim in report.claims
        ]
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
