"""Lists of levels, as records keep them."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from .organizations import Level


def every_level() -> list[str]:
    return list(Level.values)


def known_levels(value: list[str]) -> None:
    if not value:
        raise ValidationError(_("Choose at least one level."))
    only_levels(value)


def no_lower_than_city() -> list[str]:
    return [Level.PROVINCE.value, Level.CITY.value]


def only_levels(value: list[str]) -> None:
    if not isinstance(value, list) or set(value) - set(Level.values):
        raise ValidationError(_("This is not among the choices. Choose one from the list."))
