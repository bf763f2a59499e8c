"""Signing in and out, as Django and axes tell of it, for the operations log."""

from typing import Any

from axes.signals import user_locked_out
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from tracker.models import Operation, User

Action, Result = Operation.Action, Operation.Result


@receiver(user_logged_in)
def signed_in(request: HttpRequest, user: User, **kwargs: Any) -> None:
    Operation.note(Action.SIGNED_IN, request, by=user)


@receiver(user_logged_out)
def signed_out(request: HttpRequest, user: User | None, **kwargs: Any) -> None:
    if user is not None:
        Operation.note(Action.SIGNED_OUT, request, by=user)


@receiver(user_login_failed)
def sign_in_failed(credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any) -> None:
    """Nobody has signed in, so nobody is named but by what was typed."""
    username = credentials.get("username") or ""
    Operation.note(Action.SIGN_IN_FAILED, request, username=username, result=Result.REFUSED)


@receiver(user_locked_out)
def locked_out(request: HttpRequest, username: str, **kwargs: Any) -> None:
    Operation.note(Action.LOCKED_OUT, request, username=username or "", result=Result.REFUSED)
