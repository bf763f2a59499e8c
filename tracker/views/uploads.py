"""How files come in: to the disk while they arrive, never more of them than is taken."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import SkipFile, TemporaryFileUploadHandler

from tracker.models.evidence import disk_full, too_large
from tracker.models.files import safe_name


class Incoming(TemporaryFileUploadHandler):
    """Leaves out a file that is too large or finds no room, and reads on: the fields of the form, and the other
    files, arrive. `refused_files` of the request has the names left out, each with its sentence.

    The whole is bounded too; a temporary file is gone when the request ends.
    """

    def handle_raw_input(self, *args: Any, **kwargs: Any) -> None:
        self.refused: list[tuple[str, str]] = []
        self.arrived = self.written = 0
        if self.request is not None:
            self.request.refused_files = self.refused  # type: ignore[attr-defined]

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        self.written = 0
        self.drop()  # the file before is the request's by now
        try:
            super().new_file(*args, **kwargs)
        except OSError as error:
            self.leave_out(disk_full(), error)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.written += len(raw_data)
        self.arrived += len(raw_data)
        if self.written > settings.EVIDENCE_FILE_LIMIT or self.arrived > settings.EVIDENCE_ENTRY_LIMIT:
            self.leave_out(too_large())
        try:
            super().receive_data_chunk(raw_data, start)
        except OSError as error:
            self.leave_out(disk_full(), error)

    def file_complete(self, file_size: int) -> UploadedFile | None:
        """What is still in a buffer goes to the disk now: a disk that is full says so here, not later."""
        try:
            self.file.flush()
        except OSError:
            self.refused.append((safe_name(self.file_name or ""), str(disk_full().message)))
            self.drop(close=True)
            return None
        return super().file_complete(file_size)

    def drop(self, *, close: bool = False) -> None:
        """Forget the file at hand. Closing it tries once more to write what is still in its buffer, and may fail."""
        file = self.__dict__.pop("file", None)
        if close and file is not None:
            with suppress(OSError):
                file.close()

    def leave_out(self, why: ValidationError, cause: Exception | None = None) -> None:
        self.refused.append((safe_name(self.file_name or ""), str(why.message)))
        self.drop(close=True)
        raise SkipFile from cause
