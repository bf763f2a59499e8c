"""What a brief (通报代拟稿) says, as blocks in their order: its page and its Word file both set these, so they agree.

Read from the brief's stored figures alone.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language, gettext, pgettext

from tracker.models import Assignment, Brief, Level, Light, Period, Reason
from tracker.models.brief_figures import Figures
from tracker.models.lights import words

UNSETTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what XML has no place for
CLOSING = "。．.；;，, "


class Heading(NamedTuple):
    text: str
    depth: int
    kind: str = "heading"


class Paragraph(NamedTuple):
    text: str
    kind: str = "paragraph"


class Table(NamedTuple):
    """`widths` are in millimetres, 156 in all. `counts`: all but the first column are numbers; `summed`: the last row
    is the sum of the others."""

    caption: str
    header: list[str]
    rows: list[list[str | int]]
    widths: list[int]
    counts: bool = False
    summed: bool = False
    kind: str = "table"


Block = Heading | Paragraph | Table


class Told(NamedTuple):
    """`lines`: the title, broken where an office would."""

    lines: list[str]
    as_of: str
    blocks: list[Block]

    @property
    def title(self) -> str:
        return joined(*self.lines)


def _(text: str) -> str:
    return tight(gettext(text))


def tight(text: str) -> str:
    """As an official document is typed: no space between Chinese and numbers; its program makes room there."""
    return text if get_language() == "en" else text.replace(" ", "")


def told(brief: Brief) -> Told:
    """In the reader's language."""
    figures, at = brief.figures, moment(brief.as_of)
    names = {
        "plan": figures["plan"]["title"],
        "period": period_title(figures["period"]),
        "body": figures["body"]["name"],
        "at": at,
    }
    title = _("Brief: how “%(plan)s” was put into effect\nin %(period)s (draft)") % names
    day = timezone.localdate(brief.as_of)
    parts = [
        (pgettext("brief", "As a whole"), as_a_whole(figures, day)),
        (pgettext("brief", "By work area"), by_area(figures)),
        (_("Matters for coordination"), matters(figures, day)),
        (pgettext("brief", "Red lights and their reasons"), reds(figures, day)),
        (pgettext("brief", "Who reported"), who_reported(figures)),
        (pgettext("brief", "Next steps"), iter([Paragraph(_("(to be filled in by the writer)"))])),
    ]
    opening = _("This is how %(body)s and all below it put “%(plan)s” into effect in %(period)s, as of %(at)s.")
    blocks: list[Block] = [Paragraph(opening % names)]
    for number, (name, said) in enumerate(parts, 1):
        blocks += [Heading(_("%(n)s. %(title)s") % {"n": ordinal(number), "title": name}, 1), *numbered(said)]
    blocks.append(Paragraph(notes()))
    return Told(title.splitlines(), _("(as of %(at)s)") % names, blocks)


def numbered(blocks: Iterable[Block]) -> Iterator[Block]:
    """Second headings take their numbers in the order in which they come."""
    number = 0
    for block in blocks:
        if isinstance(block, Heading):
            number += 1
            block = block._replace(text=_("(%(n)s) %(title)s") % {"n": ordinal(number), "title": block.text})
        yield block


def notes() -> str:
    return _(
        "Note: on time, late and not submitted add up to what is owed; what is excused is not owed. Rates are of what "
        "is owed. Organizations are named at the levels decided on and counted at the others. This draft has no "
        "document number and no seal; it is checked and approved before it is issued."
    )


# The parts.


