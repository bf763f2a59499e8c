"""Files that somebody looks over before they are loaded: put aside under a name that nobody guesses."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from django.conf import settings

KEPT_HOURS = 12


def folder() -> Path:
    place: Path = settings.VAR_DIR / "looked-over"
    place.mkdir(parents=True, exist_ok=True)
    return place


def keep(content: bytes) -> str:
    """Put a file aside; the name is for the session of the person. What was never loaded goes after a while."""
    for old in folder().iterdir():
        if old.stat().st_mtime < time.time() - KEPT_HOURS * 3600:
            old.unlink(missing_ok=True)
    name = secrets.token_urlsafe(24)
    (folder() / name).write_bytes(content)
    return name


def kept(name: str) -> bytes | None:
    """None where it is not there any more."""
    try:
        return place_of(name).read_bytes()
    except OSError:
        return None


def drop(name: str) -> None:
    place_of(name).unlink(missing_ok=True)


def place_of(name: str) -> Path:
    return folder() / (Path(name).name or "none")
