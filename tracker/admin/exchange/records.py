"""Which columns each record has in a file: those that name it, those that may be changed, those only to be read.

Moves, closings, statuses, roles and passwords have pages and reasons of their own, so their columns are only read.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tracker.models import Area, Assignment, Figure, Heading, Holiday, Organization, Plan, Task, User, tallying
from tracker.models.histories import signed

from .cells import CreditCode, Levels, Number, Words, YesNo, beside, cell_for, column
from .resource import REASON, RecordResource

CODE_OF_PLAN = _("plan's slug")


def said_as(model: Any, name: str) -> Any:
    """A field that another record shows: what it is called, and how its values stand."""
    field = model._meta.get_field(name)
    return {"label": field.verbose_name, "cell": cell_for(field)}


class OrganizationResource(RecordResource):
    model, KEYS, CALLED = Organization, ("code",), "name"
    BESIDE = ("parent", "industry", "merged_into")
    new_words = _("New organizations are loaded from a file, or added one by one.")

    code = column(Organization, "code", label=_("organization code"))
    name = column(Organization, "name", width=30)
    short_name = column(Organization, "short_name")
    level = column(Organization, "level")
    kind = column(Organization, "kind", width=20)
    credit_code = column(Organization, "credit_code", cell=CreditCode(), width=22)
    founded_on = column(Organization, "founded_on")
    contact = column(Organization, "contact")
    telephone = column(Organization, "telephone", width=20)
    line = beside("line", **said_as(Organization, "line"))
    parent_code = beside("parent__code", _("parent code"))
    parent_name = beside("parent__name", Organization._meta.get_field("parent").verbose_name, width=30)
    industry_code = beside("industry__code", _("industrial parent code"))
    closed_on = beside("closed_on", **said_as(Organization, "closed_on"))
    merged_into = beside("merged_into__name", Organization._meta.get_field("merged_into").verbose_name, ticked=False)


class Held(Words):
    """The roles that somebody holds, as far as the list shows them."""

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return gettext(", ").join(map(str, value or ()))


class PersonResource(RecordResource):
    model, KEYS, CALLED = User, ("username",), "name"
    new_words = _("New people come by a roster.")

    username = column(User, "username", label=_("user name"))
    name = column(User, "name")
    telephone = column(User, "telephone", width=20)
    roles = beside("in_scope", _("roles"), cell=Held(), width=44)
    active = beside("is_active", _("account is open"), cell=YesNo())


class HolidayResource(RecordResource):
    model, KEYS, CALLED, creates = Holiday, ("day",), "name", True

    day = column(Holiday, "day")
    name = column(Holiday, "name")
    working = column(Holiday, "working")


class PlanResource(RecordResource):
    model, KEYS = Plan, ("slug",)

    slug = column(Plan, "slug", label=CODE_OF_PLAN)
    title = beside("title", **said_as(Plan, "title"), width=30)
    full_title = beside("full_title", **said_as(Plan, "full_title"), width=44)
    congress = beside("congress", **said_as(Plan, "congress"), width=30)
    delivered_on = beside("delivered_on", **said_as(Plan, "delivered_on"))
    start = beside("start", **said_as(Plan, "start"))
    due = beside("due", **said_as(Plan, "due"))
    review = beside("review", **said_as(Plan, "review"), width=24)


class AreaResource(RecordResource):
    model, KEYS, CALLED, BESIDE = Area, ("plan", "number"), "title", ("plan",)

    plan = beside("plan__slug", CODE_OF_PLAN)
    number = column(Area, "number")
    short = column(Area, "short")
    title = beside("title", **said_as(Area, "title"), width=44)


class HeadingResource(RecordResource):
    model, KEYS, BESIDE = Heading, ("plan", "code"), ("area__plan",)

    plan = beside("area__plan__slug", CODE_OF_PLAN)
    code = column(Heading, "code")
    title = beside("title", **said_as(Heading, "title"), width=44)
    area_number = beside("area__number", _("area number"), cell=Number(Area._meta.get_field("number")))
    area = beside("area__title", Area._meta.verbose_name, width=44)


class TaskResource(RecordResource):
    """Settings by `amend`, the lead organization by `name_owner`: both leave what they left on the form."""

    model, KEYS, CALLED, BESIDE = Task, ("plan", "code"), "wording", ("plan", "heading", "owner")
    new_words = _("A whole plan is loaded from a table.")

    plan = beside("plan__slug", CODE_OF_PLAN)
    code = column(Task, "code")
    owner = column(Task, "owner", label=_("lead organization's code"))
    start = column(Task, "start")
    due = column(Task, "due")
    standing = column(Task, "standing")
    levels = column(Task, "levels", cell=Levels())
    frequency = column(Task, "frequency")
    reporting = column(Task, "reporting")
    evidence_required = column(Task, "evidence_required")
    wording = beside("wording", **said_as(Task, "wording"), width=60)
    heading = beside("heading__title", Heading._meta.verbose_name, width=30)
    owner_name = beside("owner__name", Task._meta.get_field("owner").verbose_name, width=30)
    status = beside("status", **said_as(Task, "status"), ticked=False)
    ended_on = beside("ended_on", **said_as(Task, "ended_on"))

    def check(self, instance: Task, faults: dict[str, Any]) -> None:
        settings = {name: getattr(instance, name) for name in self.changes if name != "owner"}
        Task.objects.get(pk=instance.pk).check_amendable(**settings)

    def write(self, instance: Task, names: list[str]) -> None:
        task = Task.objects.get(pk=instance.pk)
        settings = {name: getattr(instance, name) for name in names if name != "owner"}
        if settings:
            task.amend(by=self.by, **settings)
        if "owner" in names:
            signed(task, self.by, REASON).name_owner(instance.owner, by=self.by)


class FigureResource(RecordResource):
    model, KEYS, CALLED, BESIDE = Figure, ("plan", "slug"), "name", ("plan",)

    plan = beside("plan__slug", CODE_OF_PLAN)
    slug = column(Figure, "slug", width=24)
    name = column(Figure, "name", width=24)
    unit = column(Figure, "unit")
    baseline = column(Figure, "baseline")
    qualifier = column(Figure, "qualifier")
    target = column(Figure, "target")
    over_time = column(Figure, "over_time", width=24)
    over_organizations = column(Figure, "over_organizations")
    position = column(Figure, "position")
    wording = beside("wording", **said_as(Figure, "wording"), width=60)


class AssignmentResource(RecordResource):
    """By `amend`, which tells the handings, turns the light and leaves the event."""

    model, KEYS, CALLED = Assignment, ("plan", "code", "organization"), "name"
    BESIDE = ("task__plan", "organization__parent", "reviewing")
    most, holding = 1_000, tallying
    new_words = _("Assignments are made by handing tasks down.")

    plan = beside("task__plan__slug", CODE_OF_PLAN)
    code = beside("task__code", **said_as(Task, "code"))
    organization = beside("organization__code", _("organization code"))
    name = beside("organization__name", Organization._meta.verbose_name, width=30)
    part = column(Assignment, "part")
    start = column(Assignment, "start")
    due = column(Assignment, "due")
    standard = column(Assignment, "standard", width=44)
    reviewing = column(Assignment, "reviewing", label=_("reviewing organization's code"))
    responsible = column(Assignment, "responsible")
    department = column(Assignment, "department")
    leader = column(Assignment, "leader")
    wording = beside("task__wording", **said_as(Task, "wording"), width=60)
    frequency = beside("frequency", **said_as(Assignment, "frequency"))
    handed_on = beside("handed_on", **said_as(Assignment, "handed_on"))
    ended_on = beside("ended_on", **said_as(Assignment, "ended_on"))
    # What follows from entries changes while the file is away: offered, and not chosen.
    status = beside("status", **said_as(Assignment, "status"), ticked=False)
    percent = beside("percent", **said_as(Assignment, "percent"), ticked=False)
    light = beside("light", **said_as(Assignment, "light"), ticked=False)
    struck_off_on = beside("struck_off_on", **said_as(Assignment, "struck_off_on"), ticked=False)

    def check(self, instance: Assignment, faults: dict[str, Any]) -> None:
        instance.check_fields(*self.changes)

    def write(self, instance: Assignment, names: list[str]) -> None:
        values = {name: getattr(instance, name) for name in names}
        Assignment.objects.select_related("task__plan", "organization").get(pk=instance.pk).amend(by=self.by, **values)