def as_a_whole(figures: Figures, day: dt.date) -> Iterator[Block]:
    totals = figures["totals"]
    due = dt.date.fromisoformat(figures["period"]["due"])
    until = {"due": written(due)}
    yield Heading(pgettext("brief", "Reporting"), 2)
    if day > due:
        deadline = _("The period was due on %(due)s.") % until
    else:
        deadline = _("The period is due on %(due)s, which has not passed yet.") % until
    if not totals["owed"]:
        yield Paragraph(joined(deadline, _("Nothing was owed in it."), excused(totals)))
    else:
        counts = totals | {"rate": rated(totals["on_time"], totals["owed"])}
        said = _(
            "Owed: %(owed)d items; on time: %(on_time)d, a rate of %(rate)s; late: %(late)d; not submitted: %(never)d."
        )
        yield Paragraph(joined(deadline, said % counts, excused(totals)))
        yield from reviewing(totals)
        if day > due and figures["before"]:
            yield from compared(totals, figures["before"])
    yield Heading(pgettext("brief", "Completion"), 2)
    yield Paragraph(completion(figures["completion"]))
    yield Heading(pgettext("brief", "Lights"), 2)
    lights = totals | {"n": sum(totals[light] for light in Light.values)}
    said = _(
        "Of %(n)d assignments, led and cooperating, red: %(red)d; yellow: %(yellow)d; green: %(green)d; "
        "grey (not begun): %(grey)d; blue (completed): %(blue)d."
    )
    yield Paragraph(said % lights)


def excused(totals: Figures) -> str:
    return _("Excused besides: %(excused)d items.") % totals if totals["excused"] else ""


def reviewing(totals: Figures) -> Iterator[Block]:
    yield Heading(pgettext("brief", "Review"), 2)
    came = totals["on_time"] + totals["late"]
    counts = totals | {"came": came, "rate": rated(totals["accepted"], totals["owed"])}
    said = _(
        "Of %(came)d items submitted, accepted: %(accepted)d; awaiting review: %(waiting)d; returned: %(returned)d; "
        "being corrected after a return: %(reworked)d. Accepted of what is owed: %(rate)s. "
        "Submitted as “no change”: %(no_change)d."
    )
    yield Paragraph(said % counts)


def compared(totals: Figures, before: Figures) -> Iterator[Block]:
    yield Heading(_("Compared with the period before"), 2)
    values = {"period": period_title(before)}
    for name in ("on_time", "accepted"):
        values[name] = rated(before[name], before["owed"])
        values[f"{name}_change"] = change(tenths(totals[name], totals["owed"]), tenths(before[name], before["owed"]))
    said = _(
        "In %(period)s, as it stood when it locked, the rate of what was on time was %(on_time)s and of what was "
        "accepted %(accepted)s. Since then: on time, %(on_time_change)s; accepted, %(accepted_change)s."
    )
    yield Paragraph(said % values)


def completion(counts: Figures) -> str:
    if not counts["can"]:
        return _("There is nothing led that can be completed.")
    said = _(
        "Led assignments that can be completed, standing duties aside: %(can)d; completed: %(completed)d, "
        "a rate of %(rate)s."
    )
    return said % (counts | {"rate": rated(counts["completed"], counts["can"])})


def by_area(figures: Figures) -> Iterator[Block]:
    names = ("owed", "accepted", "waiting", "late", "never", "red")
    header = [
        pgettext("brief", "Work area"),
        pgettext("brief", "Owed"),
        pgettext("brief", "Accepted"),
        pgettext("brief", "Awaiting review"),
        pgettext("brief", "Late"),
        pgettext("brief", "Not submitted"),
        pgettext("brief", "Red"),
    ]
    rows: list[list[str | int]] = [
        [
            _("%(n)s. %(title)s") % {"n": ordinal(area["number"]), "title": area["title"]},
            *(area[name] for name in names),
        ]
        for area in figures["areas"]
    ]
    rows.append([pgettext("brief", "Total"), *(figures["totals"][name] for name in names)])
    yield Table(_("By work area (items)"), header, rows, [56, 15, 19, 15, 19, 19, 13], counts=True, summed=True)


