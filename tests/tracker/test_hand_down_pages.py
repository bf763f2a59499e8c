"""The pages: choosing, counting and handing down; signing; how far what was handed down has come."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.conftest import person, place
from tracker.models import Assignment, Entry, Figure, Handing, Organization, Role, Task

PAGE = "/plans/18/hand-down/"
CHOICE = {"tasks": ["3.2.1"], "reach": "children", "part": "lead", "review": "superior"}


@pytest.fixture
def province(bodies, tasks, cast, client):
    """The province's supervisor, signed in; the province has signed for all four tasks."""
    Assignment.objects.assign(tasks, [bodies.province], by=None)
    Handing.objects.all().sign(by=person("province-reporter", bodies.province, Role.REPORTER))
    client.force_login(cast.supervisor)
    return client


def given_to():
    return set(Handing.objects.filter(giver__code="1").values_list("assignment__organization__code", flat=True))


def test_counting_first_changes_nothing_and_confirming_makes_what_was_counted(province, bodies):
    answer = province.post(PAGE, CHOICE)
    assert (answer.status_code, answer.context["preview"].made) == (200, 2)
    assert given_to() == set()
    answer = province.post(PAGE, CHOICE | {"confirm": "1"}, follow=True)
    assert answer.redirect_chain == [("/plans/18/given/", 302)]
    assert given_to() == {"11", "113"}
    again = province.post(PAGE, CHOICE | {"confirm": "1"}, follow=True)
    assert len(list(again.context["messages"])) == 1
    assert Handing.objects.filter(giver=bodies.province).count() == 2


@pytest.mark.parametrize(
    ("choice", "codes"),
    [
        ({"reach": "below"}, {"11", "111", "112", "113"}),
        ({"reach": "below", "levels": ["county"]}, {"111", "112"}),
        ({"reach": "below", "kinds": ["park"]}, set()),
        ({"reach": "below", "line": "territorial"}, {"11", "111", "112", "113"}),
        ({"reach": "children", "line": "industrial"}, set()),
        ({"reach": "chosen", "bodies": ["111", "113"]}, {"111", "113"}),
    ],
)
def test_the_choice_reaches_whom_one_chose(province, choice, codes):
    province.post(PAGE, CHOICE | choice | {"confirm": "1"})
    assert given_to() == codes


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"tasks": []}, "tasks"),
        ({"tasks": ["9.9.9"]}, "tasks"),
        ({"tasks": ["3.2.1\x00"]}, "tasks"),
        ({"reach": "chosen"}, "bodies"),
        ({"reach": "chosen", "bodies": ["2"]}, "bodies"),
        ({"reach": "chosen", "bodies": ["1"]}, "bodies"),
        ({"reach": "ourselves"}, "reach"),
        ({"reach": "x"}, "reach"),
        ({"line": "x"}, "line"),
        ({"levels": ["x"]}, "levels"),
        ({"part": "x"}, "part"),
        ({"due": "2020-01-01"}, "due"),
        ({"due": "9999-12-31"}, "due"),
        ({"start": "2099-01-01"}, "start"),
        ({"frequency": "day"}, "frequency"),
        ({"standard": "改\x00"}, "standard"),
        ({"standard": "长" * 20_001}, "standard"),
        ({"find": "改\x00"}, "find"),
    ],
)
@pytest.mark.parametrize("step", [{}, {"confirm": "1"}])
def test_bad_input_is_named_beside_its_field_and_kept(province, changes, field, step):
    answer = province.post(PAGE, CHOICE | {"standard": "建站四个"} | changes | step)
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert given_to() == set()
    if field != "standard":
        assert "建站四个" in answer.content.decode()


def test_searching_finds_bodies_below_with_their_parent_and_keeps_what_was_ticked(province):
    answer = province.post(PAGE, CHOICE | {"action": "find", "find": "县", "bodies": ["113"], "tasks": []})
    assert [body.code for body in answer.context["bodies"]] == ["113", "111", "112"]
    assert answer.context["form"].errors == {}
    text = answer.content.decode()
    assert "示例一市总工会" in text
    assert "示例二省总工会" not in text


def test_a_second_line_a_conflict_and_what_the_levels_leave_out_are_told_before(province, bodies, tasks):
    Task.objects.filter(code="3.2.2").update(levels=["county"])
    Assignment.objects.assign(tasks[:1], [bodies.city], by=None, giver=bodies.province, due=dt.date(2027, 1, 1))
    preview = province.post(PAGE, CHOICE | {"tasks": ["3.2.1", "3.2.2"]}).context["preview"]
    assert (preview.made, preview.conflicts, preview.left_out) == (1, 1, [(tasks[1], 2)])


