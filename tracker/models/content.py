"""What an entry says: its content, and what of it may be kept or must be there to submit (rules 2 and 4)."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .fields import WordsField, clean_only, refuse_unstorable
from .figures import FiguresSaid
from .moves import WRITABLE, State
from .plan import Status

if TYPE_CHECKING:
    from .assignments import Assignment


class Content(FiguresSaid, models.Model):
    """The reported half of an entry; its course (state, decisions) is the entry's own."""

    assignment: Assignment  # these four are the entry's
    state: str
    decided_at: dt.datetime | None
    blockers: Any

    status = models.CharField(
        gettext_lazy("status"), max_length=16, choices=Status, blank=True, default="", db_default=""
    )
    percent = models.PositiveSmallIntegerField(gettext_lazy("percent"), null=True, blank=True)
    progress = WordsField(gettext_lazy("progress"))
    problems = WordsField(gettext_lazy("problems"))
    next_steps = WordsField(gettext_lazy("next steps"))
    need = WordsField(gettext_lazy("what is needed"))
    need_from = models.CharField(
        gettext_lazy("needed from"),
        max_length=120,
        blank=True,
        default="",
        db_default="",
        validators=[refuse_unstorable],
    )
    need_by = models.DateField(gettext_lazy("needed by"), null=True, blank=True)
    no_change = models.BooleanField(gettext_lazy("no change"), default=False, db_default=False)
    FIELDS = ("status", "percent", "progress", "problems", "next_steps", "need", "need_from", "need_by", "no_change")
    CONTENT = (*FIELDS, *FiguresSaid.FIGURES)
    TEXTS = ("progress", "problems", "next_steps")
    ASKING = ("need", "need_from", "need_by")  # of the level above, where it is blocked
    WORDS = (*TEXTS, "need", "need_from")  # whatever somebody writes freely

    class Meta:
        abstract = True

    def listed_evidence(self) -> dict[str, list[int]]:
        raise NotImplementedError  # the entry's

    def content(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.CONTENT}

    @property
    def was_returned(self) -> bool:
        """Sent back and not handed in again since: an answer is owed, also while it is being drafted."""
        return self.state in WRITABLE and self.decided_at is not None

    def words_owed(self, last: Content | None, said: dict[str, Any]) -> str:
        """Why "no change" will not do here, in a sentence; nothing when it will."""
        if any(said[name].strip() for name in self.TEXTS):
            return _("Something is written here already. Submit it, or empty the texts before saying “no change”.")
        if self.was_returned:
            return _("This was returned with a reason; answer it in words.")
        if last is None:
            return _("Nothing was reported before, so there is nothing that stays unchanged. Say where this stands.")
        if last.state == State.RETURNED:
            return _("Last period’s report was returned and never accepted. Say where this stands.")
        if last.status == Status.BLOCKED:
            return _("It needed coordination last period. Say in words where that stands.")
        return ""

    def told(self, content: dict[str, Any]) -> dict[str, Any]:
        """The whole of what is handed in with a submission, as its event keeps it."""
        fields = {name: content[name] for name in self.FIELDS}
        return fields | self.figures_told(content["figures"], content["confirmed"]) | self.listed_evidence()

    def repeated(self, last: Content, typed: dict[str, Any]) -> dict[str, Any]:
        """What "no change" says: where the last report stood, no words, and of flows the numbers that are typed."""
        said: dict[str, Any] = dict.fromkeys((*self.TEXTS, "need", "need_from"), "")
        said |= {"need_by": None, "status": last.status, "no_change": True}
        said["percent"] = last.percent if self.assignment.asks_percent else None
        return said | self.unchanged_figures(typed)

    def carried_over(self, last: Content, typed: dict[str, Any]) -> dict[str, Any]:
        """What 沿用上期 makes of a form: what is still empty in it is filled from the last report, to be edited."""
        taken = ["status", *(["percent"] if self.assignment.asks_percent else [])]
        taken += self.TEXTS if self.assignment.task.takes_texts else []
        numbers = {pk: value for pk, value in typed.get("figures", {}).items() if value is not None}
        filled = {name: getattr(last, name) for name in taken if typed.get(name) in ("", None)}
        return typed | filled | {"figures": self.carried_figures() | numbers}

    @staticmethod
    def settled(content: dict[str, Any]) -> dict[str, Any]:
        """What is handed in of it: a status that asks for nothing has no reply date and nobody to ask."""
        return content if content.get("status") == Status.BLOCKED else content | {"need_from": "", "need_by": None}

    def checked(self, content: dict[str, Any], *, complete: bool, day: dt.date) -> dict[str, Any]:
        """The whole content as it would be on that day, cleaned. Raises ValidationError by field; leaves the object as
        it was."""
        assert set(content) <= set(self.CONTENT), content
        old, content = self.content(), self.whole(content)
        for name, value in content.items():
            setattr(self, name, value)
        try:
            self.check_content(complete=complete, day=day)
            return self.settled(self.content()) if complete else self.content()
        finally:
            for name, value in old.items():
                setattr(self, name, value)

    def check_content(self, *, complete: bool, day: dt.date) -> None:
        """What may be kept, and what must be there to submit. Raises ValidationError by field."""
        task = self.assignment.task
        errors: dict[str, list[Any]] = self.figure_faults(complete=complete)
        try:
            clean_only(self, self.FIELDS)
        except ValidationError as error:
            errors |= error.message_dict
        if "percent" in errors or (self.percent is not None and self.percent > 100):
            errors["percent"] = [_("A percentage is a whole number from 0 to 100.")]
        elif self.percent is not None and not self.assignment.asks_percent:
            errors["percent"] = [_("This task is not measured in percent; leave it empty.")]
        for name in self.WORDS:
            if getattr(self, name).strip() and not task.takes_texts:
                errors.setdefault(name, [_("Only the status of this task is reported; texts are not taken.")])
        if complete:
            for name, message in (self._missing() | self._asking(day)).items():
                errors.setdefault(name, [message])
        if errors:
            raise ValidationError(errors)

    def _missing(self) -> dict[str, str]:
        task, missing = self.assignment.task, {}
        if not self.status:
            missing["status"] = _("Choose the status.")
        if self.status == Status.COMPLETED and self.percent not in (None, 100):
            missing["percent"] = _("Completed means 100 %. Correct the percentage or choose another status.")
        if self.status == Status.COMPLETED and self.assignment.standing:
            missing["status"] = _("A standing duty goes on; it is not reported as completed.")
        if not task.takes_texts or self.no_change:
            return missing
        if self.status in (Status.IN_PROGRESS, Status.BLOCKED, Status.COMPLETED) and not self.progress.strip():
            missing["progress"] = _("Say what was done in this period.")
        if self.status == Status.BLOCKED and not self.problems.strip():
            missing["problems"] = _("Say what needs coordination.")
        begun = self.status in (Status.IN_PROGRESS, Status.BLOCKED, Status.COMPLETED)
        if begun and task.evidence_required and not self.listed_evidence():
            missing["evidence"] = _("This task asks for evidence. Add at least one file.")
        return missing

    def _asking(self, day: dt.date) -> dict[str, str]:
        """What a blocked entry asks of the level above; of a task without texts, only by when it wants to be called."""
        if self.status != Status.BLOCKED:
            words = _(
                "Something is asked for here, and the status is not “needs coordination”. Choose it, or empty this."
            )
            return {"need": words} if self.need.strip() else {}
        missing: dict[str, str] = {}
        if self.no_change:
            return missing
        if self.assignment.task.takes_texts and not self.need.strip():
            missing["need"] = _("Say what you need the level above to do.")
        if self.need_by is None:
            missing["need_by"] = _("Say by which day you need a reply.")
        elif self.need_by < day and not self.blockers.filter(reply_by=self.need_by).exclude(state="withdrawn").exists():
            missing["need_by"] = _("This day has passed. Name a day from today on.")
        return missing
