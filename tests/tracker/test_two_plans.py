"""Two plans side by side whose codes coincide: every page holds for both, and nothing of one is told of the other."""

import datetime as dt

import pytest
from django.utils import timezone

from tests.tracker.office import url
from tracker.models import Area, Assignment, Entry, Heading, Organization, Period, Plan, Task

TODAY = timezone.localdate()


@pytest.fixture
def second(owed, plan, bodies, cast):
    """A province's own plan: newer, with area 3, heading 3.2, task 3.2.1 and the period 2026Q4 of its own."""
    other = Plan.objects.create(slug="yn", title="省总规划", start=dt.date(2026, 1, 1), due=dt.date(2030, 12, 31))
    area = Area.objects.create(plan=other, number=3, title="省的领域")
    heading = Heading.objects.create(area=area, number=2, code="3.2", title="省的任务")
    task = Task.objects.create(plan=other, heading=heading, code="3.2.1", position=30201, wording="省的举措")
    period = Period.objects.create(
        plan=other, code="2026Q4", opens=TODAY - dt.timedelta(9), due=TODAY, locks=TODAY + dt.timedelta(9)
    )
    Assignment.objects.assign([task], [bodies.county, bodies.sister], by=cast.administrator)
    period.open()
    return other


def submit(body, who, plan, content):
    rows = Entry.objects.for_transition().filter(assignment__organization=body, period__plan=plan)
    entry = rows.get(assignment__task__code="3.2.1")
    entry.submit(by=who, version=entry.version, **content)
    return entry


@pytest.mark.parametrize("name", ["reporter", "reviewer", "supervisor", "administrator", "auditor"])
def test_every_page_of_either_plan_opens(sign_in, second, name):
    client = sign_in(name)
    for slug, words in (("18", "一号举措"), ("yn", "省的举措")):
        for page in (
            f"/plans/{slug}/",
            f"/plans/{slug}/areas/3/",
            f"/plans/{slug}/tasks/",
            f"/plans/{slug}/tasks/3.2.1/",
            f"/reports/{slug}/ledger/",
            f"/reports/{slug}/ledger/?period=2026Q4&task=3.2.1&area=3&heading=3.2",
            f"/reports/{slug}/ledger.csv",
        ):
            response = client.get(page)
            assert response.status_code == 200, page
            text = response.getvalue().decode() if response.streaming else response.content.decode()
            other = {"一号举措": "省的举措", "省的举措": "一号举措"}[words]
            assert other not in text, page
            if "areas" in page or "tasks" in page:
                assert words in text, page


def test_the_ledger_s_conditions_mean_the_plan_s_own(sign_in, second, bodies):
    response = sign_in("supervisor").get("/reports/yn/ledger/?period=2026Q4&task=3.2.1")
    assert response.context["found"] == 2
    assert [str(period.plan) for period in response.context["filter"].periods.values()] == ["省总规划"]


def test_the_first_page_tells_what_is_owed_plan_by_plan(sign_in, second):
    response = sign_in("reporter").get("/")
    rounds = response.context["rounds"]
    assert [(each["period"].plan.slug, each["owed"]) for each in rounds] == [("yn", 1), ("18", 4)]
    text = response.content.decode()
    text = text[text.index("省总规划</p>") :]  # below what waits to be signed for, which names tasks too
    assert (
        text.index("省总规划</p>")
        < text.index("省的举措")
        < text.index("中国工会十八大报告</p>")
        < text.index("一号举措")
    )


def test_the_masthead_switches_the_plan_and_remembers_it(sign_in, second):
    client = sign_in("reporter")
    assert client.get("/").context["plan_named"] == second
    answer = client.post("/accounts/plan/", {"plan": "18", "place": "ledger"})
    assert answer.headers["Location"] == "/reports/18/ledger/"
    assert client.get("/").context["plan_named"].slug == "18"
    assert client.get("/plans/yn/").context["plan_named"] == second  # the page's own goes before
    assert client.get("/").context["plan_named"].slug == "18"
    assert client.post("/accounts/plan/", {"plan": "yn"}).headers["Location"] == "/plans/yn/"
    for wrong in ("nowhere", "\x00", "", "9" * 500):
        assert client.post("/accounts/plan/", {"plan": wrong}).status_code == 404
    assert client.get("/accounts/plan/").status_code == 405


