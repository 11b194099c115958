from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.fields.base import OnDelete
from tortoise import fields


class Migration(migrations.Migration):
    dependencies = [("models", "0013_hours_and_companions")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Merge",
            name="staff",
            field=fields.ForeignKeyField(
                "models.StaffMember",
                source_field="staff_id",
                null=True,
                db_constraint=True,
                to_field="id",
                on_delete=OnDelete.RESTRICT,
            ),
        ),
    ]
