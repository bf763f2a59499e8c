"""Histories: what a version says of who made it, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .people import User

REASON_LIMIT = 100  # characters that a history keeps


def signed(record: Any, by: User | None, reason: Any = "") -> Any:
    """The record, whose next version will name the person and the reason."""
    record._history_user, record._change_reason = by, str(reason)[:REASON_LIMIT] or None
    return record