def test_the_root_takes_tasks_itself_with_nothing_to_sign(client, cast, bodies, tasks):
    client.force_login(cast.administrator)
    answer = client.post(PAGE, CHOICE | {"reach": "ourselves", "tasks": ["3.2.1", "3.2.2"], "confirm": "1"})
    assert answer.status_code == 302
    assert Assignment.objects.filter(organization=bodies.nation).count() == 2
    assert not Handing.objects.exists()
    again = client.post(PAGE, CHOICE | {"reach": "ourselves", "tasks": ["3.2.1"]}).context["preview"]
    assert (again.made, again.exist, again.joined) == (0, 1, 0)


def test_it_can_be_owed_in_the_period_now_open(province, period):
    period.open()
    province.post(PAGE, CHOICE | {"owe_now": "on", "confirm": "1"})
    assert Entry.objects.filter(assignment__organization__code="11").count() == 1


def test_a_figure_is_shared_out_and_added_up(province, bodies):
    choice = CHOICE | {"tasks": ["3.2.3"]}
    sharing = province.post(PAGE, choice).context["sharing"]
    assert [body.code for body, _field in sharing.rows()] == ["11", "113"]
    shares = {f"share-{bodies.city.pk}": "600", f"share-{bodies.school.pk}": "150.5", "figure": "sites"}
    answer = province.post(PAGE, choice | shares | {"recount": "1"})
    assert str(answer.context["sharing"].total) == "750.5"
    wrong = province.post(PAGE, choice | shares | {f"share-{bodies.city.pk}": "-1", "confirm": "1"})
    assert (wrong.status_code, given_to()) == (422, set())
    province.post(PAGE, choice | shares | {"confirm": "1"})
    handing = Handing.objects.get(assignment__organization=bodies.city)
    assert (handing.share, handing.figure) == (600, Figure.objects.get())


@pytest.mark.parametrize("name", ["reporter", "leader", "reviewer", "auditor", "outsider"])
def test_other_roles_hand_nothing_down(client, cast, tasks, name):
    client.force_login(getattr(cast, name))
    for address in (PAGE, "/plans/18/given/", "/plans/18/given/3.2.1/"):
        assert client.get(address).status_code == 403
        assert client.post(address, CHOICE).status_code in (403, 405)


def test_a_body_that_has_signed_for_nothing_hands_nothing_on(client, bodies, tasks, cast):
    Assignment.objects.assign(tasks, [bodies.province], by=None)
    client.force_login(cast.supervisor)
    assert client.get(PAGE).context["groups"] == []
    assert client.post(PAGE, CHOICE | {"confirm": "1"}).status_code == 422
    assert not Assignment.objects.filter(organization=bodies.city).exists()


# Signing.


@pytest.fixture
def waiting(bodies, tasks, cast):
    Assignment.objects.assign(tasks[:3], [bodies.county], by=None, due=dt.date(2027, 6, 30), standard="建站四个")
    Assignment.objects.assign(tasks[3:], [bodies.sister], by=None)
    return list(Handing.objects.filter(assignment__organization=bodies.county).order_by("pk"))


def test_what_waits_stands_first_on_the_first_page(sign_in, waiting):
    page = sign_in("reporter").get("/")
    assert page.context["handed"] == 3
    text = page.content.decode()
    assert text.index("示例一市总工会") < text.index("<h1>")
    assert "2027-06-30" in text
    assert "建站四个" in text
    assert "handed" not in sign_in("reviewer").get("/").context


def test_the_chosen_are_signed_for_and_the_others_wait(sign_in, waiting):
    client = sign_in("reporter")
    given = {"handing": [h.pk for h in waiting[:2]], "responsible": "张三", "department": "权益部", "action": "sign"}
    assert client.post("/handings/", given).status_code == 302
    assert [Handing.objects.get(pk=h.pk).state for h in waiting] == ["signed", "signed", "handed"]
    assert Assignment.objects.filter(responsible="张三", department="权益部").count() == 2


def test_sending_back_needs_its_reason_and_keeps_what_was_typed(sign_in, waiting):
    client = sign_in("leader")
    given = {"handing": [waiting[0].pk], "action": "send_back", "responsible": "张三"}
    answer = client.post("/handings/", given)
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["comment"])
    assert "张三" in answer.content.decode()
    client.post("/handings/", given | {"comment": "应由市级承担"})
    assert Handing.objects.get(pk=waiting[0].pk).comment == "应由市级承担"


@pytest.mark.parametrize("keys", [[], ["x"], ["9" * 30], ["\x00"]])
def test_signing_for_nothing_is_told(sign_in, waiting, keys):
    answer = sign_in("reporter").post("/handings/", {"handing": keys, "action": "sign"})
    assert answer.status_code == 422
    assert not Handing.objects.exclude(state="handed").exists()


