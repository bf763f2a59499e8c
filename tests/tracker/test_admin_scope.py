"""Whom the back office lets change what: the root's records, one's own subtree, and nothing for an auditor."""

import pytest
from django.urls import reverse

from tests.conftest import person
from tests.tracker.office import filled, furnish, model_of, url
from tracker import access
from tracker.models import Assignment, Entry, Membership, Organization, Period, Plan, Role, Task, User

OF_THE_ROOT = ("plan", "area", "heading", "task", "figure", "holiday", "period")


@pytest.fixture
def office(owed, cast, content, tasks, bodies):
    return furnish(owed, cast, content, tasks, bodies)


@pytest.fixture
def province(client, bodies, office):
    """The client as administrator of the first province."""
    client.force_login(person("province-admin", bodies.province, Role.ADMINISTRATOR, name="省管理员"))
    return client


def everything():
    """All that an administrator can change, as values."""
    models = (Plan, Task, Assignment, Entry, Period, Organization, User, Membership)
    return [list(model._base_manager.order_by("pk").values()) for model in models]


def test_a_province_administrator_sees_their_province_alone(province, bodies, cast):
    assert province.get(url("organization", "changelist")).context["cl"].result_count == 5
    for body in (bodies.nation, bodies.other, bodies.union):
        for page, answer in (("change", 404), ("history", 404), ("delete", 403)):  # nobody deletes organizations
            assert province.get(url("organization", page, body.pk)).status_code == answer
    assert province.get(url("organization", "change", bodies.county.pk)).status_code == 200


def test_what_lies_out_of_scope_is_not_found_whatever_it_is(client, owed, cast, bodies):
    """Every assignment, entry, event, person and role here belongs to the first province."""
    furnished = Assignment.objects.get(task__code="3.2.1", organization=bodies.county)
    furnished.amend(by=cast.administrator, responsible="张三")
    client.force_login(person("other-admin", bodies.other, Role.ADMINISTRATOR))
    keys = {
        "assignment": furnished.pk,
        "entry": owed["3.2.1"].pk,
        "event": furnished.events.first().pk,
        "user": cast.reporter.pk,
        "membership": cast.reporter.memberships.first().pk,
    }
    for model, key in keys.items():
        for page in ("change", "history", "delete"):
            for method in ("GET", "POST"):
                needed = access.needed(f"admin:tracker_{model}_{page}", posted=method == "POST")
                answer = 403 if access.NOBODY in needed else 404
                assert client.generic(method, url(model, page, key)).status_code == answer, (model, page)
    assert client.get(url("user", "password", cast.reporter.pk)).status_code == 404
    for model in ("assignment", "entry", "event"):
        assert client.get(url(model, "changelist")).context["cl"].result_count == 0


def test_autocompletes_offer_what_lies_in_scope_and_parents_beside_names(province, bodies):
    address = reverse("admin:autocomplete")
    question = {"app_label": "tracker", "model_name": "assignment", "field_name": "organization", "term": "总工会"}
    offered = {row["id"]: row["text"] for row in province.get(address, question).json()["results"]}
    assert set(offered) == {str(b.pk) for b in (bodies.province, bodies.city, bodies.county, bodies.sister)}
    assert "甲县总工会" in offered[str(bodies.county.pk)]
    assert "示例一市总工会" in offered[str(bodies.county.pk)]
    people = province.get(address, question | {"model_name": "membership", "field_name": "person", "term": "外省"})
    assert people.json()["results"] == []


@pytest.mark.parametrize("term", ["%00", "x" * 60_000, "%F0%9F%98%80"])
def test_autocompletes_take_any_words(province, term):
    question = "?app_label=tracker&model_name=assignment&field_name=organization&term="
    assert province.get(reverse("admin:autocomplete") + question + term).status_code == 200


def test_a_choice_out_of_scope_is_refused_beside_its_field(province, bodies):
    page = province.get(url("organization", "add"))
    answer = province.post(
        url("organization", "add"),
        filled(page, code="119", name="丙县总工会", level="county", line="territorial", parent=bodies.other.pk),
    )
    assert list(answer.context["adminform"].form.errors) == ["parent"]
    assert not Organization.objects.filter(code="119").exists()


