"""Every page × every role × where its object lies: made from the pages there are and the table in access.py.

Whether a role may is read from that table; where it may is reckoned by `world.World`, which climbs from parent to
parent and asks nothing of the product's own scopes. Who lacks the role gets 403, what lies out of scope is 404, who has
not signed in is led to do so; everything else opens, and says nothing of what lies out of scope.
"""

import logging
import re
from contextlib import contextmanager

import pytest
from django.core.checks import run_checks
from django.db import connection, transaction
from django.urls import reverse

from tests.tracker.office import filled
from tests.tracker.world import BODIES, OF_BODIES, ONCE, PLACES, SEATS, UNNAMED, address, lies_somewhere, make
from tracker import access
from tracker.checks import pages
from tracker.models import (
    Assignment,
    ComparisonRule,
    Digest,
    Entry,
    Erasure,
    Event,
    Evidence,
    Membership,
    Operation,
    Organization,
    User,
)

MODELS = {
    "organization": Organization,
    "assignment": Assignment,
    "entry": Entry,
    "event": Event,
    "user": User,
    "membership": Membership,
    "operation": Operation,
    "evidence": Evidence,
    "erasure": Erasure,
    "digest": Digest,
    "comparisonrule": ComparisonRule,
}
PAGES = sorted(set(pages()) - UNNAMED, key=lambda page: ("logout" in page, page))  # who signed out asks no more
SEPARATED = [(role, "city") for role in access.SEPARATED] + [("superuser", "")]  # whom SEPARATE_DUTIES concerns
CONFIGURED = [(False, seat) for seat in SEATS] + [(True, seat) for seat in SEPARATED]
pytestmark = pytest.mark.django_db  # so that the database is made; the world below it is one for all
NAMES = [f"{role or 'nobody'}@{at}{'-apart' * apart}" for apart, (role, at) in CONFIGURED]
everyone = pytest.mark.parametrize(("separate", "seat"), CONFIGURED, ids=NAMES)
SENT_ALONE = ("nudge_answer", "evidence_change", "erasure")
OF_THE_ROOT = ("task", "period", "holiday", "plan", "area", "heading", "figure")


@pytest.fixture(scope="module")
def made(django_db_setup, django_db_blocker):
    """The world, in one transaction that is rolled back at the end; each request in a savepoint of its own. Thousands
    of refusals are expected, so nothing is said of them."""
    logging.disable()
    with django_db_blocker.unblock(), transaction.atomic():
        yield make()
        transaction.set_rollback(True)
    logging.disable(logging.NOTSET)


@pytest.fixture
def world(made, settings, separate):
    made.separate = settings.SEPARATE_DUTIES = separate
    return made


@contextmanager
def undone(who):
    """What is written here is taken back; yields the list of tables written to, sessions and logs aside."""
    written, cookies = [], who.client.cookies.copy()

    def watch(execute, sql, params, many, context):
        table = re.match(r'\s*(?:INSERT INTO|UPDATE|DELETE FROM) "(\w+)"', sql)
        if table and table[1] not in ("django_session", "tracker_operation", "axes_accesslog"):
            written.append(table[1])
        return execute(sql, params, many, context)

    with transaction.atomic(), connection.execute_wrapper(watch):
        yield written
        transaction.set_rollback(True)
    who.client.cookies = cookies


def cells(world, seat, *, posted=False):
    """(page, where its object lies, the body whose it is) for somebody. Pages that show no body's object once, and
    once those that the role may not open at all; sending by one's own and a neighbour's; duties apart where that
    changes the answer."""
    who = world.people[seat]
    for page in PAGES:
        needed = access.needed(page, posted=posted)
        if world.separate and not {access.GRANT, access.ADMINISTER} & set(needed):
            continue
        places = list(PLACES[seat[1]].items()) if lies_somewhere(page) else [("", "")]
        role_may = who.role != "anonymous" and world.may(who, *needed)
        if posted:
            places = [(place, body) for place, body in places if place in ("", "own", "sideways")]
        for place, body in places if role_may else places[:1]:
            yield page, place, body


