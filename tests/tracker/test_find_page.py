"""The box that finds bodies and tasks, the suggestions under it, and the field that takes a body by what is typed."""

import pytest
from django import forms
from django.db import connection
from django.template.loader import render_to_string
from django.test.utils import CaptureQueriesContext

from tests.conftest import person, place
from tracker.forms import OrganizationChoice
from tracker.models import Assignment, Event, Organization, Role, Task

pytestmark = pytest.mark.usefixtures("in_english")


def in_english(client):
    client.cookies["django_language"] = "en"
    return client


def codes(response, kind="organizations"):
    return [found.code for found in response.context.get(kind, [])]


@pytest.fixture
def twins(bodies):
    """Two more bodies called as the county is, one in another province, one closed."""
    place("211", "甲县总工会", "county", bodies.other)
    closed = place("114", "甲县总工会", "county", bodies.city)
    Organization.objects.filter(pk=closed.pk).update(closed_on="2026-01-01")


# The page.


def test_bodies_and_tasks_are_found_together_each_with_its_place(bodies, tasks, sign_in):
    Task.objects.filter(code="3.2.1").update(wording="建设一市服务站")
    response = in_english(sign_in("administrator")).get("/find/?q=yishi")
    assert codes(response) == ["11"]
    assert codes(response, "tasks") == ["3.2.1"]
    page = response.content.decode()
    assert "示例一省总工会" in page  # the parent
    assert "中国工会十八大报告" in page
    assert 'href="/organizations/11/"' in page
    assert 'href="/plans/18/tasks/3.2.1/"' in page


SEEN = {
    "reporter": ["111"],
    "reviewer": ["11"],
    "supervisor": ["111", "112", "113", "1", "11"],
    "administrator": ["0", "1", "11", "111", "112", "113", "2", "U"],
    "outsider": ["2"],
}


@pytest.mark.parametrize("name", SEEN)
def test_bodies_are_found_in_scope_alone_and_tasks_by_everybody(bodies, tasks, sign_in, name):
    client = sign_in(name)
    assert sorted(codes(client.get("/find/?q=gonghui"))) == sorted(SEEN[name])
    assert codes(client.get("/find/?q=一号"), "tasks") == ["3.2.1"]
    for address in ("/find/organizations.json", "/find/suggestions.json"):
        results = client.get(f"{address}?q=gonghui").json()["results"]
        assert sorted(row["code"] for row in results) == sorted(SEEN[name]), address


def test_a_visitor_is_asked_to_sign_in(client, db):
    for address in ("/find/?q=ab", "/find/organizations.json?q=ab", "/find/suggestions.json?q=ab"):
        assert client.get(address).status_code == 302


BAD = {
    "": "Write what to look for",
    "a": "Write two characters at least.",
    "中": "Write two characters at least.",
    "   ": "Write what to look for",
    "x" * 101: "longer than any name",
    "a\x00b": "cannot be stored",
}


@pytest.mark.parametrize("typed", BAD)
def test_what_cannot_be_looked_for_is_answered_with_a_sentence(bodies, sign_in, typed):
    response = in_english(sign_in("administrator")).get("/find/", {"q": typed})
    assert response.status_code == 200
    assert BAD[typed] in response.content.decode()
    assert codes(response) == []
    for address in ("/find/organizations.json", "/find/suggestions.json"):
        assert client_results(sign_in("administrator"), address, typed) == [] or len(typed.strip()) == 1


def client_results(client, address, typed):
    response = client.get(address, {"q": typed})
    assert response.status_code == 200
    return response.json()["results"]


STRANGE = ["%%", "__", "' OR 1=1", "'; --", "**", "\\\\", "<script>", "\u3000\u3000ab", "ab" * 50, "q " * 50]


@pytest.mark.parametrize("typed", STRANGE)
def test_any_other_text_is_words_that_find_nothing(bodies, tasks, sign_in, typed):
    response = in_english(sign_in("administrator")).get("/find/", {"q": typed})
    assert response.status_code == 200
    assert codes(response) == codes(response, "tasks") == []
    assert "<script>" not in response.content.decode().replace('<script src="', "")


def test_fifty_words_are_as_good_as_one(bodies, sign_in):
    assert codes(sign_in("administrator").get("/find/", {"q": "11 " * 33})) == ["11", "111", "112", "113"]


