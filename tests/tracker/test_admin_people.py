"""Organizations, people and their roles in the back office."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.conftest import person
from tests.tracker.office import faults, filled, url
from tracker.models import Membership, Organization, Role, User

PASSWORD = "a-very-long-password"


@pytest.fixture
def office(client, cast):
    client.force_login(cast.administrator)
    return client


@pytest.fixture
def province(client, cast, bodies):
    client.force_login(person("province-admin", bodies.province, Role.ADMINISTRATOR))
    return client


def save(client, model, key=None, **changes):
    address = url(model, "change", key) if key else url(model, "add")
    return client.post(address, filled(client.get(address), **changes))


# Organizations.


def test_an_organization_is_added_under_its_parent_with_a_path_of_its_own(office, bodies, cast):
    answer = save(office, "organization", code="119", name="丙县总工会", level="county", parent=bodies.city.pk)
    assert faults(answer) == {}
    made = Organization.objects.get(code="119")
    assert made.path.startswith(bodies.city.path)
    assert len(made.path) == len(bodies.city.path) + 4
    assert made.tier == bodies.city
    assert made.history.get().history_user == cast.administrator


def test_one_with_both_parents_stands_in_both_lines(office, bodies):
    place = {"level": "city", "line": "industrial", "parent": bodies.province.pk, "industry": bodies.union.pk}
    save(office, "organization", code="119", name="教育工会", **place)
    made = Organization.objects.get(code="119")
    assert made.industry_path.startswith(bodies.union.industry_path)


def test_an_organization_is_renamed_but_not_moved(office, bodies):
    bodies.city.refresh_from_db()
    before = Organization.objects.values("path", "parent", "code", "line", "last_child").get(pk=bodies.city.pk)
    answer = save(
        office,
        "organization",
        bodies.city.pk,
        name="改名市总工会",
        parent=bodies.other.pk,
        code="99",
        line="industrial",
        credit_code="91350100M000100Y43",
    )
    assert faults(answer) == {}
    assert Organization.objects.values("path", "parent", "code", "line", "last_child").get(pk=bodies.city.pk) == before
    renamed = Organization.objects.get(pk=bodies.city.pk)
    assert (renamed.name, renamed.credit_code) == ("改名市总工会", "91350100M000100Y43")
    page = office.get(url("organization", "history", bodies.city.pk)).content.decode()
    assert "示例一市总工会 → 改名市总工会" in page


def test_a_form_writes_what_it_changed_and_not_the_counter_of_children(office, bodies):
    """The counter may have moved on since the row was read, and a path must not be given twice."""
    with CaptureQueriesContext(connection) as queries:
        save(office, "organization", bodies.city.pk, name="改名市总工会")
    (update,) = [q["sql"] for q in queries if q["sql"].startswith('UPDATE "tracker_organization"')]
    assert "name" in update
    assert "last_child" not in update
    assert "path" not in update


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"parent": ""}, "parent"),
        ({"parent": "x"}, "parent"),
        ({"code": "1/2"}, "code"),
        ({"code": ".."}, "code"),
        ({"code": "111"}, "code"),
        ({"code": "改\x00"}, "code"),
        ({"name": "长" * 100_000}, "name"),
        ({"name": "改\x00"}, "name"),
        ({"level": "x"}, "level"),
        ({"credit_code": "9" * 19}, "credit_code"),
        ({"industry": "CITY"}, "industry"),
    ],
)
def test_a_wrong_organization_is_refused_beside_its_field(office, bodies, changes, field):
    good = {"code": "119", "name": "丙县总工会", "level": "county", "parent": bodies.city.pk}
    changes = {name: bodies.city.pk if value == "CITY" else value for name, value in changes.items()}
    answer = save(office, "organization", **good | changes)
    assert answer.status_code == 200
    assert field in faults(answer)
    assert Organization.objects.count() == 8


def test_two_without_a_credit_code_do_not_meet(office, bodies):
    for code in ("118", "119"):
        assert faults(save(office, "organization", code=code, name=code, level="county", parent=bodies.city.pk)) == {}


# People.


def new_person(client, organization=None, role="reporter", **changes):
    given = {"username": "new", "name": "新人", "password1": PASSWORD, "password2": PASSWORD}
    held = {
        "memberships-TOTAL_FORMS": "1",
        "memberships-0-organization": organization and organization.pk,
        "memberships-0-role": role,
        "memberships-0-department": "权益部",
    }
    return save(client, "user", **given | (held if organization else {}) | changes)


def test_a_person_is_added_with_a_role(office, bodies, client):
    answer = new_person(office, bodies.county)
    assert answer.status_code == 302
    made = User.objects.get(username="new")
    assert made.check_password(PASSWORD)
    assert not made.is_superuser
    held = made.memberships.get()
    assert (held.organization, held.role, held.department) == (bodies.county, "reporter", "权益部")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"username": "administrator"}, "username"),
        ({"username": "a b"}, "username"),
        ({"username": "x\x00"}, "username"),
        ({"username": "x" * 151}, "username"),
        ({"password2": "other"}, "password2"),
        ({"name": "长" * 100_000}, "name"),
        ({"password1": "123", "password2": "123"}, "password2"),
        ({"name": "改\x00"}, "name"),
    ],
)
def test_a_wrong_person_is_refused_beside_the_field(office, bodies, changes, field):
    answer = new_person(office, bodies.county, **changes)
    assert answer.status_code == 200
    assert field in faults(answer)
    assert not User.objects.filter(name="新人").exists()


def test_a_province_administrator_adds_people_with_a_role_in_the_province_alone(province, bodies):
    assert new_person(province, bodies.other).status_code == 200
    assert new_person(province, None).status_code == 200
    assert not User.objects.filter(username="new").exists()
    assert new_person(province, bodies.county, "administrator").status_code == 302
    assert User.objects.get(username="new").organization == bodies.county


def test_nobody_grants_what_only_a_superuser_has(office, province, cast, bodies):
    """Neither the root's administrators nor anybody below make superusers, whatever they post."""
    for who in (cast.administrator, User.objects.get(username="province-admin")):
        office.force_login(who)
        page = office.get(url("user", "change", cast.reporter.pk))
        assert "is_superuser" not in page.context["adminform"].form.fields
        data = filled(page, is_superuser="on", is_staff="on", groups="1", user_permissions="1")
        office.post(url("user", "change", cast.reporter.pk), data)
        new_person(office, bodies.county, username=f"by-{who.username}", is_superuser="on")
    assert not User.objects.filter(is_superuser=True).exists()
    assert User.objects.filter(username__startswith="by-").count() == 2


