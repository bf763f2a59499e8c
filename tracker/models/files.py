"""Files as they come in: what they are called, and whether they are what they are called.

A name proves nothing and neither does what the browser says, so the content is looked at. Only kinds that an office
needs to show its work are taken: nothing that runs, nothing a browser would draw as a page, no archive of others.
"""

from __future__ import annotations

import re
import struct
import unicodedata
import zipfile
from collections.abc import Callable
from functools import partial
from typing import IO, NamedTuple

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

NAME_LIMIT = 200
JOINER = "\u200d"  # holds an emoji of several together; every other mark of this class only misleads


def safe_name(name: str) -> str:
    """The name as people wrote it, without a path, what no system stores, and marks that turn its end round."""
    name = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    name = re.sub(r"\s+", " ", name)
    name = "".join(c for c in name if c == JOINER or unicodedata.category(c) not in ("Cc", "Cf", "Cs"))
    name = re.sub(r'[<>:"|?*]', "_", name).strip(" .")
    stem, dot, ending = name.rpartition(".")
    if not dot:
        stem, ending = name, ""
    stem = stem[: NAME_LIMIT - len(dot + ending)] if len(ending) < 20 else name[: NAME_LIMIT - len(dot)]
    return f"{stem.strip() or _('file')}{dot}{ending}"[:NAME_LIMIT]


def ending_of(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""


# What each kind's content must be. A check raises ValidationError; it need not leave the file where it was.

PACKAGE_LIMIT = 500 * 1024 * 1024  # that the parts of one office file say they unpack to
PART_RATIO = 200  # and how many times its packed size one large part may
PARTS_LIMIT = 2 * 1024 * 1024  # bytes of the list of parts


def mismatch() -> ValidationError:
    return ValidationError(
        _(
            "Its content is not what its name says. Open it, save it anew as a document, a table, a PDF or a "
            "picture, and choose it again."
        ),
        code="mismatch",
    )


def encrypted() -> ValidationError:
    return ValidationError(
        _("It is protected by a password. Save it without one and choose it again."), code="encrypted"
    )


def macros() -> ValidationError:
    return ValidationError(_("It contains macros. Save it without them and choose it again."), code="macros")


def begins(beginning: bytes, file: IO[bytes]) -> None:
    file.seek(0)
    if not file.read(1024).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(beginning):
        raise mismatch()


OLE = bytes.fromhex("d0cf11e0a1b11ae1")


def ole_part(name: str) -> bytes:
    """How the older office format lists a part: its name in 64 bytes, how long it is, whether storage or stream."""
    written = name.encode("utf-16-le")
    return re.escape(written.ljust(64, b"\0") + struct.pack("<H", len(written) + 2)) + b"[\x01\x02]"


OLE_ENCRYPTED = re.compile(b"|".join(map(ole_part, ("EncryptedPackage", "EncryptionInfo"))))
OLE_MACROS = re.compile(b"|".join(map(ole_part, ("_VBA_PROJECT", "_VBA_PROJECT_CUR", "VBA"))))


def compound(parts: tuple[str, ...], file: IO[bytes]) -> None:
    """Word, Excel, PowerPoint before 2007, and WPS: one file that holds named parts."""
    file.seek(0)
    content = file.read()
    if not content.startswith(OLE):
        raise mismatch()
    if OLE_ENCRYPTED.search(content):
        raise encrypted()
    if not re.search(b"|".join(map(ole_part, parts)), content):
        raise mismatch()
    if OLE_MACROS.search(content):
        raise macros()


def package(parts: tuple[str, ...], file: IO[bytes]) -> None:
    """Office files since 2007, and OFD: a zip with known parts. Nothing is unpacked; what it says of itself is read."""
    file.seek(0)
    beginning = file.read(len(OLE))
    if beginning == OLE:
        file.seek(0)
        raise encrypted() if OLE_ENCRYPTED.search(file.read()) else mismatch()
    if not beginning.startswith(b"PK\x03\x04"):
        raise mismatch()
    bomb = ValidationError(_("It would unpack to far more than it holds. It is not taken."), code="bomb")
    if size_of_list(file) > PARTS_LIMIT:
        raise bomb
    try:
        held = zipfile.ZipFile(file).infolist()
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError, struct.error) as error:
        raise mismatch() from error
    names = [part.filename for part in held]
    if not all(any(name.startswith(part) for name in names) for part in parts):
        raise mismatch()
    if any(part.flag_bits & 1 for part in held):
        raise encrypted()
    large = (part for part in held if part.file_size > 10 * 1024 * 1024)
    too_dense = any(part.file_size > PART_RATIO * max(part.compress_size, 1) for part in large)
    if too_dense or sum(part.file_size for part in held) > PACKAGE_LIMIT:
        raise bomb
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        raise macros()


