"""Organizations: a matrix of two lines, held as paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from .fields import PathField, refuse_unstorable

if TYPE_CHECKING:
    from .people import User

SEGMENT = 4  # base-36 characters a level: 1.6 million children under one parent
ROOT_PATH = "0001"
TIER_DEPTH = 3  # tallies are kept for the ancestor at this depth or above it: design §4
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Level(models.TextChoices):
    NATIONAL = "national", _("National")
    PROVINCE = "province", _("Province")
    CITY = "city", _("City")
    COUNTY = "county", _("County")
    TOWNSHIP = "township", _("Township")
    GRASSROOTS = "grassroots", _("Grassroots")


class Line(models.TextChoices):
    TERRITORIAL = "territorial", _("Territorial")
    INDUSTRIAL = "industrial", _("Industrial")


def segment(number: int) -> str:
    """The path segment of a parent's n-th child: `segment(1) == "0001"`, `segment(36) == "0010"`."""
    text = ""
    for _place in range(SEGMENT):
        number, digit = divmod(number, 36)
        text = DIGITS[digit] + text
    if number:
        raise OverflowError("A body cannot have more than 1,679,615 children.")
    return text


def within(path: str, prefix: str = "", line: str = Line.TERRITORIAL) -> Q:
    """All bodies at or below `path`, as a range the index answers (LIKE would scan on SQLite)."""
    column = prefix + ("path" if line == Line.TERRITORIAL else "industry_path")
    return Q(**{f"{column}__gte": path, f"{column}__lt": path + "~"})


class OrganizationQuerySet(models.QuerySet["Organization"]):
    def get_by_natural_key(self, code: str) -> Organization:
        return self.get(code=code)

    def below(self, organization: Organization, *, line: str | None = None) -> Self:
        """The body and everything under it: by one line, or by either when none is named."""
        return self.filter(organization.subtree(line=line))

    def visible_to(self, user: User) -> Self:
        """Own body; for a reviewer also the bodies reviewed; for the others the subtree by either line."""
        return self.filter(user.scope())

    def editable_by(self, user: User) -> Self:
        return self.visible_to(user) if user.may_administer else self.none()

    def search(self, words: str) -> Self:
        """Every word must be in the name or begin the code."""
        found = self
        for word in words.split():
            found = found.filter(Q(name__icontains=word) | Q(code__startswith=word))
        return found