def test_a_superuser_makes_another(client, cast):
    client.force_login(User.objects.create_superuser("root", password=PASSWORD))
    assert save(client, "user", cast.auditor.pk, is_superuser="on").status_code == 302
    assert User.objects.get(pk=cast.auditor.pk).is_superuser


def test_a_superuser_is_changed_by_superusers_alone(office, bodies):
    root = person("root", bodies.county, Role.REPORTER, is_superuser=True)
    page = office.get(url("user", "change", root.pk))
    assert b'name="_save"' not in page.content
    assert office.post(url("user", "change", root.pk), {"name": "x"}).status_code == 403
    for method in (office.get, office.post):
        assert method(url("user", "password", root.pk), {"new_password1": PASSWORD}).status_code == 403
    assert User.objects.get(pk=root.pk).check_password("a-long-password")


def test_who_also_holds_a_role_elsewhere_is_shown_but_not_changed(province, cast, bodies):
    abroad = Membership.objects.create(person=cast.reporter, organization=bodies.other, role=Role.AUDITOR)
    page = province.get(url("user", "change", cast.reporter.pk))
    assert page.status_code == 200
    assert bodies.other.name not in page.content.decode()
    assert province.post(url("user", "change", cast.reporter.pk), {"name": "x"}).status_code == 403
    assert province.post(url("user", "password", cast.reporter.pk), {}).status_code == 403
    assert province.get(url("membership", "change", abroad.pk)).status_code == 404
    inside = cast.reporter.memberships.get(organization=bodies.county)
    assert province.post(url("membership", "change", inside.pk), {"role": "administrator"}).status_code == 403
    assert province.post(url("membership", "delete", inside.pk), {"post": "yes"}).status_code == 403
    refused = save(province, "membership", person=cast.reporter.pk, organization=bodies.city.pk, role="administrator")
    assert list(faults(refused)) == ["person"]


