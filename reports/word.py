"""A brief as a Word file: its margins and types after GB/T 9704—2012, without red head, number or seal."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import docx
from django.utils.translation import pgettext_lazy
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt

from .briefs import Heading, Paragraph, Table, Told

# As an office has them, by the name each language calls them; where one is lacking, the program takes another.
TITLE = pgettext_lazy("typeface", "FZXiaoBiaoSong-B05S")
BODY = pgettext_lazy("typeface", "FangSong")
HEAD = pgettext_lazy("typeface", "SimHei")
SUBHEAD = pgettext_lazy("typeface", "KaiTi")
NUMBERED = pgettext_lazy("typeface", "SimSun")  # the page numbers
LATIN = "Times New Roman"
SIZE = {2: 22, 3: 16, 4: 14, "small 4": 12}  # 号 in points
PITCH = 28  # points from line to line
WIDTH = 156  # millimetres of text
MARGIN = 57  # twentieths of a point beside what stands in a cell: a millimetre

Node = Any  # python-docx tells little of the XML below it


def word_file(told: Told, *, made_at: dt.datetime, notice: str = "") -> bytes:
    """A few hundred lines of text and tables, written whole in memory."""
    document = docx.Document()
    settle(document, told.title, made_at)
    styles(document)
    page(document, notice)
    line(document, "\n".join(told.lines), TITLE, SIZE[2], after=PITCH / 2, pitch=36)
    line(document, told.as_of, SUBHEAD, SIZE[3], after=PITCH)
    for block in told.blocks:
        if isinstance(block, Heading):
            document.add_paragraph(block.text, style=f"Heading {block.depth}")
        elif isinstance(block, Paragraph):
            document.add_paragraph(block.text)
        else:
            table(document, block)
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def settle(document: Any, title: str, made_at: dt.datetime) -> None:
    """What the file says of itself: nobody's name, and the moment of the figures."""
    told = document.core_properties
    told.title, told.author, told.comments, told.last_modified_by = title, "", "", ""
    told.created = told.modified = made_at.astimezone(dt.UTC).replace(tzinfo=None)
    told.language = "zh-CN"
    document.settings.odd_and_even_pages_header_footer = True


def styles(document: Any) -> None:
    body = document.styles["Normal"]
    typed(body, BODY, SIZE[3])
    form = body.paragraph_format
    form.line_spacing_rule, form.line_spacing = WD_LINE_SPACING.EXACTLY, Pt(PITCH)
    form.space_before = form.space_after = Pt(0)
    form.alignment = WD_ALIGN_PARAGRAPH.JUSTIFY
    indented(body.element.get_or_add_pPr(), characters=2)
    for depth, face in ((1, HEAD), (2, SUBHEAD)):
        head = document.styles[f"Heading {depth}"]
        typed(head, face, SIZE[3])
        head.font.bold = False
        head.paragraph_format.space_before = head.paragraph_format.space_after = Pt(0)
        head.paragraph_format.keep_with_next = True


def typed(style: Any, face: Any, size: float) -> None:
    """A style's or a run's face, for Chinese and for the rest, and no colour or theme that would override it."""
    properties = style.element.get_or_add_rPr()
    for tag in ("w:rFonts", "w:color"):
        for old in properties.findall(qn(tag)):
            properties.remove(old)
    style.font.name, style.font.size = str(face) if face is NUMBERED else LATIN, Pt(size)
    properties.rFonts.set(qn("w:eastAsia"), str(face))
    properties.rFonts.set(qn("w:cs"), LATIN)
    tongue = node("w:lang", val="en-US", eastAsia="zh-CN")
    for old in properties.findall(qn("w:lang")):
        properties.remove(old)
    properties.append(tongue)


def indented(properties: Node, *, characters: int) -> None:
    """The first line, by characters as Chinese programs count, and in points for the others."""
    for old in properties.findall(qn("w:ind")):
        properties.remove(old)
    properties.get_or_add_ind().set(qn("w:firstLineChars"), str(100 * characters))
    properties.get_or_add_ind().set(qn("w:firstLine"), str(20 * SIZE[3] * characters))


