"""Numbers of people in what is typed, pointed out before it is handed in: a hint, never a refusal."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from django import forms
from django.utils.translation import gettext

from tracker.models import sensitive

from .fields import ModelRefusals


class LookedThrough(ModelRefusals):
    """A form whose texts are looked over. Its page shows evidence/look.html where there is something to tick."""

    LOOKED: tuple[str, ...] = ()  # the fields that are looked over

    looked_through = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def looks_clean(self, files: Iterable[str] = ()) -> bool:
        """Before handing in: whether nothing typed, and no file's name, looks like a number of a person, or the one
        who hands in has ticked that they looked. Otherwise says where, beside each field; `to_look_through` is what
        the tick is for: other numbers ask again."""
        seen = []
        for name in self.LOOKED:
            for paragraph, line in enumerate((self.cleaned_data.get(name) or "").splitlines(), start=1):
                seen += [(name, paragraph, found) for found in sensitive.find(line)]
        named = [(file, found) for file in files for found in sensitive.find(file)]
        if not seen and not named:
            return True
        numbers = [found.number for _name, _at, found in seen] + [found.number for _file, found in named]
        self.to_look_through = hashlib.sha256(" ".join(sorted(numbers)).encode()).hexdigest()
        if self.cleaned_data.get("looked_through") == self.to_look_through:
            return True
        for name, paragraph, found in seen:
            words = gettext("Paragraph %(n)d seems to hold %(sort)s (%(number)s).")
            said = words % {"n": paragraph, "sort": found.sort.label, "number": found.masked}
            self.add_error(name if name in self.fields else None, said)
        for file, found in named:
            words = gettext("The name of the file “%(file)s” seems to hold %(sort)s (%(number)s).")
            hidden = file.replace(found.number, found.masked)
            self.add_error(None, words % {"file": hidden, "sort": found.sort.label, "number": found.masked})
        return False
