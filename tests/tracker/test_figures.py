"""Numbers in entries: how they are written, kept and refused, what no change asks, and what they come to for many."""

import datetime as dt
from decimal import Decimal
from random import Random

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.conftest import place
from tracker.forms import EntryForm
from tracker.models import Assignment, Entry, Event, Figure, FigureValue, Period, Task
from tracker.models.figures import Jump, Last, read_number

from .refusals import everything, fresh, invalid, refused, review
from .test_sheet import PATH, before, posted, reported, row, send  # noqa: F401

D = Decimal
FLOW, STOCK = "flow", "stock"


@pytest.fixture
def figures(plan, tasks):
    """Two figures of 3.2.1: a flow, and a stock. (3.2.3 has a stock of its own, with a target.)"""
    made = {}
    for position, kind in enumerate((FLOW, STOCK), start=2):
        made[kind] = Figure.objects.create(
            plan=plan, slug=kind, position=position, name=f"指标{position}", unit="家", baseline=1, over_time=kind
        )
        made[kind].tasks.add(tasks[0])
    return made


@pytest.fixture
def last(figures, reported, cast):  # noqa: F811
    """The county's 3.2.1, due now; last quarter it said 40 came and 120 there are in all, and that was accepted."""
    entry = reported["3.2.1"]
    for kind, value in ((FLOW, 40), (STOCK, 120)):
        FigureValue.objects.create(entry=entry.previous(), figure=figures[kind], value=value)
    return fresh(entry)


def values(entry):
    return {row.figure.slug: row.value for row in FigureValue.objects.filter(entry=entry).select_related("figure")}


def numbers(figures, **said):
    return {figures[kind].pk: value if value is None else D(value) for kind, value in said.items()}


# How they are written.


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("35", "35"),
        (" 35 ", "35"),
        ("１２３．５", "123.5"),
        ("1,234", "1234"),
        ("1，234，567．8901", "1234567.8901"),
        ("1 234", "1234"),
        ("0", "0"),
        ("-0", "0"),
        ("007", "7"),
        ("35.1000", "35.1"),
        ("99999999999.9999", "99999999999.9999"),
    ],
)
def test_a_number_is_read_as_people_write_it(text, number):
    assert read_number(text) == D(number)


def test_an_empty_box_is_no_number_and_zero_is_one():
    assert read_number("") is None
    assert read_number("　 ") is None
    assert read_number("0") == 0


@pytest.mark.parametrize(
    "text",
    [
        *("35家", "12万", "1,5", "12,34,567", "1e5", "NaN", "Infinity", "0x10", "--5", "+5", ".", "5.", "一百", "٣"),
        *("-1", "−1", "－１", "1.00001", "100000000000", "9" * 5_000, "1\x00", "1\ud800", "1\n2"),
    ],
)
def test_what_is_no_number_or_cannot_be_kept_is_refused_with_a_sentence(text):
    with pytest.raises(ValidationError) as refusal:
        read_number(text)
    assert refusal.value.messages[0]


# In an entry.


def test_numbers_are_kept_with_the_transition_and_told_by_its_event(owed, cast, content, figures):
    entry = owed["3.2.1"]
    entry.save_draft(by=cast.reporter, version=1, **content, figures=numbers(figures, flow="12.5"))
    assert values(entry) == {"flow": D("12.5")}
    entry.submit(by=cast.reporter, version=2, **content, figures=numbers(figures, stock=1200))
    assert values(entry) == {"flow": D("12.5"), "stock": 1200}
    told = Event.objects.get(entry=entry, action="submitted").content["figures"]
    assert [(one["name"], one["value"], one["unit"]) for one in told] == [
        ("指标2", "12.5", "家"),
        ("指标3", "1,200", "家"),
    ]


def test_null_takes_a_number_away_and_zero_stays(owed, cast, content, figures):
    entry = owed["3.2.1"]
    entry.save_draft(by=cast.reporter, version=1, figures=numbers(figures, flow=0, stock=3))
    entry.save_draft(by=cast.reporter, version=2, figures=numbers(figures, stock=None))
    assert values(entry) == {"flow": 0}
    entry.submit(by=cast.reporter, version=3, **content)
    assert values(entry) == {"flow": 0}