def matters(figures: Figures, day: dt.date) -> Iterator[Block]:
    counts = figures["matters"]
    if not counts["open"]:
        yield Paragraph(_("No matter for coordination is unanswered."))
        return
    said = _("Unanswered: %(open)d; past the day a reply was asked for by: %(late)d.") % counts
    ours = _("To be answered by %(body)s: %(ours)d.") % (counts | {"body": figures["body"]["name"]})
    yield Paragraph(joined(said, ours if counts["ours"] else ""))
    for number, row in enumerate(counts["rows"], 1):
        yield Paragraph(joined(f"{number}.", matter(row, day)))
    if left := counts["open"] - len(counts["rows"]):
        yield Paragraph(_("%(n)d more are in the list of matters.") % {"n": left})


def matter(row: Figures, day: dt.date) -> str:
    due = dt.date.fromisoformat(row["reply_by"])
    values = {"who": one(row["body"]), "code": row["code"], "wording": flat(row["wording"]).rstrip(CLOSING)}
    asked = _("%(who)s, on %(code)s (%(wording)s):") % values
    need = flat(row["need"]).rstrip(CLOSING) or _("what is needed was not written")
    values = {"holder": one(row["holder"]), "day": written(due), "days": (day - due).days}
    if day > due:
        until = _("Lies with %(holder)s, reply by %(day)s, %(days)d days past.") % values
    else:
        until = _("Lies with %(holder)s, reply by %(day)s.") % values
    source = flat(row["need_from"]).rstrip(CLOSING)
    return joined(asked + need + _("."), _("Needed from: %s.") % source if source else "", until)


def reds(figures: Figures, day: dt.date) -> Iterator[Block]:
    """Bodies that have the same task for the same reason are one line."""
    rows, total = figures["reds"]["rows"], figures["reds"]["total"]
    if not total:
        yield Paragraph(_("No light is red."))
        return
    yield Paragraph(_("Red assignments: %(n)d, the worst first.") % {"n": total})
    header = [
        pgettext("brief", "Code"),
        pgettext("brief", "Task"),
        pgettext("brief", "Organization"),
        pgettext("brief", "Reason"),
    ]
    together: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        together.setdefault((row["code"], flat(row["wording"]), why(row, day)), []).append(several(row))
    lines: list[list[str | int]] = [
        [code, wording, _(", ").join(bodies), reason] for (code, wording, reason), bodies in together.items()
    ]
    yield Table(pgettext("brief", "Red lights and their reasons"), header, lines, [16, 62, 44, 34])
    if left := total - sum(row["n"] for row in rows):
        yield Paragraph(_("%(n)d more are in the ledger.") % {"n": left})


def why(row: Figures, day: dt.date) -> str:
    """The light's reason; of several together, of the one that was due first."""
    reason, due = row["reason"], dt.date.fromisoformat(row["due"]) if row["due"] else None
    if row["n"] > 1 and reason == Reason.OVERDUE and due:
        return _("%(days)d days overdue at most") % {"days": (day - due).days}
    if not row["body"]["name"] and reason != Reason.OVERDUE:
        return _("behind pace") if reason == Reason.BEHIND else str(Reason.STATED.label)
    start = dt.date.fromisoformat(row["start"]) if row["start"] else None
    if reason == Reason.STATED:
        return words(Assignment(light_reason=reason, stated_light_why=flat(row["why"])), day)
    return tight(words(Assignment(light_reason=reason, start=start, due=due, percent=row["percent"]), day))


