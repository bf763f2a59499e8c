"""A plan made from a table of areas, headings and tasks: every row checked before one is written, or nothing is."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from simple_history.utils import bulk_create_with_history

from .milestones import Milestone
from .organizations import Level, Organization
from .people import User
from .plan import Area, Frequency, Heading, Plan, Reporting, Task
from .plan_files import Cell, Line, read_table
from .plan_words import COLUMNS, REQUIRED, headers, milestone_in, numbers_of, plain, vocabulary, whole

HEADER_WITHIN = 10  # rows of titles that may stand above the header


class Complaint(NamedTuple):
    """Why a row is refused; without a row, why the file is."""

    number: int
    column: str
    message: str

    def __str__(self) -> str:
        if not self.number:
            return self.message
        words = _("Row %(row)d, column “%(column)s”: %(message)s")
        return words % {"row": self.number, "column": self.column, "message": self.message}


@dataclass
class TaskDraft:
    row: int
    code: str
    number: int
    wording: str
    due: dt.date | None = None
    standing: bool = False
    levels: list[str] = field(default_factory=lambda: list(Level.values))
    frequency: str = Frequency.QUARTER
    reporting: str = Reporting.FULL
    owner: str = ""
    milestones: list[tuple[dt.date, str]] = field(default_factory=list)

    @property
    def level_names(self) -> list[str]:
        return [str(Level(level).label) for level in self.levels]

    @property
    def frequency_name(self) -> str:
        return str(Frequency(self.frequency).label)

    @property
    def reporting_name(self) -> str:
        return str(Reporting(self.reporting).label)


@dataclass
class HeadingDraft:
    row: int
    code: str
    number: int
    title: str
    tasks: dict[int, TaskDraft] = field(default_factory=dict)


@dataclass
class AreaDraft:
    row: int
    number: int
    title: str
    short: str
    headings: dict[int, HeadingDraft] = field(default_factory=dict)


class Loaded(NamedTuple):
    areas: int
    headings: int
    tasks: int
    milestones: int
    owners: int


class Row:
    """One line of the table, by column."""

    def __init__(self, line: Line, places: dict[str, int]) -> None:
        self.number = line.number
        self.cells = {key: line.cells[at] for key, at in places.items() if at < len(line.cells)}

    def cell(self, key: str) -> Cell:
        return self.cells.get(key, Cell(""))

    def text(self, key: str) -> str:
        return self.cell(key).text.strip()


def plan_for(slug: str, *, title: str, start: dt.date | None, due: dt.date | None) -> Plan:
    """The empty plan of this slug, as it stands, or a new one, not saved. Raises ValidationError by field."""
    standing = Plan.objects.filter(slug=slug).first()
    if standing is None:
        dates: dict[str, Any] = {"start": start, "due": due}
        plan = Plan(slug=slug, title=title, **dates)
        plan.full_clean(validate_constraints=False)
        if plan.due < plan.start:
            raise ValidationError({"due": _("The due date is before the start.")})
        return plan
    if standing.tasks.exists():
        words = _("The plan “%(plan)s” has tasks already. Choose another slug, or change that plan task by task.")
        raise ValidationError({"slug": words % {"plan": standing.title}})
    return standing


class PlanTable:
    """A table read and checked; `complaints` says what is wrong with it, `areas` what it would make."""

    def __init__(self, content: bytes, plan: Plan) -> None:
        self.plan = plan
        self.areas: dict[int, AreaDraft] = {}
        self.complaints: list[Complaint] = []
        self.area: AreaDraft | None = None  # those of the row before: merged and repeated cells are filled down
        self.heading: HeadingDraft | None = None
        try:
            self.rows = self._rows(read_table(content))
        except ValidationError as error:
            self.rows = []
            self.complaints = [Complaint(0, "", message) for message in error.messages]
            return
        for row in self.rows:
            self._read(row)
        self._check_gaps()
        self._check_owners()
        self._check_standing_areas()
        self.complaints.sort(key=lambda complaint: complaint.number)

    @property
    def headings(self) -> list[HeadingDraft]:
        return [heading for area in self.areas.values() for heading in area.headings.values()]

    @property
    def tasks(self) -> list[TaskDraft]:
        return [task for heading in self.headings for task in heading.tasks.values()]

    @property
    def counts(self) -> Loaded:
        tasks = self.tasks
        steps, owners = sum(len(task.milestones) for task in tasks), sum(bool(task.owner) for task in tasks)
        return Loaded(len(self.areas), len(self.headings), len(tasks), steps, owners)

    def complain(self, row: int, column: str, message: str) -> None:
        self.complaints.append(Complaint(row, str(COLUMNS[column]), message))

    # Reading.

    def _rows(self, lines: list[Line]) -> list[Row]:
        for at, line in enumerate(lines[:HEADER_WITHIN]):
            named = [headers().get(plain(cell.text)) for cell in line.cells]
            places = {key: named.index(key) for key in dict.fromkeys(named) if key}
            if set(REQUIRED) <= set(places):
                twice = [str(COLUMNS[key]) for key in places if named.count(key) > 1]
                if twice:
                    raise ValidationError(_("The column “%s” stands there twice.") % twice[0])
                rows = [Row(line, places) for line in lines[at + 1 :]]
                if not rows:
                    raise ValidationError(_("Below the header there is nothing."))
                return rows
        labels = _(", ").join(str(COLUMNS[key]) for key in REQUIRED)
        raise ValidationError(_("The header must name these columns: %s.") % labels)

    def _read(self, row: Row) -> None:
        for key, cell in row.cells.items():
            if cell.fault:
                self.complain(row.number, key, cell.fault)
        area = self._read_area(row)
        heading = self._read_heading(row, area) if area else None
        if row.text("task_code") or row.text("wording"):
            self._read_task(row, heading)

    def _read_area(self, row: Row) -> AreaDraft | None:
        said, title = row.text("area_number"), row.text("area")
        if not said:
            if self.area is None or (title and title != self.area.title):
                self.complain(row.number, "area_number", _("A work area has a number."))
                return None
            return self.area
        number = whole(said)
        if number is None:
            self.complain(row.number, "area_number", _("The number of a work area is a whole number, such as 3."))
            self.area = self.heading = None
            return None
        area = self.areas.get(number)
        if area is None:
            area = self.areas[number] = AreaDraft(row.number, number, title, row.text("short"))
            self._clean(row, "area", Area, "title", title)
            self._clean(row, "short", Area, "short", area.short)
        elif title and title != area.title:
            words = _("Work area %(number)d is called “%(title)s” in row %(row)d.")
            self.complain(row.number, "area", words % {"number": number, "title": area.title, "row": area.row})
        if area is not self.area:
            self.area, self.heading = area, None
        return area

    def _read_heading(self, row: Row, area: AreaDraft) -> HeadingDraft | None:
        said, title = plain(row.text("heading_code")), row.text("heading")
        if not said:
            if self.heading is None or (title and title != self.heading.title):
                if title or row.text("task_code") or row.text("wording"):
                    self.complain(row.number, "heading_code", _("A task belongs to a heading; say which."))
                return None
            return self.heading
        numbers = numbers_of(said, 2)
        if numbers is None or numbers[0] != area.number:
            words = _("A heading of work area %(number)d is numbered %(number)d.1, %(number)d.2 and so on.")
            self.complain(row.number, "heading_code", words % {"number": area.number})
            self.heading = None
            return None
        heading = area.headings.get(numbers[1])
        if heading is None:
            heading = area.headings[numbers[1]] = HeadingDraft(row.number, said, numbers[1], title)
            self._clean(row, "heading", Heading, "title", title)
        elif title and title != heading.title:
            words = _("Heading %(code)s is called “%(title)s” in row %(row)d.")
            values = {"code": heading.code, "title": heading.title, "row": heading.row}
            self.complain(row.number, "heading", words % values)
        self.heading = heading
        return heading

    def _read_task(self, row: Row, heading: HeadingDraft | None) -> None:
        code = plain(row.text("task_code"))
        numbers = numbers_of(code, 3)
        if heading is None:
            return  # said of the row already
        if numbers is None or f"{numbers[0]}.{numbers[1]}" != heading.code:
            words = _("A task under heading %(code)s is numbered %(code)s.1, %(code)s.2 and so on.")
            self.complain(row.number, "task_code", words % {"code": heading.code})
            return
        before = heading.tasks.get(numbers[2])
        if before:
            words = _("%(code)s stands in row %(row)d already.")
            self.complain(row.number, "task_code", words % {"code": code, "row": before.row})
            return
        task = heading.tasks[numbers[2]] = TaskDraft(row.number, code, numbers[2], row.cell("wording").text)
        self._clean(row, "wording", Task, "wording", task.wording if task.wording.strip() else "")
        task.owner = plain(row.text("owner")) and row.text("owner")
        self._read_due(row, task)
        task.levels = self._read_levels(row)
        task.frequency = self._word(row, "frequency", Frequency.QUARTER)
        task.reporting = self._word(row, "reporting", Reporting.FULL)
        self._read_milestones(row, task)

    def _read_due(self, row: Row, task: TaskDraft) -> None:
        cell = row.cell("due")
        task.standing = bool(self._word(row, "standing", ""))
        if vocabulary("standing").get(plain(cell.text)) == "yes" and cell.text.strip():
            task.standing = True  # in many tables the due date itself says so
        elif cell.text.strip() and cell.day is None:
            self.complain(row.number, "due", _("Write the day like 2026-11-22."))
        elif cell.day and task.standing:
            self.complain(row.number, "due", _("A standing duty has no due date. Leave one of the two empty."))
        elif cell.day and not self.plan.start <= cell.day <= self.plan.due:
            words = _("This day lies outside the plan (%(start)s to %(due)s).")
            self.complain(row.number, "due", words % {"start": self.plan.start, "due": self.plan.due})
        elif not task.standing:
            task.due = cell.day or self.plan.due

    def _read_levels(self, row: Row) -> list[str]:
        words, known = re.findall(r"[^\s、,，;；/]+", row.text("levels")), vocabulary("levels")
        for word in words:
            if plain(word) not in known:
                said = _(", ").join(str(level.label) for level in Level)
                message = _("“%(word)s” is no level. Levels are: %(levels)s.") % {"word": word[:40], "levels": said}
                self.complain(row.number, "levels", message)
                return list(Level.values)
        chosen = {known[plain(word)] for word in words}
        return [level for level in Level.values if not chosen or "" in chosen or level in chosen]

    def _word(self, row: Row, column: str, otherwise: str) -> str:
        said = row.text(column)
        if not said:
            return otherwise
        known = vocabulary(column)
        if plain(said) not in known:
            choices: dict[str, Any] = {"frequency": Frequency.labels, "reporting": Reporting.labels}
            labels = choices.get(column, [_("Yes"), _("No")])
            message = _("“%(word)s” is not understood. Write one of: %(words)s.")
            told = {"word": said[:40], "words": _(", ").join(map(str, labels))}
            self.complain(row.number, column, message % told)
            return otherwise
        return known[plain(said)]

    def _read_milestones(self, row: Row, task: TaskDraft) -> None:
        last = task.due or self.plan.due
        for said in re.split(r"[;；\n]", row.cell("milestones").text):
            if not said.strip():
                continue
            step = milestone_in(said)
            if step is None:
                words = _("Write milestones like this: 2026-06-30 what is reached; 2027-12-31 what follows.")
                self.complain(row.number, "milestones", words)
                return
            if not self.plan.start <= step[0] <= last:
                words = _("The milestone of %(day)s lies outside the time of the task (%(start)s to %(due)s).")
                told = {"day": step[0], "start": self.plan.start, "due": last}
                self.complain(row.number, "milestones", words % told)
                return
            self._clean(row, "milestones", Milestone, "title", step[1])
            task.milestones.append(step)

    def _clean(self, row: Row, column: str, model: Any, name: str, value: str) -> None:
        """By the record's own field."""
        try:
            model._meta.get_field(name).clean(value, None)
        except ValidationError as error:
            self.complain(row.number, column, " ".join(error.messages))

    # What only the whole shows.

    def _check_gaps(self) -> None:
        self._check_run("area_number", self.areas, "")
        for area in self.areas.values():
            self._check_run("heading_code", area.headings, f"{area.number}.")
            for heading in area.headings.values():
                self._check_run("task_code", heading.tasks, f"{heading.code}.")

    def _check_run(self, column: str, drafts: dict[int, Any], before: str) -> None:
        for wanted, number in enumerate(sorted(drafts), start=1):
            if number != wanted:
                words = _("%(missing)s is missing before %(code)s.")
                told = {"missing": f"{before}{wanted}", "code": f"{before}{number}"}
                self.complain(drafts[number].row, column, words % told)
                return

    def _check_owners(self) -> None:
        codes = {task.owner for task in self.tasks if task.owner}
        known = set(Organization.objects.filter(code__in=codes).values_list("code", flat=True))
        for task in self.tasks:
            if task.owner and task.owner not in known:
                words = _("There is no organization with the code %(code)s.")
                self.complain(task.row, "owner", words % {"code": task.owner[:40]})

    def _check_standing_areas(self) -> None:
        """An empty plan may have areas and headings already; they keep their names."""
        if self.plan.pk is None:
            return
        for area in self.plan.areas.all():
            draft = self.areas.get(area.number)
            if draft and draft.title != area.title:
                self.complain(draft.row, "area", _("In the plan it is called “%s”.") % area.title)
        for heading in Heading.objects.filter(area__plan=self.plan).select_related("area"):
            found = self.areas[heading.area.number].headings if heading.area.number in self.areas else {}
            if heading.number in found and found[heading.number].title != heading.title:
                self.complain(found[heading.number].row, "heading", _("In the plan it is called “%s”.") % heading.title)

    # Making.

    @transaction.atomic
    def make(self, *, by: User | None = None) -> Plan:
        """Write all of it, or, where something is wrong, nothing. Raises ValidationError."""
        if self.complaints:
            raise ValidationError([str(complaint) for complaint in self.complaints])
        plan = plan_for(self.plan.slug, title=self.plan.title, start=self.plan.start, due=self.plan.due)
        if plan.pk is None:
            plan._history_user = by
            plan.save()
        areas = {area.number: area for area in plan.areas.all()}
        new = [Area(plan=plan, number=d.number, title=d.title, short=d.short) for d in self.areas.values()]
        areas |= made([area for area in new if area.number not in areas], by, "number")
        headings = {heading.code: heading for heading in Heading.objects.filter(area__plan=plan)}
        drafts = [(areas[area.number], draft) for area in self.areas.values() for draft in area.headings.values()]
        fresh = [Heading(area=area, number=d.number, code=d.code, title=d.title) for area, d in drafts]
        headings |= made([heading for heading in fresh if heading.code not in headings], by, "code")
        tasks = made(
            [self._task(plan, headings[h.code], d) for h in self.headings for d in h.tasks.values()], by, "code"
        )
        steps = [Milestone(task=tasks[d.code], due=due, title=title) for d in self.tasks for due, title in d.milestones]
        bulk_create_with_history(steps, Milestone, batch_size=500, default_user=by)
        bodies = {body.code: body for body in Organization.objects.filter(code__in={d.owner for d in self.tasks})}
        for draft in self.tasks:
            if draft.owner:
                tasks[draft.code].name_owner(bodies[draft.owner], by=by)
        return plan

    @staticmethod
    def _task(plan: Plan, heading: Heading, draft: TaskDraft) -> Task:
        return Task(
            plan=plan,
            heading=heading,
            code=draft.code,
            position=(heading.area.number * 1_000 + heading.number) * 1_000 + draft.number,
            wording=draft.wording,
            start=None if draft.standing else plan.start,
            due=draft.due,
            standing=draft.standing,
            levels=draft.levels,
            frequency=draft.frequency,
            reporting=draft.reporting,
        )


def made(rows: list[Any], by: User | None, key: str) -> dict[Any, Any]:
    if rows:
        bulk_create_with_history(rows, type(rows[0]), batch_size=500, default_user=by)
    return {getattr(row, key): row for row in rows}
