"""Addresses that keep the body and the line a page is about."""

from __future__ import annotations

from typing import Any

from django import template

from reports.place import Place

register = template.Library()


@register.simple_tag
def place_url(place: Place, page: str, *args: Any, body: Any = None, **query: Any) -> str:
    """`body`: another body by the same line. What is empty is left out of the query string."""
    return (place.at(body) if body else place).address(page, *args, **query)
