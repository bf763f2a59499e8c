"""Evidence (佐证材料): files beside an entry, kept by content."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Self, cast

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage, storages
from django.db import models, transaction
from django.db.models import Count, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from .entries import Entry
from .fields import refuse_unstorable
from .files import kind_of, safe_name
from .moves import State, TransitionRefused
from .people import User
from .pictures import written_anew

if TYPE_CHECKING:
    from django.core.files.uploadedfile import UploadedFile

log = logging.getLogger(__name__)
CHUNK = 1024 * 1024


def kept() -> Storage:
    return storages["evidence"]


def place_of(digest: str) -> str:
    return f"{digest[:2]}/{digest[2:4]}/{digest}"


def digest_of(file: Any) -> str:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()


class Taken(NamedTuple):
    """A file that was looked at and is taken as it now is: a photograph without what the camera noted."""

    name: str
    content_type: str
    size: int
    digest: str
    file: File[Any]

    @classmethod
    def from_upload(cls, upload: UploadedFile) -> Taken:
        """Raises ValidationError with the sentence for whoever chose it."""
        name = safe_name(upload.name or "")
        kind = kind_of(name)
        if not upload.size:
            raise ValidationError(_("The file is empty."), code="empty")
        if upload.size > settings.EVIDENCE_FILE_LIMIT:
            raise too_large()
        file: File[Any] = upload
        content = cast("IO[bytes]", upload.file)
        if kind.picture:
            file = ContentFile(written_anew(content, kind.picture))
        elif kind.check:
            kind.check(content)
        return cls(name, kind.content_type, file.size, digest_of(file), file)

    def keep(self) -> None:
        """Into the storage, unless it is there. Raises ValidationError, and nothing is kept, where that fails."""
        place = place_of(self.digest)
        try:
            if not (kept().exists(place) and kept().size(place) == self.size):
                self.file.seek(0)
                kept().save(place, self.file)
        except OSError as error:
            log.exception("A file could not be kept in the evidence storage.")
            raise disk_full() from error


def size_words(size: int) -> str:
    """20 MB, not 20.0 MB."""
    return filesizeformat(size).replace(".0", "")


def too_large() -> ValidationError:
    return ValidationError(
        _("It is larger than %(limit)s, the most for one file.") % {"limit": size_words(settings.EVIDENCE_FILE_LIMIT)},
        code="large",
    )


def disk_full() -> ValidationError:
    return ValidationError(
        _(
            "The server could not keep it: its disk is full or not in order. Nothing of it was saved; what you wrote "
            "is kept. Tell your administrator, and choose it again later."
        ),
        code="disk",
    )


class EvidenceQuerySet(models.QuerySet["Evidence"]):
    def live(self) -> Self:
        """Neither taken off nor erased: what counts."""
        return self.filter(removed_at=None, erased_at=None)

    def standing(self) -> Self:
        """What an entry's page shows: live, and where something was erased, that it was."""
        return self.filter(removed_at=None)

    def visible_to(self, user: User) -> Self:
        """The files of what is visible as handed in; inside their own body also those of what is being written. One
        that was handed in and taken off later remains for those who inspect (rules 5 and 6)."""
        written = Q(entry__state__in=(State.DUE, State.DRAFT)) | Q(uploaded_at__gt=F("entry__submitted_at"))
        handed_in = ~Q(entry__state__in=(State.DUE, State.DRAFT)) & Q(uploaded_at__lte=F("entry__submitted_at"))
        shown = handed_in | Q(entry__assignment__organization=user.organization) & written
        taken_off = Q(removed_at=None)
        if user.may_inspect:
            taken_off |= Q(removed_at__gt=F("entry__first_submitted_at"), uploaded_at__lte=F("entry__submitted_at"))
        return self.filter(user.assignment_scope("entry__assignment__")).filter(shown).filter(taken_off)

    def with_reasons(self) -> Self:
        """With the reason where one was erased, whichever entry it was asked for. Within the one query."""
        from .erasures import Erasure

        why = Erasure.objects.agreed().filter(evidence__digest=OuterRef("digest")).values("reason")[:1]
        return self.annotate(why=Coalesce(Subquery(why), models.Value(""), output_field=models.TextField()))

    @staticmethod
    def counted_for(entry: str) -> Coalesce:
        """How many live pieces the entry has that `entry` names: a column of a list, without a query a row."""
        counted = Evidence.objects.live().filter(entry=OuterRef(entry)).order_by()
        return Coalesce(Subquery(counted.values("entry").annotate(n=Count("pk")).values("n")), 0)

    def attach(self, entry: Entry, upload: UploadedFile, *, by: User, at: dt.datetime | None = None) -> Evidence:
        """Put one file to an entry that can be written. The file is kept first, then its row, so that a row never
        lacks its file; the same file again is the one that is there.

        Raises TransitionRefused where the entry takes none, ValidationError where this file is none to take.
        """
        at = at or timezone.now()
        entry.guard_files(by, at)
        if not entry.assignment.task.takes_texts:
            raise TransitionRefused("no_files", _("Only the status of this task is reported; files are not taken."))
        taken = Taken.from_upload(upload)
        taken.keep()
        with transaction.atomic():
            held = Entry.objects.hold(entry.pk)
            held.guard_files(by, at)
            same = list(self.model.objects.select_for_update().filter(digest=taken.digest).order_by("pk"))
            if any(row.erased_at for row in same):
                raise ValidationError(_("This file was erased by decision. It is not taken again."), code="erased")
            for row in same:
                if row.entry_id == entry.pk and row.removed_at is None:
                    return row
            self.guard_room(held, taken)
            taken.keep()  # a sweep may have taken it for an orphan
            return self.create(
                entry=held,
                name=taken.name,
                digest=taken.digest,
                size=taken.size,
                content_type=taken.content_type,
                uploaded_at=at,
                uploaded_by=by,
            )

    def guard_room(self, entry: Entry, taken: Taken) -> None:
        sizes = list(self.model.objects.standing().filter(entry=entry).values_list("size", flat=True))
        if len(sizes) >= settings.EVIDENCE_FILES:
            raise ValidationError(
                ngettext(
                    "An entry takes %(count)d file at most. Take one off, or put several into one document.",
                    "An entry takes %(count)d files at most. Take one off, or put several into one document.",
                    settings.EVIDENCE_FILES,
                )
                % {"count": settings.EVIDENCE_FILES},
                code="many",
            )
        if sum(sizes) + taken.size > settings.EVIDENCE_ENTRY_LIMIT:
            raise ValidationError(
                _("The files of this entry would be larger than %(limit)s together.")
                % {"limit": size_words(settings.EVIDENCE_ENTRY_LIMIT)},
                code="together",
            )


