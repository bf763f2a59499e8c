"""Old lines of the operations log, deleted: the law asks for six months, and a union may keep more."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from tracker.models import Operation
from tracker.models.audit import KEPT_DAYS


class Command(BaseCommand):
    help = "Delete lines of the operations log that are older than so many days."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("days", type=int, help=f"{KEPT_DAYS} at least")

    def handle(self, *, days: int, **options: Any) -> None:
        if days < KEPT_DAYS:
            raise CommandError(_("The operations log is kept %(days)d days at least.") % {"days": KEPT_DAYS})
        self.stdout.write(_("Lines deleted: %(count)d.") % {"count": Operation.objects.prune(min(days, 36_500))})