def test_nothing_needs_a_number(owed, cast, content, figures):
    owed["3.2.1"].submit(by=cast.reporter, version=1, **content)
    assert values(owed["3.2.1"]) == {}
    assert "figures" not in Event.objects.get(entry=owed["3.2.1"]).content


@pytest.mark.parametrize("value", [D("-1"), D("1.00001"), D(10**11), D("NaN"), D("Infinity"), D("1e40")])
def test_a_number_that_cannot_be_kept_is_refused_beside_its_field(owed, cast, content, figures, value):
    entry, pk = owed["3.2.1"], figures[FLOW].pk
    for step in (entry.save_draft, entry.submit):
        with invalid(entry, f"figure_{pk}"):
            step(by=cast.reporter, version=1, **content, figures={pk: value})
        assert values(entry) == entry.figures == {}


def test_a_figure_of_another_task_is_refused(owed, cast, content, figures):
    with invalid(owed["3.2.2"], f"figure_{figures[FLOW].pk}"):
        owed["3.2.2"].submit(by=cast.reporter, version=1, **content, figures=numbers(figures, flow=1))


def test_where_the_status_alone_is_reported_no_figure_is_asked_or_taken(owed, cast, figures, tasks):
    figures[FLOW].tasks.add(tasks[3])
    assert EntryForm(entry=owed["3.2.4"]).boxes == []
    with invalid(owed["3.2.4"], f"figure_{figures[FLOW].pk}"):
        owed["3.2.4"].submit(by=cast.reporter, version=1, status="in_progress", figures=numbers(figures, flow=1))


def test_a_number_drafted_while_it_was_asked_for_goes_when_it_no_longer_is(owed, cast, content, figures, tasks):
    owed["3.2.1"].save_draft(by=cast.reporter, version=1, figures=numbers(figures, flow=1, stock=2))
    figures[FLOW].tasks.remove(tasks[0])
    fresh(owed["3.2.1"]).submit(by=cast.reporter, version=2, **content)
    assert values(owed["3.2.1"]) == {"stock": 2}


def test_whoever_comes_second_changes_no_number(owed, cast, content, figures):
    first, second = fresh(owed["3.2.1"]), fresh(owed["3.2.1"])
    first.save_draft(by=cast.reporter, version=1, figures=numbers(figures, flow=1))
    for step in (second.save_draft, second.submit):
        with refused(owed["3.2.1"], "stale"):
            step(by=cast.reporter, version=1, **content, figures=numbers(figures, flow=2))
    assert values(owed["3.2.1"]) == {"flow": 1}


def test_a_refusal_in_mid_transition_keeps_no_number(owed, cast, content, figures, monkeypatch):
    entry = owed["3.2.1"]
    stood = everything(entry)

    def fail(*args, **kwargs):
        raise RuntimeError

    monkeypatch.setattr(Event, "record", fail)
    with pytest.raises(RuntimeError):
        entry.submit(by=cast.reporter, version=1, **content, figures=numbers(figures, flow=2))
    assert values(entry) == entry.figures == {}
    assert everything(entry) == stood


def test_under_no_review_numbers_count_at_once(owed, cast, content, figures, plan):
    review(plan, "none")
    fresh(owed["3.2.1"]).submit(by=cast.reporter, version=1, **content, figures=numbers(figures, flow=2))
    assert FigureValue.objects.totals([figures[FLOW]], Assignment.objects.all())[figures[FLOW].pk].value == 2


def test_returned_and_opened_for_correction_numbers_stay_and_can_be_changed(owed, cast, content, figures):
    entry = owed["3.2.1"]
    entry.submit(by=cast.reporter, version=1, **content, figures=numbers(figures, flow=2))
    entry.return_(by=cast.reviewer, version=2, comment="核对")
    entry.submit(by=cast.reporter, version=3, **content)
    entry.accept(by=cast.reviewer, version=4)
    entry.reopen(by=cast.reviewer, version=5, comment="更正")
    assert EntryForm(entry=fresh(entry)).initial[f"figure_{figures[FLOW].pk}"] == "2"
    entry.submit(by=cast.reporter, version=6, **content, figures=numbers(figures, flow=3))
    submissions = Event.objects.filter(entry=entry, action="submitted").order_by("pk")
    assert [event.content["figures"][0]["value"] for event in submissions] == ["2", "2", "3"]


