"""What a file is called and what it holds (files.py, pictures.py): a name proves nothing."""

import io
import struct
import zlib

import pytest
from django.core.exceptions import ValidationError
from PIL import Image

from tracker.models import files
from tracker.models.evidence import Taken

from .filing import PDF, camera_notes, compound, docx, picture, upload, xlsx, zipped

GOOD = {
    "照片.jpg": picture(),
    "照片.JPEG": picture(),
    "图.png": picture("PNG"),
    "图.webp": picture("WEBP"),
    "方案.pdf": PDF,
    "总结.docx": docx(),
    "台账.xlsx": xlsx(),
    "汇报.pptx": zipped({"[Content_Types].xml": "", "ppt/presentation.xml": ""}),
    "公文.ofd": zipped({"OFD.xml": "<OFD/>", "Doc_0/Document.xml": ""}),
    "旧.doc": compound("WordDocument", "1Table"),
    "旧.xls": compound("Workbook"),
    "旧.ppt": compound("PowerPoint Document"),
    "金山.wps": compound("WordDocument"),
    "金山.et": compound("Workbook"),
    "金山.dps": compound("PowerPoint Document"),
    "说明.txt": "说明".encode("gb18030"),
    "说明2.txt": "说明".encode("utf-16"),
    "名单.csv": "\ufeff单位,数\r\n".encode(),
}


def code(name, content):
    with pytest.raises(ValidationError) as refusal:
        Taken.from_upload(upload(name, content))
    assert str(refusal.value.messages[0])
    return refusal.value.code


@pytest.mark.parametrize("name", GOOD)
def test_what_an_office_shows_its_work_with_is_taken(name):
    taken = Taken.from_upload(upload(name, GOOD[name]))
    assert taken.name == name
    assert taken.size > 0
    assert len(taken.digest) == 64


def test_content_under_any_other_name_is_refused():
    """Every good content under every other kind's name; what shares a format (doc and wps) is the same kind."""
    alike = [{"jpg", "jpeg"}, {"doc", "wps"}, {"xls", "et"}, {"ppt", "dps"}, {"txt", "csv"}]
    for name, content in GOOD.items():
        own = files.ending_of(name)
        for other in files.KINDS:
            if other == own or any({own, other} <= group for group in alike):
                continue
            assert code(f"a.{other}", content) in ("mismatch", "damaged"), (name, other)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.exe", "kind"),
        ("a.html", "kind"),
        ("a.svg", "kind"),
        ("a.js", "kind"),
        ("a.zip", "kind"),
        ("a.heic", "kind"),
        ("a.pdf.exe", "kind"),
        ("无扩展名", "kind"),
        ("a.docm", "macros"),
        ("a.xlsm", "macros"),
    ],
)
def test_other_kinds_are_refused_whatever_they_hold(name, expected):
    assert code(name, PDF) == expected


def test_an_executable_or_a_page_under_a_good_name_is_refused():
    for ending in files.KINDS:
        assert code(f"a.{ending}", b"MZ\x90\x00\x03\x00\x00\x00" + bytes(500)) in ("mismatch", "damaged")
    for ending in files.KINDS:
        assert code(f"a.{ending}", b"<html><script>alert(1)</script>") in ("mismatch", "damaged")


def test_an_empty_file_and_one_too_large_are_refused(settings):
    assert code("a.pdf", b"") == "empty"
    settings.EVIDENCE_FILE_LIMIT = 100
    assert code("a.pdf", PDF.ljust(101)) == "large"
    Taken.from_upload(upload("a.pdf", PDF.ljust(100)))


def test_macros_passwords_and_bombs_in_office_files_are_refused():
    assert code("a.docx", docx(**{"word/vbaProject.bin": b"x"})) == "macros"
    assert code("a.doc", compound("WordDocument", "_VBA_PROJECT")) == "macros"
    assert code("a.xls", compound("Workbook", "_VBA_PROJECT_CUR")) == "macros"
    for name in ("a.docx", "a.xlsx", "a.doc"):
        assert code(name, compound("EncryptionInfo", "EncryptedPackage")) == "encrypted"
    assert code("a.docx", docx(**{"word/media/1.xml": bytes(30_000_000)})) == "bomb"
    many = docx(**{f"word/{number:0200}": b"" for number in range(10_000)})
    assert code("a.docx", many) == "bomb"


