from django.apps import AppConfig
from django.contrib.admin import apps as admin
from django.utils.translation import gettext_lazy as _


class TrackerConfig(AppConfig):
    name = "tracker"
    verbose_name = _("Luoshi")
    default = True

    def ready(self) -> None:
        from . import checks, signals  # noqa: F401


class BackOffice(admin.AdminConfig):
    default_site = "tracker.admin.site.BackOfficeSite"
    default = False
