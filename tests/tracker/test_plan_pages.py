"""Milestones, former wordings and ended tasks on the pages, and what is posted there."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tracker.models import Assignment, Milestone, Period, Task

TODAY = timezone.localdate()


@pytest.fixture
def mine(owed, bodies, tasks):
    return Assignment.objects.get(task=tasks[0], organization=bodies.county)


@pytest.fixture
def step(mine, cast):
    return Milestone.make(mine, title="完成试点", due=TODAY + dt.timedelta(3), by=cast.reporter)


def post(client, step, **sent):
    return client.post(f"/milestones/{step.pk}/", sent)


def test_one_is_set_reached_taken_back_moved_and_taken_away(sign_in, mine):
    client, page = sign_in("reporter"), f"/assignments/{mine.pk}/milestones/"
    answer = client.post(page, {"title": "完成试点", "due": "2027-03-31"})
    assert answer.headers["Location"] == page
    step = Milestone.objects.get()
    entry = f"/entries/{mine.entries.get().pk}/"
    assert post(client, step, action="reach", reached_on=str(TODAY), next=entry).headers["Location"] == entry
    step.refresh_from_db()
    assert step.reached_on == TODAY
    assert post(client, step, action="take_back").headers["Location"] == "/plans/18/tasks/3.2.1/"
    post(client, step, action="amend", title="完成首批试点", due="2027-04-30")
    step.refresh_from_db()
    assert (step.title, step.due, step.reached_on) == ("完成首批试点", dt.date(2027, 4, 30), None)
    post(client, step, action="withdraw")
    assert not Milestone.objects.exists()


def test_a_link_elsewhere_is_not_followed(sign_in, step):
    answer = post(sign_in("reporter"), step, action="reach", reached_on=str(TODAY), next="https://example.org/")
    assert answer.headers["Location"] == "/plans/18/tasks/3.2.1/"


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"title": "", "due": "2027-03-31"}, "title"),
        ({"title": "节点", "due": "明年"}, "due"),
        ({"title": "节点", "due": "2020-01-01"}, "due"),
        ({"title": "节\x00点", "due": "2027-03-31"}, "title"),
        ({"title": "长" * 201, "due": "2027-03-31"}, "title"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_what_was_typed_is_kept(sign_in, mine, step, sent, field):
    client = sign_in("reporter")
    answer = client.post(f"/assignments/{mine.pk}/milestones/", sent)
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
    assert answer.context["form"].data["due"] == sent["due"]
    answer = post(client, step, action="amend", **sent)
    assert (answer.status_code, list(answer.context["change"].errors)) == (422, [field])
    assert Milestone.objects.get().title == "完成试点"


@pytest.mark.parametrize("day", ["", "x", "2099-01-01", "0001-01-01"])
def test_a_day_that_cannot_be_is_said_beside_the_field(sign_in, step, day):
    answer = post(sign_in("reporter"), step, action="reach", reached_on=day)
    assert (answer.status_code, list(answer.context["reach"].errors)) == (422, ["reached_on"])
    assert Milestone.objects.get().reached_on is None


@pytest.mark.parametrize("action", ["", "drop", "reach"])
def test_a_post_that_says_nothing_changes_nothing(sign_in, step, action):
    assert post(sign_in("reporter"), step, action=action).status_code == 422
    assert Milestone.objects.get().reached_on is None


def test_out_of_scope_is_not_found_and_who_only_reads_is_refused(sign_in, mine, step):
    pages = (f"/assignments/{mine.pk}/milestones/", f"/milestones/{step.pk}/")
    for page in (
        *pages,
        "/milestones/0/",
        "/milestones/" + "9" * 30 + "/",
        "/assignments/" + "9" * 30 + "/milestones/",
    ):
        assert sign_in("outsider").get(page).status_code == 404
        assert sign_in("outsider").post(page, {"title": "节点", "due": "2027-03-31"}).status_code == 404
    client = sign_in("supervisor")
    assert client.get(pages[0]).context["form"] is None
    assert client.post(pages[0], {"title": "节点", "due": "2027-03-31"}).status_code == 409
    assert post(client, step, action="withdraw").status_code == 302
    assert Milestone.objects.count() == 1
    for name in ("reporter", "leader", "reviewer", "administrator"):
        assert sign_in(name).get(pages[0]).context["form"] is not None
        assert sign_in(name).get(pages[1]).context["can_change"]


def test_an_entry_marks_the_milestones_due_in_its_period(sign_in, owed, step, tasks, cast, period):
    Period.objects.filter(pk=period.pk).update(code="2026Q3")
    Milestone.objects.create(task=tasks[0], title="季内", due=dt.date(2026, 9, 30))
    response = sign_in("reporter").get(owed["3.2.1"].get_absolute_url())
    assert [(row.title, row.due_now, row.mine) for row in response.context["milestones"]] == [
        ("季内", True, False),
        ("完成试点", False, True),
    ]
    assert response.context["form"].fields["percent"]


def test_a_task_and_a_body_show_milestones_in_order_and_overdue_ones_in_words(sign_in, step, tasks, bodies):
    late = Milestone.objects.create(task=tasks[0], title="逾期的", due=TODAY - dt.timedelta(5))
    client = sign_in("reporter")
    for page in ("/plans/18/tasks/3.2.1/", "/organizations/111/"):
        response = client.get(page)
        assert list(response.context["milestones"]) == [late, step]
        assert "逾期 5 天" in response.content.decode()
    assert list(sign_in("outsider").get("/plans/18/tasks/3.2.1/").context["milestones"]) == [late]
    Milestone.objects.update(reached_on=TODAY)
    assert sign_in("reporter").get("/organizations/111/").context["milestones"] == []


def test_twenty_milestones_cost_as_many_queries_as_two(sign_in, owed, step, tasks):
    client = sign_in("reporter")
    pages = ("/plans/18/tasks/3.2.1/", "/organizations/111/", owed["3.2.1"].get_absolute_url())

    def asked():
        counts = []
        for page in pages:
            with CaptureQueriesContext(connection) as queries:
                assert client.get(page).status_code == 200
            counts.append(len(queries))
        return counts

    Milestone.objects.create(task=tasks[0], title="节点", due=TODAY)
    asked()
    few = asked()
    Milestone.objects.bulk_create([Milestone(task=tasks[0], title=f"节点 {n}", due=TODAY) for n in range(20)])
    assert asked() == few


# Former wordings, ended tasks.


def test_a_task_shows_its_wording_whole_and_the_former_one_folded_with_its_last_day(sign_in, owed, tasks, cast):
    tasks[0].reword("一号举措的新表述", "全会决定", by=cast.administrator, until=dt.date(2026, 10, 24))
    text = sign_in("reporter").get("/plans/18/tasks/3.2.1/").content.decode()
    assert "一号举措的新表述</h1>" in text
    assert "原表述（至 2026 年 10 月 24 日）" in text
    assert "全会决定" in text


def test_what_has_ended_is_folded_struck_and_not_counted(sign_in, owed, tasks, cast):
    tasks[3].supersede(tasks[0], "合并", by=cast.administrator)
    tasks[1].end("不再实施", by=cast.administrator)
    client = sign_in("reporter")
    (area,) = client.get("/plans/18/").context["areas"]
    assert (area.tasks_count, area.not_started) == (2, 2)
    page = client.get("/plans/18/areas/3/")
    (heading,) = page.context["area"].headings.all()
    assert (heading.live, heading.ended) == ([tasks[2], tasks[3]], [tasks[0], tasks[1]])
    text = page.content.decode()
    assert "<s class" in text
    assert "已并入 3.2.4" in text
    assert client.get("/plans/18/tasks/").context["found"] == 2
    assert "已于" in client.get("/plans/18/tasks/3.2.1/").content.decode()
    assert client.get("/plans/18/tasks/3.2.4/").context["absorbed"].get() == tasks[0]
    assert client.get("/organizations/111/").context["found"] == 2


def test_the_ledger_of_a_past_period_shows_the_ended_task_with_the_wording_of_its_time(
    sign_in, owed, tasks, cast, period
):
    past = TODAY - dt.timedelta(40)
    Period.objects.filter(pk=period.pk).update(opens=past, due=past, locks=past)
    tasks[0].reword("一号举措的新表述", "决定", by=cast.administrator, until=TODAY - dt.timedelta(10))
    tasks[3].supersede(tasks[0], "合并", by=cast.administrator, carry=False)
    client = sign_in("administrator")
    for page in ("/reports/18/ledger/?period=2026Q4&task=3.2.1", "/reports/18/ledger.csv?period=2026Q4&task=3.2.1"):
        response = client.get(page)
        text = response.getvalue().decode() if response.streaming else response.content.decode()
        assert "一号举措" in text, page
        assert "一号举措的新表述" not in text, page
        assert text.count("甲县总工会") >= 1, page
    now = client.get("/reports/18/ledger/")
    assert "3.2.1" not in {row.record.task.code for row in now.context["table"].rows}
    assert Task.objects.get(pk=tasks[0].pk).wording == "一号举措的新表述"  # shown as it was, and not written back


def test_an_ended_task_without_an_owner_is_no_row_of_the_ledger(sign_in, owed, tasks, cast):
    before = sign_in("administrator").get("/reports/18/ledger/").context["found"]
    tasks[0].end("不再实施", by=cast.administrator)  # two assignments, and the task's own row
    assert sign_in("administrator").get("/reports/18/ledger/").context["found"] == before - 3


def test_tasks_are_narrowed_by_area_and_heading(sign_in, owed):
    client = sign_in("reporter")
    for query in ("?area=3", "?heading=3.2", "?area=3&heading=3.2&status=not_started"):
        response = client.get("/plans/18/tasks/" + query)
        assert (response.context["found"], response.context["filter"].form.errors) == (4, {})
