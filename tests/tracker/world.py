"""A small federation in which everything says whose it is, for the tests of permissions: who may open what, and where.

    nation > province > city > county, sister
                      > neighbour (a city)
                      > school (also under the industrial union)
           > other
           > union (industrial)

Every body's own things carry a mark: its name `示例11号`, what only its scope may read `密11密`, a draft `稿11稿`.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from typing import Any

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.conftest import place
from tracker import access
from tracker.models import (
    Area,
    Assignment,
    Blocker,
    Brief,
    Comparison,
    ComparisonRule,
    Deputy,
    Digest,
    Entry,
    Erasure,
    Event,
    Evidence,
    Extension,
    Figure,
    Heading,
    Holiday,
    Instruction,
    InstructionReply,
    Membership,
    Milestone,
    Notice,
    Nudge,
    Operation,
    Organization,
    Period,
    Plan,
    Task,
    Token,
    User,
)

BODIES = {
    "nation": ("0", "national", None, None),
    "province": ("1", "province", "nation", None),
    "other": ("2", "province", "nation", None),
    "union": ("U", "province", "nation", None),
    "city": ("11", "city", "province", None),
    "neighbour": ("12", "city", "province", None),
    "school": ("13", "city", "province", "union"),
    "county": ("111", "county", "city", None),
    "sister": ("112", "county", "city", None),
}
# Where an object lies, seen from a seat.
PLACES = {
    "city": {"own": "city", "below": "county", "above": "province", "sideways": "neighbour", "other line": "school"},
    "union": {"own": "union", "below": "school", "above": "nation", "sideways": "other", "other line": "county"},
    "nation": {"own": "nation", "below": "school"},
    "": {"own": "nation", "below": "county"},
}
ROLES = ("reporter", "leader", "reviewer", "supervisor", "administrator", "security", "auditor")
SEATS = [(role, "city") for role in ROLES]
SEATS += [(role, "union") for role in ("reviewer", "supervisor", "administrator")]
SEATS += [("administrator", "nation"), ("auditor", "nation"), ("superuser", ""), ("", ""), ("anonymous", "")]


@dataclass
class Person:
    """Somebody who asks; `role` and `seat` as the tests understand them, not as the product does."""

    role: str
    seat: str
    client: Client
    user: User | None = None

    def __str__(self) -> str:
        return f"{self.role or 'nobody'}@{self.seat}"


@dataclass
class Thing:
    """What one body has of each record."""

    body: Organization
    of: dict[str, Any] = field(default_factory=dict)  # model name → object


@dataclass
class World:
    bodies: dict[str, Organization]
    things: dict[str, Thing]
    root: dict[str, Any]  # model name → object, where records belong to no body
    people: dict[tuple[str, str], Person]
    separate: bool = False

    # The naive scope: up from a body, step by step, by its parents; never the product's own querysets.

    def climbs(self, name: str) -> set[str]:
        """The body and all above it, by either line."""
        found = set()
        for by_industry in (False, True):
            at: str | None = name
            while at:
                found.add(at)
                _code, _level, parent, industry = BODIES[at]
                at = (industry if by_industry else None) or parent
        return found

    def sees(self, who: Person, name: str) -> bool:
        """Whether a body lies in somebody's scope."""
        if self.acts_as(who) == "":
            return False
        seat = who.seat or "nation"
        if who.role in ("reporter", "leader"):
            return seat == name
        if who.role == "reviewer":
            return name == seat or BODIES[name][2] == seat  # who is above reviews
        return seat in self.climbs(name)

    def acts_as(self, who: Person) -> str:
        """A superuser without a role stands in; where duties are separate, as long as no security administrator is."""
        if who.role == "superuser":
            return "security" if self.separate else "administrator"
        return "" if who.role == "anonymous" else who.role

    def may(self, who: Person, *actions: str) -> bool:
        role = self.acts_as(who)
        marks = [access.ROLES[action][role] for action in actions if action in access.ROLES and role]
        open_to_all = {"anybody", "signed_in"} if who.role != "anonymous" else {"anybody"}
        return bool(open_to_all & set(actions)) or "yes" in marks or ("joined" in marks and not self.separate)

    def codes_seen(self, who: Person) -> set[str]:
        return {BODIES[name][0] for name in BODIES if self.sees(who, name)}

    def codes_named(self, who: Person) -> set[str]:
        """Bodies whose names may stand on somebody's pages: those seen, and those above them."""
        return {BODIES[above][0] for name in BODIES if self.sees(who, name) for above in self.climbs(name)}

    def is_asked(self, who: Person, name: str) -> bool:
        """Whether a body's matter lies with somebody's own, and they are of those who answer."""
        return who.role in ("leader", "reviewer", "supervisor") and BODIES[name][2] == who.seat

    def leaks(
        self,
        who: Person,
        text: str,
        *,
        above: bool = False,
        asked: bool = False,
        below: bool = False,
        briefed: bool = False,
    ) -> list[str]:
        """What a page says that is not this person's to read; `above`: it may name people of the bodies above;
        `asked`: it says what bodies ask of this person's own; `below`: it offers the names of the bodies below;
        `briefed`: it tells a leader of all below."""
        asking = {BODIES[name][0] for name in BODIES if asked and self.is_asked(who, name)}
        beneath = {BODIES[name][0] for name in BODIES if who.seat in self.climbs(name)}
        asking |= beneath if briefed else set()
        named = self.codes_named(who) | asking | (beneath if below else set())
        seen = named if above else self.codes_seen(who) | asking
        own = {BODIES[who.seat][0]} if who.seat else {"0"}
        said = [f"secret of {code}" for code in set(re.findall(r"密([\dU]+)密", text)) - seen]
        said += [f"draft of {code}" for code in set(re.findall(r"稿([\dU]+)稿", text)) - own]
        return said + [f"name of {code}" for code in set(re.findall(r"示例([\dU]+)号", text)) - named]


