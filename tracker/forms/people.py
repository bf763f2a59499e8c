"""Accounts: a one-time code for a new password, and who acts for whom."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.utils.translation import gettext_lazy as _

from tracker.models import Deputy, Membership, OneTimeCode, User
from tracker.models.fields import refuse_unstorable

from .fields import DayField, DayInput, ModelRefusals


class SignInForm(AuthenticationForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Django tells the browser alone how long a name may be; the log of failures has columns of that length."""
        super().__init__(*args, **kwargs)
        username: Any = self.fields["username"]
        username.validators.append(MaxLengthValidator(username.max_length))


def shown(widget: type[forms.Widget], **attrs: Any) -> forms.Widget:
    return widget(attrs={"class": "form-select" if issubclass(widget, forms.Select) else "form-control"} | attrs)


class CodeForm(forms.Form):
    """A one-time code for a new password. Whatever does not go together gets one and the same sentence."""

    username = forms.CharField(
        label=_("User name"),
        max_length=150,
        validators=[refuse_unstorable],
        widget=shown(forms.TextInput, autocomplete="username", autocapitalize="none", autofocus=True),
    )
    code = forms.CharField(
        label=_("One-time code"),
        max_length=60,
        validators=[refuse_unstorable],
        widget=shown(forms.TextInput, autocomplete="one-time-code", autocapitalize="characters", spellcheck="false"),
    )
    password1 = forms.CharField(
        label=_("New password"),
        strip=False,
        max_length=200,
        validators=[refuse_unstorable],
        widget=shown(forms.PasswordInput, autocomplete="new-password"),
    )
    password2 = forms.CharField(
        label=_("New password once more"),
        strip=False,
        max_length=200,
        widget=shown(forms.PasswordInput, autocomplete="new-password"),
    )

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if "password1" in given and "password2" in given and given["password1"] != given["password2"]:
            self.add_error("password2", _("The two passwords are not the same."))
        return given

    def redeem(self) -> User | None:
        """The person whose password it set, or none with the reason in the form."""
        given = self.cleaned_data
        try:
            person = OneTimeCode.redeem(given["username"], given["code"], given["password1"])
        except ValidationError as error:
            self.add_error("password1", error.message_dict["password"])
            return None
        if person is None:
            self.add_error(
                None,
                _(
                    "This user name and this code do not go together, or the code has expired or was used. Check both; "
                    "if it does not help, ask your administrator for a new code."
                ),
            )
        return person


class PersonField(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return obj.named


class DeputyForm(ModelRefusals):
    """Who acts in which of these memberships, from which day to which."""

    membership = forms.ModelChoiceField(
        label=_("In the role of"), queryset=Membership.objects.none(), widget=shown(forms.Select), empty_label=None
    )
    person = PersonField(label=_("Deputy"), empty_label="—", queryset=User.objects.none(), widget=shown(forms.Select))
    first = DayField(label=_("First day"), widget=DayInput({"class": "form-control"}))
    last = DayField(label=_("Last day, included"), widget=DayInput({"class": "form-control"}))

    def __init__(self, *args: Any, memberships: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        held = list(memberships.select_related("organization"))
        self.fields["membership"].queryset = memberships.select_related("organization")  # type: ignore[attr-defined]
        people = User.objects.in_or_above(*(membership.organization for membership in held))
        holders = [membership.person_id for membership in held]
        self.fields["person"].queryset = people.exclude(pk__in=holders)  # type: ignore[attr-defined]

    def name(self, by: User) -> Deputy | None:
        """The deputy named, or none with the reason beside its field."""
        try:
            return Deputy.name(by=by, **self.cleaned_data)
        except ValidationError as error:
            self.add_refusal(error)
            return None
