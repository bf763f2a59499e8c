"""Load organizations from a CSV file: all of it, or nothing with every bad row named by line and column."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from tracker.models.loading import COLUMNS, OPTIONAL, load_organizations
from tracker.models.organization_files import read


class Command(BaseCommand):
    help = (
        f"Load organizations from a CSV file; safe to run again. Columns: {', '.join(COLUMNS)}; "
        f"and, where wanted, {', '.join(OPTIONAL)}. Headers may be Chinese."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *, file: Path, **options: Any) -> None:
        try:
            loaded = load_organizations(read(content_of(file)))
        except ValidationError as error:
            raise CommandError("\n".join([*error.messages, _("Nothing was loaded.")])) from error
        self.stdout.write(
            _("Organizations: %(made)d made, %(changed)d changed, %(unchanged)d as they were.") % loaded._asdict()
        )


def content_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        message = _("The file %(file)s cannot be read: %(why)s.")
        raise ValidationError(message % {"file": file, "why": error.strerror}) from error