def expected(world, who, page, body, *, posted=False):
    """What a page answers: "login", 401, 403, 404 or "open"."""
    needed = access.needed(page, posted=posted)
    sent = posted and page in ("sheet_save", "review_decide")
    if who.role == "anonymous" and (page.startswith("api") or sent):
        return 401  # programs and scripts are not led to a login page
    model, _line, view = page.removeprefix("admin:tracker_").partition("_")
    if page == "admin:login":  # leads to the one place to sign in, or in, or says that this is not yours
        return "login" if who.role == "anonymous" else "open" if world.may(who, access.INSPECT) else 403
    if (who.role == "anonymous" and access.ANYBODY not in needed) or (posted and page == "logout"):
        return "login"
    if not world.may(who, *needed):
        return 403
    if page in ("deputy_end", "notice", "token_revoke"):  # whose it is alone ends or reads it, and nobody here is
        return 404 if posted else "open"
    if page == "evidence":
        return "open" if posted else 404  # there is no file here; whose rows are seen is test_evidence's to say
    if page == "comparison_frozen" and posted:
        return "open"  # told that it is only read
    if page in SENT_ALONE and not posted:
        return "open"  # told that it is to be sent
    if page == "let_in" and body == who.seat != "nation":
        return 404  # nobody opens for their own body but the root
    if page == "brief_docx" and posted:
        return "open"  # told that nothing is sent to it
    if page == "choose_plan" and posted:
        return 404  # no plan is named
    if page in ("instruction", "instruction_erasure") and who.role == "reviewer" and body != who.seat:
        return 404  # whose reports one reviews, of those one hears no leader's notes
    if page == "matter" and world.is_asked(who, body):
        return "open"
    if body and not world.sees(who, body):
        return 404
    changes = view in ("add", "delete", "load", "template", "reword", "end", "merge", "import", "process_import")
    changes = changes or (view == "change" and posted)
    if model in OF_THE_ROOT and changes and who.seat not in ("nation", ""):
        return 403  # the plan and the calendar are the root's to change
    if page == "admin:tracker_comparisonrule_add" and who.seat == "city":
        return 403  # below it nobody would be compared by name
    if page == "admin:tracker_comparisonrule_change" and posted and body and body != (who.seat or "nation"):
        return 403  # nobody makes a rule for another body
    if page == "admin:tracker_period_delete":
        return 403  # it has opened, and its entries stay
    return "open"


def answered(response):
    body = b"".join(response.streaming_content) if response.streaming else response.content
    response.text_of = body.decode(errors="replace")  # a workbook is no text
    if response.status_code == 302 and re.match(r"/(accounts|admin)/login/", response.url):
        return "login"
    return response.status_code if response.status_code in (401, 403, 404, 500) else "open"


def test_every_page_is_known():
    """A page needs a row in access.py, and a word here on how it is addressed."""
    unknown = [page for page in PAGES if access.needed(page) is None]
    assert unknown == [], "add these to PAGES, BACK_OFFICE or BESIDE in tracker/access.py"
    unknown = [page for page in PAGES if lies_somewhere(page) is None]
    assert unknown == [], "say in tests/tracker/world.py how these are addressed (ONCE, BY_BODY or OF_BODIES)"
    gone = [page for page in (*access.PAGES, *ONCE) if page not in {*PAGES, *UNNAMED}]
    assert gone == [], "these have rows but are no pages any more"


def test_a_page_without_a_row_is_nobody_s(made, settings, monkeypatch):
    """Refused while it runs, and told by `manage.py check` before."""
    who = made.people["superuser", ""]
    assert who.client.get(reverse("plan", args=["18"])).status_code == 200
    assert "luoshi.E002" not in {message.id for message in run_checks()}
    monkeypatch.delitem(access.PAGES, "plan")
    monkeypatch.delitem(access.BACK_OFFICE, "event")
    for page in (reverse("plan", args=["18"]), reverse("admin:tracker_event_changelist")):
        assert who.client.get(page).status_code == 404
    said = " ".join(message.msg for message in run_checks() if message.id == "luoshi.E002")
    assert "'plan'" in said
    assert "'admin:tracker_event_change'" in said


def test_the_matrix_is_as_large_as_it_says(made):
    count = 0
    for made.separate, seat in CONFIGURED:
        count += len(list(cells(made, seat))) + len(list(cells(made, seat, posted=True)))
    assert count > 3_000, count


@everyone
def test_each_page_opens_for_whom_the_table_says_and_nobody_else(world, seat):
    who, wrong = world.people[seat], []
    for page, place, body in cells(world, seat):
        with undone(who) as written:
            response = who.client.get(address(world, page, body))
            got, want = answered(response), expected(world, who, page, body)
        if got != want:
            wrong.append(f"GET {page} {place}: {got}, not {want}")
        if written:
            wrong.append(f"GET {page} {place} wrote to {written}")
        if response.status_code == 200:
            asked = page in ("home", "matters", "matter")
            # a deputy may come from right above
            told = {"above": page == "account", "asked": asked, "below": page == "instruction_new"}
            briefed = page == "brief" and who.role == "leader"
            leaks = world.leaks(who, response.text_of, **told, briefed=briefed)
            wrong += [f"GET {page} {place} tells the {leak}" for leak in leaks]
    assert wrong == []


