"""Organizations: a matrix of two lines, held as paths."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Self

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Case, F, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Left
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from .credit_codes import refuse_wrong_credit_code
from .fields import PathField, PinyinField, Spelled, SpelledQuerySet, refuse_unstorable
from .pinyin import patterns

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


class Kind(models.TextChoices):
    """What a grassroots union is a union of."""

    STATE_OWNED = "state_owned", _("State-owned enterprise")
    PRIVATE = "private", _("Non-public enterprise")
    INSTITUTION = "institution", _("Government body or public institution")
    PLATFORM = "platform", _("Platform enterprise")
    PARK = "park", _("Industrial park")
    STREET = "street", _("Township or sub-district")
    VILLAGE = "village", _("Village or community")
    FEDERATION = "federation", _("Joint union of several workplaces")


def segment(number: int) -> str:
    """The path segment of a parent's n-th child: `segment(1) == "0001"`, `segment(36) == "0010"`."""
    text = ""
    for _place in range(SEGMENT):
        number, digit = divmod(number, 36)
        text = DIGITS[digit] + text
    if number:
        raise OverflowError("A body cannot have more than 1,679,615 children.")
    return text


def paths_below(
    line: str, parent: Organization, own: str, industry: Organization | None, own_there: str
) -> tuple[str, str | None]:
    """The path and the industrial path of a body of a line that has the segment `own` under its parent and `own_there`
    under its industrial parent: through that one if there is any, else as far as the parent is in the line, else its
    own line begins where it stands, or none."""
    path = parent.path + own
    if industry:
        return path, (industry.industry_path or industry.path) + own_there
    if parent.industry_path:
        return path, parent.industry_path + own
    return path, path if line == Line.INDUSTRIAL else None


def within(path: str, prefix: str = "", line: str = Line.TERRITORIAL) -> Q:
    """All bodies at or below `path`, as a range the index answers (LIKE would scan on SQLite)."""
    column = prefix + ("path" if line == Line.TERRITORIAL else "industry_path")
    return Q(**{f"{column}__gte": path, f"{column}__lt": path + "~"})


class OrganizationQuerySet(SpelledQuerySet["Organization"]):
    def get_by_natural_key(self, code: str) -> Organization:
        return self.get(code=code)

    def open(self) -> Self:
        """Not closed: what may still receive tasks, people and bodies below it."""
        return self.filter(closed_on=None)

    def below(self, organization: Organization, *, line: str | None = None) -> Self:
        """The body and everything under it: by one line, or by either when none is named."""
        return self.filter(organization.subtree(line=line))

    def visible_to(self, user: User) -> Self:
        """Own body; for a reviewer also the bodies reviewed; for the others the subtree by either line."""
        return self.filter(user.scope())

    def editable_by(self, user: User) -> Self:
        return self.visible_to(user) if user.may_administer else self.none()

    def search(self, words: str) -> Self:
        """Every word must be part of a name, the beginning of the code, or pinyin: full (kunming) or initials (kms)."""
        found = self
        for word in words.split():
            sounds = [Q(pinyin__contains=pattern) for pattern in patterns(word)]
            named = Q(name__icontains=word) | Q(short_name__icontains=word) | Q(code__istartswith=word)
            found = found.filter(reduce(or_, sounds, named))
        return found

    def settle_tiers(self) -> dict[str, set[int]]:
        """Set the bodies whose tallies count each one: the ancestor at tier depth, or oneself.

        Returns, by line, the tiers that gained or lost somebody. Two statements a line, whatever the number of bodies.
        """
        touched: dict[str, set[int]] = {}
        # The industrial line first: what is chosen by having no tier yet still has none then.
        for line, tier, path in (
            (Line.INDUSTRIAL, "industry_tier", "industry_path"),
            (Line.TERRITORIAL, "tier", "path"),
        ):
            there = Organization.objects.filter(**{path: Left(OuterRef(path), SEGMENT * TIER_DEPTH)}).order_by()
            wrong = self.order_by().annotate(right=Subquery(there.values("pk")))
            one_alone = [Q(**{f"{tier}__isnull": one, "right__isnull": not one}) for one in (True, False)]
            wrong = wrong.filter(one_alone[0] | one_alone[1] | ~Q(**{tier: F("right")}))
            pairs = wrong.values_list(tier, "right").distinct()
            touched[line.value] = {pk for pair in pairs for pk in pair if pk}
            if touched[line.value]:
                wrong.update(**{tier: Subquery(there.values("pk"))})
        return touched

    def best_first(self, words: str) -> Self:
        """The code itself, the name itself, names that begin so, the rest; by code inside each, the closed last."""
        text = words.strip()
        sounds = [Q(pinyin__contains=f"|{pattern.lstrip('|')}") for pattern in patterns(text)]
        begins = Q(name__istartswith=text) | Q(short_name__istartswith=text)
        place = Case(
            When(code__iexact=text, then=0),
            When(closed_on__isnull=False, then=4),
            When(Q(name=text) | Q(short_name=text), then=1),
            When(reduce(or_, sounds, begins), then=2),
            default=Value(3),
        )
        return self.alias(place=place).order_by("place", "code")

    def meant_by(self, text: str, most: int) -> list[Organization]:
        """The bodies that somebody who typed `text` may mean, with their parents; one, if it is clear. One more than
        `most` says that there are too many to list."""
        text = text.strip()
        bodies = self.select_related("parent")
        code, _blank, name = text.partition(" ")  # as a suggestion writes it
        itself = list(bodies.filter(Q(code__iexact=text) | Q(code__iexact=code, name=name))[:1])
        if itself or not text:
            return itself
        named = bodies.open().filter(Q(name=text) | Q(short_name=text)).order_by("code")
        return list(named[: most + 1]) or list(bodies.open().search(text).best_first(text)[: most + 1])