def test_one_is_first_shown_the_plan_one_has_something_to_do_in(sign_in, second, bodies):
    Assignment.objects.filter(task__plan=second).update(ended_on=TODAY)
    assert sign_in("reporter").get("/").context["plan_named"].slug == "18"


def test_a_page_about_something_of_a_plan_names_that_plan(sign_in, second, owed):
    client = sign_in("reporter")
    assert client.get(owed["3.2.1"].get_absolute_url()).context["plan_named"].slug == "18"
    assert client.get(f"/assignments/{owed['3.2.1'].assignment_id}/milestones/").context["plan_named"].slug == "18"


def test_where_there_is_one_plan_nothing_is_to_be_switched(sign_in, owed):
    assert "/accounts/plan/" not in sign_in("reporter").get("/").content.decode()


def test_duties_and_the_queue_say_of_which_plan(sign_in, second, bodies, cast, plan, content):
    response = sign_in("reporter").get("/organizations/111/")
    rows = [(row.record.task.plan.slug, row.record.task.code) for row in response.context["table"].rows]
    assert rows == [("yn", "3.2.1"), *[("18", f"3.2.{n}") for n in range(1, 5)]]
    assert "plan" in response.context["table"].columns.names()
    assert [(each.slug, sum(n for _s, n in statuses)) for each, statuses, _l in response.context["tallied"]] == [
        ("yn", 1),
        ("18", 4),
    ]
    mine, theirs = (submit(bodies.county, cast.reporter, each, content) for each in (plan, second))
    client = sign_in("reviewer")
    response = client.get("/review/")
    assert response.context["found"] == 2
    assert response.context["several_plans"]
    assert {title for title in ("中国工会十八大报告", "省总规划") if f"<span>{title}</span>" in response.text} == {
        "中国工会十八大报告",
        "省总规划",
    }
    for entry in (mine, theirs):
        narrowed = client.get("/review/", {"period": entry.period_id})
        assert [row.entry for row in narrowed.context["rows"]] == [entry]
    labels = {str(label) for _key, label in response.context["filter"].form["period"].field.choices}
    assert {f"{entry.period.title} · {entry.period.plan.title}" for entry in (mine, theirs)} <= labels
    for wrong in ("2026Q4", "0", "9" * 30, "x"):
        assert client.get("/review/", {"period": wrong}).context["found"] == 0


def test_with_one_plan_no_column_tells_plans_apart(sign_in, owed, cast, content):
    owed["3.2.1"].submit(by=cast.reporter, version=1, **content)
    assert "plan" not in sign_in("reporter").get("/organizations/111/").context["table"].columns.names()
    assert not sign_in("reviewer").get("/review/").context["several_plans"]


def test_lists_of_the_back_office_tell_plans_apart(sign_in, second, tasks):
    client = sign_in("administrator")
    page = client.get(url("task", "changelist"))
    assert "plan" in page.context["cl"].list_display
    chosen = client.get(url("task", "changelist"), {"plan__id__exact": second.pk, "q": "3.2.1"})
    assert [str(task.plan) for task in chosen.context["cl"].result_list] == ["省总规划"]
    offered = client.get(
        "/admin/autocomplete/",
        {"term": "3.2.1", "app_label": "tracker", "model_name": "assignment", "field_name": "task"},
    ).json()["results"]
    assert sorted(each["text"] for each in offered) == [
        "3.2.1　一号举措（中国工会十八大报告）",
        "3.2.1　省的举措（省总规划）",
    ]


def test_entries_of_one_plan_never_count_in_the_other(second, plan, bodies, cast, content):
    from tracker.models import EntryTally

    submit(bodies.county, cast.reporter, second, content)
    totals = {
        period.plan.slug: EntryTally.totals(period, bodies.province)["submitted"] for period in Period.objects.all()
    }
    assert totals == {"18": 0, "yn": 1}
    assert Organization.objects.count() == 8
