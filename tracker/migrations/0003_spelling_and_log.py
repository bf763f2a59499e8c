"""What stands is spelled (3,350 bodies and 104 tasks: under two seconds), and the operations log is only added to."""

from django.db import migrations

from tracker.models.pinyin import spelled, spelled_words

# A later migration that rebuilds the table on SQLite drops its triggers with it, and must make them again; a test looks.
SQLITE = [
    """CREATE TRIGGER operation_stands BEFORE UPDATE ON tracker_operation
    BEGIN SELECT RAISE(ABORT, 'The operations log is only added to.'); END""",
    """CREATE TRIGGER operation_kept BEFORE DELETE ON tracker_operation
    WHEN OLD.at > strftime('%Y-%m-%d %H:%M:%f', 'now', '-180 days')
    BEGIN SELECT RAISE(ABORT, 'The operations log is kept 180 days at least.'); END""",
]
POSTGRESQL = [
    """CREATE OR REPLACE FUNCTION operation_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'The operations log is only added to, and kept 180 days at least.'; END $$""",
    """CREATE TRIGGER operation_stands BEFORE UPDATE ON tracker_operation
    FOR EACH ROW EXECUTE FUNCTION operation_refuse()""",
    """CREATE TRIGGER operation_kept BEFORE DELETE ON tracker_operation
    FOR EACH ROW WHEN (OLD.at > now() - interval '180 days') EXECUTE FUNCTION operation_refuse()""",
    """CREATE TRIGGER operation_whole BEFORE TRUNCATE ON tracker_operation
    FOR EACH STATEMENT EXECUTE FUNCTION operation_refuse()""",
]
SQLITE_BACK = ["DROP TRIGGER operation_stands", "DROP TRIGGER operation_kept"]
POSTGRESQL_BACK = [
    *(f"DROP TRIGGER {name} ON tracker_operation" for name in ("operation_stands", "operation_kept", "operation_whole")),
    "DROP FUNCTION operation_refuse()",
]


def guard(apps, schema_editor):
    for statement in {"sqlite": SQLITE, "postgresql": POSTGRESQL}[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)


def unguard(apps, schema_editor):
    for statement in {"sqlite": SQLITE_BACK, "postgresql": POSTGRESQL_BACK}[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)


def spell(apps, schema_editor):
    connection = schema_editor.connection
    for name, sources, spelling in (
        ("Organization", ("name", "short_name"), lambda *names: spelled(names)),
        ("Task", ("wording",), spelled_words),
    ):
        model = apps.get_model("tracker", name)
        rows = model.objects.using(connection.alias).order_by("pk").values_list("pk", *sources)
        table = connection.ops.quote_name(model._meta.db_table)
        texts = [(spelling(*texts), pk) for pk, *texts in rows]
        with connection.cursor() as cursor:
            cursor.executemany(f"UPDATE {table} SET pinyin = %s WHERE id = %s", texts)


class Migration(migrations.Migration):
    dependencies = [("tracker", "0002_matrix_and_cycle")]

    operations = [
        migrations.RunPython(spell, migrations.RunPython.noop),
        migrations.RunPython(guard, unguard),
    ]