@everyone
def test_nothing_is_sent_where_the_table_says_no(world, seat):
    """An empty form is sent: what matters is who is let through to it."""
    who, wrong = world.people[seat], []
    for page, place, body in cells(world, seat, posted=True):
        with undone(who) as written:
            got = answered(who.client.post(address(world, page, body)))
            want = expected(world, who, page, body, posted=True)
        if got != want and (got, want) != (403, 404):
            wrong.append(f"POST {page} {place}: {got}, not {want}")
        if written and want != "open":
            wrong.append(f"POST {page} {place} wrote to {written}")
    assert wrong == []


# Lists and files: exactly the rows in scope.


def body_of(world, model, row):
    """The name of the body a row belongs to; none where only the root sees it."""
    key = {
        "organization": lambda: row.pk,
        "assignment": lambda: row.organization_id,
        "entry": lambda: row.assignment.organization_id,
        "event": lambda: row.assignment.organization_id,
        "user": lambda: row.memberships.values_list("organization", flat=True).first(),
        "membership": lambda: row.organization_id,
        "operation": lambda: row.acting_organization_id,
        "evidence": lambda: row.entry.assignment.organization_id,
        "erasure": lambda: row.entry.assignment.organization_id,
        "comparisonrule": lambda: row.organization_id,
        "digest": lambda: row.person.memberships.values_list("organization", flat=True).first(),
    }[model]()
    return next((name for name, body in world.bodies.items() if body.pk == key), None)


def in_scope(world, who, model):
    """The keys of all the rows somebody may see, reckoned row by row."""
    found, root = set(), who.seat in ("nation", "") and world.acts_as(who) != ""
    for row in MODELS[model]._base_manager.all():
        name = body_of(world, model, row)
        hidden = model == "entry" and row.state == "draft" and name != (who.seat or "nation")
        if (world.sees(who, name) if name else root) and not hidden:
            found.add(row.pk)
    return found


@everyone
def test_a_list_has_the_rows_in_scope_and_no_other(world, seat):
    who, wrong = world.people[seat], []
    for model in OF_BODIES:
        page = f"admin:tracker_{model}_changelist"
        if expected(world, who, page, "") == "open":
            with undone(who):
                text = answered(response := who.client.get(reverse(page))) and response.text_of
                found = set(map(int, re.findall(rf"/admin/tracker/{model}/(\d+)/change/", text)))
                if found != in_scope(world, who, model):
                    wrong.append(f"{model}: {sorted(found)}, not {sorted(in_scope(world, who, model))}")
    assert wrong == []


@everyone
def test_the_pages_and_files_of_the_site_have_the_rows_in_scope_and_no_other(world, seat):
    who, wrong = world.people[seat], []
    if not world.may(who, access.READ):
        pytest.skip("reads nothing")
    codes = world.codes_seen(who)

    def shown(page, pattern, *args):
        with undone(who):
            response = who.client.get(reverse(page, args=args))
            assert answered(response) == "open"
            return set(re.findall(pattern, response.text_of))

    if shown("task", r'href="/organizations/(\w+)/"', "18", "3.2.1") != codes:
        wrong.append("task")
    if shown("ledger", r'href="/organizations/(\w+)/"', "18") not in (codes, set()):
        wrong.append("ledger")
    keys = {str(key) for key in in_scope(world, who, "assignment")}
    if shown("ledger_csv", r",(\d+)-\d+-\d+\r\n", "18") != keys:
        wrong.append("ledger_csv")
    waits = {n for n in BODIES if BODIES[n][2] == who.seat} if who.role == "reviewer" else set()
    if shown("review", r'href="/entries/(\d+)/"') != {str(world.things[name].of["entry"].pk) for name in waits}:
        wrong.append("review")
    assert wrong == []


@everyone
def test_what_is_offered_to_choose_lies_in_scope(world, seat):
    who, wrong = world.people[seat], []
    for model, name, offered in (("assignment", "organization", "organization"), ("membership", "person", "user")):
        if not world.may(who, access.INSPECT):
            continue
        query = f"?app_label=tracker&model_name={model}&field_name={name}&term="
        rows, more = [], 1
        while more:
            with undone(who):
                answer = who.client.get(f"{reverse('admin:autocomplete')}{query}&page={more}").json()
            rows += answer["results"]
            more = answer["pagination"]["more"] and more + 1
        want = in_scope(world, who, offered)
        found = {int(row["id"]) for row in rows}
        if found != want:
            wrong.append(f"{model}.{name}: {sorted(found)}, not {sorted(want)}")
    assert wrong == []


# What is sent changes something for whom it may, where it may, and for nobody else.

