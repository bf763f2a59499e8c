"""Writing a leader's note (批示), answering it, and withdrawing it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from tracker.models import Organization, Role, User
from tracker.models.fields import TEXT_LIMIT, refuse_unstorable
from tracker.models.instructions import LEADER_LIMIT, addressable_by

from .fields import Codes, DayField, DayInput, ModelRefusals
from .looking import LookedThrough

OFFERED = 60  # bodies directly below that are offered without a search; of more, those that are looked for
FOUND = 50  # bodies that a search offers


def words(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"class": "form-control", "rows": rows, "maxlength": TEXT_LIMIT})


class InstructionForm(LookedThrough):
    """What is written, to whom, by when. Whose it is, and of which day, is asked of whoever writes for a leader."""

    LOOKED = ("text",)

    text = forms.CharField(label=_("Leader’s note"), required=False, max_length=TEXT_LIMIT, widget=words(5))
    leader = forms.CharField(
        label=_("Whose note it is"),
        required=False,
        max_length=LEADER_LIMIT,
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
        help_text=_("The name and office of the leader in charge, as on the paper."),
    )
    given_on = DayField(
        label=_("Day of the note"),
        required=False,
        widget=DayInput(attrs={"class": "form-control short"}),
        help_text=_("Left empty: today."),
    )
    reply_by = DayField(
        label=_("Answer wanted by"),
        required=False,
        widget=DayInput(attrs={"class": "form-control short"}),
        help_text=_("May be left empty."),
    )
    bodies = Codes(label=pgettext_lazy("note", "To whom"), required=False)
    find = forms.CharField(
        label=_("Others below: name, code or pinyin"),
        required=False,
        max_length=100,
        validators=[refuse_unstorable],
        widget=forms.TextInput(attrs={"class": "form-control"}),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.body = user.organization
        self.addressable = addressable_by(user).select_related("parent")
        if user.role == Role.LEADER:
            del self.fields["leader"], self.fields["given_on"]

    def clean_bodies(self) -> list[Organization]:
        codes = set(self.cleaned_data["bodies"])
        bodies = list(self.addressable.filter(code__in=codes))
        if len(bodies) < len(codes):
            raise ValidationError(_("An organization is not below yours, or was closed. Choose again."))
        return bodies

    @property
    def said(self) -> dict[str, Any]:
        """What `write` takes."""
        names = ("text", "leader", "given_on", "reply_by")
        return {name: self.cleaned_data[name] for name in names if name in self.cleaned_data}

    def body_choices(self) -> list[Organization]:
        """Those ticked, one's own body, those directly below it, and those the words find. Two queries at most."""
        codes = [code for code in self["bodies"].value() or [] if "\0" not in code]
        offered = Q(pk=self.body.pk) | self.body.directly_below() if self.body else Q()
        near = list(self.addressable.filter(Q(code__in=codes) | offered).order_by("path")[: OFFERED + len(codes) + 1])
        if len(near) > OFFERED + len(codes):
            near = list(self.addressable.filter(code__in=codes).order_by("path"))
        typed = (self["find"].value() or "").replace("\0", " ")[:100]
        found = list(self.addressable.search(typed).order_by("code")[:FOUND]) if typed.strip() else []
        for body in near:
            body.ticked = body.code in codes  # type: ignore[attr-defined]
        return near + [body for body in found if body not in near]


class InstructionAnswerForm(LookedThrough):
    LOOKED = ("answer",)

    answer = forms.CharField(
        label=pgettext_lazy("matter", "Answer"), required=False, max_length=TEXT_LIMIT, widget=words(4)
    )


class InstructionWithdrawForm(ModelRefusals):
    reason = forms.CharField(
        label=_("Why the note is withdrawn"), required=False, max_length=TEXT_LIMIT, widget=words(2)
    )