def make(separate: bool = False) -> World:
    bodies: dict[str, Organization] = {}
    for name, (code, level, parent, industry) in BODIES.items():
        bodies[name] = place(
            code,
            f"示例{code}号总工会",
            level,
            bodies.get(parent or ""),
            industry=bodies.get(industry or ""),
            line="industrial" if name in ("union", "school") else "territorial",
            contact=f"密{code}密",
        )
    root = make_plan()
    period = root["period"]
    Assignment.objects.assign(root["tasks"], Organization.objects.all(), by=None)
    period.open()
    things = {name: make_things(body, root["tasks"]) for name, body in bodies.items()}
    drafter = User.objects.create(username="drafter", password="!")
    Membership.objects.create(person=drafter, organization=bodies["nation"], role="supervisor")
    for thing in things.values():
        thing.of["brief"] = Brief.objects.draft(period, thing.body, by=drafter)
    people = {(role, seat): make_person(role, seat, bodies) for role, seat in SEATS}
    return World(bodies, things, root, people, separate)


def make_plan() -> dict[str, Any]:
    start, due = dt.date(2023, 10, 1), dt.date(2028, 10, 31)
    plan = Plan.objects.create(slug="18", title="规划", start=start, due=due)
    area = Area.objects.create(plan=plan, number=3, title="维权服务工作", short="维权服务")
    heading = Heading.objects.create(area=area, number=2, code="3.2", title="服务帮扶")
    places = {"plan": plan, "heading": heading, "start": start, "due": due}
    tasks = [Task.objects.create(code=f"3.2.{n}", position=n, wording=f"{n} 号举措", **places) for n in (1, 2)]
    figure = Figure.objects.create(plan=plan, slug="sites", position=1, name="示范点", unit="个", target=1)
    holiday = Holiday.objects.create(day=dt.date(2026, 10, 1), name="国庆节")
    today = timezone.localdate()
    near = dt.timedelta(20)
    period = Period.objects.create(plan=plan, code="2026Q4", opens=today - near, due=today + near, locks=today + near)
    made: dict[str, Any] = {"plan": plan, "area": area, "heading": heading, "task": tasks[0], "tasks": tasks}
    return made | {"figure": figure, "holiday": holiday, "period": period}


def make_things(body: Organization, tasks: list[Task]) -> Thing:
    """An assignment with a submitted entry, another with a draft, a reporter and a deputy, and a line of the log."""
    mark = f"密{body.code}密"
    user = User.objects.create(username=mark, name=mark, password="!")
    membership = Membership.objects.create(person=user, organization=body, role="reporter", department=mark)
    user.acting = membership
    own = Entry.objects.for_transition().filter(assignment__organization=body)
    entries = [own.get(assignment__task=task) for task in tasks]
    said = {"status": "in_progress", "progress": mark}
    entries[0].submit(by=user, version=1, **said)
    entries[1].save_draft(by=user, version=1, **said | {"progress": f"稿{body.code}稿"})
    Assignment.objects.filter(organization=body).update(responsible=mark, part="cooperating")
    event = Event.objects.filter(entry=entries[0]).first()
    operation = Operation.record("signed_in", None, by=user)
    milestone = Milestone.objects.create(assignment=entries[0].assignment, title=mark, due=timezone.localdate())
    stand_in = User.objects.create(username=f"代{mark}", name=mark, password="!")
    Membership.objects.create(person=stand_in, organization=body, role="leader", department=mark)
    today = timezone.localdate()
    deputy = Deputy.objects.create(membership=membership, person=stand_in, first=today, last=today)
    token, _secret = Token.make(by=user, name=mark, days=30)
    made = {
        "token": token,
        "organization": body,
        "assignment": entries[0].assignment,
        "entry": entries[0],
        "draft": entries[1],
    }
    return Thing(
        body,
        made
        | {"event": event, "user": user, "membership": membership, "operation": operation}
        | {"milestone": milestone, "deputy": deputy}
        | make_papers(body, entries[0], user, mark)
        | {"blocker": make_matter(body, entries[0], user, mark), "instruction": make_note(body, user, mark)}
        | make_comparison(body, entries[0].period),
    )


