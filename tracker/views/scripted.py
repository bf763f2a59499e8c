"""Rows as a page's own script sends them: {user, rows: [{entry, version, do, …}]}."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _

AT_ONCE = 200  # rows one request may carry
Sound = Callable[[dict[str, Any]], bool]


def rows_sent(request: HttpRequest, sound: Sound, *, login: str) -> list[dict[str, Any]] | JsonResponse:
    """The rows, or the answer where there are none to carry out.

    A login that has run out is answered as such, in the words of `login`, not by a page, so that what was typed or
    decided waits where it is. `sound` looks at what a row holds beside its entry and version.
    """
    if not request.user.is_authenticated:
        return JsonResponse({"login": reverse("login"), "message": login}, status=401)
    try:
        user, rows = understood(request.body, sound)
    except ValueError:
        return JsonResponse({"message": _("This request cannot be understood; nothing was changed.")}, status=400)
    if user != request.user.pk:
        said = _("Somebody else is signed in here now: %(name)s. Sign in again as yourself.")
        return JsonResponse({"login": reverse("login"), "message": said % {"name": request.user}}, status=401)
    return rows


def understood(body: bytes, sound: Sound) -> tuple[int, list[dict[str, Any]]]:
    """Raises ValueError for anything that is not what a page's script sends."""
    try:
        sent = json.loads(body)
        rows = {row["entry"]: row for row in sent["rows"]}
        for row in rows.values():
            keys = type(row["entry"]) is int and 0 < row["entry"] < 2**63
            if not (keys and type(row["version"]) is int and 0 < row["version"] < 2**31 and sound(row)):
                raise ValueError(row)
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError from error
    if len(sent["rows"]) > AT_ONCE or len(rows) < len(sent["rows"]) or type(sent.get("user")) is not int:
        raise ValueError(len(rows))
    return sent["user"], list(rows.values())
