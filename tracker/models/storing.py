"""Where files are kept: whole or not at all, whatever stops the server in between."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from django.core.files import File
from django.core.files.storage import FileSystemStorage

PART = ".part-"  # how the name of a file begins while it is being written


class WholeFiles(FileSystemStorage):
    """Files named by their content. Written beside their place, pushed to the disk, then renamed: a crash or a full
    disk leaves no half file under a name that somebody reads, and writing the same content again changes nothing."""

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name

    def _save(self, name: str, content: File[Any]) -> str:
        place = Path(self.path(name))
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(prefix=PART, dir=place.parent)
        try:
            with os.fdopen(handle, "wb") as out:
                for chunk in content.chunks():
                    out.write(chunk)
                out.flush()
                os.fsync(out.fileno())
            os.replace(part, place)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise
        push(place.parent)
        return name


def push(folder: Path) -> None:
    """A rename is on the disk once its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
