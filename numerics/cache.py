"""The one folder in which Exitlaw keeps what it can compute again."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """The cache folder, created if needed.

    The environment variable `EXITLAW_CACHE` names it; otherwise it is `exitlaw` in the user's
    cache folder of the operating system.
    """
    chosen = os.environ.get("EXITLAW_CACHE")
    if chosen:
        folder = Path(chosen)
    else:
        from platformdirs import user_cache_dir

        folder = Path(user_cache_dir("exitlaw"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
