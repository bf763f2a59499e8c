from django.db import migrations, models

# A later migration that rebuilds the table on SQLite drops its triggers with it, and must make them again; a test looks.
SQLITE = [
    """CREATE TRIGGER operation_stands BEFORE UPDATE ON tracker_operation
    BEGIN SELECT RAISE(ABORT, 'The operations log is only added to.'); END""",
    """CREATE TRIGGER operation_kept BEFORE DELETE ON tracker_operation
    WHEN OLD.at > strftime('%Y-%m-%d %H:%M:%f', 'now', '-180 days')
    BEGIN SELECT RAISE(ABORT, 'The operations log is kept 180 days at least.'); END""",
]
POSTGRESQL = [
    """CREATE FUNCTION operation_refuse() RETURNS trigger LANGUAGE plpgsql AS
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


class Migration(migrations.Migration):

    dependencies = [
        ('tracker', '0007_credit_code_checked'),
    ]

    operations = [
        migrations.AlterField(
            model_name='operation',
            name='acting_role',
            field=models.CharField(blank=True, choices=[('reporter', 'Reporter'), ('leader', 'Leader in charge'), ('reviewer', 'Reviewer'), ('supervisor', 'Supervisor'), ('administrator', 'Administrator'), ('security', 'Security administrator'), ('auditor', 'Auditor')], max_length=16, verbose_name='acting as'),
        ),
        migrations.AlterField(
            model_name='operation',
            name='result',
            field=models.CharField(choices=[('done', 'done'), ('refused', 'refused'), ('broken', 'broken off')], max_length=8, verbose_name='result'),
        ),
        migrations.RunPython(guard, unguard),
    ]
