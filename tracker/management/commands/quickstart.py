"""From nothing to a page in the browser: database, plan, bodies, people; the second time it only starts."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from tracker.demo import PASSWORD, PEOPLE, ROOT
from tracker.models import Assignment, Organization, Plan, User
from tracker.models.inserting import analyze

FIXTURES = settings.BASE_DIR / "fixtures"
PLAN = "18"


class Command(BaseCommand):
    help = "Set everything up the first time, then serve. With DEMO=1 bodies, people and their work are invented."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("addrport", nargs="?", default="127.0.0.1:8000", help="where to serve")
        parser.add_argument("--no-server", action="store_true", help="stop before serving")
        parser.add_argument(
            "--assign",
            action="store_true",
            help="for benchmarks: every task to every body of its levels, and one accepted period of invented texts",
        )
        parser.add_argument("--all-levels", action="store_true", help="with --assign: whatever their level")

    def handle(self, *, addrport: str, no_server: bool, assign: bool, all_levels: bool, **options: Any) -> None:
        if assign and settings.DEMO:
            raise CommandError(_("--assign is for the real tree. Unset DEMO, and use a database of its own."))
        if all_levels and not assign:
            raise CommandError(_("--all-levels belongs to --assign."))
        call_command("migrate", verbosity=0)
        self.refuse_a_mixture()
        if not Plan.objects.filter(slug=PLAN).exists():
            call_command("loaddata", FIXTURES / "report_18.json", verbosity=0)
            self.say(_("The plan is loaded: 104 tasks."))
        if settings.DEMO:
            self.make_demo()
        else:
            self.start_for_real(assign=assign, all_levels=all_levels)
        if not no_server:
            call_command("runserver", addrport, use_reloader=False)

    def say(self, message: str) -> None:
        self.stdout.write(message)
        self.stdout.flush()

    def refuse_a_mixture(self) -> None:
        """Invented lateness never stands beside real names, and the demo's public passwords open no real data."""
        root = Organization.objects.filter(parent=None).first()
        if root and settings.DEMO and root.code != ROOT:
            raise CommandError(
                _("This database holds real organizations. Unset DEMO, or set DATABASE_URL to another for the demo.")
            )
        if root and not settings.DEMO and root.code == ROOT:
            raise CommandError(
                _("This database holds the demo, whose passwords are public. Set DEMO=1, or another DATABASE_URL.")
            )

    def make_demo(self) -> None:
        from tracker.demo.making import make_demo

        if not Organization.objects.exists():
            self.say(_("Making the demo; this takes half a minute."))
            make_demo(Plan.objects.get(slug=PLAN))
        names = ", ".join(username for username, _description in PEOPLE)
        self.say(
            _("Demo data, all invented. Sign in as %(names)s; the password is %(password)s.")
            % {"names": names, "password": PASSWORD}
        )

    def start_for_real(self, *, assign: bool, all_levels: bool) -> None:
        if not Organization.objects.exists():
            call_command("load_organizations", FIXTURES / "organizations.csv", stdout=self.stdout)
        if assign:
            self.assign(all_levels=all_levels)
        if User.objects.filter(is_superuser=True).exists():
            return
        if sys.stdin is not None and sys.stdin.isatty():
            self.say(_("Now the first administrator."))
            call_command("createsuperuser")
        else:
            self.say(_("There is no administrator yet. Make the first one: manage.py createsuperuser"))

    def assign(self, *, all_levels: bool) -> None:
        """Only where nothing is assigned yet: invented reports never get in among real ones."""
        from tracker.demo.benchmark import make_benchmark

        if Assignment.objects.exists():
            self.say(_("There are assignments already; --assign left them as they are."))
            return
        made = make_benchmark(Plan.objects.get(slug=PLAN), all_levels=all_levels)
        analyze()
        self.say(_("%(made)d assignments made, each with an accepted entry of invented texts.") % {"made": made})