def test_who_holds_no_role_is_seen_from_the_root_alone(province, office, cast, bodies):
    nobody = User.objects.create_user("nobody", password=PASSWORD)
    office.force_login(User.objects.get(username="province-admin"))
    assert office.get(url("user", "change", nobody.pk)).status_code == 404
    office.force_login(cast.administrator)
    assert office.get(url("user", "change", nobody.pk)).status_code == 200


def test_a_person_s_roles_are_changed_and_taken_away_with_a_history(office, cast, bodies):
    held = cast.reviewer.memberships.get()
    page = office.get(url("user", "change", cast.reviewer.pk))
    answer = office.post(url("user", "change", cast.reviewer.pk), filled(page, **{"memberships-0-role": "supervisor"}))
    assert answer.status_code == 302
    held.refresh_from_db()
    assert held.role == "supervisor"
    page = office.get(url("user", "change", cast.reviewer.pk))
    office.post(url("user", "change", cast.reviewer.pk), filled(page, **{"memberships-0-DELETE": "on"}))
    assert not cast.reviewer.memberships.exists()
    given = office.get(url("user", "history", cast.reviewer.pk)).context["given"]
    assert [(row.history_type, row.role) for row in given] == [
        ("-", "supervisor"),
        ("~", "supervisor"),
        ("+", "reviewer"),
    ]
    assert given[0].history_user == cast.administrator


@pytest.mark.parametrize(
    "changes",
    [
        {"memberships-0-role": "king"},
        {"memberships-0-organization": "x"},
        {"memberships-0-organization": "9" * 30},
        {"memberships-0-department": "长" * 61},
        {"memberships-0-department": "改\x00"},
        {"memberships-0-id": "x"},
        {"memberships-0-id": "9" * 30},
        {"memberships-TOTAL_FORMS": "x"},
        {"memberships-TOTAL_FORMS": "99999999"},
    ],
)
def test_a_wrong_role_is_refused_and_changes_nothing(office, cast, changes):
    before = list(Membership.objects.order_by("pk").values())
    page = office.get(url("user", "change", cast.reviewer.pk))
    answer = office.post(url("user", "change", cast.reviewer.pk), filled(page, name="改名", **changes))
    assert answer.status_code == 200
    assert list(Membership.objects.order_by("pk").values()) == before
    assert User.objects.get(pk=cast.reviewer.pk).name == "审核人甲"


def test_the_same_role_twice_is_refused(office, cast, bodies):
    page = office.get(url("user", "change", cast.reviewer.pk))
    again = {"TOTAL_FORMS": "2", "1-organization": bodies.city.pk, "1-role": "reviewer", "1-person": cast.reviewer.pk}
    again = {f"memberships-{name}": value for name, value in again.items()}
    assert office.post(url("user", "change", cast.reviewer.pk), filled(page, **again)).status_code == 200
    assert cast.reviewer.memberships.count() == 1


def test_a_new_password_is_set_and_kept_in_the_history_without_it(office, cast):
    page = office.get(url("user", "password", cast.reporter.pk))
    assert page.status_code == 200
    short = office.post(url("user", "password", cast.reporter.pk), {"new_password1": "1", "new_password2": "1"})
    assert short.context["form"].errors
    data = {"new_password1": PASSWORD, "new_password2": PASSWORD}
    assert office.post(url("user", "password", cast.reporter.pk), data).status_code == 302
    cast.reporter.refresh_from_db()
    assert cast.reporter.check_password(PASSWORD)
    newest = cast.reporter.history.first()
    assert newest.history_change_reason
    assert newest.history_user == cast.administrator
    assert cast.reporter.password not in office.get(url("user", "history", cast.reporter.pk)).content.decode()


def test_setting_one_s_own_password_keeps_one_signed_in(office, cast):
    data = {"new_password1": PASSWORD, "new_password2": PASSWORD}
    office.post(url("user", "password", cast.administrator.pk), data)
    assert office.get(url("user", "changelist")).status_code == 200


def test_no_password_hash_is_shown(office, cast):
    assert cast.reporter.password[:12] not in office.get(url("user", "change", cast.reporter.pk)).content.decode()


def test_a_province_administrator_lists_the_people_of_the_province(province, cast):
    names = {person.username for person in province.get(url("user", "changelist")).context["cl"].result_list}
    assert names == {"reporter", "leader", "reviewer", "supervisor", "province-admin"}
