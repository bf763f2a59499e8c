"""清除 (rule 6): the one way a text or a file goes. Asked by one, agreed to by another; the reason stays."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self, cast

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tracker import access

from .blockers import Blocker
from .briefs import Brief
from .entries import Entry
from .events import Event
from .evidence import Evidence, kept, log, place_of
from .fields import WordsField, said
from .instruction_erasing import NAMES, blank, notes_near, texts_of
from .instructions import Instruction, Step
from .moves import Move, State, TransitionRefused
from .notices import Notice
from .organizations import Organization
from .people import Role, User

REASON_LIMIT = 500  # it stands wherever the text stood
QUOTED = 8  # characters from which a text found within another is taken for a quotation
NEED_FROM_LIMIT = 120  # the one short field among them
ERASABLE = (*Entry.WORDS, "comment")
ANSWER = "answer"  # what was said to a matter the entry asked for: the answer, and why it was passed up


class ErasureQuerySet(models.QuerySet["Erasure"]):
    def waiting(self) -> Self:
        return self.filter(agreed_at=None, dropped_at=None)

    def agreed(self) -> Self:
        return self.exclude(agreed_at=None)

    def visible_to(self, user: User) -> Self:
        """Those who may ask or agree see what was asked within their scope."""
        if not (user.may(access.ASK_ERASURE) or user.may_inspect):
            return self.none()
        # The root's scope is no condition at all, which "or" would drop.
        entries = user.assignment_scope("entry__assignment__") or Q(pk__isnull=False)
        notes = Q(instruction__in=Instruction.objects.sent_within(user).values("pk"))
        asked = Q(asked_by=user, instruction__in=Instruction.objects.visible_to(user).values("pk"))
        return self.filter(entries | notes | asked)

    def with_place(self) -> Self:
        """With what a line of it shows. One query."""
        entry = ("entry__assignment__organization", "entry__assignment__task", "entry__period")
        note = ("instruction__task", "instruction__organization", "instruction__sender")
        of = ("instruction__assignment__task", "instruction__assignment__organization")
        return self.select_related(*entry, *note, *of, "evidence", "asked_by", "agreed_by")

    def agreeable_by(self, user: User) -> Self:
        """What waits for this person as the second: never what they asked for themselves. A note is its sender's."""
        if not user.may(access.ERASE):
            return self.none()
        return self.waiting().visible_to(user).exclude(asked_by=user)

    def ask_for_note(
        self, note: Instruction, *, by: User, reason: str, texts: Iterable[str], at: dt.datetime | None = None
    ) -> Erasure:
        """As `ask`, of a leader's note."""
        if not (by.may(access.ASK_ERASURE) and Instruction.objects.visible_to(by).filter(pk=note.pk).exists()):
            words = _("Only those who review, supervise or administer, and see this note, can ask for it.")
            raise TransitionRefused("not_yours", words)
        reason = said("reason", reason, missing=_("Give the reason."), limit=REASON_LIMIT)
        texts, at = sorted(set(texts)), at or timezone.now()
        if not texts or not set(texts) <= set(NAMES):
            raise ValidationError({"texts": _("Choose what is to be erased.")})
        with transaction.atomic():
            asked = self.create(instruction=note, texts=texts, reason=reason, asked_by=by, asked_at=at)
            asked._tell_second(by, at)
        return asked

    def ask(
        self,
        entry: Entry,
        *,
        by: User,
        reason: str,
        texts: Iterable[str] = (),
        evidence: Evidence | None = None,
        at: dt.datetime | None = None,
    ) -> Erasure:
        """Raises TransitionRefused or ValidationError by field."""
        if not (by.may(access.ASK_ERASURE) and Entry.objects.visible_to(by).filter(pk=entry.pk).exists()):
            raise TransitionRefused("not_yours", _("Only those who review or supervise this entry can ask for it."))
        reason = said("reason", reason, missing=_("Give the reason."), limit=REASON_LIMIT)
        texts = sorted(set(texts))
        if not set(texts) <= {*ERASABLE, ANSWER} or (evidence and evidence.entry_id != entry.pk):
            raise ValidationError({"texts": _("Choose from what this entry holds.")})
        if not texts and evidence is None:
            raise ValidationError({"texts": _("Choose what is to be erased.")})
        if evidence and evidence.erased_at:
            raise TransitionRefused("stale", _("This file is erased already."))
        at = at or timezone.now()
        with transaction.atomic():
            asked = self.create(entry=entry, evidence=evidence, texts=texts, reason=reason, asked_by=by, asked_at=at)
            asked._tell_second(by, at)
        return asked


