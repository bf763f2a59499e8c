"""Count both tallies afresh and compare them row by row with those that stand."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tracker.models import checking


class Command(BaseCommand):
    help = "Compare the tallies with the records they count; exits with 1 where they differ and are not repaired."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--repair", action="store_true", help="count the tallies afresh where any differs")

    def handle(self, *, repair: bool, **options: Any) -> None:
        found = 0
        for found, difference in enumerate(checking.differences(), start=1):  # noqa: B007
            self.stdout.write(told(difference))
        if not found:
            self.stdout.write(_("Every tally agrees with its records."))
            return
        many = ngettext(
            "%(count)d tally differs from its records.", "%(count)d tallies differ from their records.", found
        )
        message = many % {"count": found}
        if not repair:
            raise CommandError(message + " " + _("Run check_tallies --repair to count them afresh."))
        checking.repair()
        self.stdout.write(message + " " + _("They have been counted afresh."))


def told(difference: checking.Difference) -> str:
    """EntryTally line=territorial tier=3 …: due 4 (counted 5)."""
    key = " ".join(f"{name}={value}" for name, value in difference.key.items())
    counted = _("counted")
    wrong = (f"{name} {stands} ({counted} {difference.counted[name]})" for name, stands in difference.stands.items())
    return f"{difference.tally.__name__} {key}: {', '.join(wrong)}"
