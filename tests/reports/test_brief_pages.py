"""The pages of briefs and the Word file: the same words, set as an official document, given to whom they are for."""

import datetime as dt
import io
import re
import urllib.parse

import docx
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation
from docx.oxml.ns import qn
from docx.shared import Mm, Pt

from reports import briefs as words
from reports.briefs import told
from reports.word import word_file
from tests.conftest import place
from tracker.models import Area, Assignment, Blocker, Brief, Operation, Organization, Period, Plan, Task

LIST = "/reports/18/briefs/"


@pytest.fixture
def brief(world, bodies, cast):
    return Brief.objects.draft(world.period, bodies.province, by=cast.supervisor)


def text(response):
    return response.content.decode()


def opened(response):
    assert response.status_code == 200
    return docx.Document(io.BytesIO(response.getvalue()))


def said_by(document):
    """What a reader reads in a Word file, in its order; what does not belong to the text aside."""
    lines = []
    for part in document.iter_inner_content():
        if hasattr(part, "rows"):
            lines += [[cell.text for cell in row.cells] for row in part.rows]
        elif part.text:
            lines += part.text.split("\n")
    return lines


def said_on(page):
    """What a reader reads on the page, in its order."""
    article = re.search(r"<article.*?</article>", page, re.S)[0]
    lines = []
    for piece in re.findall(r"<(?:h1|h2|h3|p|caption)\b.*?</(?:h1|h2|h3|p|caption)>|<tr>.*?</tr>", article, re.S):
        cells = [plain(cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", piece, re.S)]
        lines += [cells] if cells else [plain(line) for line in re.sub("</span><span>", "\n", piece).split("\n")]
    return lines


def plain(piece):
    from html import unescape

    return unescape(re.sub("<[^>]+>", "", piece)).strip()


# Drafting.


def test_a_supervisor_chooses_a_period_and_reads_what_was_drafted(world, sign_in, bodies):
    client = sign_in("supervisor")
    page = text(client.get(LIST))
    assert "2026 年第四季度" in page
    assert not Brief.objects.exists()
    answer = client.post(LIST, {"period": "2026Q4", "organization": ""}, follow=True)
    brief = Brief.objects.get()
    assert answer.redirect_chain[0][0] == brief.get_absolute_url()
    assert brief.organization == bodies.province
    assert "关于《中国工会十八大报告》" in text(answer)
    client.post(LIST, {"period": "2026Q4", "organization": "111"})
    assert [row.organization.code for row in Brief.objects.all()] == ["111", "1"]
    page = text(client.get(LIST))
    assert page.index("甲县总工会　2026") < page.index("示例一省总工会　2026")


def test_what_is_not_understood_is_told_beside_the_field_and_kept(world, sign_in):
    client = sign_in("supervisor")
    for sent, field in (
        ({"period": "2031Q1"}, "period"),
        ({}, "period"),
        ({"period": "2026Q4", "organization": "示例二省总工会"}, "organization"),
        ({"period": "2026Q4", "organization": "甲\x00"}, "organization"),
    ):
        answer = client.post(LIST, sent)
        assert answer.status_code == 422, sent
        assert set(answer.context["form"].errors) == {field}
    assert "示例二省总工会" in text(client.post(LIST, {"period": "x", "organization": "示例二省总工会"}))
    assert not Brief.objects.exists()
    for page in ("%00", "%ED%A0%80", "-1", "9" * 30, "x"):
        assert client.get(f"{LIST}?page={page}").status_code == 200


def test_an_ambiguous_name_offers_the_bodies_to_choose_from(world, sign_in, bodies):
    place("119", "甲县总工会", "county", bodies.city)
    answer = sign_in("supervisor").post(LIST, {"period": "2026Q4", "organization": "甲县总工会"})
    assert answer.status_code == 422
    assert text(answer).count('type="radio"') == 2


def test_without_an_opened_period_the_page_says_so(bodies, cast, period, sign_in):
    page = text(sign_in("supervisor").get(LIST))
    assert "<select" not in page.split("<main")[1].split("</form>")[-1]
    assert "还没有已开启的报送周期" in page
    assert sign_in("supervisor").post(LIST, {"period": "2026Q4"}).status_code == 422


@pytest.mark.parametrize("name", ["reporter", "reviewer", "outsider"])
def test_others_do_not_come_in(brief, sign_in, name):
    client = sign_in(name)
    for address in (LIST, brief.get_absolute_url(), reverse("brief_docx", args=["18", brief.pk])):
        assert client.get(address).status_code == 403


@pytest.mark.parametrize(("name", "status"), [("leader", 404), ("auditor", 200), ("administrator", 200)])
def test_who_reads_drafts_nothing(brief, sign_in, name, status):
    client = sign_in(name)
    listed = client.get(LIST)
    assert listed.context["form"] is None
    assert client.get(brief.get_absolute_url()).status_code == status
    assert client.get(reverse("brief_docx", args=["18", brief.pk])).status_code == status
    assert client.post(LIST, {"period": "2026Q4"}).status_code == 403
    assert client.post(brief.get_absolute_url(), {"reason": "不要"}).status_code == 403
    assert Brief.objects.filter(withdrawn_at=None).count() == 1


def test_another_plan_s_address_does_not_open_it(brief, sign_in):
    Plan.objects.create(slug="19", title="另一规划", start=dt.date(2028, 10, 1), due=dt.date(2033, 10, 31))
    client = sign_in("supervisor")
    assert client.get(f"/reports/19/briefs/{brief.pk}/").status_code == 404
    assert client.get(f"/reports/19/briefs/{brief.pk}.docx").status_code == 404
    assert client.get(f"/reports/18/briefs/{10**25}/").status_code == 404
    assert "甲县" not in text(client.get("/reports/19/briefs/"))


# Withdrawing.


def test_withdrawn_it_is_read_with_its_reason_and_leaves_no_more(brief, sign_in):
    client, page = sign_in("supervisor"), brief.get_absolute_url()
    answer = client.post(page, {"reason": " "})
    assert answer.status_code == 422
    assert set(answer.context["form"].errors) == {"reason"}
    assert client.post(page, {"reason": "数据\x00有误"}).status_code == 422
    assert client.post(page, {"reason": "数据有误"}).status_code == 302
    for address in (page, LIST):
        assert "撤回" in text(client.get(address))
    assert "数据有误" in text(client.get(page))
    assert "docx" not in text(client.get(page))
    answer = client.get(reverse("brief_docx", args=["18", brief.pk]), follow=True)
    assert "已撤回" in text(answer)
    again = client.post(page, {"reason": "再来"})
    assert again.status_code == 409
    assert "再来" in text(again)


# One text, twice.


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_file_says_what_the_page_says(brief, sign_in, language, settings):
    client = sign_in("supervisor")
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    page = text(client.get(brief.get_absolute_url()))
    document = opened(client.get(reverse("brief_docx", args=["18", brief.pk])))
    assert said_by(document) == said_on(page)
    assert len(said_on(page)) > 30


def test_it_says_how_the_period_stands(brief, sign_in):
    """The nine entries of the world: of the county's five, its sister's, the city's, the school's; not the other's."""
    said = said_on(text(sign_in("supervisor").get(brief.get_absolute_url())))
    due = brief.period.due
    day = f"{due.year}年{due.month}月{due.day}日"
    reported = "应报送8项，按时报送4项，按时报送率50.0%（4/8）；逾期报送0项；尚未报送4项。"
    unchanged = "已报送各项中，填报“无变化”的0项。"
    for line in (
        f"本期报送截止日期为{day}，统计时尚未到期。{reported}",
        f"已报送4项，其中审核通过2项，待审核1项，已退回1项，退回后修改中0项。审核通过率25.0%（2/8）。{unchanged}",
        "可完成的牵头举措（不含长期坚持）共7项，已完成0项，完成率0.0%（0/7）。",
        "尚未答复的需协调事项共1项，其中已超过答复时限0项。",
        "应报送单位共4家，全部按时报送的1家；有举措尚未报送的3家，有举措逾期报送的0家。",
        "县级工会1家，共2项。",
        "（由拟稿人补充）",
    ):
        assert line in said, "\n".join(map(str, said))
    assert ["合计", "8", "2", "1", "0", "4", "1"] in said
    assert ["3.2.4", "四号举措", "县级工会1家", "督办人设定"] in said


def test_a_rate_is_all_or_nothing_only_where_it_is(db):
    with translation.override("zh-hans"):
        assert words.rated(0, 0) == "—"
        assert words.rated(0, 3) == "0.0%（0/3）"
        assert words.rated(1, 9_999) == "0.1%（1/9999）"
        assert words.rated(9_998, 9_999) == "99.9%（9998/9999）"
        assert words.rated(2, 3) == "66.7%（2/3）"
        assert words.rated(7, 7) == "100.0%（7/7）"


def test_with_nothing_owed_it_says_so(bodies, cast, plan, period, sign_in):
    period.open()
    brief = Brief.objects.draft(period, bodies.province, by=cast.supervisor)
    said = said_on(text(sign_in("supervisor").get(brief.get_absolute_url())))
    for line in ("没有尚未答复的需协调事项。", "没有亮红灯的举措。", "本期没有应报送的单位。"):
        assert line in said
    assert any("本期没有应报送的举措。" in line for line in said)
    assert "没有可完成的牵头举措。" in said


# The file.


def test_page_and_types_are_after_the_standard(brief, sign_in):
    document = opened(sign_in("supervisor").get(reverse("brief_docx", args=["18", brief.pk])))
    section = document.sections[0]
    block = section.page_width - section.left_margin - section.right_margin
    high = section.page_height - section.top_margin - section.bottom_margin
    near = [
        (section.page_width, 210),
        (section.page_height, 297),
        (section.top_margin, 37),
        (section.left_margin, 28),
        (block, 156),
        (high, 225),
    ]
    for length, millimetres in near:
        assert abs(length - Mm(millimetres)) < Mm(0.1)
    title, _as_of, body, *_rest = document.paragraphs
    assert face(title.runs[0]) == ("方正小标宋简体", Pt(22))
    normal = document.styles["Normal"]
    assert face(normal) == ("仿宋", Pt(16))
    assert normal.paragraph_format.line_spacing == Pt(28)
    assert normal.element.pPr.find(qn("w:ind")).get(qn("w:firstLineChars")) == "200"
    assert body.style == normal
    assert face(document.styles["Heading 1"]) == ("黑体", Pt(16))
    assert face(document.styles["Heading 2"]) == ("楷体", Pt(16))
    heads = [paragraph.text for paragraph in document.paragraphs if paragraph.style.name == "Heading 1"]
    assert [head[:2] for head in heads] == ["一、", "二、", "三、", "四、", "五、", "六、"]
    foot = section.footer.paragraphs[0]
    assert foot.text.startswith("— ")
    assert "PAGE" in foot._p.xml
    assert face(foot.runs[0]) == ("宋体", Pt(14))
    for table in document.tables:
        marks = [row._tr.trPr.find(qn("w:tblHeader")) is not None for row in table.rows]
        assert marks == [True] + [False] * (len(marks) - 1)
        assert sum(column.width for column in table.columns) == pytest.approx(Mm(156), abs=Mm(0.5))
    told_of = document.core_properties
    assert (told_of.author, told_of.last_modified_by, told_of.comments) == ("", "", "")
    assert not section.header.paragraphs[0].text


def face(styled):
    return styled.element.rPr.rFonts.get(qn("w:eastAsia")), styled.font.size


def test_a_text_that_xml_cannot_hold_breaks_no_file(brief, sign_in, world):
    figures = brief.figures
    figures["matters"]["rows"][0] |= {"need": "第一行\x0b\x01\n第二行\ufffe&<b>", "need_from": "\x1f"}
    Brief.objects.update(figures=figures)
    client = sign_in("supervisor")
    page = text(client.get(brief.get_absolute_url()))
    document = opened(client.get(reverse("brief_docx", args=["18", brief.pk])))
    assert said_by(document) == said_on(page)
    assert any("第一行 第二行&<b>" in line for line in said_by(document))


def test_the_file_is_kept_by_nobody_on_the_way_and_stands_in_the_log(brief, sign_in):
    response = sign_in("supervisor").get(reverse("brief_docx", args=["18", brief.pk]))
    content = b"".join(response.streaming_content)
    assert content[:2] == b"PK"
    assert response["Cache-Control"] == "no-store"
    name = urllib.parse.unquote(response["Content-Disposition"])
    assert "通报（代拟稿）_示例一省总工会_2026Q4_" in name
    line = Operation.objects.get(action="exported")
    assert (line.result, line.target) == ("done", f"/reports/18/briefs/{brief.pk}.docx")
    assert line.detail["brief"] == brief.pk


def test_in_the_demo_the_file_says_that_all_is_invented(brief, sign_in, settings):
    settings.DEMO = True
    client = sign_in("supervisor")
    response = client.get(reverse("brief_docx", args=["18", brief.pk]))
    assert "演示数据_" in urllib.parse.unquote(response["Content-Disposition"])
    section = opened(response).sections[0]
    for header in (section.header, section.even_page_header):
        assert header.paragraphs[0].text.startswith("演示数据")
    assert text(client.get(brief.get_absolute_url())).count("演示数据") == 2  # on the screen and in print


def test_a_long_name_and_a_full_list_are_set_whole(bodies, cast, world, sign_in):
    Plan.objects.update(brief_levels=["county"])
    long = "示例" + "联合" * 55 + "工会"
    Organization.objects.filter(code="111").update(name=long)
    red = Assignment.objects.filter(organization=bodies.county)
    red.update(light="red", light_reason="overdue", due=timezone.localdate() - dt.timedelta(3))
    brief = Brief.objects.draft(Period.objects.get(), bodies.province, by=cast.supervisor)
    client = sign_in("supervisor")
    assert said_by(opened(client.get(reverse("brief_docx", args=["18", brief.pk])))) == said_on(
        text(client.get(brief.get_absolute_url()))
    )
    assert sum(long in line for line in map(str, said_on(text(client.get(brief.get_absolute_url()))))) >= 5


# What it costs.


def test_the_pages_ask_as_many_queries_whatever_they_tell(brief, sign_in, world, bodies, cast):
    client = sign_in("supervisor")
    pages = (LIST, brief.get_absolute_url(), reverse("brief_docx", args=["18", brief.pk]))

    def asked():
        counts = []
        for page in pages:
            client.get(page)
            with CaptureQueriesContext(connection) as queries:
                response = client.get(page)
                assert response.status_code == 200
                b"".join(response)
            counts.append(len(queries))
        return counts

    few = asked()
    for _time in range(5):
        Brief.objects.draft(world.period, bodies.province, by=cast.supervisor)
    assert asked() == few
    assert max(few) <= 15, few


def test_reading_changes_nothing(brief, sign_in):
    before = [Brief.objects.values().get(), Blocker.objects.count(), Area.objects.count(), Task.objects.count()]
    client = sign_in("supervisor")
    client.get(LIST)
    client.get(brief.get_absolute_url())
    assert before == [Brief.objects.values().get(), Blocker.objects.count(), Area.objects.count(), Task.objects.count()]


def test_a_file_is_the_same_whenever_it_is_made(brief):
    def parts():
        with translation.override("zh-hans"):
            document = docx.Document(io.BytesIO(word_file(told(brief), made_at=brief.as_of)))
        return document.element.xml, document.core_properties.modified

    assert parts() == parts()
