"""Photographs, written anew: the picture stays, what the camera noted beside it (place, time, owner) does not."""

from __future__ import annotations

import io
from typing import IO, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from PIL import Image, ImageOps

LONGEST_SIDE = 4096
MOST_PIXELS = 200_000_000  # that a camera makes; more is a bomb or a mistake
MOST_UNPACKED = 50_000_000  # held in memory, at 3 or 4 bytes each
MEANT = ("icc_profile", "transparency")  # of what stands beside the picture, that which its colours need

Image.MAX_IMAGE_PIXELS = MOST_PIXELS

SAVED: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 88, "subsampling": 0},
    "PNG": {"optimize": False},
    "WEBP": {"quality": 88},
}


def written_anew(file: IO[bytes], kind: str) -> bytes:
    """The picture upright, at most 4,096 pixels a side, without a note beside it. Raises ValidationError."""
    try:
        # Phones put a second picture behind the first and Pillow then calls it MPO; the first is the photograph.
        with Image.open(file, formats=[kind, "MPO"] if kind == "JPEG" else [kind]) as image:
            return rewritten(image, kind)
    except Image.DecompressionBombError as error:
        raise too_many_pixels() from error
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError, KeyError) as error:
        # Pillow's readers raise any of these on what is cut short or made up.
        raise ValidationError(_("The picture is damaged and cannot be opened."), code="damaged") from error


def rewritten(image: Any, kind: str) -> bytes:
    if image.width * image.height > MOST_PIXELS:
        raise too_many_pixels()
    if kind == "JPEG":
        image.draft(None, (LONGEST_SIDE, LONGEST_SIDE))  # a JPEG unpacks smaller for nothing
    if image.width * image.height > MOST_UNPACKED:
        raise too_many_pixels()
    upright = ImageOps.exif_transpose(image)
    if max(upright.size) > LONGEST_SIDE:
        if upright.mode in ("P", "1"):
            upright = upright.convert("RGBA" if "transparency" in upright.info else "RGB")
        upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    upright.info = {name: value for name, value in upright.info.items() if name in MEANT}
    beside = {"icc_profile": upright.info["icc_profile"]} if upright.info.get("icc_profile") else {}
    out = io.BytesIO()
    upright.save(out, format=kind, **SAVED[kind], **beside)
    return out.getvalue()


def too_many_pixels() -> ValidationError:
    return ValidationError(_("The picture has too many pixels. Make it smaller and choose it again."), code="pixels")