# No change, and carrying over.


def test_no_change_repeats_stocks_and_asks_for_flows(last, cast, figures):
    with invalid(last, f"figure_{figures[FLOW].pk}"):
        last.submit_unchanged(by=cast.reporter, version=1)
    last.submit_unchanged(by=cast.reporter, version=1, figures=numbers(figures, flow=30))
    assert values(last) == {"flow": 30, "stock": 120}
    assert fresh(last).no_change


def test_no_change_takes_a_flow_of_zero_and_one_that_was_drafted(last, cast, figures):
    last.save_draft(by=cast.reporter, version=1, figures=numbers(figures, flow=0))
    last.submit_unchanged(by=cast.reporter, version=2)
    assert values(last) == {"flow": 0, "stock": 120}


def test_another_stock_is_a_change(last, cast, figures):
    with invalid(last, f"figure_{figures[STOCK].pk}"):
        last.submit_unchanged(by=cast.reporter, version=1, figures=numbers(figures, flow=30, stock=121))
    last.submit_unchanged(by=cast.reporter, version=1, figures=numbers(figures, flow=30, stock=120))


def test_carrying_over_takes_stocks_and_leaves_flows_and_what_is_typed(last, figures):
    carried = last.carried_over(last.previous(), {"status": "", "figures": numbers(figures, flow=None, stock=None)})
    assert carried["figures"] == {figures[STOCK].pk: 120}
    carried = last.carried_over(last.previous(), {"status": "", "figures": numbers(figures, flow=7, stock=130)})
    assert carried["figures"] == numbers(figures, flow=7, stock=130)


# What looks like a slip.


@pytest.mark.parametrize(
    ("old", "new", "asks"),
    [
        (120, 1200, True),
        (120, 1209, True),
        (120, 1079, False),
        (120, 12, True),
        (120, 14, False),
        (120, 1_200_000, True),
        (0, 5000, False),
        (120, 0, False),
        (D("0.5"), 5, True),
    ],
)
def test_about_ten_times_asks_and_zero_never(last, figures, old, new, asks):
    jump = Jump.of(figures[STOCK], Last(D(old), last.period), D(new))
    assert bool(jump) is asks
    assert not asks or jump.words


def test_ten_thousand_times_is_said_to_be_the_unit(last, figures):
    said = {n: Jump.of(figures[STOCK], Last(D(5), last.period), D(n)).words for n in (50, 50_000, 500_000)}
    assert len({"单位" in words or "unit" in words for words in said.values()}) == 2
    assert "unit right" in said[50_000] or "单位" in said[50_000]


def test_a_jump_is_taken_once_it_is_confirmed_and_another_number_asks_again(last, cast, content, figures):
    field, ten = f"figure_{figures[FLOW].pk}", numbers(figures, flow=400)
    with invalid(last, field):
        last.submit(by=cast.reporter, version=1, **content, figures=ten)
    with invalid(last, field):
        last.submit(by=cast.reporter, version=1, **content, figures=ten, confirmed=numbers(figures, flow=4000))
    last.save_draft(by=cast.reporter, version=1, **content, figures=ten, confirmed=ten)
    with invalid(last, field):
        last.submit(by=cast.reporter, version=2, figures=numbers(figures, flow=401))
    last.submit(by=cast.reporter, version=2)
    assert FigureValue.objects.get(entry=last, figure=figures[FLOW]).confirmed
    assert Event.objects.get(entry=last, action="submitted").content["figures"][0]["confirmed"]


def test_a_flow_given_with_no_change_asks_too(last, cast, figures):
    with invalid(last, f"figure_{figures[FLOW].pk}"):
        last.submit_unchanged(by=cast.reporter, version=1, figures=numbers(figures, flow=4))
    four = numbers(figures, flow=4)
    last.submit_unchanged(by=cast.reporter, version=1, figures=four, confirmed=four)
    assert values(last) == {"flow": 4, "stock": 120}


def test_what_was_returned_is_nothing_to_compare_with(last, cast, content, figures):
    Entry.objects.filter(pk=last.previous().pk).update(state="returned")
    last.submit(by=cast.reporter, version=1, **content, figures=numbers(figures, flow=400, stock=1))


