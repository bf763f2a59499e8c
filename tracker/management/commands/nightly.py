"""What time itself does, every night: periods open, lights turn, tallies of locked periods are set aside,
comparisons are frozen, files that nothing needs go."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone
from django.utils.translation import gettext as _

from tracker.models import Assignment, Comparison, Digest, Period, keeping
from tracker.models.inserting import analyze


class Command(BaseCommand):
    help = "Run once after midnight, Asia/Shanghai; run again it does only what is left to do."

    def handle(self, **options: Any) -> None:
        today = timezone.localdate()
        for period in Period.objects.make_scheduled(today):
            self.stdout.write(
                _("%(period)s: made by schedule, due %(due)s.") % {"period": period.title, "due": period.due}
            )
        for period in Period.objects.to_open(today):
            self.stdout.write(_("%(period)s: %(made)d entries made.") % {"period": period.title, "made": period.open()})
        self.stdout.write(_("Lights turned: %(count)d.") % {"count": Assignment.objects.relight(today)})
        for period in Period.objects.to_set_aside(today):
            period.set_aside()
            self.stdout.write(_("%(period)s: tallies set aside.") % {"period": period.title})
        analyze()
        for rule, period in Comparison.objects.to_freeze(today):
            if Comparison.objects.freeze(rule, period):
                words = _("%(period)s: comparison of %(body)s frozen.")
                self.stdout.write(words % {"period": period.title, "body": rule.organization})
        if settings.MAIL:
            sent, failed = Digest.send_all(today)
            self.stdout.write(_("Digests sent: %(sent)d; failed: %(failed)d.") % {"sent": sent, "failed": failed})
        if mended := keeping.repair():
            self.stdout.write(_("Evidence files and lists put in order: %(count)d.") % {"count": mended})
