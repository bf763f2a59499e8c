"""What the sheet's script says. It holds no words of its own."""

from __future__ import annotations

from django.utils.translation import gettext as _


def words() -> dict[str, str]:
    return {
        "unsaved": _("Not saved yet"),
        "saving": _("Saving…"),
        "saved": _("Saved {at}"),
        "sending": _("Submitting…"),
        "kept": _("Kept in this browser, not saved yet"),
        "choose": _("Choose the items first: tick the box before the code."),
        "nothing": _("Nothing is left to submit."),
        "submitted": _("Submitted: {n}."),
        "incomplete": _("Not complete yet: {n}."),
        "blank": _("Not filled in yet: {n}."),
        "restored": _("Found content of {n} rows that had not been uploaded; it is back in its place."),
        "left": _("You had written this here, and it was not uploaded:"),
        "offline": _("No connection. {n} rows are kept in this browser and go up by themselves when it is back."),
        "trouble": _("The server does not answer now. {n} rows are kept in this browser; it is tried again."),
        "login": _("Your login has run out. What you typed is kept here and goes up once you have signed in."),
        "full": _("This browser cannot keep content. Do not close the page until everything is saved."),
        "theirs": _("{who} has saved something else here. Yours is not saved yet."),
        "empty": _("(empty)"),
        "fault": _("{code} {label}: {line}"),
        "row_fault": _("{code}: {line}"),
        "cell_refused": _("{code} {label} “{said}”: {why}"),
        "pasted": _("{n} cells pasted."),
        "undone": _("Put back as it was before."),
        "not_pasted": _("{n} cells were not pasted:"),
        "no_cell": _("this task has no such cell"),
        "no_status": _("this is none of the statuses: {known}"),
        "too_long": _("longer than {n} characters"),
        "no_row": _("no row is left for it"),
        "no_column": _("no column is left for it"),
        "no_number": _("this is no whole number from 0 to 100"),
        "no_last": _("Nothing was reported before, so there is nothing to carry over."),
        "carried": _("Carried over from last period. Edit it, then submit."),
        "nothing_empty": _("Everything is filled in here already; nothing was carried over."),
        "position": _("Item {at} of {of}"),
    }
