"""The course of an assignment as a line of time, in words: its events, and beside them who handed it down and urged."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any, NamedTuple

from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from .assignments import Assignment
from .entries import Entry
from .events import Event
from .evidence import Evidence
from .extensions import Extension
from .headlines import Figure
from .nudges import Nudge
from .organizations import Level, Organization
from .people import User

MOST = 200  # lines of each kind; an assignment has tens


class Told(NamedTuple):
    """One line: as an event is told, whatever record it comes from."""

    at: dt.datetime
    by: User | None
    acting_organization: Organization | None
    get_acting_role_display: str
    get_action_display: str
    comment: str
    on_behalf: bool = False
    of: str = ""  # the period it is about
    changes: tuple[tuple[str, str | None, str], ...] = ()


def course_of(assignment: Assignment, user: User) -> list[Told]:
    """Newest first, as much of it as this person may see. Three queries."""
    told = [told_of(event) for event in assignment.events.visible_to(user).told()[:MOST]]
    handings = assignment.handings.select_related("giver", "handed_by").order_by("-handed_at")
    for handing in handings[:MOST]:
        action = pgettext("event", "handed it down")
        told.append(Told(handing.handed_at, handing.handed_by, handing.giver, "", action, handing.standard))
    nudges = Nudge.objects.filter(organization=assignment.organization, period__entries__assignment=assignment)
    for nudge in nudges.visible_to(user).select_related("by", "sender", "period").order_by("-at")[:MOST]:
        action = pgettext("event", "urged for the report")
        told.append(Told(nudge.at, nudge.by, nudge.sender, "", action, nudge.reason, of=nudge.period.title))
    return sorted(told, key=lambda line: line.at, reverse=True)


def told_of(event: Event) -> Told:
    """An event with what it changed by hand; what an entry said then stands on the entry."""
    return Told(
        event.at,
        event.by,
        event.acting_organization,
        event.get_acting_role_display(),
        event.get_action_display(),
        event.comment,
        event.on_behalf,
        event.entry.period.title if event.entry else "",
        () if event.entry_id else tuple(changes_of(event)),
    )


# What an event tells beside the fields of its record.
BESIDE = {"evidence": Evidence._meta.verbose_name_plural, "erased": Event.Action.ERASED.label}
BESIDE["figures"] = Figure._meta.verbose_name_plural
BESIDE |= {field.name: field.verbose_name for field in Extension._meta.fields if field.name in ("old_due", "new_due")}


def changes_of(event: Event) -> Iterable[tuple[str, str | None, str]]:
    """What an event changed: a label, the old value where there was one, the new one."""
    record: Any = Entry if event.entry_id else Assignment
    fields = {field.name: field for field in record._meta.fields}
    for name, value in (event.content or {}).items():
        field = fields.get(name)
        label = str(field.verbose_name) if field else str(BESIDE.get(name, name))
        if event.action == Event.Action.AMENDED:
            yield label, in_words(field, value[0]), in_words(field, value[1])
        elif name == "figures":
            yield label, None, "、".join(f"{said['name']} {said['value']} {said['unit']}" for said in value)
        elif value not in ("", None, False):
            yield label, None, in_words(field, value)


def in_words(field: Any, value: Any) -> str:
    """A stored value as a person reads it."""
    if value is None or value == "" or value == []:
        return "—"
    if isinstance(value, bool):
        return str(_("Yes") if value else _("No"))
    if getattr(field, "name", "") in ("levels", "brief_levels"):
        return gettext(", ").join(str(Level(level).label) for level in value)
    if isinstance(value, list):
        return gettext(", ").join(map(str, value))
    return str(dict(getattr(field, "flatchoices", ())).get(value, value))
