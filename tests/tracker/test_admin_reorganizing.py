"""Reorganizing in the back office: choose, see the effect, confirm; and what is kept from whom."""

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.conftest import person, place
from tests.tracker.office import said, url
from tracker.models import Assignment, Entry, Organization, Role
from tracker.models.reorganizing import Closing

pytestmark = pytest.mark.usefixtures("in_english")

KINDS = ("move", "merge", "split", "close")


def page(kind, body):
    return url("organization", kind, body.pk)


@pytest.fixture
def local(client, bodies):
    """An administrator of one province."""
    client.force_login(person("local", bodies.province, Role.ADMINISTRATOR))
    client.cookies["django_language"] = "en"
    return client


def look(client, kind, body, **given):
    return client.post(page(kind, body), {"reason": "区划调整"} | given)


def confirm(client, kind, body, **given):
    shown = look(client, kind, body, **given)
    assert shown.context["effect"], shown.context["form"].errors
    return client.post(
        page(kind, body), {"reason": "区划调整", "confirm": "1", "seen": shown.context["effect"].mark} | given
    )


def fresh(body):
    return Organization.objects.get(pk=body.pk)


def test_the_buttons_stand_on_the_organizations_page(office, bodies, cast):
    text = office.get(url("organization", "change", bodies.city.pk)).content.decode()
    assert all(page(kind, bodies.city) in text for kind in KINDS)
    text = office.get(url("organization", "change", bodies.nation.pk)).content.decode()
    assert not any(page(kind, bodies.nation) in text for kind in KINDS)
    office.force_login(cast.auditor)
    text = office.get(url("organization", "change", bodies.city.pk)).content.decode()
    assert not any(page(kind, bodies.city) in text for kind in KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_looking_changes_nothing_and_asks_for_what_is_missing(office, bodies, kind):
    before = list(Organization.objects.order_by("pk").values())
    assert office.get(page(kind, bodies.county)).status_code == 200
    empty = office.post(page(kind, bodies.county), {})
    assert "reason" in empty.context["form"].errors
    assert list(Organization.objects.order_by("pk").values()) == before


def test_moving_shows_its_effect_and_does_it_when_confirmed(office, bodies, owed):
    given = {"parent": bodies.other.pk}
    shown = look(office, "move", bodies.city, **given)
    assert dict(shown.context["lines"])["Organizations that come under another parent"] == 3
    assert fresh(bodies.city).parent == bodies.province
    assert f'name="parent" value="{bodies.other.pk}"' in shown.content.decode()
    answer = confirm(office, "move", bodies.city, **given)
    assert answer.status_code == 302
    assert fresh(bodies.city).parent == bodies.other
    assert "was moved" in said(office.get(answer.url))[0]


def test_going_back_keeps_what_was_chosen(office, bodies):
    answer = look(office, "move", bodies.city, parent=bodies.other.pk, back="1")
    assert answer.context["effect"] is None
    assert answer.context["form"]["parent"].value() == str(bodies.other.pk)


def test_merging_splitting_and_closing(office, bodies, owed):
    answer = confirm(office, "merge", bodies.county, into=bodies.sister.pk)
    assert answer.status_code == 302
    assert fresh(bodies.county).merged_into == bodies.sister
    given = {"code_1": "11a", "name_1": "新一市总工会", "code_2": "11b", "name_2": "新二市总工会", "closing": "on"}
    assert confirm(office, "split", bodies.city, **given).status_code == 302
    assert fresh(bodies.sister).parent.code == "11a"
    assert confirm(office, "close", Organization.objects.get(code="11b")).status_code == 302
    assert Organization.objects.get(code="11b").closed_on == timezone.localdate()


def test_a_refusal_stands_beside_its_field_with_what_was_typed(office, bodies):
    answer = look(office, "move", bodies.city, parent=bodies.county.pk)
    assert "stands below it" in answer.context["form"].errors["parent"][0]
    assert "区划调整" in answer.content.decode()
    answer = look(office, "close", bodies.city)
    assert "Move them first" in answer.context["form"].non_field_errors()[0]
    answer = look(office, "split", bodies.city, code_1="112", name_1="重码")
    assert "in use" in answer.context["form"].errors["code_1"][0]
    answer = look(office, "split", bodies.city, code_1="x y", name_1="")
    assert {"code_1", "name_1"} <= set(answer.context["form"].errors)
    answer = look(office, "split", bodies.city, code_1="x", name_1="某", name_2="无代码")
    assert "code_2" in answer.context["form"].errors
    assert look(office, "move", bodies.city, parent="9" * 30).status_code == 200
    assert look(office, "move", bodies.city, parent=bodies.other.pk, reason="\x00").context["form"].errors["reason"]


def test_a_stale_look_is_told_and_shown_anew(office, bodies, owed):
    mark = look(office, "merge", bodies.county, into=bodies.sister.pk).context["effect"].mark
    place("1111", "某村工会", "grassroots", bodies.county)
    given = {"into": bodies.sister.pk, "reason": "区划调整", "confirm": "1"}
    for seen in (mark, "", "x"):
        answer = office.post(page("merge", bodies.county), given | {"seen": seen})
        assert "Something has changed" in said(answer)[0]
        assert answer.context["effect"].bodies == 1
    assert fresh(bodies.county).closed_on is None


def test_out_of_scope_is_not_there_and_no_end_of_an_act(local, bodies):
    for kind in KINDS:
        assert local.get(page(kind, bodies.other)).status_code == 404
        assert local.post(page(kind, bodies.other), {"reason": "x"}).status_code == 404
        assert local.get(url("organization", kind, 10**17)).status_code == 404
        assert local.get(f"/admin/tracker/organization/{'9' * 40}/{kind}/").status_code == 404
    answer = look(local, "move", bodies.city, parent=bodies.other.pk)
    assert "parent" in answer.context["form"].errors  # not among the choices
    assert fresh(bodies.city).parent == bodies.province


@pytest.mark.parametrize("who", ["reporter", "leader", "reviewer", "supervisor", "auditor"])
@pytest.mark.parametrize("kind", KINDS)
def test_administrators_alone_reorganize(sign_in, bodies, who, kind):
    client = sign_in(who)
    assert client.get(page(kind, bodies.county)).status_code in (302, 403, 404)
    assert client.post(page(kind, bodies.county), {"reason": "x", "confirm": "1"}).status_code in (302, 403, 404)
    assert fresh(bodies.county).closed_on is None


def test_a_closed_body_is_offered_nowhere_and_can_be_read(office, bodies, tasks):
    Closing(fresh(bodies.county), by=None, reason="撤销").carry_out()
    query = {"app_label": "tracker", "model_name": "assignment", "field_name": "organization", "term": "甲县"}
    assert office.get(reverse("admin:autocomplete"), query).json()["results"] == []
    query["term"] = "乙县"
    assert len(office.get(reverse("admin:autocomplete"), query).json()["results"]) == 1
    new = {"task": tasks[0].pk, "organization": bodies.county.pk, "part": "lead"}
    answer = office.post(url("assignment", "add"), new)
    assert "organization" in answer.context["adminform"].form.errors
    Assignment.objects.assign(tasks[:1], Organization.objects.all(), by=None)
    assert Assignment.objects.count() == 7
    assert not Assignment.objects.filter(organization=bodies.county).exists()
    child = {"code": "c", "name": "某", "level": "grassroots", "line": "territorial", "parent": bodies.county.pk}
    assert "parent" in office.post(url("organization", "add"), child).context["adminform"].form.errors
    assert look(office, "move", bodies.sister, parent=bodies.county.pk).context["form"].errors["parent"]
    assert office.get(url("organization", "change", bodies.county.pk)).status_code == 200


def test_the_list_narrows_by_kind_and_by_closed(office, bodies):
    Organization.objects.filter(pk=bodies.sister.pk).update(kind="park")
    Closing(fresh(bodies.county), by=None, reason="撤销").carry_out()
    changelist = url("organization", "changelist")
    assert set(office.get(changelist, {"closed": "yes"}).context["cl"].result_list) == {bodies.county}
    assert bodies.county not in office.get(changelist, {"closed": "no"}).context["cl"].result_list
    assert set(office.get(changelist, {"kind": "park"}).context["cl"].result_list) == {bodies.sister}


def test_a_wrong_credit_code_is_told_beside_its_field(office, bodies):
    change = url("organization", "change", bodies.county.pk)
    common = {"name": "甲县总工会", "short_name": "", "level": "county", "contact": "", "telephone": "", "kind": ""}
    answer = office.post(change, common | {"credit_code": "91350100M000100Y44"})
    assert "does not fit" in answer.context["adminform"].form.errors["credit_code"][0]
    assert "91350100M000100Y44" in answer.content.decode()
    assert office.post(change, common | {"credit_code": " 91350100m000100y43 "}).status_code == 302
    assert fresh(bodies.county).credit_code == "91350100M000100Y43"
    assert office.post(change, common | {"credit_code": ""}).status_code == 302
    assert fresh(bodies.county).credit_code is None


def test_what_became_of_a_body_stands_on_its_page(client, bodies, cast, owed):
    from tracker.models.reorganizing import Merging, Part, Splitting

    Splitting(fresh(bodies.county), parts=[Part("111a", "新县总工会")], by=None, reason="拆分").carry_out()
    Merging(fresh(bodies.county), into=fresh(bodies.sister), by=None, reason="合并").carry_out()
    client.force_login(cast.reporter)
    client.cookies["django_language"] = "en"
    for address in (bodies.county.get_absolute_url(), "/"):
        text = client.get(address).content.decode()
        assert "merged into" in text
        assert f"To report for {bodies.sister}" in text
    client.force_login(cast.supervisor)
    text = client.get("/organizations/111a/").content.decode()
    assert f'split from: <a href="{bodies.county.get_absolute_url()}">' in text
    assert "To report for" not in client.get(bodies.county.get_absolute_url()).content.decode()
    assert Entry.objects.filter(assignment__organization=bodies.county).count() == 4