class Evidence(models.Model):
    """One file of one entry. Two entries with the same file share its bytes, found by `digest` (SHA-256, hex)."""

    entry = models.ForeignKey(Entry, models.PROTECT, verbose_name=gettext_lazy("entry"), related_name="evidence")
    name = models.CharField(gettext_lazy("file name"), max_length=200, validators=[refuse_unstorable])
    digest = models.CharField(gettext_lazy("content hash"), max_length=64, db_index=True)
    size = models.PositiveBigIntegerField(gettext_lazy("size in bytes"))
    content_type = models.CharField(gettext_lazy("content type"), max_length=100)
    uploaded_at = models.DateTimeField(gettext_lazy("uploaded at"))
    uploaded_by = models.ForeignKey(User, models.PROTECT, verbose_name=gettext_lazy("uploaded by"), related_name="+")
    removed_at = models.DateTimeField(gettext_lazy("taken off at"), null=True)
    removed_by = models.ForeignKey(
        User, models.PROTECT, verbose_name=gettext_lazy("taken off by"), null=True, related_name="+"
    )
    erased_at = models.DateTimeField(gettext_lazy("erased at"), null=True)

    objects = EvidenceQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("piece of evidence")
        verbose_name_plural = pgettext_lazy("files", "evidence")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["entry", "digest"], condition=Q(removed_at=None), name="evidence_once_an_entry"
            )
        ]

    def __str__(self) -> str:
        return self.name or _("erased file")

    def get_absolute_url(self) -> str:
        return reverse("evidence", args=[self.pk])

    @property
    def is_live(self) -> bool:
        return self.removed_at is None and self.erased_at is None

    def open(self) -> File[Any]:
        """Raises FileNotFoundError where the storage has lost it."""
        return kept().open(place_of(self.digest))

    def take_off(self, *, by: User, at: dt.datetime | None = None) -> None:
        """Until the entry is handed in (again). The row and the bytes stay: what was accepted may have relied on it."""
        at = at or timezone.now()
        with transaction.atomic():
            Entry.objects.hold(self.entry_id).guard_files(by, at)
            rows = Evidence.objects.live().filter(pk=self.pk)
            if rows.update(removed_at=at, removed_by=by):
                self.removed_at, self.removed_by = at, by
