"""A plan from a table: what is read, what is refused by row and column, and that nothing is ever half loaded."""

import datetime as dt
import io
import zipfile

import openpyxl
import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.utils import translation

from tracker.models import Area, Assignment, Heading, Milestone, Plan, Task
from tracker.models import plan_files as files
from tracker.models import plan_loading as loading
from tracker.models.plan_loading import PlanTable, plan_for
from tracker.models.plan_words import template_rows

HEADER = "area_number,area,short,heading_code,heading,task_code,wording,due,standing,levels,frequency,reporting,owner"
HEADER += ",milestones"
CHINESE = "领域编号,工作领域,简称,重点任务编号,重点任务,举措编号,具体举措,完成时限,长期坚持,适用层级,报送频次,填报方式"
CHINESE += ",牵头单位编码,时间节点"
START, DUE = dt.date(2028, 11, 1), dt.date(2033, 10, 31)


def csv(*rows, header=HEADER):
    return "\n".join([header, *rows])


GOOD = csv(
    "1,思想引领,引领,1.1,理论武装,1.1.1,“学习”行动，全面实施,2029-06-30,,全国、省级,每月,,,"
    "2028-12-31 启动；2029-03-31 中期评估",
    ",,,,,1.1.2,长期任务,,是,,,只报状态,,",
    ",,,1.2,阵地建设,1.2.1,阵地,2030/1/5,,各级,每年,另行报送,11,",
    "二,建功立业,,2.1,劳动竞赛,2.1.1,竞赛,长期坚持,,,,,,",
)


def table(content, plan=None):
    content = content.encode() if isinstance(content, str) else content
    return PlanTable(content, plan or plan_for("19", title="十九大", start=START, due=DUE))


def complaints(content):
    with translation.override("en"):
        return [(complaint.number, complaint.column) for complaint in table(content).complaints]


def words_of(content):
    with translation.override("en"):
        return " ".join(str(complaint) for complaint in table(content).complaints)


def nothing():
    return not Plan.objects.exists() and not Area.objects.exists() and not Task.objects.exists()


def workbook(rows, **where):
    book = openpyxl.Workbook()
    sheet = book.active
    for row in rows:
        sheet.append(row)
    for cell, value in where.items():
        sheet[cell] = value
    return book, sheet


def saved(book):
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_table_becomes_a_plan_with_all_that_it_says(bodies, cast):
    plan = table(GOOD).make(by=cast.administrator)
    assert (plan.slug, plan.title, plan.start, plan.due) == ("19", "十九大", START, DUE)
    assert [(area.number, area.title, area.short) for area in plan.areas.all()] == [
        (1, "思想引领", "引领"),
        (2, "建功立业", ""),
    ]
    assert [h.code for h in Heading.objects.order_by("area__number", "number")] == ["1.1", "1.2", "2.1"]
    first, second, third, fourth = plan.tasks.all()
    assert (first.wording, first.due, first.start, first.levels, first.frequency) == (
        "“学习”行动，全面实施",
        dt.date(2029, 6, 30),
        START,
        ["national", "province"],
        "month",
    )
    assert (second.standing, second.due, second.start, second.reporting) == (True, None, None, "status_only")
    assert (third.due, third.frequency, third.reporting, third.owner) == (
        dt.date(2030, 1, 5),
        "year",
        "elsewhere",
        bodies.city,
    )
    assert Assignment.objects.get().organization == bodies.city
    assert (fourth.standing, fourth.code, fourth.heading.area.number) == (True, "2.1.1", 2)
    steps = [(step.task.code, step.due, step.title) for step in Milestone.objects.order_by("due")]
    assert steps == [("1.1.1", dt.date(2028, 12, 31), "启动"), ("1.1.1", dt.date(2029, 3, 31), "中期评估")]
    assert {record.history_user for record in first.history.all()} == {cast.administrator}
    assert plan.history.get().history_user == cast.administrator


def test_where_no_date_is_given_a_task_is_due_with_the_plan(db):
    (task,) = table(csv("1,领域,,1.1,任务,1.1.1,举措,,,,,,,")).make().tasks.all()
    assert (task.due, task.standing, len(task.levels), task.frequency) == (DUE, False, 6, "quarter")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_encodings_line_ends_and_chinese_headers_simply_work(db, bodies, encoding, ends):
    content = GOOD.replace(HEADER, CHINESE).replace("\n", ends).encode(encoding)
    assert table(content).complaints == []
    assert table(content).counts == (2, 3, 4, 2, 1)