# The page.


def test_the_page_takes_numbers_and_shows_the_last_ones(last, sign_in, figures, content):
    client, url = sign_in("reporter"), last.get_absolute_url()
    page = client.get(url).content.decode()
    for kind, value in ((FLOW, "40"), (STOCK, "120")):
        assert f'name="figure_{figures[kind].pk}"' in page
        assert f">{value}</span> 家" in page
    said = {"version": 1, **content, f"figure_{figures[FLOW].pk}": "４２", f"figure_{figures[STOCK].pk}": "125"}
    assert client.post(url, said | {"action": "submit"}).status_code == 302
    assert values(last) == {"flow": 42, "stock": 125}
    assert "125 家" in client.get(url).content.decode()


def test_what_is_no_number_is_refused_beside_its_box_and_stays(last, sign_in, figures, content):
    client, url, name = sign_in("reporter"), last.get_absolute_url(), f"figure_{figures[FLOW].pk}"
    for text in ("42家", "-1", "9" * 40, "1\x00"):
        page = client.post(url, {"version": 1, **content, name: text, "action": "submit"})
        assert page.status_code == 422
        assert page.context["form"].errors[name]
    page = client.post(url, {"version": 1, **content, name: "42家", "action": "save"})
    assert 'value="42家"' in page.content.decode()
    assert values(last) == {}


def test_the_page_asks_about_a_jump_with_a_tick_for_that_number_alone(last, sign_in, figures, content):
    client, url, pk = sign_in("reporter"), last.get_absolute_url(), figures[FLOW].pk
    said = {"version": 1, **content, f"figure_{pk}": "4,000", "action": "submit"}
    page = client.post(url, said)
    assert page.status_code == 422
    (box,) = [box for box in page.context["form"].boxes if box.figure.pk == pk]
    assert (box.ticked, box.checked) == ("4000", False)
    page = client.post(url, said | {f"confirm_{pk}": "4000", f"figure_{pk}": "5000"})
    assert page.status_code == 422
    page = client.post(url, said | {f"confirm_{pk}": "4000", "status": ""})
    (box,) = [box for box in page.context["form"].boxes if box.figure.pk == pk]
    assert (page.status_code, box.checked) == (422, True)
    assert client.post(url, said | {f"confirm_{pk}": "4000"}).status_code == 302
    assert FigureValue.objects.get(entry=last).confirmed
    page = sign_in("reviewer").get(url).content.decode()
    assert "40 → 4,000" in page


def test_the_history_says_each_number_that_was_handed_in(last, cast, sign_in, figures, content):
    last.submit(by=cast.reporter, version=1, **content, figures=numbers(figures, flow=41))
    last.return_(by=cast.reviewer, version=2, comment="核对")
    last.submit(by=cast.reporter, version=3, **content, figures=numbers(figures, flow=43))
    page = sign_in("reviewer").get(last.get_absolute_url()).content.decode()
    assert page.index("指标2 43 家") < page.index("指标2 41 家")


def test_a_second_click_is_no_conflict(last, sign_in, figures, content):
    client, url, name = sign_in("reporter"), last.get_absolute_url(), f"figure_{figures[FLOW].pk}"
    said = {"version": 1, **content, name: "41", f"figure_{figures[STOCK].pk}": "", "action": "submit"}
    assert client.post(url, said).status_code == 302
    assert client.post(url, said).status_code == 302
    assert client.post(url, said | {name: "42"}).status_code == 409


# The sheet.


def test_a_row_takes_numbers(last, send, figures, content):  # noqa: F811
    flow, stock = figures[FLOW].pk, figures[STOCK].pk
    answer = send(row(last, **content, **{f"figure_{flow}": "３５", f"figure_{stock}": ""}))[last.pk]
    assert answer["outcome"] == "saved"
    assert values(last) == {"flow": 35}
    stale = send(row(last, **content, **{f"figure_{flow}": "36"}))[last.pk]
    assert stale["stands"]["values"][f"figure_{flow}"] == "35"
    wrong = send(row(last, version=2, **content, **{f"figure_{flow}": "36家"}))[last.pk]
    assert (wrong["outcome"], list(wrong["errors"])) == ("invalid", [f"figure_{flow}"])