MOVES = {
    ("save", "draft"): (access.LOG, "own"),
    ("submit", "draft"): (access.LOG, "own"),
    ("withdraw", "entry"): (access.LOG, "own"),
    ("accept", "entry"): (access.REVIEW, "reviews"),
    ("return", "entry"): (access.REVIEW, "reviews"),
}


@pytest.mark.parametrize(("separate", "seat"), [(False, seat) for seat in SEATS], ids=NAMES[: len(SEATS)])
def test_entries_move_by_the_hand_of_whom_they_wait_for(world, seat):
    who, wrong = world.people[seat], []
    for body in PLACES[seat[1]].values():
        for which in ("entry", "draft"):
            entry = world.things[body].of[which]
            entry.refresh_from_db()
            visible = world.sees(who, body) and (which == "entry" or body == (who.seat or "nation"))
            for action in ("save", "submit", "withdraw", "accept", "return", "reopen", "undo"):
                role, where = MOVES.get((action, which), (access.NOBODY, ""))
                here = {"own": body == who.seat, "reviews": BODIES[body][2] == who.seat}.get(where, False)
                data = {"action": action, "version": entry.version, "status": "in_progress"}
                data |= {"progress": "x", "comment": "y"}
                with undone(who) as written:
                    got = answered(who.client.post(reverse("entry", args=[entry.pk]), data))
                if bool(written) != (here and world.may(who, role)):
                    wrong.append(f"{action} {which} of {body}: wrote to {written}")
                want = expected(world, who, "entry", body if which == "entry" or visible else "", posted=True)
                want = want if visible or want in ("login", 403) else 404
                if got != want:
                    wrong.append(f"{action} {which} of {body}: {got}, not {want}")
    assert wrong == []


CHANGES = {
    "organization": {"contact": "改"},
    "assignment": {"responsible": "改"},
    "user": {"name": "改"},
    "membership": {"department": "改"},
    "task": {"due": "2028-01-01"},
    "plan": {"congress": "改"},
    "area": {"short": "改改改改"},
    "figure": {"unit": "改"},
    "holiday": {"name": "改"},
    "period": {"locks": "2099-01-01"},
    "comparisonrule": {"ended_on": "2099-01-01"},
}


@everyone
def test_the_back_office_changes_what_the_table_and_the_scope_allow(world, seat):
    """The form as its rightful owner would send it, sent by everybody."""
    who, wrong = world.people[seat], []
    for model, changes in CHANGES.items():
        page = f"admin:tracker_{model}_change"
        places = list(PLACES[seat[1]].values()) if model in OF_BODIES else [""]
        for body in places if world.may(who, *access.needed(page, posted=True)) else places[:1]:
            want = expected(world, who, page, body, posted=True)
            with undone(who) as written:
                got = answered(who.client.post(address(world, page, body), form_of(world, page, body) | changes))
            if got != want or bool(written) != (want == "open"):
                wrong.append(f"{page} of {body}: {got}, not {want}, wrote to {written}")
    assert wrong == []


FORMS = {}


def form_of(world, page, body):
    """What the page holds for the administrator of the root, or who changes accounts there."""
    if (page, body) not in FORMS:
        FORMS[page, body] = read_form(world, page, body)
    return FORMS[page, body]


def read_form(world, page, body):
    model = page.split("_")[1]
    owner = "superuser" if world.separate and model in ("user", "membership") else "administrator"
    who = world.people[owner, "" if owner == "superuser" else "nation"]
    with undone(who):
        response = who.client.get(address(world, page, body))
        return filled(response)


@everyone
def test_roles_are_taken_and_passwords_set_and_entries_excused_by_whom_it_is_for(world, seat):
    who, wrong = world.people[seat], []
    password = {"new_password1": "a-long-password", "new_password2": "a-long-password"}
    for body in PLACES[seat[1]].values():
        entry = world.things[body].of["entry"]
        excused = {"action": "excuse", "_selected_action": entry.pk, "seen": f"{entry.pk}:2", "comment": "x"}
        for page, data in (
            ("admin:tracker_membership_delete", {"post": "yes"}),
            ("admin:tracker_user_password", password),
            ("admin:tracker_entry_changelist", excused),
        ):
            of = "" if page.endswith("list") else body
            want = expected(world, who, page, of, posted=True)
            own = body == who.seat and body != "nation"  # nobody excuses their own body but the root
            may = want == "open" and (bool(of) or (world.sees(who, body) and not own))
            with undone(who) as written:
                got = answered(who.client.post(address(world, page, of), data))
            if got != want or bool(written) != may:
                wrong.append(f"{page} of {body}: {got}, not {want}, wrote to {written}")
    assert wrong == []