def size_of_list(file: IO[bytes]) -> int:
    """How long the zip says its list of parts is: a list can be a bomb as well. Not said at the end: it is no zip."""
    size = file.seek(0, 2)
    file.seek(max(0, size - 66_000))
    end = file.read()
    at = end.rfind(b"PK\x05\x06")
    if at < 0 or len(end) < at + 22:
        raise mismatch()
    return int(struct.unpack_from("<L", end, at + 12)[0])


OTHER_TEXT = re.compile(r"\ufeff?\s*(?:%PDF-|<\?xml|<!doctype|<html|<svg|<script|#!)", re.IGNORECASE)


def text(file: IO[bytes]) -> None:
    """Text that people read: in Unicode or GB 18030, without control characters."""
    file.seek(0)
    content = file.read()
    for encoding in ("utf-16",) if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8", "gb18030"):
        try:
            words = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if re.search(r"[\x00-\x08\x0b\x0e-\x1f]", words) or OTHER_TEXT.match(words):
            raise mismatch()
        return
    raise mismatch()


class Kind(NamedTuple):
    """`picture` names the format a picture is written anew in; other kinds are kept as they are, once checked."""

    content_type: str
    check: Callable[[IO[bytes]], None] | None = None
    picture: str = ""


OFFICE = "application/vnd.openxmlformats-officedocument."
TYPES = "[Content_Types].xml"
WORDS, SHEETS, SLIDES = ("WordDocument",), ("Workbook", "Book"), ("PowerPoint Document",)
KINDS = {
    "jpg": Kind("image/jpeg", picture="JPEG"),
    "jpeg": Kind("image/jpeg", picture="JPEG"),
    "png": Kind("image/png", picture="PNG"),
    "webp": Kind("image/webp", picture="WEBP"),
    "pdf": Kind("application/pdf", partial(begins, b"%PDF-")),
    "doc": Kind("application/msword", partial(compound, WORDS)),
    "xls": Kind("application/vnd.ms-excel", partial(compound, SHEETS)),
    "ppt": Kind("application/vnd.ms-powerpoint", partial(compound, SLIDES)),
    "wps": Kind("application/octet-stream", partial(compound, WORDS)),
    "et": Kind("application/octet-stream", partial(compound, SHEETS)),
    "dps": Kind("application/octet-stream", partial(compound, SLIDES)),
    "docx": Kind(OFFICE + "wordprocessingml.document", partial(package, (TYPES, "word/"))),
    "xlsx": Kind(OFFICE + "spreadsheetml.sheet", partial(package, (TYPES, "xl/"))),
    "pptx": Kind(OFFICE + "presentationml.presentation", partial(package, (TYPES, "ppt/"))),
    "ofd": Kind("application/ofd", partial(package, ("OFD.xml",))),
    "txt": Kind("text/plain", text),
    "csv": Kind("text/csv", text),
}
# For the browser's chooser; says nothing of what comes. The types make a phone offer its camera, and have it send JPG.
ACCEPTED = ",".join(["image/jpeg", "image/png", "image/webp", *(f".{ending}" for ending in KINDS)])


def kind_of(name: str) -> Kind:
    """Raises ValidationError for a name whose kind is not taken, with what to do instead."""
    ending = ending_of(name)
    if ending in KINDS:
        return KINDS[ending]
    if ending in ("heic", "heif"):
        words = _(
            "Pictures of this kind (HEIC) cannot be opened on most office computers. Save it as JPG, or set the "
            "phone’s camera to “most compatible”, and choose it again."
        )
    elif ending in ("docm", "xlsm", "pptm", "dotm", "xltm"):
        raise macros()
    elif ending in ("zip", "rar", "7z", "gz", "tar"):
        words = _("Archives are not taken. Choose the files in it themselves, several at once.")
    else:
        words = _(
            "Files of this kind are not taken. Taken are pictures (JPG, PNG, WebP), PDF, OFD, Word, Excel, "
            "PowerPoint and WPS documents, TXT and CSV."
        )
    raise ValidationError(words, code="kind")
