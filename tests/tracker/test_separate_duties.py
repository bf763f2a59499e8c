"""三员分立: with SEPARATE_DUTIES on, system, security and audit are three roles that one account cannot combine."""

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ValidationError
from django.urls import reverse

from tests.conftest import person
from tests.tracker.office import faults, filled, url
from tracker.models import Membership, Role, User

TRIO = [Role.ADMINISTRATOR, Role.SECURITY, Role.AUDITOR]
PAIRS = [(held, wanted) for held in TRIO for wanted in TRIO if held != wanted]


@pytest.fixture
def apart(settings):
    settings.SEPARATE_DUTIES = True


@pytest.fixture
def security(client, apart, bodies, cast):
    """The client as the root's security administrator."""
    client.force_login(person("security", bodies.nation, Role.SECURITY))
    return client


@pytest.mark.parametrize(("held", "wanted"), PAIRS)
def test_a_role_is_refused_to_who_holds_another_of_the_three(apart, bodies, held, wanted):
    somebody = person("somebody", bodies.nation, held)
    with pytest.raises(ValidationError) as refusal:
        Membership(person=somebody, organization=bodies.city, role=wanted).full_clean()
    assert list(refusal.value.message_dict) == ["role"]
    Membership(person=somebody, organization=bodies.city, role=held).full_clean()
    Membership(person=somebody, organization=bodies.city, role=Role.REPORTER).full_clean()


@pytest.mark.parametrize(("held", "wanted"), PAIRS)
def test_without_the_setting_one_person_may_hold_all_three(bodies, held, wanted):
    somebody = person("somebody", bodies.nation, held)
    Membership(person=somebody, organization=bodies.city, role=wanted).full_clean()


def test_a_role_changes_into_another_of_the_three(apart, bodies):
    held = person("somebody", bodies.nation, Role.ADMINISTRATOR).memberships.get()
    held.role = Role.AUDITOR
    held.full_clean()


def test_the_form_of_a_membership_says_it_beside_the_role(security, cast, bodies):
    page = security.get(url("membership", "add"))
    given = {"person": cast.auditor.pk, "organization": bodies.city.pk, "role": "administrator"}
    assert list(faults(security.post(url("membership", "add"), filled(page, **given)))) == ["role"]
    assert cast.auditor.memberships.count() == 1


def rows(*roles, organization):
    given = {"memberships-TOTAL_FORMS": str(len(roles))}
    for number, role in enumerate(roles):
        given |= {f"memberships-{number}-role": role, f"memberships-{number}-organization": organization.pk}
    return given


def test_two_of_the_three_given_on_one_page_are_refused(security, bodies):
    account = {"username": "new", "password1": "a-very-long-password", "password2": "a-very-long-password"}
    page = security.get(url("user", "add"))
    both = filled(page, **account, **rows("administrator", "auditor", organization=bodies.city))
    answer = security.post(url("user", "add"), both)
    assert answer.status_code == 200
    assert answer.context["inline_admin_formsets"][0].formset.non_form_errors()
    assert not User.objects.filter(username="new").exists()
    one = filled(page, **account, **rows("administrator", "reporter", organization=bodies.city))
    assert security.post(url("user", "add"), one).status_code == 302


def test_an_administrator_gives_no_roles_and_sets_no_passwords(client, apart, cast):
    client.force_login(cast.administrator)
    assert client.get(url("user", "changelist")).status_code == 200
    for page in (url("user", "add"), url("membership", "add"), url("user", "password", cast.reporter.pk)):
        assert client.get(page).status_code == 403
    assert client.get(url("organization", "add")).status_code == 200


def test_a_security_administrator_gives_roles_and_changes_nothing_else(security, cast, bodies):
    assert security.get(url("user", "add")).status_code == 200
    assert security.get(url("user", "password", cast.reporter.pk)).status_code == 200
    assert security.get(url("organization", "change", bodies.city.pk)).status_code == 200
    for page in (url("organization", "add"), url("task", "add"), url("operation", "changelist")):
        assert security.get(page).status_code == 403


def test_a_security_administrator_excuses_nothing(owed, bodies):
    from tracker.models import Entry

    assert not Entry.objects.excusable_by(person("security", bodies.nation, Role.SECURITY)).exists()
    assert Entry.objects.excusable_by(person("system", bodies.nation, Role.ADMINISTRATOR)).exists()


def test_a_superuser_stands_in_for_security_until_the_root_has_its_own(apart, bodies, cast):
    root = User.objects.create_superuser("root")
    assert (root.role, root.may_grant, root.may_administer) == ("security", True, False)
    person("below", bodies.city, Role.SECURITY)
    assert User.objects.get(pk=root.pk).role == "security"
    person("security", bodies.nation, Role.SECURITY)
    again = User.objects.get(pk=root.pk)
    assert (again.role, again.may_grant, again.may_inspect) == ("", False, False)


def test_a_superuser_without_a_role_opens_nothing_once_there_is_one(client, apart, bodies, cast):
    person("security", bodies.nation, Role.SECURITY)
    client.force_login(User.objects.create_superuser("root"))
    assert client.get(reverse("home")).status_code == 200
    assert client.get(reverse("admin:index")).status_code == 403


def warned(settings):
    return {message.msg.split("'")[1] for message in run_checks(databases=["default"]) if message.id == "luoshi.W001"}


def test_the_check_names_the_accounts_that_combine(settings, bodies, cast):
    Membership.objects.create(person=cast.administrator, organization=bodies.city, role=Role.AUDITOR)
    Membership.objects.create(person=cast.auditor, organization=bodies.city, role=Role.REPORTER)
    person("root", bodies.nation, Role.SECURITY, is_superuser=True)
    assert warned(settings) == set()
    settings.SEPARATE_DUTIES = True
    assert warned(settings) == {"administrator", "root"}
    combining = Membership.objects.combining()
    assert {held.person for held in combining} == {cast.administrator}
    assert combining.count() == 2
