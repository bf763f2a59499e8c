"""The own leader's signature (审签): who put it under an entry and when, and how long it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

from .moves import State
from .plan import Review

if TYPE_CHECKING:
    from .assignments import Assignment

STEPS = Q(assignment__task__plan__review=Review.OWN_THEN_ABOVE)
AT_LEADER = Q(assignment__reviewing=None) | STEPS & Q(review_step=0)  # the own leader's step is the next one
UNSIGNED: dict[str, Any] = {"signed_at": None, "signed_by": None}  # what writing anew makes of a signature
SIGNED_BY_SOMEBODY = models.CheckConstraint(
    condition=Q(signed_at__isnull=True, signed_by__isnull=True) | Q(signed_at__isnull=False, signed_by__isnull=False),
    name="entry_signed_by_somebody",
)


class SignedOff(models.Model):
    """The signed part of an entry. A signature is of the words it was put under: with other words it goes."""

    assignment: Assignment  # these three are the entry's
    state: str
    review_step: int

    signed_at = models.DateTimeField(gettext_lazy("signed off at"), null=True, editable=False)
    signed_by = models.ForeignKey(
        "tracker.User",
        models.PROTECT,
        verbose_name=gettext_lazy("signed off by"),
        null=True,
        editable=False,
        related_name="+",
    )

    class Meta:
        abstract = True

    @property
    def at_leader(self) -> bool:
        """Whether the own leader's step is the next one: AT_LEADER, of one."""
        steps = self.assignment.task.plan.review == Review.OWN_THEN_ABOVE
        return self.assignment.reviewing_id is None or (steps and self.review_step == 0)

    @property
    def awaits_leader(self) -> bool:
        return self.state == State.SUBMITTED and self.at_leader

    @property
    def is_signed(self) -> bool:
        """Whether a signature stands on what is said here now."""
        return self.signed_at is not None and self.state in (State.SUBMITTED, State.ACCEPTED)