def test_a_province_administrator_does_not_change_what_is_the_root_s(province, tasks):
    before = everything()
    for model in OF_THE_ROOT:
        key = model_of(model)._default_manager.first().pk
        page = province.get(url(model, "change", key))
        assert page.status_code == 200
        assert b'name="_save"' not in page.content
        assert province.post(url(model, "change", key), {"status": "blocked", "reason": "x"}).status_code == 403
        assert province.get(url(model, "add")).status_code == 403
        assert province.post(url(model, "add"), {}).status_code == 403
        assert province.post(url(model, "delete", key), {"post": "yes"}).status_code == 403
    assert everything() == before


def test_a_province_administrator_does_not_open_periods(province, bodies, period):
    Assignment.objects.assign([Task.objects.first()], [bodies.city], by=None)
    Entry.objects.all().first()
    before = everything()
    data = {"action": "open_periods", "_selected_action": period.pk, "confirm": "1"}
    province.post(url("period", "changelist"), data)
    assert everything() == before


def test_what_stands_out_of_scope_may_go_on_standing(province, bodies, office):
    """The province's own assignment is reviewed by the nation, whom its administrator does not see."""
    Assignment.objects.assign([Task.objects.get(code="3.2.1")], [bodies.province], by=None)
    assignment = Assignment.objects.get(organization=bodies.province)
    page = province.get(url("assignment", "change", assignment.pk))
    answer = province.post(url("assignment", "change", assignment.pk), filled(page, responsible="李四"))
    assert answer.status_code == 302
    assignment.refresh_from_db()
    assert (assignment.responsible, assignment.reviewing) == ("李四", bodies.nation)


def test_an_auditor_s_posts_change_nothing(client, office, cast, bodies, tasks, period):
    client.force_login(cast.auditor)
    before = everything()
    entry = office["3.2.2"]
    for model in ("task", "assignment", "entry", "period", "organization", "user", "membership", "plan", "figure"):
        key = model_of(model)._default_manager.first().pk
        for page, args in (("change", [key]), ("add", []), ("delete", [key])):
            data = {"post": "yes", "name": "另一个", "status": "blocked", "reason": "x", "title": "x"}
            assert client.post(url(model, page, *args), data).status_code == 403, (model, page)
    assert client.post(url("user", "password", cast.reporter.pk), {"new_password1": "x"}).status_code == 403
    assert client.post("/plans/18/hand-down/", {"tasks": tasks[0].code}).status_code == 403
    for model, action, key in (
        ("task", "hand_down", tasks[0].pk),
        ("entry", "excuse", entry.pk),
        ("entry", "let_in", entry.pk),
        ("entry", "owe_again", entry.pk),
        ("period", "open_periods", period.pk),
        ("user", "delete_selected", 1),
    ):
        data = {"action": action, "_selected_action": key, "confirm": "1", "post": "yes"}
        data |= {"seen": f"{key}:1", "comment": "x", "until": "2026-12-31"}
        client.post(url(model, "changelist"), data)
    assert everything() == before


def test_a_history_takes_no_posts(client, office, cast, bodies):
    """simple-history saves what is posted to its page of one version, even for people who may only look."""
    client.force_login(cast.auditor)
    version = bodies.county.history.first()
    address = f"{url('organization', 'history', bodies.county.pk)}{version.pk}/"
    before = everything()
    for method in (client.get, client.post):
        assert method(address, {"name": "改名", "level": "county", "code": "x"}).status_code in (302, 404)
    assert everything() == before


def test_a_superuser_without_membership_acts_for_the_root(client, office):
    client.force_login(User.objects.create_superuser("root", password="a-long-password"))
    page = client.get(url("organization", "changelist"))
    assert page.context["cl"].result_count == Organization.objects.count()
    assert client.get(url("task", "add")).status_code == 200


def test_the_industrial_line_counts_as_subtree_too(client, office, bodies):
    client.force_login(person("union-admin", bodies.union, Role.ADMINISTRATOR))
    assert client.get(url("organization", "change", bodies.school.pk)).status_code == 200
    assert client.get(url("organization", "change", bodies.county.pk)).status_code == 404
