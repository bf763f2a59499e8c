"""What entries of the demo show of their work: a few small files, drawn and written here."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable

from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, ImageDraw

from tracker.models import Entry, Evidence, User

MOST = 3  # pieces of an entry
NOTICE = "演示数据，内容均为虚构。"
MINUTES = [
    "工作推进会会议纪要",
    "一、通报本期进展，核对任务分工。",
    "二、研究存在问题，明确责任部门。",
    "三、下一步按月调度。",
]
SCHEME = [
    "工作实施方案",
    "一、目标：按期完成本项举措。",
    "二、分工：牵头部门负责，相关部门配合。",
    "三、时限：按季报送。",
]


def minutes() -> bytes:
    return f"{NOTICE}\r\n\r\n{MINUTES}".encode()


def register() -> bytes:
    rows = [("序号", "服务事项", "人次", "备注")]
    rows += [(str(n), what, str(12 * n + 5), NOTICE) for n, what in enumerate(("法律咨询", "走访慰问", "技能培训"), 1)]
    return "".join(",".join(row) + "\r\n" for row in rows).encode("utf-8-sig")


def photograph() -> bytes:
    """A house with a flag on it, as a photograph of a service station might show."""
    image = Image.new("RGB", (480, 320), "#dce8f2")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 240, 480, 320), fill="#c9cfb8")
    draw.rectangle((110, 120, 370, 260), fill="#f1ead9", outline="#7c6f55", width=3)
    draw.polygon([(95, 120), (240, 50), (385, 120)], fill="#8a4f3d")
    draw.rectangle((215, 180, 265, 260), fill="#6b5a45")
    for left in (140, 300):
        draw.rectangle((left, 160, left + 40, 200), fill="#9fc3de", outline="#7c6f55", width=2)
    draw.line((400, 250, 400, 90), fill="#555555", width=4)
    draw.rectangle((402, 92, 450, 124), fill="#b4231f")
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def scheme() -> bytes:
    """One page of A4, its words in a font that every reader of PDF brings along."""
    shown = " ".join(f"<{line.encode('utf-16-be').hex()}> Tj T*" for line in [NOTICE, *SCHEME])
    text = f"BT /F1 16 Tf 72 760 Td 28 TL {shown} ET"
    font = "/Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UCS2-H /DescendantFonts [6 0 R]"
    system = "/CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 2 >>"
    measures = "/Flags 4 /FontBBox [-25 -254 1000 880] /ItalicAngle 0 /Ascent 880 /Descent -120 /StemV 93"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >>>>",
        f"<< /Length {len(text)} >>\nstream\n{text}\nendstream",
        f"<< {font} >>",
        f"<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light {system} /FontDescriptor 7 0 R >>",
        f"<< /Type /FontDescriptor /FontName /STSong-Light {measures} >>",
    ]
    written, places = "%PDF-1.4\n", []
    for number, each in enumerate(objects, start=1):
        places.append(len(written))
        written += f"{number} 0 obj\n{each}\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    trailer = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(written)}\n%%EOF\n"
    return (written + f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}" + trailer).encode("ascii")


FILES: list[tuple[str, Callable[[], bytes]]] = [
    ("会议纪要.txt", minutes),
    ("现场照片.png", photograph),
    ("实施方案.pdf", scheme),
    ("服务台账.csv", register),
]


class Showing:
    """Which entries show something, and what: in turn, without dice."""

    def __init__(self) -> None:
        self.entries: set[int] = set()
        self.shown = 0  # entries so far

    def attach(self, entry: Entry, *, by: User, at: dt.datetime) -> None:
        if entry.pk not in self.entries:
            return
        self.entries.discard(entry.pk)
        for n in range(1 + self.shown % MOST):
            name, make = FILES[(self.shown + n) % len(FILES)]
            Evidence.objects.attach(entry, SimpleUploadedFile(name, make()), by=by, at=at)
        self.shown += 1
