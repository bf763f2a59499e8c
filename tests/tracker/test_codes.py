"""One-time codes: who hands them out to whom, how long and how often they work, and what a wrong one says."""

import datetime as dt
import re

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from tests.conftest import person
from tests.tracker.office import url
from tracker.models import Membership, OneTimeCode, Role, TransitionRefused, User
from tracker.models.codes import LETTERS, digest_of, new_code

NEW = "quite-another-password"


@pytest.fixture
def chiefs(bodies, cast):
    """An administrator each in the nation (conftest's), the province, the city and the county."""
    made = {name: person(f"admin-{name}", getattr(bodies, name), Role.ADMINISTRATOR) for name in ("province", "city")}
    made["peer"] = person("admin-peer", bodies.city, Role.ADMINISTRATOR)
    made["county"] = person("admin-county", bodies.county, Role.ADMINISTRATOR)
    made["other"] = person("admin-other", bodies.other, Role.ADMINISTRATOR)
    return made | {"nation": cast.administrator}


def given(by, to):
    return OneTimeCode.hand_out(to, by=by)[1]


def post(client, **changes):
    data = {"username": "reporter", "code": "x", "password1": NEW, "password2": NEW}
    return client.post(reverse("code"), data | changes)


def test_a_code_has_eighty_bits_in_letters_nobody_mistakes():
    assert len(LETTERS) == len(set(LETTERS)) == 32
    assert not set("01IO") & set(LETTERS)
    assert re.fullmatch(r"[2-9A-Z]{4}(-[2-9A-Z]{4}){3}", new_code())
    assert len({new_code() for _n in range(1000)}) == 1000


def test_only_its_digest_is_kept(cast):
    row, code = OneTimeCode.hand_out(cast.reporter, by=cast.administrator)
    kept = str(OneTimeCode.objects.values().get())
    assert code not in kept
    assert code.replace("-", "") not in kept
    assert row.digest == digest_of(code)


@pytest.mark.parametrize(
    "typed", [str.lower, lambda c: c.replace("-", " "), lambda c: c.replace("-", ""), lambda c: f" {c} "]
)
def test_it_works_as_people_type_it(client, cast, typed):
    code = given(cast.administrator, cast.reporter)
    answer = post(client, code=typed(code))
    assert answer.headers["Location"] == reverse("login")
    newest = cast.reporter.history.first()
    assert (newest.history_user, bool(newest.history_change_reason)) == (cast.reporter, True)
    signed = client.post(reverse("login"), {"username": "reporter", "password": NEW})
    assert signed.headers["Location"] == "/"


def test_full_width_letters_are_the_same_letters():
    assert digest_of("ＡＢＣＤ－２３４５") == digest_of("abcd2345")


def test_it_works_once(client, cast):
    code = given(cast.administrator, cast.reporter)
    assert post(client, code=code).status_code == 302
    again = post(client, code=code, password1="a-third-password", password2="a-third-password")
    assert again.context["form"].non_field_errors()
    cast.reporter.refresh_from_db()
    assert cast.reporter.check_password(NEW)


def test_a_new_one_voids_those_before(client, cast):
    first, second = given(cast.administrator, cast.reporter), given(cast.administrator, cast.reporter)
    assert post(client, code=first).status_code == 422
    assert post(client, code=second).status_code == 302


def test_a_reset_lasts_a_day_and_an_invitation_fourteen(cast):
    now = timezone.now()
    for days, person_ in ((1, cast.reporter), (14, User.objects.create_user("fresh", name="新人"))):
        row, code = OneTimeCode.hand_out(person_, by=cast.administrator, at=now)
        assert row.expires_at - now == dt.timedelta(days)
        assert row.purpose == ("reset" if days == 1 else "invitation")
        late = now + dt.timedelta(days)
        assert OneTimeCode.redeem(person_.username, code, NEW, at=late) is None
        assert OneTimeCode.redeem(person_.username, code, NEW, at=late - dt.timedelta(seconds=1)) == person_


def test_every_wrong_way_gets_the_same_sentence(client, cast):
    """Whether the name exists, the account is closed, the code is another's, used or expired: nobody learns which."""
    OneTimeCode.hand_out(cast.leader, by=cast.administrator, at=timezone.now() - dt.timedelta(2))
    foreign, mine = given(cast.administrator, cast.reviewer), given(cast.administrator, cast.reporter)
    closed = given(cast.administrator, cast.outsider)
    User.objects.filter(pk=cast.outsider.pk).update(is_active=False)
    pages = [
        post(client, username="nobody", code=mine),
        post(client, username="reporter", code=foreign),
        post(client, username="outsider", code=closed),
        post(client, username="leader", code="ABCD-EFGH-JKLM-NPQR"),
        post(client, username="REPORTER", code="——"),
    ]
    assert {(page.status_code, str(page.context["form"].errors)) for page in pages} == {
        (422, str(pages[0].context["form"].errors))
    }
    assert set(pages[0].context["form"].errors) == {"__all__"}
    assert post(client, code=mine).status_code == 302


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"password2": "something else"}, "password2"),
        ({"password1": "12345", "password2": "12345"}, "password1"),
        ({"password1": "reporter-1", "password2": "reporter-1"}, "password1"),
        ({"password1": "", "password2": ""}, "password1"),
        ({"password1": "\x00" * 12, "password2": "\x00" * 12}, "password1"),
        ({"username": "re\x00porter"}, "username"),
        ({"username": ""}, "username"),
        ({"username": "x" * 200}, "username"),
        ({"code": ""}, "code"),
        ({"code": "A" * 100_000}, "code"),
        ({"code": "A\x00B"}, "code"),
    ],
)
def test_bad_input_is_named_beside_its_field_and_the_code_still_works(client, cast, changes, field):
    code = given(cast.administrator, cast.reporter)
    page = post(client, **{"code": code} | changes)
    assert page.status_code == 422
    assert field in page.context["form"].errors
    assert post(client, code=code).status_code == 302


