"""Looking for bodies and tasks, and choosing one body by code, name or pinyin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from tracker.models import Organization
from tracker.models.fields import refuse_unstorable
from tracker.models.organizations import OrganizationQuerySet

NAMED = 10  # bodies offered where what was typed fits several
TYPED = 100  # characters of what is looked for


class FindForm(forms.Form):
    """What is looked for: two characters at least, for one finds everything and nothing."""

    q = forms.CharField(
        min_length=2,
        max_length=TYPED,
        validators=[refuse_unstorable],
        error_messages={
            "required": _("Write what to look for: part of a name, a code, or pinyin."),
            "min_length": _("Write two characters at least."),
            "max_length": _("This is longer than any name. Write %(limit_value)d characters at most."),
            "null_characters_not_allowed": _("This text contains characters that cannot be stored. Type it once more."),
        },
    )


class OrganizationChoice(forms.CharField):
    """One body, by code, name or pinyin. Where several fit, `candidates` are shown to take one of.

    `queryset` is what may be chosen; a form sets it for the person who asks. See includes/organization_picker.html.
    """

    def __init__(self, *, queryset: OrganizationQuerySet | None = None, **kwargs: Any) -> None:
        super().__init__(max_length=TYPED, **kwargs)
        self.validators.append(refuse_unstorable)
        self.queryset = queryset if queryset is not None else Organization.objects.none()
        self.candidates: list[Organization] = []

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        own = {"class": "form-control", "autocomplete": "off", "data-suggest": reverse_lazy("find_organizations")}
        return super().widget_attrs(widget) | own

    def prepare_value(self, value: Any) -> Any:
        return f"{value.code} {value.name}" if isinstance(value, Organization) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        found = self.queryset.meant_by(text, NAMED)
        if len(found) == 1:
            return found[0]
        self.candidates = found[:NAMED]
        if not found:
            raise ValidationError(_("No organization in your scope has this code or name."))
        if len(found) > NAMED:
            raise ValidationError(_("Many organizations fit this. Write more of it, or take one of these:"))
        raise ValidationError(_("Several organizations fit this. Take one of these:"))
