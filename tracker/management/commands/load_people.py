"""Load accounts and roles from a roster: all of it, or nothing with every fault named by line and column."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from tracker.models import TransitionRefused
from tracker.models.rosters import COLUMNS, load_roster, read_roster
from tracker.models.sheets import text_of


class Command(BaseCommand):
    help = "Load accounts and roles from a CSV file; safe to run again. Columns: " + ", ".join(COLUMNS)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *, file: Path, **options: Any) -> None:
        try:
            roster = load_roster(read_roster(text_of(file.read_bytes())), by=None)
        except OSError as error:
            message = _("The file %(file)s cannot be read: %(why)s.")
            raise CommandError(message % {"file": file, "why": error.strerror}) from error
        except ValidationError as error:
            raise CommandError("\n".join([*error.messages, _("Nothing was loaded.")])) from error
        except TransitionRefused as refused:
            raise CommandError(refused.message) from refused
        self.stdout.write(roster.words)