def make_comparison(body: Organization, period: Period) -> dict[str, Any]:
    """A rule and a result, with nobody named in it. Whom it compares may read by what authority."""
    authority, weights = f"示例{body.code}号办法", {"on_time": 40, "accepted": 30, "completed": 30}
    rule = ComparisonRule.objects.create(
        plan=period.plan, organization=body, authority=authority, starts_on=period.opens, **weights
    )
    told = {"authority": authority, "weights": weights, "groups": []}
    return {
        "comparisonrule": rule,
        "comparison": Comparison.objects.create(rule=rule, period=period, as_of=timezone.now(), **told),
    }


def make_matter(body: Organization, entry: Entry, user: User, mark: str) -> Blocker:
    """What the body asks of the one above it."""
    today = timezone.localdate()
    asked = {"reply_by": today - dt.timedelta(1), "asked_at": timezone.now(), "asked_by": user}
    return Blocker.objects.create(entry=entry, need=mark, holder=body.parent or body, **asked)


def make_note(body: Organization, user: User, mark: str) -> Instruction:
    """What its leader wrote to its own departments; it is overdue."""
    day = timezone.localdate() - dt.timedelta(1)
    said = {"text": mark, "leader": mark, "given_on": day, "reply_by": day, "at": timezone.now()}
    note = Instruction.objects.create(organization=body, sender=body, by=user, **said)
    InstructionReply.objects.create(instruction=note, organization=body)
    return note


def make_papers(body: Organization, entry: Entry, user: User, mark: str) -> dict[str, Any]:
    """A file, an erasure and an extension asked for, an urging and a notice."""
    now = timezone.now()
    kept = {"digest": f"{body.pk:064}", "size": 1, "content_type": "application/pdf", "uploaded_by": user}
    file = Evidence.objects.create(entry=entry, name=f"{mark}.pdf", uploaded_at=entry.submitted_at, **kept)
    asked = {"texts": ["progress"], "reason": mark, "asked_at": now, "asked_by": user}
    urged = {"period": entry.period, "sender": body, "by": user, "at": now, "day": now.date(), "missing": 1}
    wait = {"old_due": now.date(), "new_due": now.date() + dt.timedelta(9), "asked_at": now, "asked_by": user}
    return {
        "extension": Extension.objects.create(assignment=entry.assignment, reason=mark, **wait),
        "evidence": file,
        "erasure": Erasure.objects.create(entry=entry, **asked),
        "nudge": Nudge.objects.create(organization=body, reason=mark, **urged),
        "digest": Digest.objects.create(person=user, day=now.date()),
        "notice": Notice.objects.create(person=user, kind="returned", at=now, url="/", words={"who": mark}),
    }


def make_person(role: str, seat: str, bodies: dict[str, Organization]) -> Person:
    who = Person(role, seat, Client())
    if role != "anonymous":
        name = f"{role}-密{BODIES[seat][0]}密" if seat else role or "nobody"
        who.user = User.objects.create(username=name, password="!", is_superuser=role == "superuser")
        if seat:
            Membership.objects.create(person=who.user, organization=bodies[seat], role=role)
        who.client.force_login(who.user)
    return who


# How each page is addressed. A page by URL name that stands in none of these tables fails the tests of permissions.