def test_a_jump_is_kept_as_a_draft_and_asked_about_in_the_row(last, send, figures, content):  # noqa: F811
    flow = figures[FLOW].pk
    said = content | {f"figure_{flow}": "400", f"confirm_{flow}": ""}
    answer = send(row(last, "submit", **said))[last.pk]
    assert (answer["outcome"], answer["asks"]) == ("incomplete", {f"confirm_{flow}": "400"})
    assert values(last) == {"flow": 400}
    answer = send(row(last, "submit", version=2, **said | {f"confirm_{flow}": "400"}))[last.pk]
    assert answer["outcome"] == "reported"
    assert FigureValue.objects.get(entry=last).confirmed


def test_no_change_on_the_sheet_says_what_is_missing_and_takes_what_is_typed(last, send, figures):  # noqa: F811
    flow = figures[FLOW].pk
    answer = send(row(last, "unchanged", **{f"figure_{flow}": ""}))[last.pk]
    assert (answer["outcome"], list(answer["errors"])) == ("incomplete", [f"figure_{flow}"])
    assert fresh(last).state == "due"
    assert send(row(last, "unchanged", **{f"figure_{flow}": "41"}))[last.pk]["outcome"] == "reported"
    assert values(last) == {"flow": 41, "stock": 120}


def test_the_sheet_without_a_script_takes_numbers_asks_and_carries_over(last, sign_in, figures):
    client, flow, stock = sign_in("reporter"), f"e{last.pk}-figure_{figures[FLOW].pk}", figures[STOCK].pk
    assert client.post(PATH, posted(client.get(PATH), f"carry-{last.pk}")).status_code == 302
    assert values(last) == {"stock": 120}
    page = client.post(PATH, posted(client.get(PATH), f"submit-{last.pk}", **{flow: "400"}))
    assert page.status_code == 422
    assert 'value="400"' in page.content.decode()
    tick = flow.replace("figure", "confirm")
    assert client.post(PATH, posted(page, f"submit-{last.pk}", **{tick: "400"})).status_code == 302
    assert values(last) == {"flow": 400, "stock": 120}
    assert stock in fresh(last).figures


def test_an_untouched_row_with_numbers_is_not_saved_again(last, cast, sign_in, figures):
    flow = numbers(figures, flow=400)
    last.save_draft(by=cast.reporter, version=1, figures=flow, confirmed=flow)
    client = sign_in("reporter")
    client.post(PATH, posted(client.get(PATH), "save"))
    assert fresh(last).version == 2


def test_what_is_handed_in_is_known_to_the_script_with_its_numbers(last, cast, sign_in, figures, content):
    last.submit(by=cast.reporter, version=1, **content, figures=numbers(figures, flow=41))
    page = sign_in("reporter").get(PATH).content.decode()
    assert f"&quot;figure_{figures[FLOW].pk}&quot;: &quot;41&quot;" in page


def test_the_sheet_asks_no_more_queries_for_more_figures(last, plan, tasks, sign_in):
    client = sign_in("reporter")

    def asked():
        client.get(PATH)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(PATH).status_code == 200
        return len(queries)

    few = asked()
    for n in range(10, 30):
        figure = Figure.objects.create(plan=plan, slug=f"f{n}", position=n, name=f"指标{n}", unit="个", baseline=1)
        figure.tasks.add(*tasks)
    assert asked() == few


# What they come to.


