"""What a leader says under a whole period."""

from django import forms
from django.utils.translation import gettext_lazy as _

from tracker.models.fields import TEXT_LIMIT, refuse_unstorable

from .fields import ModelRefusals


class SignOffForm(ModelRefusals):
    """One opinion for everything that is signed at once."""

    comment = forms.CharField(
        label=_("Opinion on signing off"),
        required=False,
        max_length=TEXT_LIMIT,
        validators=[refuse_unstorable],
        widget=forms.Textarea(attrs={"class": "form-control", "rows": 2}),
    )