class Organization(Spelled):
    """One body of the federation.

    `path` follows `parent`; `industry_path` follows `industry` where there is one, else `parent`, and is null
    outside the industrial line. Both take their segments from one counter on the parent, so no path is ever reused.
    """

    code = models.CharField(_("code"), max_length=32, unique=True, validators=[refuse_unstorable])
    name = models.CharField(_("name"), max_length=120, validators=[refuse_unstorable])
    short_name = models.CharField(_("short name"), max_length=60, blank=True, validators=[refuse_unstorable])
    level = models.CharField(_("level"), max_length=12, choices=Level)
    line = models.CharField(_("line"), max_length=12, choices=Line, default=Line.TERRITORIAL)
    kind = models.CharField(pgettext_lazy("organization", "kind"), max_length=12, choices=Kind, blank=True, default="")
    credit_code = models.CharField(
        _("unified social credit code"),
        max_length=18,
        null=True,
        blank=True,
        unique=True,
        validators=[refuse_wrong_credit_code],
    )
    founded_on = models.DateField(_("founded on"), null=True, blank=True)
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
    closed_on = models.DateField(_("closed on"), null=True, blank=True, editable=False)
    merged_into = models.ForeignKey(
        "self", models.PROTECT, verbose_name=_("merged into"), null=True, editable=False, related_name="absorbed"
    )
    split_from = models.ForeignKey(
        "self", models.PROTECT, verbose_name=_("split from"), null=True, editable=False, related_name="parts"
    )
    contact = models.CharField(_("contact person"), max_length=60, blank=True, validators=[refuse_unstorable])
    telephone = models.CharField(_("telephone"), max_length=60, blank=True, validators=[refuse_unstorable])
    pinyin = PinyinField(sources=["name", "short_name"])

    path = PathField(_("path"), max_length=64, editable=False)
    industry_path = PathField(_("industrial path"), max_length=64, null=True, editable=False)
    tier = models.ForeignKey("self", models.PROTECT, null=True, editable=False, related_name="+")
    industry_tier = models.ForeignKey("self", models.PROTECT, null=True, editable=False, related_name="+")
    last_child = models.PositiveIntegerField(default=0, editable=False)

    history = HistoricalRecords(
        verbose_name=_("organization history"),
        excluded_fields=["pinyin", "path", "industry_path", "tier", "industry_tier", "last_child"],
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
            models.CheckConstraint(condition=Q(kind__in=["", *Kind.values]), name="organization_kind_known"),
            models.CheckConstraint(
                condition=Q(merged_into__isnull=True) | Q(closed_on__isnull=False), name="organization_merged_is_closed"
            ),
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

    def path_in(self, line: str) -> str | None:
        """The path in a line, if it stands in it; the root stands in both."""
        return self.path if line == Line.TERRITORIAL or self.path == ROOT_PATH else self.industry_path

    def directly_below(self, line: str = "") -> Q:
        """The bodies whose parent it is, in a line or, where none is named, in either. The root has also those under
        it with whom an industrial line begins."""
        if not line:
            return Q(parent=self) | Q(industry=self)
        if line == Line.TERRITORIAL:
            return Q(parent=self)
        in_line = Q(industry=None, industry_path__isnull=False)
        if self.path == ROOT_PATH:
            return Q(industry=self) | in_line & Q(parent__industry_path=None)
        return Q(industry=self) | in_line & Q(parent=self) if self.industry_path else Q(pk__in=[])

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
        for name in ("parent", "industry"):
            above = getattr(self, name)
            if above and above.closed_on and self._state.adding:
                raise ValidationError({name: above.closed_words()})

    def closed_words(self) -> str:
        return gettext("%(body)s was closed on %(day)s and receives nothing any more.") % {
            "body": self,
            "day": self.closed_on,
        }

    @transaction.atomic
    def place(self) -> None:
        """Save a new body under its parents: paths are allocated under the parents' locks.

        Two bodies added at once get different paths. Raises OverflowError when a parent is full.
        """
        self.path, self.industry_path = ROOT_PATH, None
        if self.parent_id:
            parent = self._next_child_of(self.parent_id)
            own = own_there = segment(parent.last_child)
            industry = parent if self.industry_id == self.parent_id else None
            if self.industry_id and not industry:
                industry = self._next_child_of(self.industry_id)
                own_there = segment(industry.last_child)
            self.path, self.industry_path = paths_below(self.line, parent, own, industry, own_there)
        self.save()
        self.tier_id, self.industry_tier_id = self._find_tiers()
        Organization.objects.filter(pk=self.pk).update(tier=self.tier_id, industry_tier=self.industry_tier_id)

    def _next_child_of(self, pk: int) -> Organization:
        Organization.objects.filter(pk=pk).update(last_child=F("last_child") + 1)
        return Organization.objects.only("path", "industry_path", "last_child").get(pk=pk)

    def next_child(self) -> str:
        """The segment of one more body below this one, counted in memory; whoever asks saves `last_child`."""
        self.last_child += 1
        return segment(self.last_child)

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


DEEPEST = Organization._meta.get_field("path").max_length // SEGMENT  # type: ignore[operator]
