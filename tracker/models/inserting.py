"""Set-wise inserts: the database copies rows itself, so 348,400 cost seconds and no memory."""

from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection, models

MANY = 10_000  # rows after which the database looks anew how full its table is


def column(model: type[models.Model], name: str) -> str:
    """The column of a field, by the field's name."""
    field: Any = model._meta.get_field(name)
    return field.column


def insert_from(model: type[models.Model], columns: list[str], rows: models.QuerySet[Any, Any]) -> int:
    """INSERT the rows of a `values_list` queryset, in the order of `columns`; rows that exist already are left alone.

    Columns not named take their database defaults. Returns how many rows were made. One statement, and one more after
    many rows.
    """
    quote = connection.ops.quote_name
    names = ", ".join(quote(column(model, name)) for name in columns)
    try:
        select, params = rows.order_by().query.sql_with_params()
    except EmptyResultSet:  # Django knows without asking that there are none: `pk__in=[]`
        return 0
    with connection.cursor() as cursor:
        # "WHERE TRUE" keeps SQLite's parser from reading ON CONFLICT as a join's ON.
        cursor.execute(
            f"INSERT INTO {quote(model._meta.db_table)} ({names}) "
            f"SELECT * FROM ({select}) AS made WHERE TRUE ON CONFLICT DO NOTHING",
            params,
        )
        made: int = cursor.rowcount
    if made >= MANY:
        analyze(model._meta.db_table)
    return made


def analyze(table: str = "") -> None:
    """Let the database look how full a table is, or all of them. Without, PostgreSQL would read a whole period to find
    what one body owes until its autovacuum comes by, and SQLite until the next night."""
    name = connection.ops.quote_name(table) if table else ""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA analysis_limit = 1000")  # a sample of each index
        cursor.execute(f"ANALYZE {name}")
