"""The plan's years: where a day lies, what each heading's line says, and lights that open the rows they count."""

import datetime as dt
import re
from collections import Counter
from html import unescape
from types import SimpleNamespace

import pytest
from django.core.management import call_command
from django.utils import timezone

from reports.timeline import Scale
from tests.conftest import place
from tracker.models import Assignment, Heading, Milestone, Plan, Task

PAGE = "/reports/18/timeline/"


def rows(page):
    return {row.heading.code: row for row in page.context["rows"]}


@pytest.fixture
def lit(world, bodies, cast):
    """Lights of every colour, over both lines."""
    branch = place("1131", "示例学校工会", "grassroots", bodies.school)
    late = place("U1", "示例海员工会", "city", bodies.other, industry=bodies.union, line="industrial")
    Assignment.objects.assign(world.tasks, [branch, late, bodies.union, bodies.nation], by=None, all_levels=True)
    for n, assignment in enumerate(Assignment.objects.order_by("pk")):
        assignment.state_light(["grey", "green", "yellow", "red", "blue"][n % 5], "核查", by=cast.administrator)
    return SimpleNamespace(branch=branch, late=late)


def test_a_day_lies_between_the_first_and_the_end_of_the_last():
    scale = Scale(dt.date(2026, 1, 1), dt.date(2026, 1, 10), dt.date(2026, 1, 5))
    assert (scale.at(scale.start), scale.after(scale.due), scale.passed) == (0, 1, 50)
    assert scale.years == []
    later = scale._replace(today=dt.date(2027, 1, 1))
    assert (later.passed, scale._replace(today=dt.date(2025, 1, 1)).passed) == (100, 0)


def test_the_seeds_three_year_span_is_on_its_heading(db):
    call_command("loaddata", "fixtures/report_18.json", verbosity=0)
    spans = Heading.objects.exclude(span="").values_list("code", "span", "span_start", "span_due")
    assert list(spans) == [("5.1", "大抓基层三年行动", dt.date(2023, 10, 1), dt.date(2026, 9, 30))]
    assert Plan.objects.get().start == dt.date(2023, 10, 1)


def test_a_heading_goes_from_its_first_start_to_its_last_due_date_and_ended_tasks_are_left_out(world, plan, sign_in):
    dates = [(dt.date(2024, 1, 1), dt.date(2025, 6, 30)), (None, None), (dt.date(2024, 5, 1), dt.date(2026, 6, 30))]
    for task, (start, due) in zip(world.tasks, dates, strict=False):
        Task.objects.filter(pk=task.pk).update(start=start, due=due)
    Task.objects.filter(pk=world.tasks[3].pk).update(ended_on=dt.date(2025, 1, 1), due=dt.date(2028, 1, 1))
    row = rows(sign_in("administrator").get(PAGE))["3.2"]
    assert (row.tasks, row.start, row.due, row.standing) == (3, dt.date(2024, 1, 1), dt.date(2026, 6, 30), False)
    Task.objects.filter(heading__code="3.2").update(standing=True)
    row = rows(sign_in("administrator").get(PAGE))["3.2"]
    assert (row.start, row.due, row.standing) == (plan.start, plan.due, True)


def test_milestones_stand_on_the_line_and_the_bodies_own_are_counted_in_scope(world, bodies, sign_in):
    today, day = timezone.localdate(), dt.timedelta(1)
    for title, due, reached in (
        ("已成", today - 9 * day, today - 9 * day),
        ("已迟", today - 3 * day, None),
        ("将来", today + 9 * day, None),
    ):
        Milestone.objects.create(task=world.tasks[0], title=title, due=due, reached_on=reached)
    for code, reached, due in (
        ("111", None, today - day),
        ("111", today, today),
        ("112", None, today + day),
        ("2", None, today),
    ):
        own = Assignment.objects.get(organization__code=code, task=world.tasks[0])
        Milestone.objects.create(assignment=own, title="自设", due=due, reached_on=reached)
    page = sign_in("administrator").get(PAGE)
    row = rows(page)["3.2"]
    assert ([step.title for step in row.milestones], row.reached, row.overdue) == (["已成", "已迟", "将来"], 1, 1)
    assert tuple(row.steps) == (4, 1, 1)
    drawn = page.content.decode().split("<tbody>", 1)[1]
    assert [
        len(re.findall(f'<svg x="[^"]+" y="15" overflow="visible"><path class="step {state}"', drawn))
        for state in ("reached", "overdue", "ahead")
    ] == [1, 1, 1]
    assert tuple(rows(sign_in("supervisor").get(PAGE))["3.2"].steps) == (3, 1, 1)
    assert tuple(rows(sign_in("reporter").get(PAGE))["3.2"].steps) == (2, 1, 1)
    assert tuple(rows(sign_in("outsider").get(PAGE))["3.2"].steps) == (1, 0, 0)


def test_each_light_opens_the_rows_it_counts(lit, bodies, sign_in):
    followed = 0
    for name, codes in (
        ("administrator", ["", "1", "11", "U", "113", "111"]),
        ("supervisor", ["", "11", "113"]),
        ("reviewer", [""]),
        ("reporter", [""]),
    ):
        client = sign_in(name)
        for code in codes:
            for line in ("", "territorial", "industrial"):
                page = client.get(PAGE, {"organization": code, "line": line})
                if page.status_code == 404:
                    assert line == "industrial"
                    continue
                for link, count in re.findall(
                    r'href="(/reports/18/ledger/\?[^"]+)">[^<]+<b>(\d+)</b>', page.content.decode()
                ):
                    found = client.get(unescape(link))
                    assert found.context["filter"].is_valid()
                    assert found.context["found"] == int(count), (name, code, line, link)
                    followed += 1
    assert followed > 80


def test_the_lights_are_what_counting_by_hand_gives(lit, bodies, sign_in):
    page = sign_in("administrator").get(PAGE)
    by_hand = Counter((a.task.heading.code, a.light) for a in Assignment.objects.live().select_related("task__heading"))
    assert {(code, light.value): n for code, row in rows(page).items() for light, n in row.lights} == dict(by_hand)
    mine = Counter(a.light for a in Assignment.objects.filter(organization=bodies.county, task__heading__code="3.2"))
    assert {light.value: n for light, n in rows(sign_in("reporter").get(PAGE))["3.2"].lights} == dict(mine)


def test_what_is_drawn_is_said_too(lit, plan, sign_in):
    Heading.objects.filter(code="3.2").update(
        span="服务年", span_start=dt.date(2024, 1, 1), span_due=dt.date(2024, 12, 31)
    )
    page = sign_in("administrator").get(PAGE).content.decode()
    assert page.count('role="img"') == 3  # the years and two headings
    assert "服务年，2024-01 至 2024-12" in page
    assert "2026 年第四季度截止日：" in page
    assert 'href="/plans/18/areas/3/#3.2"' in page
    assert 'id="3.2"' in sign_in("administrator").get("/plans/18/areas/3/").content.decode()
    assert " style=" not in page


def test_a_plan_without_anything_has_its_page(plan, cast, sign_in):
    assert sign_in("administrator").get(PAGE).status_code == 200
    assert sign_in("administrator").get("/reports/18/figures/").status_code == 200
