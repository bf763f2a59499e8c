from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tracker", "0019_tokens")]

    operations = [
        migrations.AddIndex(
            model_name="assignment",
            index=models.Index(
                condition=models.Q(("ended_on__isnull", True), ("light", "red")),
                fields=["organization", "light_reason"],
                name="assignment_red",
            ),
        ),
        migrations.AddIndex(
            model_name="assignmenttally",
            index=models.Index(
                condition=models.Q(("red__gt", 0)), fields=["line", "tier", "task"], name="assignment_tally_red"
            ),
        ),
    ]