QUERIES = {
    "admin:autocomplete": "?app_label=tracker&model_name=assignment&field_name=organization&term=",
    "entries_csv": "?period=2026Q4",
    **dict.fromkeys(("find", "find_suggestions", "find_organizations"), "?q=%E7%A4%BA%E4%BE%8B"),
}
ONCE: dict[str, list[Any]] = {
    **{page: [] for page in ("home", "review", "login", "logout", "password_change", "acting", "language", "healthz")},
    **{page: [] for page in ("review_decide", "phrases")},
    **{page: [] for page in ("on_behalf", "received", "account", "code", "choose_plan")},
    **{page: [] for page in ("notices", "notices_read", "nudges", "erasures", "matters", "extensions", "strike_off")},
    **{page: [] for page in ("instructions", "instruction_new")},
    **{page: ["18", "2026Q4"] for page in ("sheet", "sheet_save", "sign_off", "sign_off_print")},
    **{page: ["18", "2026Q4"] for page in ("sheet_xlsx", "sheet_csv", "sheet_upload")},
    **{page: [] for page in ("find", "find_suggestions", "find_organizations")},
    **{page: ["18"] for page in ("plan", "tasks", "ledger", "ledger_csv", "evidence_zip", "hand_down", "given")},
    **{page: [] for page in ("tokens", "api", "api_organizations")},
    **{page: ["18"] for page in ("overview", "by_task", "by_body", "board", "briefs", "comparison")},
    **{page: ["18"] for page in ("urge", "api_plan", "api_tallies")},
    **{page: ["18"] for page in ("ledger_xlsx", "ledger_print", "entries_csv", "figures_csv")},
    **{page: ["18"] for page in ("figures", "timeline")},
    "figure": ["18", "sites"],
    "organizations_csv": [],
    "area": ["18", 3],
    "task": ["18", "3.2.1"],
    "given_task": ["18", "3.2.1"],
    **{f"admin:{page}": [] for page in ("index", "autocomplete", "jsi18n", "login", "logout")},
    **{f"admin:{page}": [] for page in ("password_change", "password_change_done")},
    "admin:app_list": ["tracker"],
    "admin:view_on_site": [1, 1],
    **{f"admin:tracker_{page}": [] for page in ("task_merge", "plan_load", "plan_template", "organization_load")},
    **{f"admin:tracker_{page}": [] for page in ("user_roster", "user_invitations", "operation_csv")},
    **{f"admin:tracker_{model}_export": [] for model in (*access.EXCHANGED, "plan", "heading")},
    **{f"admin:tracker_{model}_{page}": [] for model in access.EXCHANGED for page in ("import", "process_import")},
}
# URL name → model, addressed by key or code
BY_BODY = {
    "entry": "entry",
    "organization": "organization",
    "assignment": "assignment",
    "extension": "extension",
    "extension_ask": "assignment",
    "milestones": "assignment",
    "milestone": "milestone",
    "deputy_end": "deputy",
    "token_revoke": "token",
    "notice": "notice",
    "nudge_answer": "nudge",
    "matter": "blocker",
    "instruction": "instruction",
    "instruction_erasure": "instruction",
    "evidence": "evidence",
    "evidence_change": "entry",
    "erasure_ask": "entry",
    "erasure": "erasure",
    "let_in": "organization",
    "brief": "brief",
    "brief_docx": "brief",
    "comparison_frozen": "comparison",
}
UNNAMED = {"admin:django.views.generic.base.RedirectView", "admin:django.contrib.admin.sites.catch_all_view"}
OF_BODIES = ("organization", "assignment", "entry", "event", "user", "membership", "operation")
OF_BODIES += ("evidence", "erasure", "digest", "comparisonrule")


def address(world: World, page: str, place_of: str = "") -> str:
    """A page's address; `place_of` names the body whose object it is."""
    if page in ONCE:
        return reverse(page, args=ONCE[page]) + QUERIES.get(page, "")
    if page in BY_BODY:
        thing = world.things[place_of].of[BY_BODY[page]]
        if page == "let_in":
            return reverse(page, args=[thing.code, "18", "2026Q4"])
        place = ["18"] if page in ("brief", "brief_docx", "comparison_frozen") else []
        return reverse(page, args=[*place, thing.code if page == "organization" else thing.pk])
    model, _line, view = page.removeprefix("admin:tracker_").partition("_")
    if view in ("changelist", "add"):
        return reverse(page)
    thing = world.things[place_of].of[model] if model in OF_BODIES else world.root[model]
    return reverse(page, args=[thing.pk])


def lies_somewhere(page: str) -> bool | None:
    """Whether a page shows an object of a body; None where the tests do not know the page."""
    if page in ONCE:
        return False
    if page in BY_BODY:
        return True
    model, _line, view = page.removeprefix("admin:tracker_").partition("_")
    if not page.startswith("admin:tracker_") or model not in access.BACK_OFFICE:
        return None
    return model in OF_BODIES and view not in ("changelist", "add")
