"""Open a period: everybody who owes an entry gets one. Safe to run again."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from tracker.models import Period, Plan


class Command(BaseCommand):
    help = "Make the entries that are owed for a period; run again, only what is missing is made."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("plan", help="the plan's slug, such as 18")
        parser.add_argument("code", help="the period's code, such as 2026Q4")
        parser.add_argument("--dry-run", action="store_true", help="say what would be made, and make nothing")

    def handle(self, *, plan: str, code: str, dry_run: bool, **options: Any) -> None:
        period = find(plan, code)
        if dry_run:
            owing = period.owing().exclude(entries__period=period)
            bodies = owing.order_by().values("organization").distinct().count()
            counts = {"items": owing.count(), "bodies": bodies}
            self.stdout.write(_("%(items)d items for %(bodies)d bodies") % counts)
            return
        self.stdout.write(_("%(period)s: %(made)d entries made.") % {"period": period.title, "made": period.open()})


def find(plan: str, code: str) -> Period:
    try:
        return Period.objects.get(plan__slug=plan, code=code)
    except Period.DoesNotExist:
        pass
    if not Plan.objects.filter(slug=plan).exists():
        slugs = ", ".join(Plan.objects.values_list("slug", flat=True)) or "—"
        raise CommandError(_("There is no plan “%(plan)s”. There are: %(slugs)s.") % {"plan": plan, "slugs": slugs})
    codes = ", ".join(Period.objects.filter(plan__slug=plan).values_list("code", flat=True)) or "—"
    raise CommandError(
        _("The plan “%(plan)s” has no period “%(code)s”. It has: %(codes)s.")
        % {"plan": plan, "code": code, "codes": codes}
    )
