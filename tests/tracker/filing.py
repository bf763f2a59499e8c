"""Files as people send them, and as people should not."""

import io
import struct
import zipfile
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from openpyxl import Workbook
from PIL import Image

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"


def upload(name="方案.pdf", content=PDF):
    return SimpleUploadedFile(name, content)


def picture(kind="JPEG", size=(60, 40), mode="RGB", **saved):
    out = io.BytesIO()
    Image.new(mode, size, (200, 30, 30) if mode == "RGB" else 1).save(out, kind, **saved)
    return out.getvalue()


def camera_notes():
    """What a telephone writes into a photograph: turned by a quarter, where, whose."""
    notes = Image.Exif()
    notes[0x0112] = 6
    notes[0x010F] = "Huawei"
    notes[0x013B] = "张三"
    notes.get_ifd(0x8825).update({1: "N", 2: (28.0, 11.0, 30.0), 3: "E", 4: (112.0, 58.0, 10.0)})
    return notes


def zipped(parts):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def docx(**more):
    return zipped({"[Content_Types].xml": "<Types/>", "_rels/.rels": "", "word/document.xml": "<w/>"} | more)


def xlsx():
    out = io.BytesIO()
    book = Workbook()
    book.active["A1"] = "数"
    book.save(out)
    return out.getvalue()


def compound(*parts):
    """As much of the older office format as lists its parts."""
    entries = b"".join(
        name.encode("utf-16-le").ljust(64, b"\0") + struct.pack("<HB", 2 * len(name) + 2, 2) + bytes(61)
        for name in ("Root Entry", *parts)
    )
    return bytes.fromhex("d0cf11e0a1b11ae1").ljust(512, b"\0") + entries


def kept():
    """Every file of the storage, by name; also what was left half-written."""
    root = Path(settings.STORAGES["evidence"]["OPTIONS"]["location"])
    return {path.name: path for path in root.rglob("*") if path.is_file()}
