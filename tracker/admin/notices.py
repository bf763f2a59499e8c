"""The mails of the nightly run in the back office: what went, what did not, and why."""

from django.contrib import admin

from tracker.models import Digest

from .base import ReadAdmin, plain


class DigestAdmin(ReadAdmin):
    list_display = ("shown_day", "person", "sent_time", "tries", "error")
    list_filter = (("sent_at", admin.EmptyFieldListFilter),)
    list_select_related = ("person",)
    search_fields = ("person__name", "person__username")
    ordering = ("-day", "-pk")
    fields = ("day", "person", "sent_at", "tries", "error")
    shown_day, sent_time = plain(Digest, "day"), plain(Digest, "sent_at")