def who_reported(figures: Figures) -> Iterator[Block]:
    levels, bodies = figures["bodies"]["levels"], figures["bodies"]
    if not levels:
        yield Paragraph(_("No organization owed anything."))
        return
    sums = {name: sum(level[name] for level in levels) for name in ("bodies", "on_time", "missing", "late")}
    said = _(
        "Organizations that owed something: %(bodies)d; all of it on time: %(on_time)d; with something not submitted: "
        "%(missing)d; with something late: %(late)d."
    )
    yield Paragraph(said % sums)
    names = ("bodies", "on_time", "missing", "missing_items", "late", "late_items")
    header = [
        pgettext("brief", "Level"),
        pgettext("brief", "Owing"),
        pgettext("brief", "All on time"),
        pgettext("brief", "Not all submitted"),
    ]
    header += [
        pgettext("brief", "Items not submitted"),
        pgettext("brief", "Some late"),
        pgettext("brief", "Items late"),
    ]
    rows = [[str(Level(level["level"]).label), *(level[name] for name in names)] for level in levels]
    yield Table(_("Organizations by level"), header, rows, [20, 26, 22, 22, 26, 18, 22], counts=True)
    heads = {"missing": _("With something not submitted"), "late": _("With something late")}
    for name, head in heads.items():
        if sums[name]:
            yield Heading(head, 2)
            yield from (Paragraph(named(level, name, bodies[name])) for level in levels if level[name])


def named(level: Figures, name: str, rows: list[Figures]) -> str:
    """A level's organizations: how many, with how many items, and by name where that is allowed."""
    values = {"level": Level(level["level"]).label, "n": level[name], "items": level[f"{name}_items"]}
    counted = _("%(level)s: %(n)d organizations, %(items)d items") % values
    mine = [row for row in rows if row["level"] == level["level"]]
    if not mine:
        return counted + _(".")
    listed = _(", ").join(_("%(body)s (%(n)d)") % {"body": one(row), "n": row["items"]} for row in mine)
    if len(mine) < level[name]:
        return _("%(counted)s, among them %(listed)s.") % {"counted": counted, "listed": listed}
    return _("%(counted)s: %(listed)s.") % {"counted": counted, "listed": listed}


# Words.


def one(body: Figures) -> str:
    """A body by its name, beside its parent where names repeat; or what it is one of."""
    if not body["name"]:
        return _("one organization (%(level)s)") % {"level": Level(body["level"]).label}
    return _("%(name)s (%(parent)s)") % {"name": body["name"], "parent": body["of"]} if body["of"] else body["name"]


def several(row: Figures) -> str:
    if row["body"]["name"]:
        return one(row["body"])
    return _("%(level)s: %(n)d organizations") % {"level": Level(row["body"]["level"]).label, "n": row["n"]}


def rated(n: int, of: int) -> str:
    if not of:
        return "—"
    return _("%(percent)s (%(n)d/%(of)d)") % {"percent": f"{tenths(n, of) / 10:.1f}%", "n": n, "of": of}


def tenths(n: int, of: int) -> int:
    """A share in tenths of a percent. Only all is 100 %, only none is 0."""
    share = (2_000 * n + of) // (2 * of)
    return share if n in (0, of) else min(max(share, 1), 999)


def change(now: int, before: int) -> str:
    values = {"points": f"{abs(now - before) / 10:.1f}"}
    if now == before:
        return pgettext("brief", "unchanged")
    return _("up by %(points)s points") % values if now > before else _("down by %(points)s points") % values


def period_title(period: Figures) -> str:
    return tight(Period(code=period["code"], kind=period["kind"]).title)


def moment(at: dt.datetime) -> str:
    local = timezone.localtime(at)
    return f"{written(local)} {local:%H:%M}"


def written(day: dt.date) -> str:
    return tight(date_format(day, "DATE_FORMAT"))


def ordinal(number: int) -> str:
    """一 for 1, in Chinese; the digit in English."""
    return gettext("0 1 2 3 4 5 6 7 8 9").split()[number] if number < 10 else str(number)


def flat(text: Any) -> str:
    """A text somebody wrote, on one line, of characters that a file can hold."""
    return " ".join(UNSETTABLE.sub("", text).split())


def joined(*sentences: str) -> str:
    """Sentences in a row: a space between them where the language has one."""
    return (" " if get_language() == "en" else "").join(filter(None, sentences))