def test_a_title_above_the_header_and_columns_that_are_not_ours_are_passed_over(db):
    content = "规划分解表,,\n\n" + csv(
        "备注,1,领域,1.1,任务,1.1.1,举措", header="备注,area_number,area,heading_code,heading,task_code,wording"
    )
    assert table(content).counts.tasks == 1


def test_wording_is_kept_whole_and_untouched(db):
    wording = " “一”——二…\n第二行，half,width, 　全角 "
    content = csv('1,领域,,1.1,任务,1.1.1,"' + wording + '",,,,,,,')
    assert table(content).make().tasks.get().wording == wording


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        (["x,领域,,1.1,任务,1.1.1,举措,,,,,,,"], (2, "Area no.")),
        ([",领域,,1.1,任务,1.1.1,举措,,,,,,,"], (2, "Area no.")),
        (["1,,,1.1,任务,1.1.1,举措,,,,,,,"], (2, "Work area")),
        (["1,领域,太长的简称九个字了,1.1,任务,1.1.1,举措,,,,,,,"], (2, "Short name")),
        (["1,领域,,,,1.1.1,举措,,,,,,,"], (2, "Heading no.")),
        (["1,领域,,2.1,任务,2.1.1,举措,,,,,,,"], (2, "Heading no.")),
        (["1,领域,,1.1,,1.1.1,举措,,,,,,,"], (2, "Heading")),
        (["1,领域,,1.1,任务,1.2.1,举措,,,,,,,"], (2, "Task no.")),
        (["1,领域,,1.1,任务,,举措,,,,,,,"], (2, "Task no.")),
        (["1,领域,,1.1,任务,1.1.1,  ,,,,,,,"], (2, "Task")),
        (["1,领域,,1.1,任务,1.1.1,举措,,,区级,,,,"], (2, "Levels")),
        (["1,领域,,1.1,任务,1.1.1,举措,,,,每周,,,"], (2, "Frequency")),
        (["1,领域,,1.1,任务,1.1.1,举措,,,,,口头,,"], (2, "Way of reporting")),
        (["1,领域,,1.1,任务,1.1.1,举措,,也许,,,,,"], (2, "Standing duty")),
        (["1,领域,,1.1,任务,1.1.1,举措,明年,,,,,,"], (2, "Due")),
        (["1,领域,,1.1,任务,1.1.1,举措,2029-02-30,,,,,,"], (2, "Due")),
        (["1,领域,,1.1,任务,1.1.1,举措,2028-10-31,,,,,,"], (2, "Due")),
        (["1,领域,,1.1,任务,1.1.1,举措,2029-01-01,是,,,,,"], (2, "Due")),
        (["1,领域,,1.1,任务,1.1.1,举措,,,,,,没有,"], (2, "Lead organization code")),
        (["1,领域,,1.1,任务,1.1.1,举措,,,,,,,尽快完成"], (2, "Milestones")),
        (["1,领域,,1.1,任务,1.1.1,举措,2029-01-01,,,,,,2029-06-30 太晚"], (2, "Milestones")),
        (["1,领域,,1.1,任务,1.1.1,=SUM(A1),,,,,,,"], (2, "Task")),
        (["1,领域,,1.1,任务,1.1.1,举措,,,,,,,", "1,领域,,1.1,任务,1.1.1,又一,,,,,,,"], (3, "Task no.")),
        (["1,领域,,1.1,任务,1.1.1,举措,,,,,,,", "1,领域,,1.1,任务,1.1.3,又一,,,,,,,"], (3, "Task no.")),
        (["1,领域,,1.1,任务,1.1.1,举措,,,,,,,", "1,领域,,1.3,任务,1.3.1,又一,,,,,,,"], (3, "Heading no.")),
        (["1,领域,,1.1,任务,1.1.1,举措,,,,,,,", "3,领域,,3.1,任务,3.1.1,又一,,,,,,,"], (3, "Area no.")),
        (["1,领域,,1.1,任务,1.1.1,举措,,,,,,,", "1,另名,,1.1,任务,1.1.2,又一,,,,,,,"], (3, "Work area")),
        (["1,领域,,1.1,任务,1.1.1,举措,,,,,,,", "1,领域,,1.1,另名,1.1.2,又一,,,,,,,"], (3, "Heading")),
        (["1,领域,,1.1,任务,1.1.1,举措,,,,,,,", "2,新域,,,,2.1.1,又一,,,,,,,"], (3, "Heading no.")),
    ],
)
def test_what_is_wrong_is_named_by_row_and_column_and_nothing_is_loaded(db, rows, named):
    assert complaints(csv(*rows)) == [named]
    with pytest.raises(ValidationError):
        table(csv(*rows)).make()
    assert nothing()