@pytest.fixture
def many(plan, tasks, bodies, cast):
    """Random numbers in random states, of six kinds of figures, thirty bodies and six quarters; some have ended."""
    rng, today = Random(11), timezone.localdate()
    made, kinds = [], [(kind, over) for kind in (FLOW, STOCK, "yearly") for over in ("sum", "average")]
    for position, (kind, over) in enumerate(kinds, start=20):
        figure = Figure.objects.create(
            plan=plan,
            slug=f"m{position}",
            position=position,
            name=f"指标{position}",
            unit="个",
            baseline=1,
            over_time=kind,
            over_organizations=over,
        )
        figure.tasks.add(*tasks[: 1 + position % 2])
        made.append(figure)
    counties = [place(f"7{n:02}", f"示例{n}县总工会", "county", bodies.city) for n in range(30)]
    periods = []
    for quarter in range(6):
        day = today - dt.timedelta(600 - 90 * quarter)
        code = f"{2024 + quarter // 4}Q{quarter % 4 + 1}"
        periods.append(Period.objects.create(plan=plan, code=code, opens=day, due=day, locks=day))
    Assignment.objects.assign(tasks[:2], counties, by=None)
    Assignment.objects.filter(organization__in=counties[:4]).update(ended_on=today)
    for assignment in Assignment.objects.filter(organization__in=counties).select_related("task"):
        for period in periods:
            state = rng.choice(["due", "draft", "submitted", "returned", "accepted", "accepted", "accepted", "excused"])
            at = timezone.make_aware(dt.datetime.combine(period.due, dt.time(rng.randint(8, 18))))
            entry = Entry.objects.create(
                assignment=assignment,
                period=period,
                state=state,
                status="in_progress",
                submitted_at=at,
                first_submitted_at=at,
            )
            for figure in assignment.task.figures.exclude(position=1):
                if rng.random() < 0.7:
                    value = D(rng.choice([0, rng.randint(0, 10**6), rng.randint(0, 10**8)])) / 10 ** rng.randint(0, 4)
                    FigureValue.objects.create(entry=entry, figure=figure, value=value)
    return made, periods


def by_hand(figure, assignments, until, since):
    """The same, one number after the other."""
    rows = FigureValue.objects.filter(figure=figure, entry__state="accepted", entry__assignment__in=list(assignments))
    rows = [
        row
        for row in rows.select_related("entry__assignment", "entry__period")
        if not until or row.entry.period.due <= until.due
    ]
    flow = figure.over_time != STOCK
    if figure.over_time == "yearly":
        year = until.opens.year if until else timezone.localdate().year
        rows = [row for row in rows if row.entry.period.opens.year == year]
    if flow and since:
        rows = [row for row in rows if row.entry.period.due >= since.due]
    held = {}
    for row_ in sorted(rows, key=lambda one: one.entry.period.due):
        assignment = row_.entry.assignment
        if flow:
            value, at = held.get(assignment, (D(0), row_.entry.submitted_at))
            held[assignment] = (value + row_.value, max(at, row_.entry.submitted_at))
        elif assignment.ended_on is None:
            held[assignment] = (row_.value, row_.entry.submitted_at)
    if not held:
        return (0, None, None)
    total = sum(value for value, _at in held.values())
    if figure.over_organizations == "average":
        total = total / len(held)
    bodies = {assignment.organization_id for assignment in held}
    return (len(bodies), round(total, 4), max(at for _value, at in held.values()))


def test_totals_are_what_adding_by_hand_gives(many, bodies):
    figures, periods = many
    everywhere = Assignment.objects.all()
    few = Assignment.objects.filter(organization__code__in=[f"7{n:02}" for n in range(0, 30, 7)])
    none = Assignment.objects.filter(organization=bodies.other)
    for assignments in (everywhere, few, none, everywhere.filter(task__code="3.2.2")):
        for until in (None, *periods):
            for since in (None, periods[2]):
                with CaptureQueriesContext(connection) as queries:
                    totals = FigureValue.objects.totals(figures, assignments, until=until, since=since)
                assert len(queries) <= 2
                for figure in figures:
                    assert tuple(totals[figure.pk]) == by_hand(figure, assignments, until, since), (figure, until)


def test_the_task_page_shows_those_who_see_below_what_it_comes_to(last, sign_in, figures, bodies):
    url = "/plans/18/tasks/3.2.1/"
    totals = dict(sign_in("supervisor").get(url).context["totals"])
    assert (totals[figures[STOCK]].bodies, totals[figures[STOCK]].value) == (1, 120)
    page = sign_in("supervisor").get(url).content.decode()
    assert "<b>120</b>" in page
    assert sign_in("reporter").get(url).context["totals"] == []


def test_a_task_page_without_figures_asks_nothing_of_them(owed, sign_in):
    with CaptureQueriesContext(connection) as queries:
        assert sign_in("supervisor").get("/plans/18/tasks/3.2.1/").status_code == 200
    assert not [query for query in queries if "figurevalue" in query["sql"]]
    assert Task.objects.filter(code="3.2.1", figures=None).exists()