def test_nothing_is_found_without_asking_and_nothing_is_complained_of(bodies, sign_in):
    page = in_english(sign_in("administrator")).get("/find/").content.decode()
    assert "fault" not in page
    assert "Two characters are enough" in page


def test_twenty_are_shown_and_the_rest_on_pages_of_their_own(bodies, sign_in):
    for number in range(60):
        place(f"9{number:02}", f"示例{number}区总工会", "county", bodies.city)
    client = in_english(sign_in("administrator"))
    response = client.get("/find/?q=区总工会")
    assert codes(response) == [f"9{number:02}" for number in range(20)]
    assert "of=organizations" in response.content.decode()
    response = client.get("/find/?q=区总工会&of=organizations&page=2")
    assert codes(response) == [f"9{number:02}" for number in range(50, 60)]
    assert "tasks" not in response.context
    for page in ("0", "-1", "x", "9" * 30, "99"):
        assert client.get(f"/find/?q=区总工会&of=organizations&page={page}").status_code == 200
    assert len(client.get("/find/suggestions.json?q=qu").json()["results"]) == 8
    with CaptureQueriesContext(connection) as queries:
        client.get("/find/?q=区总工会")
    assert len(queries) <= 10


def test_a_closed_body_is_found_last_and_says_so_but_is_not_suggested_for_choosing(twins, sign_in):
    client = in_english(sign_in("administrator"))
    response = client.get("/find/?q=jiaxian")
    assert codes(response) == ["111", "211", "114"]
    assert "closed on 2026-01-01" in response.content.decode()
    assert [row["code"] for row in client.get("/find/organizations.json?q=jiaxian").json()["results"]] == ["111", "211"]


def test_finding_is_reading(bodies, sign_in):
    client = sign_in("administrator")
    for address in ("/find/", "/find/organizations.json", "/find/suggestions.json"):
        assert client.post(address).status_code == 405


def test_a_suggestion_says_where_it_leads_and_what_it_fills_in(bodies, sign_in):
    row = sign_in("administrator").get("/find/organizations.json?q=jiaxian").json()["results"][0]
    assert row == {
        "text": "甲县总工会",
        "code": "111",
        "beside": "示例一市总工会",
        "url": "/organizations/111/",
        "value": "111 甲县总工会",
    }


def test_every_page_of_a_person_has_the_box_and_the_sign_in_page_has_none(bodies, sign_in, client):
    assert "find-q" not in client.get("/accounts/login/").content.decode()
    assert 'action="/find/"' not in client.get("/accounts/login/").content.decode()
    assert 'action="/find/"' in sign_in("reporter").get("/").content.decode()


# The field.


class Choosing(forms.Form):
    body = OrganizationChoice(label="Body")


def choose(typed, among=None, **data):
    form = Choosing({"body": typed} | data)
    form.fields["body"].queryset = Organization.objects.all() if among is None else among
    form.is_valid()
    return form


@pytest.mark.parametrize("typed", ["111", "甲县总工会", " 甲县 ", "jiaxian", "jx", "111 甲县总工会", "JiaXian"])
def test_a_body_is_taken_by_code_name_or_pinyin(bodies, typed):
    assert choose(typed).cleaned_data["body"] == bodies.county


def test_several_are_asked_back_with_their_parents_and_nothing_closed(twins):
    form = choose("甲县")
    assert [body.code for body in form.fields["body"].candidates] == ["111", "211"]
    assert "Take one of these" in form.errors["body"][0]
    page = render_to_string("includes/organization_picker.html", {"field": form["body"]})
    assert 'value="甲县"' in page  # what was typed is kept
    assert "示例一市总工会" in page
    assert "示例二省总工会" in page
    assert 'type="radio" name="body" value="211 甲县总工会"' in page
    assert choose("211 甲县总工会").cleaned_data["body"].code == "211"


def test_the_one_taken_of_the_offered_counts_not_the_text_above_it(twins):
    from django.http import QueryDict

    form = Choosing(QueryDict("body=甲县&body=211 甲县总工会"))
    form.fields["body"].queryset = Organization.objects.all()
    assert form.is_valid()
    assert form.cleaned_data["body"].code == "211"


@pytest.mark.parametrize("typed", ["无此县", "999", "x" * 101, "\x00", "a\ud800", ""])
def test_what_is_no_body_is_refused_beside_the_field(bodies, typed):
    form = choose(typed)
    assert form.errors["body"]
    assert form.fields["body"].candidates == []