class Organization(models.Model):
    """One body of the federation.

    `path` follows `parent`; `industry_path` follows `industry` where there is one, else `parent`, and is null
    outside the industrial line. Both take their segments from one counter on the parent, so no path is ever reused.
    """

    code = models.CharField(_("code"), max_length=32, unique=True, validators=[refuse_unstorable])
    name = models.CharField(_("name"), max_length=120, validators=[refuse_unstorable])
    short_name = models.CharField(_("short name"), max_length=60, blank=True, validators=[refuse_unstorable])
    level = models.CharField(_("level"), max_length=12, choices=Level)
    line = models.CharField(_("line"), max_length=12, choices=Line, default=Line.TERRITORIAL)
    credit_code = models.CharField(_("unified social credit code"), max_length=18, null=True, blank=True, unique=True)
    parent = models.ForeignKey(
        "self", models.PROTECT, verbose_name=_("parent"), null=True, blank=True, related_name="children"
    )
    industry = models.ForeignKey(
        "self",
        models.PROTECT,
        verbose_name=_("industrial parent"),
        null=True,
        blank=True,
        related_name="industry_children",
    )
    contact = models.CharField(_("contact person"), max_length=60, blank=True, validators=[refuse_unstorable])
    telephone = models.CharField(_("telephone"), max_length=60, blank=True, validators=[refuse_unstorable])

    path = PathField(_("path"), max_length=64, editable=False)
    industry_path = PathField(_("industrial path"), max_length=64, null=True, editable=False)
    tier = models.ForeignKey("self", models.PROTECT, null=True, editable=False, related_name="+")
    industry_tier = models.ForeignKey("self", models.PROTECT, null=True, editable=False, related_name="+")
    last_child = models.PositiveIntegerField(default=0, editable=False)

    history = HistoricalRecords(
        verbose_name=_("organization history"),
        excluded_fields=["path", "industry_path", "tier", "industry_tier", "last_child"],
    )
    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("organization")
        verbose_name_plural = _("organizations")
        ordering = ["path"]
        constraints = [
            models.UniqueConstraint(fields=["path"], name="organization_path_unique"),
            models.UniqueConstraint(fields=["industry_path"], name="organization_industry_path_unique"),
            models.CheckConstraint(
                condition=Q(parent__isnull=True, path=ROOT_PATH) | Q(parent__isnull=False) & ~Q(path=ROOT_PATH),
                name="organization_one_root",
                violation_error_message=_("Only the national body may stand without a parent, and there is one."),
            ),
            models.CheckConstraint(
                condition=Q(parent__isnull=True) | ~Q(parent=F("pk")), name="organization_not_its_own_parent"
            ),
            models.CheckConstraint(condition=Q(level__in=Level.values), name="organization_level_known"),
            models.CheckConstraint(condition=Q(line__in=Line.values), name="organization_line_known"),
        ]

    def __str__(self) -> str:
        return self.name

    def natural_key(self) -> tuple[str]:
        return (self.code,)

    def get_absolute_url(self) -> str:
        from django.urls import reverse

        return reverse("organization", args=[self.code])

    @property
    def depth(self) -> int:
        """Root is 1."""
        return len(self.path) // SEGMENT

    @property
    def short(self) -> str:
        return self.short_name or self.name

    def subtree(self, prefix: str = "", *, line: str | None = None) -> Q:
        """This body and everything below it, as a condition on the organization that `prefix` leads to."""
        if self.path == ROOT_PATH and line != Line.INDUSTRIAL:
            return Q()
        territorial = within(self.path, prefix)
        if line == Line.TERRITORIAL:
            return territorial
        industry_path = self.path if self.path == ROOT_PATH else self.industry_path
        industrial = within(industry_path, prefix, Line.INDUSTRIAL) if industry_path else None
        if line == Line.INDUSTRIAL:
            return industrial or Q(pk__in=[])
        return territorial | industrial if industrial else territorial

    def ancestor_paths(self) -> list[str]:
        return [self.path[:end] for end in range(SEGMENT, len(self.path), SEGMENT)]

    def ancestors(self) -> OrganizationQuerySet:
        """From the root down to the parent. One query."""
        return Organization.objects.filter(path__in=self.ancestor_paths())

    def clean(self) -> None:
        if self.industry_id and self.industry and not self.industry.industry_path:
            raise ValidationError({"industry": _("The industrial parent must itself belong to the industrial line.")})
        if not self.parent_id and Organization.objects.filter(parent=None).exclude(pk=self.pk).exists():
            raise ValidationError({"parent": _("Choose the parent: only the national body stands without one.")})

    @transaction.atomic
    def place(self) -> None:
        """Save a new body under its parents: paths are allocated under the parents' locks.

        Two bodies added at once get different paths. Raises OverflowError when a parent is full.
        """
        self.path, self.industry_path = ROOT_PATH, None
        if self.parent_id:
            parent = self._next_child_of(self.parent_id)
            own = segment(parent.last_child)
            self.path = parent.path + own
            if self.industry_id:
                above = parent if self.industry_id == self.parent_id else self._next_child_of(self.industry_id)
                self.industry_path = (above.industry_path or above.path) + segment(above.last_child)
            elif self.line == Line.INDUSTRIAL and not parent.industry_path:
                self.industry_path = self.path
            elif parent.industry_path:
                self.industry_path = parent.industry_path + own
        self.save()
        self.tier_id, self.industry_tier_id = self._find_tiers()
        Organization.objects.filter(pk=self.pk).update(tier=self.tier_id, industry_tier=self.industry_tier_id)

    def _next_child_of(self, pk: int) -> Organization:
        Organization.objects.filter(pk=pk).update(last_child=F("last_child") + 1)
        return Organization.objects.only("path", "industry_path", "last_child").get(pk=pk)

    def _find_tiers(self) -> tuple[int, int | None]:
        """The bodies whose tallies count this one, by each line.

        An industrial line that begins below the tiers has none: nobody stands high enough in it to read a sum.
        """
        cut = SEGMENT * TIER_DEPTH
        tier = self.pk if len(self.path) <= cut else Organization.objects.get(path=self.path[:cut]).pk
        if not self.industry_path or len(self.industry_path) <= cut:
            return tier, self.pk if self.industry_path else None
        above = Organization.objects.filter(industry_path=self.industry_path[:cut]).first()
        return tier, above.pk if above else None