def page(document: Any, notice: str) -> None:
    """A4: above 37 mm, left 28 mm, a text block of 156 × 225 mm; the number below it, outwards."""
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin, section.left_margin = Mm(37), Mm(28)
    section.right_margin, section.bottom_margin = Mm(210 - 28 - WIDTH), Mm(297 - 37 - 225)
    section.header_distance, section.footer_distance = Mm(20), Mm(22)
    grid = section._sectPr.find(qn("w:docGrid"))
    if grid is not None:
        section._sectPr.remove(grid)  # lines are as far apart as they say, on no grid of the template's
    for header in (section.header, section.even_page_header):
        plain(header.paragraphs[0], WD_ALIGN_PARAGRAPH.CENTER)
        if notice:
            write(header.paragraphs[0], notice, BODY, SIZE["small 4"])
    sides = ((section.footer, WD_ALIGN_PARAGRAPH.RIGHT), (section.even_page_footer, WD_ALIGN_PARAGRAPH.LEFT))
    for footer, side in sides:
        number(footer.paragraphs[0], side)


def number(paragraph: Any, side: Any) -> None:
    """— 1 —, one character in from the edge of the text."""
    plain(paragraph, side)
    inwards = "right" if side == WD_ALIGN_PARAGRAPH.RIGHT else "left"
    ind = paragraph._p.get_or_add_pPr().get_or_add_ind()
    ind.set(qn(f"w:{inwards}Chars"), "100")
    ind.set(qn(f"w:{inwards}"), str(20 * SIZE[4]))
    write(paragraph, "— ", NUMBERED, SIZE[4])
    run = write(paragraph, "", NUMBERED, SIZE[4])
    for kind, text in (("begin", ""), ("", " PAGE "), ("separate", ""), ("1", "1"), ("end", "")):
        if kind == "":
            code = OxmlElement("w:instrText")
            code.text = text
            run._r.append(code)
        elif kind == "1":
            run.add_text(text)
        else:
            run._r.append(node("w:fldChar", fldCharType=kind))
    write(paragraph, " —", NUMBERED, SIZE[4])


def line(document: Any, text: str, face: Any, size: float, *, after: float, pitch: float = PITCH) -> None:
    """One centred above the text."""
    paragraph = document.add_paragraph()
    plain(paragraph, WD_ALIGN_PARAGRAPH.CENTER)
    paragraph.paragraph_format.line_spacing, paragraph.paragraph_format.space_after = Pt(pitch), Pt(after)
    write(paragraph, text, face, size)


def plain(paragraph: Any, side: Any) -> None:
    """Not indented."""
    paragraph.alignment = side
    indented(paragraph._p.get_or_add_pPr(), characters=0)


def write(paragraph: Any, text: str, face: Any, size: float) -> Any:
    run = paragraph.add_run(text)
    typed(run, face, size)
    return run


# Tables.


def table(document: Any, told: Table) -> None:
    """Its caption above; the header again on each page, and no row torn in two."""
    caption = document.add_paragraph()
    plain(caption, WD_ALIGN_PARAGRAPH.CENTER)
    caption.paragraph_format.keep_with_next, caption.paragraph_format.space_before = True, Pt(6)
    write(caption, told.caption, HEAD, SIZE["small 4"])
    grid = document.add_table(rows=0, cols=len(told.header), style="Table Grid")
    grid.alignment, grid.autofit = WD_TABLE_ALIGNMENT.CENTER, False
    margins = node("w:tblCellMar")
    for side in ("left", "right"):
        margins.append(node(f"w:{side}", w=str(MARGIN), type="dxa"))
    grid._tbl.tblPr.find(qn("w:tblLook")).addprevious(margins)
    for column, width in zip(grid.columns, told.widths, strict=True):
        column.width = Mm(width)
    row(grid, told.header, told.widths, face=HEAD, middle=True)
    for at, cells in enumerate(told.rows, 1):
        row(grid, cells, told.widths, face=HEAD if told.summed and at == len(told.rows) else BODY, middle=told.counts)
    head = grid.rows[0]._tr.get_or_add_trPr()
    head.append(node("w:tblHeader", val="true"))
    after = document.add_paragraph()
    after.paragraph_format.line_spacing = Pt(12)


def row(grid: Any, cells: list[Any], widths: list[int], *, face: Any, middle: bool) -> None:
    made = grid.add_row()
    made._tr.get_or_add_trPr().append(node("w:cantSplit", val="true"))
    for at, (cell, value, width) in enumerate(zip(made.cells, cells, widths, strict=True)):
        cell.width = Mm(width)
        paragraph = cell.paragraphs[0]
        plain(paragraph, WD_ALIGN_PARAGRAPH.CENTER if (middle and at) or face is HEAD else WD_ALIGN_PARAGRAPH.LEFT)
        paragraph.paragraph_format.line_spacing = Pt(18)
        write(paragraph, str(value), face, SIZE["small 4"])
        cell.vertical_alignment = 1


def node(tag: str, **values: str) -> Node:
    made = OxmlElement(tag)
    for name, value in values.items():
        made.set(qn(f"w:{name}"), value)
    return made