def test_nothing_out_of_reach_is_taken_or_offered(bodies):
    someone = person("someone", bodies.city, Role.SUPERVISOR)
    form = choose("示例", among=Organization.objects.visible_to(someone))
    assert form.cleaned_data["body"] == bodies.city
    assert choose("U", among=Organization.objects.visible_to(someone)).errors


def test_very_many_are_not_all_offered(bodies):
    for number in range(15):
        place(f"9{number:02}", f"示例{number}区总工会", "county", bodies.city)
    form = choose("区总工会")
    assert len(form.fields["body"].candidates) == 10
    assert "Many organizations" in form.errors["body"][0]


def test_a_body_chosen_before_is_shown_as_a_suggestion_would_write_it(bodies):
    form = Choosing(initial={"body": bodies.county})
    assert 'value="111 甲县总工会"' in str(form["body"])
    assert not Choosing({"body": "111 甲县总工会"}, initial={"body": bodies.county}).has_changed()


# Elsewhere.


@pytest.mark.parametrize("words", ["jiaxian", "jx", "111", "甲县"])
def test_the_ledger_takes_a_body_by_sound(owed, sign_in, words):
    client = sign_in("administrator")
    response = client.get("/reports/18/ledger/", {"organization": words})
    assert {row.body.name for row in response.context["page"].rows} == {"甲县总工会"}


def test_the_words_of_the_ledger_and_of_the_task_list_find_by_sound(owed, sign_in):
    client = sign_in("administrator")
    rows = client.get("/reports/18/ledger/?words=yixian").context["page"].rows
    assert {row.body.name for row in rows} == {"乙县总工会"}
    rows = client.get("/reports/18/ledger/?words=yihaojucuo").context["page"].rows
    assert {row.task.code for row in rows} == {"3.2.1"}
    rows = client.get("/plans/18/tasks/?words=yhjc").context["table"].rows
    assert [row.record.code for row in rows] == ["3.2.1"]


def test_the_ledgers_file_has_the_rows_that_the_words_find(owed, sign_in):
    file = b"".join(sign_in("administrator").get("/reports/18/ledger.csv?words=yixian").streaming_content).decode()
    assert file.count("乙县总工会") == 1
    assert "甲县总工会" not in file


LISTS = [
    ("organization", "jiaxian", 1),
    ("organization", "111", 1),
    ("organization", "甲县 11", 1),
    ("task", "yihao", 1),
    ("assignment", "jiaxian", 4),
    ("assignment", "yihao", 2),
    ("assignment", "yihao jx", 1),
    ("entry", "yixian", 1),
    ("user", "jiaxian", 2),
    ("user", "jx 填报人", 1),
    ("membership", "jiaxian", 2),
    ("membership", "slyszgh", 2),
    ("event", "yixian", 1),
]


@pytest.mark.parametrize(("model", "words", "count"), LISTS)
def test_the_back_office_finds_by_sound_too(owed, sign_in, model, words, count):
    Event.record(Assignment.objects.get(organization__code="112"), action="amended", by=None)
    response = sign_in("administrator").get(f"/admin/tracker/{model}/", {"q": words})
    assert response.context["cl"].result_count == count


def test_the_back_offices_pickers_offer_the_open_bodies_best_first_with_parents(twins, owed, sign_in):
    query = {"app_label": "tracker", "model_name": "assignment", "field_name": "organization", "term": "jiaxian"}
    results = sign_in("administrator").get("/admin/autocomplete/", query).json()["results"]
    assert [row["id"] for row in results] == [
        str(body.pk) for body in Organization.objects.filter(code__in=["111", "211"])
    ]
    assert ["示例一市总工会" in results[0]["text"], "示例二省总工会" in results[1]["text"]] == [True, True]


def test_organizations_stand_in_the_order_of_their_codes(bodies, sign_in):
    place("110", "后来设立县总工会", "county", bodies.city)
    response = sign_in("administrator").get("/admin/tracker/organization/")
    listed = [body.code for body in response.context["cl"].result_list]
    assert listed == sorted(listed) == ["0", "1", "11", "110", "111", "112", "113", "2", "U"]
    response = sign_in("administrator").get("/organizations/11/")
    assert [body.code for body in response.context["children"]] == ["110", "111", "112"]
