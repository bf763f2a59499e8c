"""Rule 5: what each role sees and may touch, wherever its body stands. Tables; the cast is conftest's tree.

nation > province > city > county, sister
                  > school (also under the industrial union)
       > other
       > union (industrial)
"""

import pytest

from tests.conftest import person
from tracker.models import Assignment, Entry, Event, Organization, Role, User

EVERYBODY = {"nation", "province", "other", "union", "city", "county", "sister", "school"}

# role, place → the bodies seen, the bodies whose assignments are seen
SCOPES = [
    ("reporter", "county", {"county"}),
    ("reporter", "city", {"city"}),
    ("reporter", "nation", {"nation"}),
    ("leader", "county", {"county"}),
    ("leader", "nation", {"nation"}),
    ("reviewer", "county", {"county"}),
    ("reviewer", "city", {"city", "county", "sister"}),
    ("reviewer", "province", {"province", "city", "school"}),
    ("reviewer", "union", {"union"}),  # the school is reviewed by its parent
    ("reviewer", "nation", {"nation", "province", "other", "union"}),
    ("supervisor", "county", {"county"}),
    ("supervisor", "city", {"city", "county", "sister"}),
    ("supervisor", "province", {"province", "city", "county", "sister", "school"}),
    ("supervisor", "other", {"other"}),
    ("supervisor", "union", {"union", "school"}),
    ("supervisor", "school", {"school"}),
    ("supervisor", "nation", EVERYBODY),
    ("administrator", "city", {"city", "county", "sister"}),
    ("administrator", "union", {"union", "school"}),
    ("administrator", "nation", EVERYBODY),
    ("auditor", "city", {"city", "county", "sister"}),
    ("auditor", "nation", EVERYBODY),
]
# Whose entries a reporter also sees and writes, because nobody there reports: role, place → bodies directly below.
ON_BEHALF = {("reporter", "nation"): {"province", "other", "union"}}


@pytest.fixture
def logged(bodies, tasks, period):
    """Every body owes 3.2.1 and has one event; the county's entry is a draft, the sister's is submitted."""
    Assignment.objects.assign(tasks[:1], Organization.objects.all(), by=None)
    period.open()
    for name, state in (("county", "save_draft"), ("sister", "submit"), ("city", "save_draft"), ("school", "submit")):
        body = getattr(bodies, name)
        entry = Entry.objects.for_transition().get(assignment__organization=body)
        getattr(entry, state)(by=person(f"r-{name}", body, Role.REPORTER), version=1, status="not_started")
    for assignment in Assignment.objects.all():
        Event.record(assignment, action="amended", by=None)
    return bodies


def names(bodies, queryset, path):
    codes = {body.code: name for name, body in vars(bodies).items()}
    return {codes[code] for code in queryset.values_list(path, flat=True)}


@pytest.mark.parametrize(("role", "place", "seen"), SCOPES)
def test_each_role_sees_its_own_scope_and_nothing_else(logged, role, place, seen):
    user = person("somebody", getattr(logged, place), role)
    assert names(logged, Organization.objects.visible_to(user), "code") == seen
    assert names(logged, Assignment.objects.visible_to(user), "organization__code") == seen
    assert names(logged, Event.objects.visible_to(user), "assignment__organization__code") == seen
    drafts = {"county", "city"} - {place}
    assert names(logged, Entry.objects.visible_to(user), "assignment__organization__code") == (
        seen - drafts | ON_BEHALF.get((role, place), set())
    )
    rows = Organization.objects.visible_to(user)
    assert rows.count() == len(seen)  # nobody twice


@pytest.mark.parametrize(("role", "place", "seen"), SCOPES)
def test_the_scope_to_edit_is_not_the_scope_to_see(logged, role, place, seen):
    user = person("somebody", getattr(logged, place), role)
    administered = seen if role == "administrator" else set()
    assert names(logged, Organization.objects.editable_by(user), "code") == administered
    assert names(logged, Assignment.objects.editable_by(user), "organization__code") == administered
    own = {place} | ON_BEHALF.get((role, place), set()) if role == "reporter" else set()
    assert names(logged, Entry.objects.editable_by(user), "assignment__organization__code") == own
    excused = seen - ({place} if place != "nation" else set()) if role in ("supervisor", "administrator") else set()
    assert names(logged, Entry.objects.excusable_by(user), "assignment__organization__code") == excused
    waiting = {("reviewer", "city"): {"sister"}, ("reviewer", "province"): {"school"}}.get((role, place), set())
    assert names(logged, Entry.objects.reviewable_by(user), "assignment__organization__code") == waiting


def test_a_body_handed_to_another_reviewer_is_seen_by_that_one(logged):
    Assignment.objects.filter(organization=logged.county).update(reviewing=logged.other)
    other, city = person("a", logged.other, Role.REVIEWER), person("b", logged.city, Role.REVIEWER)
    assert names(logged, Organization.objects.visible_to(other), "code") == {"other", "county"}
    assert names(logged, Assignment.objects.visible_to(other), "organization__code") == {"other", "county"}
    assert names(logged, Organization.objects.visible_to(city), "code") == {"city", "sister"}


def test_the_events_of_a_draft_tell_nothing_of_its_content(logged):
    reviewer = person("somebody", logged.city, Role.REVIEWER)
    event = Event.objects.visible_to(reviewer).get(action="drafted", entry__assignment__organization=logged.county)
    assert event.content is None
    assert event.comment == ""


def test_somebody_without_a_role_sees_nothing(logged):
    nobody = User.objects.create_user("nobody")
    for record in (Organization, Assignment, Entry, Event):
        assert not record.objects.visible_to(nobody).exists()
    for scope in ("editable_by", "reviewable_by", "excusable_by"):
        assert not getattr(Entry.objects, scope)(nobody).exists()


def test_a_superuser_without_a_role_administers_the_root(logged):
    root = User.objects.create_superuser("root")
    assert (root.role, root.organization) == ("administrator", logged.nation)
    assert Organization.objects.visible_to(root).count() == len(EVERYBODY)
    assert not root.may_log
    assert not root.may_review


def test_the_role_acted_in_decides_and_not_the_sum_of_roles(logged):
    user = person("somebody", logged.county, Role.REPORTER)
    second = user.memberships.create(organization=logged.province, role=Role.SUPERVISOR)
    assert names(logged, Organization.objects.visible_to(user), "code") == {"county"}
    again = User.objects.get(pk=user.pk)
    again.acting = second
    assert len(names(logged, Organization.objects.visible_to(again), "code")) == 5
    assert not Entry.objects.editable_by(again).exists()
