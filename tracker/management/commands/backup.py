"""The database and the files of evidence into a folder, while the server runs."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from tracker.models import backups
from tracker.models.databases import BackupRefused
from tracker.models.evidence import size_words


class Command(BaseCommand):
    help = "Back up database and evidence into a new or empty folder; whole, or not at all."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("dir", type=Path, help="a folder that is new or empty, best on another disk")

    def handle(self, *, dir: Path, **options: Any) -> None:
        try:
            manifest = backups.back_up(dir.absolute())
        except BackupRefused as refused:
            raise CommandError(str(refused)) from refused
        except OSError as error:
            raise CommandError(
                _("The backup could not be written (%(why)s). Nothing of it is left.") % {"why": error}
            ) from error
        said = {
            "place": dir,
            "rows": sum(manifest["tables"].values()),
            "files": len(manifest["files"]) - 1,
            "size": size_words(sum(file["size"] for file in manifest["files"].values())),
        }
        self.stdout.write(_("Backed up into %(place)s: %(rows)d rows, %(files)d files, %(size)s.") % said)
        for digest, fault in manifest["faults"].items():
            if fault != backups.ERASED:
                self.stderr.write(_("Evidence file %(digest)s is missing or damaged.") % {"digest": digest})
