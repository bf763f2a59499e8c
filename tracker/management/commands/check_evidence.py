"""Read every file of the evidence through and compare it with the row that names it, and the other way round."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tracker.models import keeping


class Command(BaseCommand):
    help = "Compare evidence files with the records; exits with 1 where they differ and nothing could mend it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--quick", action="store_true", help="compare sizes only, read no file")
        parser.add_argument("--repair", action="store_true", help="delete what nothing needs, list what was erased")

    def handle(self, *, quick: bool, repair: bool, **options: Any) -> None:
        if repair:
            mended = keeping.repair()
            many = ngettext("%(count)d thing was mended.", "%(count)d things were mended.", mended)
            self.stdout.write(many % {"count": mended})
        found = 0
        for found, (fault, name) in enumerate(keeping.differences(read=not quick), start=1):  # noqa: B007
            self.stdout.write(f"{name}: {fault.label}")
        if found:
            many = ngettext("%(count)d file or row is wrong.", "%(count)d files or rows are wrong.", found)
            raise CommandError(many % {"count": found})
        self.stdout.write(_("Every file agrees with its record."))
