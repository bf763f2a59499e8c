"""The seed is the adopted text, word for word and in order, with sober defaults, and loads once."""

import datetime as dt
import json
import unicodedata
from itertools import groupby
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from tracker.models import Area, Figure, Heading, Plan, Task

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "report_18.json"
TEXT = Path(__file__).parent / "data" / "report_18.txt"
STANDING = {"2.2.4", "2.4.2", "4.3.1", "5.2.3", "5.3.3", "8.1.1", "9.2.1", "9.2.2", "9.4.2"}


def squash(text):
    """Under NFKC and without white space: what the copy of the text and its restored punctuation share."""
    return "".join(unicodedata.normalize("NFKC", text).split())


@pytest.fixture
def report(db):
    call_command("loaddata", FIXTURE, verbosity=0)
    return Plan.objects.get(slug="18")


def test_the_counts_are_those_of_the_report(report):
    assert Area.objects.count() == 9
    assert Heading.objects.count() == 28
    assert Task.objects.count() == 104
    assert Figure.objects.count() == 20
    assert Figure.objects.filter(baseline__isnull=False, target=None).count() == 19
    target = Figure.objects.get(baseline=None)
    assert (target.target, [task.code for task in target.tasks.all()]) == (1000, ["3.4.5"])


def retold(plan):
    """The published text again, from the records alone; only what is no record's own wording is written here."""
    yield "数读中国工会十八大报告" + "中国工会今后五年的主要工作" + "新时代我国工运事业发展过去五年工作中的大数据"
    assert plan.delivered_on == dt.date(2023, 10, 9)
    yield f"{plan.congress}10月9日上午在人民大会堂开幕。"
    yield f"{plan.delivered_by}代表{plan.body}作了题为《{plan.full_title}》的报告。-"
    for wording, _figures in groupby(plan.figures.exclude(baseline=None).values_list("wording", flat=True)):
        yield wording
    yield "——据中工网" + "总体要求" + plan.general_requirement
    for ordinal, area in zip("一二三四五六七八九", plan.areas.all(), strict=True):
        yield f"({ordinal})" + area.title
        for heading in area.headings.all():
            yield heading.title
            yield from heading.tasks.values_list("wording", flat=True)


def test_the_fixture_is_the_published_text_word_for_word_in_order(report):
    assert squash("".join(retold(report))) == squash(TEXT.read_text(encoding="utf-8"))


def test_every_code_position_and_number_follows_the_order_of_the_text(report):
    tasks = list(report.tasks.select_related("heading__area"))
    places = [(task.heading.area.number, task.heading.number, int(task.code.rsplit(".", 1)[1])) for task in tasks]
    assert places == sorted(places)
    assert [task.code for task in tasks] == [f"{area}.{heading}.{number}" for area, heading, number in places]
    assert [task.position for task in tasks] == [area * 10000 + heading * 100 + n for area, heading, n in places]
    for heading, group in groupby(tasks, key=lambda task: task.heading):
        assert heading.code == f"{heading.area.number}.{heading.number}"
        assert [int(task.code.rsplit(".", 1)[1]) for task in group] == list(range(1, heading.tasks.count() + 1))
    assert list(report.figures.values_list("position", flat=True)) == list(range(1, 21))


def test_punctuation_is_chinese_and_full_width(report):
    for text in (report.general_requirement, *report.tasks.values_list("wording", flat=True)):
        assert not set(text) & set(",;:()"), text


def test_each_number_of_a_figure_is_the_number_of_its_wording(report):
    for figure in report.figures.all():
        number = figure.baseline if figure.baseline is not None else figure.target
        written = [f"{number:f}", f"{number / 10_000:f}", f"{number / 100_000_000:f}"]
        assert any(n.rstrip("0").rstrip(".") in figure.wording for n in written), figure
    over = report.figures.filter(qualifier="over")
    assert all("余" in figure.wording or "多" in figure.wording for figure in over)
    assert over.count() == 6
    [promise] = report.figures.exclude(target=None)
    assert promise.wording in report.tasks.get(code="3.4.5").wording
    assert promise.name in promise.wording


def test_the_defaults_are_sober(report):
    tasks = report.tasks.all()
    assert (report.start, report.due, report.review) == (dt.date(2023, 10, 1), dt.date(2028, 10, 31), "above")
    assert set(tasks.filter(standing=True).values_list("code", flat=True)) == STANDING
    assert set(tasks.filter(standing=True).values_list("start", "due")) == {(None, None)}
    assert set(tasks.filter(standing=False).values_list("start", "due")) == {(report.start, report.due)}
    status_only = tasks.filter(reporting="status_only")
    assert set(status_only.values_list("heading__code", flat=True)) == {"4.1", "4.2", "4.3", "8.1", "9.4"}
    assert not tasks.exclude(reporting="status_only").filter(heading__code__in=["4.1", "4.2", "4.3", "8.1", "9.4"])
    for task in tasks:
        narrow = task.code.startswith("8.")
        assert task.levels == (
            ["national", "province"] if narrow else ["national", "province", "city", "county", "township", "grassroots"]
        )
    assert set(tasks.values_list("frequency", "owner", "status")) == {("quarter", None, "not_started")}
    assert [task.code for task in Task.objects.asking_percent()] == ["3.4.5"]
    assert list(Area.objects.values_list("short", flat=True)) == [
        "党的领导",
        "建功立业",
        "维权服务",
        "政治安全",
        "基层基础",
        "法治建设",
        "改革建设",
        "对外交流",
        "党的建设",
    ]


def test_a_second_load_refuses_and_resets_nothing(report):
    Task.objects.filter(code="3.2.4").update(status="in_progress", due=dt.date(2027, 6, 30))
    Plan.objects.update(review="none")
    with translation.override("en"), pytest.raises(CommandError, match="stands already"):
        call_command("loaddata", FIXTURE, verbosity=0)
    task = Task.objects.get(code="3.2.4")
    assert (task.status, task.due, task.plan.review) == ("in_progress", dt.date(2027, 6, 30), "none")
    assert Task.objects.count() == 104


def test_a_refused_load_leaves_nothing_behind(report, tmp_path):
    """Even what came before the plan in the file is rolled back."""
    records = json.loads(FIXTURE.read_text(encoding="utf-8"))
    stranger = {"model": "tracker.holiday", "fields": {"day": "2026-10-01", "name": "国庆节", "working": False}}
    mixed = tmp_path / "mixed.json"
    mixed.write_text(json.dumps([stranger, *records]), encoding="utf-8")
    with pytest.raises(CommandError):
        call_command("loaddata", mixed, verbosity=0)
    from tracker.models import Holiday

    assert not Holiday.objects.exists()


def test_other_fixtures_load_as_ever(report, tmp_path):
    path = tmp_path / "holidays.json"
    path.write_text('[{"model": "tracker.holiday", "fields": {"day": "2026-10-01", "name": "国庆节"}}]', "utf-8")
    call_command("loaddata", path, verbosity=0)
