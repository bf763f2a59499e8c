"""What time itself does, every night: periods open, lights turn, tallies of locked periods are set aside."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from django.utils.translation import gettext as _

from tracker.models import Assignment, Period


class Command(BaseCommand):
    help = "Run once after midnight, Asia/Shanghai; run again it does only what is left to do."

    def handle(self, **options: Any) -> None:
        today = timezone.localdate()
        for period in Period.objects.to_open(today):
            self.stdout.write(_("%(period)s: %(made)d entries made.") % {"period": period.title, "made": period.open()})
        self.stdout.write(_("Lights turned: %(count)d.") % {"count": Assignment.objects.relight(today)})
        for period in Period.objects.to_set_aside(today):
            period.set_aside()
            self.stdout.write(_("%(period)s: tallies set aside.") % {"period": period.title})
