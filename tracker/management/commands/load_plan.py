"""Load a plan from a CSV or XLSX table of areas, headings and tasks: all of it, or nothing with every bad row named."""

import datetime as dt
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from tracker.models.plan_loading import PlanTable, plan_for


class Command(BaseCommand):
    help = "Load a plan from a table of areas, headings and tasks, into a new plan or an empty one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--slug", required=True, help="how the plan is called in addresses, such as 19")
        parser.add_argument("--title", default="", help="the title of a new plan")
        parser.add_argument("--start", type=dt.date.fromisoformat, help="its first day, such as 2028-11-01")
        parser.add_argument("--due", type=dt.date.fromisoformat, help="its last day")
        parser.add_argument("--dry-run", action="store_true", help="check and count, and load nothing")

    def handle(self, *, file: Path, slug: str, dry_run: bool, **options: Any) -> None:
        try:
            content = file.read_bytes()
        except OSError as error:
            message = _("The file %(file)s cannot be read: %(why)s.")
            raise CommandError(message % {"file": file, "why": error.strerror}) from error
        try:
            plan = plan_for(slug, title=options["title"], start=options["start"], due=options["due"])
            table = PlanTable(content, plan)
            if table.complaints:
                raise ValidationError([str(complaint) for complaint in table.complaints])
            if not dry_run:
                table.make()
        except ValidationError as error:
            raise CommandError("\n".join([*told(error), _("Nothing was loaded.")])) from error
        words = _("Areas: %(areas)d; headings: %(headings)d; tasks: %(tasks)d; milestones: %(milestones)d.")
        self.stdout.write(words % table.counts._asdict())
        if dry_run:
            self.stdout.write(_("Nothing was loaded."))


def told(error: ValidationError) -> list[str]:
    """Which option a message is about, where it is about one."""
    if not hasattr(error, "error_dict"):
        return error.messages
    return [
        f"--{name}: {line}" if name != "__all__" else line
        for name, lines in error.message_dict.items()
        for line in lines
    ]
