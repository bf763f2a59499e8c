"""Django's flush, which empties every table at somebody's express wish: the operations log stands aside for it."""

from typing import Any

from django.core.management.commands import flush
from django.db import connections

TABLE = "tracker_operation"


class Command(flush.Command):
    def handle(self, **options: Any) -> None:
        connection = connections[options["database"]]
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(f"ALTER TABLE {TABLE} DISABLE TRIGGER USER")
                again = [f"ALTER TABLE {TABLE} ENABLE TRIGGER USER"]
            else:
                cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [TABLE])
                triggers = cursor.fetchall()
                for name, _sql in triggers:
                    cursor.execute(f"DROP TRIGGER {name}")
                again = [sql for _name, sql in triggers]
        try:
            super().handle(**options)
        finally:
            with connection.cursor() as cursor:
                for statement in again:
                    cursor.execute(statement)
