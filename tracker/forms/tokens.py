"""A token: what will use it, and for how long."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from tracker.models import Token, TransitionRefused, User
from tracker.models.fields import refuse_unstorable


class TokenForm(forms.Form):
    DAYS = [(30, _("30 days")), (90, _("90 days")), (180, _("Half a year")), (365, _("One year"))]

    name = forms.CharField(
        label=_("What will use it"),
        max_length=60,
        validators=[refuse_unstorable],
        help_text=_("For example “Power Query on my office desktop”, so that you know later which one to revoke."),
        widget=forms.TextInput({"class": "form-control", "autocomplete": "off"}),
    )
    days = forms.TypedChoiceField(
        label=_("Works for"), choices=DAYS, coerce=int, initial=180, widget=forms.Select({"class": "form-select"})
    )

    def make(self, by: User) -> tuple[Token, str] | None:
        """The token and its secret, or none with the reason in the form."""
        given: dict[str, Any] = self.cleaned_data
        try:
            return Token.make(by=by, **given)
        except TransitionRefused as refusal:
            self.add_error(None, refusal.message)
        except ValidationError as error:
            self.add_error(None, error)
        return None
