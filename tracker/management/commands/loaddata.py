"""Django's `loaddata`, which leaves a standing plan alone: a fixture would reset what staff have edited since."""

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import loaddata
from django.utils.translation import gettext as _

from tracker.models import Plan
from tracker.models.fields import PinyinField


class Command(loaddata.Command):
    def save_obj(self, obj: Any) -> bool:
        """Refuse at the first plan that stands; the whole load is one transaction, so nothing of it stays."""
        if isinstance(obj.object, Plan) and Plan.objects.using(self.using).filter(pk=obj.object.pk).exists():
            raise CommandError(
                _(
                    "The plan “%(slug)s” stands already, so nothing was loaded: loading it again would reset what has "
                    "been edited since. Change it in the back office."
                )
                % {"slug": obj.object.slug}
            )
        for field in obj.object._meta.concrete_fields:
            if isinstance(field, PinyinField):
                field.pre_save(obj.object, True)  # a fixture is written as it stands, without asking the fields
        return super().save_obj(obj)
