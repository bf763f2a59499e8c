"""What the script of the queue says. It holds no words of its own."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import pgettext


def words() -> dict[str, str]:
    return {
        "sending": _("Sending…"),
        "kept": _("Not sent yet"),
        "accept": pgettext("entry", "Accepted"),
        "return": pgettext("entry", "Returned"),
        "offline": _("No connection. {n} decisions wait on this page and go by themselves when it is back."),
        "trouble": _("The server does not answer now. {n} decisions wait on this page; it is tried again."),
        "login": _("Your login has run out. What you decided waits on this page and goes once you have signed in."),
        "reason": _("Give the reason."),
        "chosen": _("Accept the chosen ({n})"),
        "choose": _("Choose the entries first: tick the box before the code, or press X."),
        "sure": _("Accept the {n} entries that are left on this page?"),
        "some_refused": _("{n} not accepted; they stay on the page, each with why:"),
        "undone": _("Taken back. It waits for a decision again."),
        "phrase_kept": _("Kept as a phrase."),
        "phrase_failed": _("The phrase was not kept. Try again later."),
        "none_left": _("Nothing is left on this page."),
    }
