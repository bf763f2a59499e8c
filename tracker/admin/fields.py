"""Form fields and checks that several forms of the back office share."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.admin.widgets import AutocompleteSelect, AutocompleteSelectMultiple
from django.core.validators import RegexValidator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tracker.forms import DayField, DayInput, is_key
from tracker.models import Organization
from tracker.models.fields import refuse_unstorable

__all__ = ["DayField", "DayInput", "is_key"]

# Codes stand in addresses and file names.
plain_code = RegexValidator(
    r"^\w[\w.\-]*\Z", _("A code is made of letters, digits, full stops and hyphens, and begins with a letter or digit.")
)


class ReasonField(forms.CharField):
    """Why somebody does by hand what otherwise follows from the entries."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=200, widget=forms.Textarea(attrs={"rows": 2, "cols": 60}), **kwargs)
        self.validators.append(refuse_unstorable)


class Picker(AutocompleteSelect):
    """A choice that is searched for. Sent back with a fault it shows again only what can be a key at all."""

    def optgroups(self, name: str, value: Any, attr: Any = None) -> Any:
        return super().optgroups(name, [key for key in value if is_key(str(key))], attr)


class ManyPicker(Picker, AutocompleteSelectMultiple):
    pass


class ManyField(forms.ModelMultipleChoiceField):
    def clean(self, value: Any) -> Any:
        for key in value or []:
            if not is_key(str(key)):
                raise forms.ValidationError(self.error_messages["invalid_pk_value"], params={"pk": str(key)[:20]})
        return super().clean(value)


class OrganizationField(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return beside_parent(obj)


class CodedForm(forms.ModelForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "code" in self.fields:
            self.fields["code"].validators.append(plain_code)


def beside_parent(organization: Organization) -> str:
    """The name with the parent's: union names repeat (four 鼓楼区总工会)."""
    if organization.parent is None:
        return organization.name
    return gettext("%(body)s (%(parent)s)") % {"body": organization.name, "parent": organization.parent.name}


def check_order(form: forms.BaseForm, first: str, last: str, message: Any = None) -> None:
    """Put an error beside `last` where it comes before `first`."""
    earlier, later = form.cleaned_data.get(first), form.cleaned_data.get(last)
    if earlier is not None and later is not None and later < earlier:
        form.add_error(last, message or _("The due date is before the start."))