def test_guessing_is_locked_for_name_and_address_like_the_login(client, cast):
    code = given(cast.administrator, cast.reporter)
    statuses = [post(client, code=f"WRONG{number}").status_code for number in range(settings.AXES_FAILURE_LIMIT)]
    assert statuses[-1] == 429
    assert post(client, code=code).status_code == 429
    assert not User.objects.get(pk=cast.reporter.pk).check_password(NEW)
    assert post(client, username="leader", code="x").status_code == 422  # the others of the office go on
    assert client.post(reverse("login"), {"username": "reporter", "password": "a-long-password"}).status_code == 429


def test_a_code_handed_out_lifts_the_lock(client, cast):
    for _try in range(settings.AXES_FAILURE_LIMIT):
        client.post(reverse("login"), {"username": "reporter", "password": "wrong"})
    client.force_login(cast.administrator, backend="django.contrib.auth.backends.ModelBackend")
    page = client.post(url("user", "code", cast.reporter.pk))
    client.logout()
    assert post(client, code=page.context["code"]).status_code == 302


def test_who_is_signed_in_elsewhere_is_signed_out_by_it(client, cast, sign_in):
    sign_in("reporter")
    OneTimeCode.redeem("reporter", given(cast.administrator, cast.reporter), NEW)
    assert client.get("/").status_code == 302


# Who hands out to whom.


@pytest.mark.parametrize(
    ("by", "to", "may"),
    [
        ("county", "reporter", True),
        ("city", "reporter", True),
        ("nation", "reporter", True),
        ("other", "reporter", False),
        ("county", "reviewer", False),
        ("city", "admin-county", True),
        ("county", "admin-county", False),  # oneself
        ("city", "admin-peer", False),  # an administrator of the same body
        ("city", "admin-province", False),
        ("province", "admin-peer", True),
        ("nation", "admin-peer", True),
        ("nation", "administrator", False),  # oneself, at the root too
        ("nation", "second", True),  # at the root from a colleague
        ("nation", "root", False),  # a superuser
        ("province", "administrator", False),
    ],
)
def test_the_next_administrator_up_hands_out(client, chiefs, bodies, by, to, may):
    person("second", bodies.nation, Role.ADMINISTRATOR)
    person("root", bodies.county, Role.REPORTER, is_superuser=True)
    who, whom = chiefs[by], User.objects.get(username=to)
    assert User.objects.invitable_by(who).filter(pk=whom.pk).exists() == may
    client.force_login(who, backend="django.contrib.auth.backends.ModelBackend")
    for method in (client.get, client.post):
        answer = method(url("user", "code", whom.pk))
        assert answer.status_code == (200 if may else answer.status_code)
        assert may or answer.status_code in (403, 404)
    assert OneTimeCode.objects.filter(person=whom).exists() == may
    if not may:
        with pytest.raises(TransitionRefused):
            OneTimeCode.hand_out(whom, by=who)


@pytest.mark.parametrize("name", ["reporter", "leader", "reviewer", "supervisor", "auditor"])
def test_no_other_role_hands_out(cast, name):
    with pytest.raises(TransitionRefused):
        OneTimeCode.hand_out(cast.outsider, by=getattr(cast, name))


def test_looking_makes_none_and_the_code_is_shown_once(client, cast):
    client.force_login(cast.administrator, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(url("user", "code", cast.reporter.pk))
    assert page.status_code == 200
    assert not OneTimeCode.objects.exists()
    slip = client.post(url("user", "code", cast.reporter.pk))
    assert slip.context["code"] in slip.content.decode()
    assert slip.headers["Cache-Control"] == "no-store"
    assert slip.context["code"] not in client.get(url("user", "change", cast.reporter.pk)).content.decode()
    assert slip.context["code"] not in str(dict(client.session))


@pytest.mark.parametrize("key", ["0", "9" * 30, "x", "%00"])
def test_a_wrong_key_is_not_found(client, cast, key):
    client.force_login(cast.administrator, backend="django.contrib.auth.backends.ModelBackend")
    for page in ("code", "handover", "deputies"):
        assert client.get(f"/admin/tracker/user/{key}/{page}/").status_code == 404


def test_the_login_page_leads_to_it_and_it_needs_no_signing_in(client, db):
    assert reverse("code") in client.get(reverse("login")).content.decode()
    page = client.get(reverse("code"))
    assert page.status_code == 200
    assert "管理员" in page.content.decode()


def test_codes_for_many_are_a_file_for_those_one_may_invite(client, chiefs, cast, bodies):
    people = User.objects.filter(username__in=["reporter", "leader", "reviewer", "admin-peer", "admin-city"])
    Membership.objects.filter(person=cast.leader).update(department="办公室")
    User.objects.filter(pk=cast.leader.pk).update(name="=HYPERLINK(1)")
    client.force_login(chiefs["city"], backend="django.contrib.auth.backends.ModelBackend")
    chosen = [user.pk for user in people]
    answer = client.post(url("user", "changelist"), {"action": "invite", "_selected_action": chosen})
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    lines = answer.content.decode().removeprefix("\ufeff").splitlines()
    assert [line.split(",")[0] for line in lines] == ["用户名", "leader", "reporter", "reviewer"]
    assert lines[1].startswith("leader,'=HYPERLINK(1),甲县总工会,")
    for line in lines[1:]:
        name, _name, _body, code, _until = line.split(",")
        assert OneTimeCode.redeem(name, code, NEW)