class Erasure(models.Model):
    """Names what goes, never repeats it. `texts` are fields of the entry, in all versions that were handed in; or parts
    of a leader's note."""

    entry = models.ForeignKey(
        Entry, models.PROTECT, verbose_name=gettext_lazy("entry"), null=True, related_name="erasures"
    )
    instruction = models.ForeignKey(
        Instruction, models.PROTECT, verbose_name=gettext_lazy("leader’s note"), null=True, related_name="erasures"
    )
    evidence = models.ForeignKey(
        Evidence, models.PROTECT, verbose_name=gettext_lazy("piece of evidence"), null=True, related_name="erasures"
    )
    texts = models.JSONField(gettext_lazy("texts"), default=list)
    reason = WordsField(gettext_lazy("reason"), blank=False)
    asked_at = models.DateTimeField(gettext_lazy("asked at"))
    asked_by = models.ForeignKey(User, models.PROTECT, verbose_name=gettext_lazy("asked by"), related_name="+")
    agreed_at = models.DateTimeField(gettext_lazy("agreed at"), null=True)
    agreed_by = models.ForeignKey(
        User, models.PROTECT, verbose_name=gettext_lazy("agreed by"), null=True, related_name="+"
    )
    dropped_at = models.DateTimeField(gettext_lazy("dropped at"), null=True)

    objects = ErasureQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("erasure")
        verbose_name_plural = gettext_lazy("erasures")
        ordering = ["-asked_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(agreed_by__isnull=True) | ~Q(agreed_by=F("asked_by")),
                name="erasure_by_two",
                violation_error_message=gettext_lazy("Two people erase together; the one who asked cannot agree."),
            ),
            models.CheckConstraint(
                condition=Q(entry__isnull=False, instruction__isnull=True)
                | Q(entry__isnull=True, instruction__isnull=False, evidence__isnull=True),
                name="erasure_of_one",
            ),
        ]

    def __str__(self) -> str:
        return str(self.of)

    @property
    def of(self) -> Entry | Instruction:
        found = self.entry or self.instruction
        assert found
        return found

    @property
    def what(self) -> list[str]:
        """What goes, in words; never the words themselves."""
        return [str(NAMES[name] if self.instruction_id else words_for(name)) for name in self.texts]

    @property
    def body(self) -> Organization:
        """Whose it is: the body that reported, or that the note came from."""
        return self.entry.assignment.organization if self.entry else cast(Instruction, self.instruction).sender

    @staticmethod
    def texts_of(entry: Entry) -> list[str]:
        """The fields of an entry that hold words, or held some in a version handed in."""
        said = [{name: getattr(entry, name) for name in ERASABLE}]
        said += [(event.content or {}) | {"comment": event.comment} for event in entry.events.all()]
        answers = [ANSWER] if any(spoken_of(entry)) else []
        return [name for name in ERASABLE if any(version.get(name) for version in said)] + answers

    def beside(self) -> models.QuerySet[Evidence]:
        """The same file in other entries: its bytes are one, so it goes from there too."""
        if self.evidence is None:
            return Evidence.objects.none()
        same = Evidence.objects.filter(digest=self.evidence.digest, erased_at=None)
        return same.exclude(pk=self.evidence.pk).exclude(entry=self.entry_id)

    def others_seen_by(self, user: User) -> tuple[list[Evidence], int]:
        """The entries that hold the same file as this person may see them, and how many more there are."""
        beside = self.beside().select_related("entry__assignment__organization", "entry__assignment__task")
        seen = list(beside.filter(user.assignment_scope("entry__assignment__")))
        return seen, self.beside().count() - len(seen)

    # Turns. Each raises TransitionRefused and changes nothing where the rules or somebody faster forbid it.

    def agree(self, *, by: User, at: dt.datetime | None = None) -> None:
        """The second person's word: what was named goes from the entry, its events, the storage. One transaction; the
        bytes go after it, and nightly where that fails."""
        at = at or timezone.now()
        if self.asked_by_id == by.pk:
            raise TransitionRefused("own", _("Two people erase together; the one who asked cannot agree."))
        if not Erasure.objects.waiting().filter(pk=self.pk).exists():
            raise TransitionRefused("stale", _("This was decided on already."))
        if not Erasure.objects.agreeable_by(by).filter(pk=self.pk).exists():
            raise TransitionRefused("not_yours", _("Only a supervisor or administrator above can do this."))
        with transaction.atomic():
            self._close(agreed_at=at, agreed_by=by)
            digest = self.carry_out(by=by, at=at)
            self._tell_body(by, at)
            write_down(self)
            if digest:
                transaction.on_commit(lambda: forget(digest))

    def carry_out(self, *, by: User | None, at: dt.datetime) -> str:
        """What was named goes from where it stands and from all that repeats it. Nobody's word where it was agreed to
        before and is done again. Inside a transaction. Returns the digest of the bytes that are to go after it."""
        if self.instruction_id:
            self._erase_note(by, at)
            return ""
        assert self.entry_id
        entry = Entry.objects.hold(self.entry_id)
        gone = self._texts_of(entry)
        blanked = {name: marker(self.reason, name) for name in self.texts if getattr(entry, name, "")}
        told = {"erased": self.texts} if self.texts else {}
        move = Move(Event.Action.ERASED, (State(entry.state),), entry.state)
        entry._turn(move, by=by, version=entry.version, at=at, event_comment=self.reason, event_content=told, **blanked)
        self._blank_events(entry, gone)
        self._blank_blockers(entry, gone)
        for note in notes_near(entry.assignment):
            self._blank_note(note, (), gone)
        matters = Blocker.objects.of([entry.assignment_id])
        self._blank_notices([entry.get_absolute_url(), *(m.get_absolute_url() for m in matters)], gone)
        briefs = Brief.objects.of(entry.assignment.task.plan)
        briefs.blank(lambda text: repeats(text, gone), marker(self.reason, "need_from"))
        return self._erase_files(by, at)

    def _erase_note(self, by: User | None, at: dt.datetime) -> None:
        """The named parts of a leader's note; one event with the reason."""
        assert self.instruction_id
        note = Instruction.objects.select_for_update(no_key=True).get(pk=self.instruction_id)
        held = texts_of(note)
        self._blank_note(note, self.texts, {text for name in self.texts for text in held.get(name, ()) if text})
        note.record(Step.ERASED, by, at, comment=self.reason)

    def _blank_note(self, note: Instruction, names: Iterable[str], gone: set[str]) -> None:
        blank(note, names, lambda text: repeats(text, gone), marker(self.reason))
        self._blank_notices([note.get_absolute_url()], gone)

    def _tell_second(self, by: User, at: dt.datetime) -> None:
        """Who may agree, in the nearest body where there is somebody: the fewer learn where the leak is the better."""
        body, kind = self.body, Notice.Kind.ERASURE_ASKED
        told = {"who": str(by.organization), "what": str(self.of), "why": self.reason}
        roles = [role for role in Role.values if access.may(role, access.ERASE, separate=settings.SEPARATE_DUTIES)]
        for near in [body, *reversed(list(body.ancestors()))]:
            if Notice.tell(near, roles, kind, url=reverse("erasures"), by=by, at=at, **told):
                return

    def _tell_body(self, by: User, at: dt.datetime) -> None:
        told = {"who": str(by.organization), "what": str(self.of), "why": self.reason}
        roles, url = (access.REPORTER, access.LEADER), self.of.get_absolute_url()
        Notice.tell(self.body, roles, Notice.Kind.ERASED, url=url, by=by, at=at, **told)

    def drop(self, *, by: User, at: dt.datetime | None = None) -> None:
        """Not to be done after all: by who asked, or by who would have agreed."""
        if self.asked_by_id != by.pk and not Erasure.objects.agreeable_by(by).filter(pk=self.pk).exists():
            raise TransitionRefused("not_yours", _("Only a supervisor or administrator above can do this."))
        self._close(dropped_at=at or timezone.now())

    def _close(self, **values: Any) -> None:
        if not Erasure.objects.waiting().filter(pk=self.pk).update(**values):
            raise TransitionRefused("stale", _("This was decided on already."))
        for name, value in values.items():
            setattr(self, name, value)

    def _texts_of(self, entry: Entry) -> set[str]:
        """Every wording the named fields ever had: now, and in each version handed in."""
        held = {getattr(entry, name, "") for name in self.texts}
        held |= set(spoken_of(entry)) if ANSWER in self.texts else set()
        for event in entry.events.exclude(content=None):
            held |= {(event.content or {}).get(name) for name in self.texts}
        return {text for text in held if isinstance(text, str) and text.strip()}

    def _blank_events(self, entry: Entry, gone: set[str]) -> None:
        """The named fields in every version; and any other text or comment that repeats one."""
        for event in entry.events.exclude(action=Event.Action.ERASED):
            said = (event.content or {}) | {"comment": event.comment}
            left = {
                name: marker(self.reason, name)
                if value and isinstance(value, str) and (name in self.texts or repeats(value, gone))
                else value
                for name, value in said.items()
            }
            if left != said:
                comment = left.pop("comment")
                Event.objects.filter(pk=event.pk).update(content=event.content and left, comment=comment)

    def _blank_blockers(self, entry: Entry, gone: set[str]) -> None:
        for blocker in Blocker.objects.filter(entry=entry):
            names = [name for name in ("need", "need_from", "answer") if repeats(getattr(blocker, name), gone)]
            if names:
                words = {name: marker(self.reason, name) for name in names}
                Blocker.objects.filter(pk=blocker.pk).update(**words)

    def _blank_notices(self, addresses: list[str], gone: set[str]) -> None:
        """What people were told of it, word for word (a reviewer's reason may quote it)."""
        for notice in Notice.objects.filter(url__in=addresses):
            told = [name for name, value in notice.words.items() if isinstance(value, str) and repeats(value, gone)]
            if told:
                left = notice.words | dict.fromkeys(told, marker(self.reason))
                Notice.objects.filter(pk=notice.pk).update(words=left)

    def _erase_files(self, by: User | None, at: dt.datetime) -> str:
        """The file's rows everywhere, with an event in each other entry. Returns the digest of what is to go."""
        if self.evidence is None:
            return ""
        digest = self.evidence.digest
        list(Evidence.objects.select_for_update().filter(digest=digest).order_by("pk").values_list("pk"))
        for other in self.beside().select_related("entry__assignment"):
            entry, state = other.entry, other.entry.state
            Event.record(
                entry.assignment,
                entry=entry,
                action=Event.Action.ERASED,
                by=by,
                at=at,
                from_state=state,
                to_state=state,
                comment=self.reason,
            )
        Evidence.objects.filter(digest=digest, erased_at=None).update(erased_at=at, name="")
        return digest