def test_every_bad_row_is_named_at_once(db):
    rows = [f"1,领域,,1.1,任务,1.1.{n},举措,明年,,区级,,,," for n in range(1, 4)]
    assert len(complaints(csv(*rows))) == 6


def test_a_missing_column_and_one_that_stands_twice_are_named(db):
    assert "Task no." in words_of("area_number,area\n1,领域")
    doubled = csv(
        "1,领域,1.1,任务,1.1.1,举措,别的", header="area_number,area,heading_code,heading,task_code,wording,task"
    )
    assert "twice" in words_of(doubled)  # the same column by its key and by its English name


@pytest.mark.parametrize(
    "content",
    [
        b"",
        HEADER.encode(),
        b"\xff\xfe\x00",
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
        b"PK\x03\x04nonsense",
        b"\xd0\xcf\x11\xe0old",
        ("a,b\n" + "x" * (files.FILE_LIMIT + 1)).encode(),
        csv('1,领域,,1.1,任务,1.1.1,"' + "长" * 140_000 + '",,,,,,,').encode(),
        csv('1,领域,,1.1,任务,1.1.1,"没有收口').encode(),
        csv(*["1,领域,,1.1,任务,,,,,,,,,"] * (files.ROWS_LIMIT + 1)).encode(),
        csv("1,领域,,1.1,任务,1.1.1,字\x00,,,,,,,").encode(),
    ],
)
def test_what_is_no_table_gets_a_sentence(db, content):
    found = table(content)
    assert len(found.complaints) == 1
    assert str(found.complaints[0])
    with pytest.raises(ValidationError):
        found.make()
    assert nothing()


# Workbooks.


def test_a_workbook_with_merged_cells_dates_and_serials(db):
    book, sheet = workbook(
        [
            ["分解表"],
            CHINESE.split(","),
            [1, "思想引领", "引领", "1.1", "理论武装", "1.1.1", "举措甲", dt.date(2029, 6, 30), None, "省级"],
            [None, None, None, None, None, "1.1.2", "举措乙", 47300, None, None],
            [None, None, None, None, None, "1.1.3", "举措丙", "2029年11月22日", None, "市级"],
        ]
    )
    sheet.merge_cells("A3:A5")
    sheet.merge_cells("J3:J4")
    found = table(saved(book))
    assert found.complaints == []
    tasks = found.make().tasks.all()
    assert [task.due for task in tasks] == [dt.date(2029, 6, 30), dt.date(2029, 7, 1), dt.date(2029, 11, 22)]
    assert [task.levels for task in tasks] == [["province"], ["province"], ["city"]]


def test_a_workbook_s_formulas_and_errors_are_refused_by_cell(db):
    book, _sheet = workbook(
        [HEADER.split(","), [1, "领域", "", "1.1", "任务", "1.1.1", "举措"]], G2="=A1&B1", B2="#REF!"
    )
    assert complaints(saved(book)) == [(2, "Work area"), (2, "Task")]
    assert nothing()


def with_member(content, name, data, compression=zipfile.ZIP_DEFLATED):
    out = io.BytesIO(content)
    with zipfile.ZipFile(out, "a", compression) as archive:
        archive.writestr(name, data)
    return out.getvalue()


def a_workbook():
    book, _sheet = workbook([HEADER.split(","), [1, "领域", "", "1.1", "任务", "1.1.1", "举措"]])
    return saved(book)


def test_a_workbook_is_looked_at_before_it_is_opened(db, monkeypatch):
    assert table(a_workbook()).complaints == []
    monkeypatch.setattr(files.openpyxl, "load_workbook", lambda *args, **kwargs: pytest.fail("it was opened"))
    for content, word in (
        (with_member(a_workbook(), "xl/externalLinks/externalLink1.xml", "<x/>"), "links"),
        (with_member(a_workbook(), "xl/vbaProject.bin", "x"), "macros"),
        (with_member(a_workbook(), "xl/worksheets/sheet9.xml", b"0" * 20_000_000), "unpacks"),
        (with_member(a_workbook(), "xl/media/a.bin", bytes(range(256)) * 300_000), "unpacks"),
    ):
        assert word in words_of(content)
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("word/document.xml", "<x/>")
    assert "not an .xlsx" in words_of(other.getvalue())