def test_what_is_another_s_is_not_signed_for_by_guessing(sign_in, waiting):
    other = Handing.objects.exclude(pk__in=[h.pk for h in waiting]).get()
    sign_in("reporter").post("/handings/", {"handing": [other.pk], "action": "sign"})
    other.refresh_from_db()
    assert other.state == "handed"


@pytest.mark.parametrize("name", ["reviewer", "supervisor", "auditor"])
def test_other_roles_sign_for_nothing(sign_in, waiting, name):
    client = sign_in(name)
    assert client.get("/handings/").status_code == 403
    assert client.post("/handings/", {"handing": [waiting[0].pk]}).status_code == 403


# What became of it.


def test_the_giver_sees_who_signed_who_waits_with_a_telephone_and_who_sent_it_back(province, bodies, cast):
    Handing.objects.all().delete()
    Assignment.objects.filter(organization=bodies.county).delete()
    tasks = list(Task.objects.all())
    Assignment.objects.assign(tasks[:1], [bodies.county, bodies.sister], by=None, giver=bodies.province)
    Handing.objects.get(assignment__organization=bodies.county).send_back(by=cast.reporter, comment="应由市级承担")
    (row,) = province.get("/plans/18/given/").context["rows"]
    assert (row["handed"], row["sent_back"], row["signed"]) == (1, 1, 0)
    text = province.get("/plans/18/given/3.2.1/").content.decode()
    assert "应由市级承担" in text
    assert "0000-0001" in text
    assert "应由市级承担" in province.get("/plans/18/given/").content.decode()
    assert province.get("/").context["come_back"] == ["18"]


def test_a_date_is_counted_first_and_carried_down_when_chosen(province, bodies, tasks):
    province.post(PAGE, CHOICE | {"reach": "chosen", "bodies": ["11"], "confirm": "1"})
    by = person("city", bodies.city, Role.ADMINISTRATOR)
    Handing.objects.filter(assignment__organization=bodies.city).sign(by=by)
    Assignment.objects.assign(tasks[:1], [bodies.county], by=by, giver=bodies.city)
    page, data = "/plans/18/given/3.2.1/", {"all": "1", "due": "2028-01-31"}
    moving = province.post(page, data | {"action": "due"}).context["moving"]
    assert (moving["rows"], moving["beneath"]) == (1, 1)
    assert Assignment.objects.get(organization=bodies.county).due == dt.date(2028, 10, 31)
    province.post(page, data | {"action": "move", "carry": "on"})
    assert set(Assignment.objects.exclude(organization=bodies.province).values_list("due", flat=True)) == {
        dt.date(2028, 1, 31)
    }


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"action": "withdraw", "all": "1"}, "comment"),
        ({"action": "withdraw", "comment": "调整"}, "__all__"),
        ({"action": "due", "all": "1", "due": "x"}, "due"),
        ({"action": "move", "all": "1", "due": "2001-01-01"}, "due"),
    ],
)
def test_what_the_giver_types_wrong_is_named(province, data, field):
    province.post(PAGE, CHOICE | {"confirm": "1"})
    answer = province.post("/plans/18/given/3.2.1/", data)
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
    assert Handing.objects.filter(giver__code="1", state="handed").count() == 2


def test_taking_back_ends_what_was_handed_down(province):
    province.post(PAGE, CHOICE | {"confirm": "1"})
    key = Handing.objects.get(assignment__organization__code="11").pk
    province.post("/plans/18/given/3.2.1/", {"action": "withdraw", "handing": [key], "comment": "调整"})
    assert Handing.objects.get(pk=key).state == "withdrawn"
    assert Assignment.objects.live().filter(organization__level="city").count() == 1


def test_pages_ask_as_many_queries_of_many_bodies(province, bodies, tasks):
    pages = [PAGE, "/plans/18/given/", "/plans/18/given/3.2.1/", "/plans/18/tasks/3.2.1/", "/organizations/11/"]

    def asked():
        counts = []
        for page in pages:
            province.get(page)
            with CaptureQueriesContext(connection) as queries:
                assert province.get(page).status_code == 200
            counts.append(len(queries))
        return counts

    Assignment.objects.assign(tasks, [bodies.city, bodies.school], by=None)
    few = asked()
    for number in range(60):
        place(f"9{number:02}", f"示例{number}县总工会", "county", bodies.city)
    Assignment.objects.assign(tasks, Organization.objects.filter(level="county"), by=None, giver=bodies.province)
    assert asked() == few
    assert max(few) <= 25
