"""Files and erasures in the back office, also files that were taken off: to be read, nothing is changed here."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from tracker.models import Erasure, Evidence
from tracker.models.evidence import size_words

from .base import ReadAdmin, plain


class EvidenceAdmin(ReadAdmin):
    list_display = ("__str__", "entry", "size_shown", "uploaded", "uploaded_by", "removed", "erased")
    list_select_related = ("entry__assignment__organization", "entry__assignment__task", "entry__period", "uploaded_by")
    search_fields = ("name", "^entry__assignment__organization__code", "^entry__assignment__task__code")
    search_help_text = _("A file name, or the beginning of a code.")
    ordering = ("-pk",)
    fields = ("download", "entry", "size_shown", "digest", "uploaded", "uploaded_by", "removed", "removed_by", "erased")
    readonly_fields = fields
    uploaded = plain(Evidence, "uploaded_at")
    removed = plain(Evidence, "removed_at")
    erased = plain(Evidence, "erased_at")

    @admin.display(description=Evidence._meta.get_field("size").verbose_name)
    def size_shown(self, obj: Evidence) -> str:
        return size_words(obj.size)

    @admin.display(description=Evidence._meta.get_field("name").verbose_name)
    def download(self, obj: Evidence) -> str | SafeString:
        return str(obj) if obj.erased_at else format_html('<a href="{}">{}</a>', obj.get_absolute_url(), obj)

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        return obj.entry.get_absolute_url() if obj else None


class ErasureAdmin(ReadAdmin):
    shown = ("texts_shown", "evidence", "reason", "asked", "asked_by", "agreed", "agreed_by", "dropped")
    list_display = ("__str__", *shown)
    fields = ("entry", "instruction", *shown)
    readonly_fields = fields
    asked = plain(Erasure, "asked_at")
    agreed = plain(Erasure, "agreed_at")
    dropped = plain(Erasure, "dropped_at")

    def get_queryset(self, request: Any) -> Any:
        rows: Any = super().get_queryset(request)
        return rows.with_place()

    @admin.display(description=Erasure._meta.get_field("texts").verbose_name)
    def texts_shown(self, obj: Erasure) -> str:
        return str(_(", ")).join(obj.what)

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        return obj.of.get_absolute_url() if obj else None