def test_a_broken_workbook_gets_a_sentence(db):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("[Content_Types].xml", "<x")
        archive.writestr("xl/workbook.xml", "<x")
    assert "cannot be read" in words_of(out.getvalue())


# Into which plan.


def test_a_plan_that_has_tasks_takes_no_table(tasks):
    before = list(Task.objects.values())
    with pytest.raises(ValidationError) as error:
        plan_for("18", title="", start=None, due=None)
    assert set(error.value.message_dict) == {"slug"}
    assert list(Task.objects.values()) == before


def test_an_empty_plan_keeps_its_settings_and_its_areas(db):
    plan = Plan.objects.create(slug="19", title="已建规划", start=START, due=DUE, review="none")
    area = plan.areas.create(number=1, title="思想引领", short="思想")
    made = table(GOOD.replace(",11,", ",,"), plan_for("19", title="别名", start=None, due=None)).make()
    assert (made.pk, made.title, made.review) == (plan.pk, "已建规划", "none")
    area.refresh_from_db()
    assert (area.short, area.headings.count(), plan.areas.count()) == ("思想", 2, 2)


def test_an_empty_plan_s_area_of_another_name_is_named(db):
    plan = Plan.objects.create(slug="19", title="已建规划", start=START, due=DUE)
    plan.areas.create(number=1, title="另一个名字")
    found = table(csv("1,领域,,1.1,任务,1.1.1,举措,,,,,,,"), plan)
    assert [complaint.number for complaint in found.complaints] == [2]


def test_somebody_who_loads_the_same_plan_meanwhile_is_refused(db):
    content = csv("1,领域,,1.1,任务,1.1.1,举措,,,,,,,")
    mine, theirs = table(content), table(content)
    theirs.make()
    with pytest.raises(ValidationError):
        mine.make()
    assert Task.objects.count() == 1


def test_a_failure_in_the_middle_leaves_nothing(db, monkeypatch):
    found = table(GOOD.replace(",11,", ",,"))
    monkeypatch.setattr(loading, "Milestone", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        found.make()
    assert nothing()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"slug": "十九"}, "slug"),
        ({"slug": ""}, "slug"),
        ({"title": ""}, "title"),
        ({"start": None}, "start"),
        ({"due": START - dt.timedelta(1)}, "due"),
        ({"title": "字\x00"}, "title"),
    ],
)
def test_a_new_plan_needs_slug_title_and_dates_in_order(db, values, field):
    given = {"slug": "19", "title": "十九大", "start": START, "due": DUE} | values
    with pytest.raises(ValidationError) as error:
        plan_for(given.pop("slug"), **given)
    assert field in error.value.message_dict or "__all__" in error.value.message_dict


def test_the_template_loads_as_it_is_in_both_languages(db):
    for language in ("zh-hans", "en"):
        with translation.override(language):
            lines = [",".join(f'"{cell}"' for cell in row) for row in template_rows()]
        assert table("\n".join(lines)).complaints == []


# The command.


def load(tmp_path, content, *extra):
    file = tmp_path / "plan.csv"
    file.write_text(content, "utf-8")
    call_command(
        "load_plan", str(file), "--slug=19", "--title=十九大", "--start=2028-11-01", "--due=2033-10-31", *extra
    )


def test_the_command_loads_counts_and_names(bodies, tmp_path, capsys):
    load(tmp_path, GOOD, "--dry-run")
    assert nothing()
    load(tmp_path, GOOD)
    assert Task.objects.count() == 4
    assert "4" in capsys.readouterr().out
    with pytest.raises(CommandError) as error:
        load(tmp_path, GOOD)
    assert "--slug" in str(error.value)


def test_the_command_names_bad_rows_and_a_missing_file(db, tmp_path):
    with pytest.raises(CommandError) as error:
        load(tmp_path, csv("1,领域,,1.1,任务,1.1.1,举措,明年,,区级,,,,"))
    assert len(str(error.value).splitlines()) == 3
    assert nothing()
    with pytest.raises(CommandError):
        call_command("load_plan", str(tmp_path / "nowhere.csv"), "--slug=19")