def spoken_of(entry: Entry) -> list[str]:
    """What was said to the matters an entry asked for: answers, and the words that went with each step."""
    said = entry.events.filter(action__in=Event.MATTERS).values_list("comment", flat=True)
    return [text for text in (*entry.blockers.values_list("answer", flat=True), *said) if text]


def words_for(name: str) -> Any:
    """What a text that can be erased is called."""
    if name == ANSWER:
        return gettext_lazy("answer to the matter")
    field: Any = Entry._meta.get_field(name)
    return field.verbose_name


def repeats(value: Any, gone: set[str]) -> bool:
    """Whether a text is one of those, or quotes one whole; a word or two is no quotation."""
    return isinstance(value, str) and any(value == text or (len(text) >= QUOTED and text in value) for text in gone)


def marker(reason: str, name: str = "") -> str:
    """What stands where a text stood, on every page and in every file; in the system's language, not the reader's."""
    with translation.override(settings.LANGUAGE_CODE):
        words = _("Erased (%(reason)s)") % {"reason": reason}
    limit = NEED_FROM_LIMIT if name == "need_from" else len(words)
    return words if len(words) <= limit else words[: limit - 1] + "…"


# The list outside the database, and the bytes.


def line_of(erasure: Erasure) -> dict[str, Any]:
    """Enough to do it again. No hash of a text: a short one could be guessed from it."""
    return {
        "erasure": erasure.pk,
        "entry": erasure.entry_id,
        "instruction": erasure.instruction_id,
        "texts": erasure.texts,
        "digest": erasure.evidence.digest if erasure.evidence else None,
        "reason": erasure.reason,
        "asked_at": erasure.asked_at.isoformat(),
        "asked_by": erasure.asked_by.username,
        "agreed_at": erasure.agreed_at.isoformat() if erasure.agreed_at else None,
        "agreed_by": erasure.agreed_by.username if erasure.agreed_by else None,
    }


def write_down(erasure: Erasure) -> None:
    """One line, on the disk before the transaction ends: a restored backup must find what it is to forget again. Says
    what went, not what it said."""
    path = Path(settings.ERASURES_FILE)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":  # a crash cut the last line short
                    file.write(b"\n")
            file.write(json.dumps(line_of(erasure)).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        log.exception("The list of erasures could not be written.")
        raise TransitionRefused(
            "disk", _("The list of erasures could not be written, so nothing was erased. Tell your administrator.")
        ) from error


def forget(digest: str) -> None:
    """Delete the bytes, unless a row still needs them. What fails is logged, and tried again every night."""
    try:
        if not Evidence.objects.filter(digest=digest, erased_at=None).exists():
            kept().delete(place_of(digest))
    except OSError:
        log.exception("An erased file could not be deleted from the evidence storage.")