def test_a_package_whose_parts_are_locked_is_refused():
    content = bytearray(docx())
    at = content.find(b"PK\x01\x02")
    content[at + 8] |= 1
    assert code("a.docx", bytes(content)) == "encrypted"


def test_what_is_cut_short_is_refused():
    for name in ("照片.jpg", "图.png", "图.webp", "总结.docx", "台账.xlsx", "公文.ofd"):
        content = GOOD[name] if name != "照片.jpg" else picture(size=(600, 400))
        assert code(name, content[: len(content) * 2 // 3]) in ("mismatch", "damaged"), name


def png_saying(width, height):
    """A PNG of a few bytes that says it is large."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def test_a_picture_that_would_unpack_to_gigabytes_is_refused_before_it_does():
    assert code("a.png", png_saying(7_100, 7_100)) == "pixels"
    assert code("a.png", png_saying(60_000, 60_000)) == "pixels"
    assert code("a.png", png_saying(14_000, 14_200)) == "pixels"


def reread(name, content):
    taken = Taken.from_upload(upload(name, content))
    taken.file.seek(0)
    data = taken.file.read()
    return data, Image.open(io.BytesIO(data))


def test_a_photograph_stands_upright_and_says_neither_where_nor_whose():
    given = picture(exif=camera_notes(), comment="拍摄人张三".encode(), xmp=b"<x>GPS</x>")
    assert "张三".encode() in given
    assert b"Exif" in given
    data, image = reread("照片.jpg", given)
    assert image.size == (40, 60)
    assert not image.getexif()
    assert not image.getexif().get_ifd(0x8825)
    for left in (b"Exif", b"Huawei", b"GPS", "张三".encode()):
        assert left not in data


def test_png_and_webp_lose_their_notes_too():
    from PIL.PngImagePlugin import PngInfo

    notes = PngInfo()
    notes.add_text("Author", "Zhang San")
    for name, content in (
        ("a.png", picture("PNG", exif=camera_notes(), pnginfo=notes)),
        ("a.webp", picture("WEBP", exif=camera_notes(), xmp=b"<x>Zhang San</x>")),
    ):
        assert b"Huawei" in content
        data, image = reread(name, content)
        assert not image.getexif()
        assert b"Huawei" not in data
        assert b"Zhang San" not in data


def test_a_very_large_photograph_is_made_smaller_and_keeps_its_shape():
    _data, image = reread("a.jpg", picture(size=(6_000, 3_000)))
    assert image.size == (4_096, 2_048)
    _data, image = reread("a.png", picture("PNG", size=(5_000, 10), mode="P"))
    assert image.size == (4_096, 8)
    _data, image = reread("b.jpg", picture(size=(12_000, 9_000)))
    assert image.size == (4_096, 3_072)


def test_transparency_survives():
    out = io.BytesIO()
    Image.new("RGBA", (10, 10), (0, 0, 0, 0)).save(out, "PNG")
    _data, image = reread("a.png", out.getvalue())
    assert image.getpixel((0, 0))[3] == 0


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ("附件1：总结（定稿）.docx", "附件1：总结（定稿）.docx"),
        ("👨‍👩‍👧活动🎉.jpg", "👨‍👩‍👧活动🎉.jpg"),
        ("𠮷祥.pdf", "𠮷祥.pdf"),
        ("C:\\用户\\桌面\\a.pdf", "a.pdf"),
        ("../../etc/passwd.txt", "passwd.txt"),
        ("\u202efdp.exe.pdf", "fdp.exe.pdf"),
        ("a\u200f\u2066b.pdf", "ab.pdf"),
        ("a\r\nb\tc.pdf", "a b c.pdf"),
        ('a<b>:"|?*.pdf', "a_b______.pdf"),
        (" .. a.pdf. ", "a.pdf"),
        ("a\x00b\ud800.pdf", "ab.pdf"),
        ("长" * 300 + ".pdf", "长" * 196 + ".pdf"),
    ],
)
def test_names_are_kept_but_for_what_misleads(given, safe):
    assert files.safe_name(given) == safe


def test_a_name_of_nothing_gets_one():
    for given in ("", "...", "\u202e", "/", "   "):
        name = files.safe_name(given)
        assert name
        assert files.safe_name(name) == name
    assert files.safe_name(".pdf").endswith("pdf")
