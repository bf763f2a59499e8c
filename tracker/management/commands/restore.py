"""A backup back into an empty system; what was erased since is erased again."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tracker.models import backups, forgetting
from tracker.models.databases import BackupRefused


class Command(BaseCommand):
    help = "Restore a backup into an empty database; anything else is refused. Stop the server first."
    requires_system_checks: list[str] = []  # there may be no tables yet
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("dir", type=Path, help="the folder that `backup` made")

    def handle(self, *, dir: Path, **options: Any) -> None:
        try:
            manifest = backups.read(dir)
            backups.guard_restore(manifest)
        except BackupRefused as refused:
            raise CommandError(str(refused)) from refused
        try:
            self.restore(dir, manifest)
        except Exception as error:
            raise CommandError(
                _("Not restored whole (%(why)s). Empty the database and restore again; do not serve it as it is.")
                % {"why": error}
            ) from error
        call_command("check_tallies", stdout=self.stdout)

    def restore(self, place: Path, manifest: backups.Manifest) -> None:
        backups.put_back_database(place, manifest)
        call_command("migrate", verbosity=0)
        if not settings.ERASURES_FILE.exists():
            self.stderr.write(
                _("There is no list of erasures at %(place)s: if anything was erased after the backup, it is back.")
                % {"place": settings.ERASURES_FILE}
            )
        at = backups.taken_at(manifest)
        forgotten = forgetting.erase_again(at)
        files = 0
        for digest, is_there in backups.put_back_files(place):
            files += is_there
            if not is_there:
                self.stderr.write(_("Evidence file %(digest)s is not in the backup.") % {"digest": digest})
        said = {
            "rows": sum(manifest["tables"].values()),
            "files": files,
            "at": f"{timezone.localtime(at):%Y-%m-%d %H:%M}",
        }
        self.stdout.write(_("Restored as of %(at)s: %(rows)d rows, %(files)d files.") % said)
        many = ngettext("%(count)d erasure was done again.", "%(count)d erasures were done again.", forgotten.again)
        self.stdout.write(many % {"count": forgotten.again})
        if forgotten.unread:
            self.stderr.write(
                ngettext(
                    "%(count)d line of the list of erasures cannot be read.",
                    "%(count)d lines of the list of erasures cannot be read.",
                    forgotten.unread,
                )
                % {"count": forgotten.unread}
            )
