from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0007_roles")]

    initial = False

    operations = [
        ops.AddField(
            model_name="StaffMember",
            name="opened_by",
            field=fields.ForeignKeyField(
                "models.StaffMember",
                source_field="opened_by_id",
                null=True,
                db_constraint=True,
                to_field="id",
                related_name="opened",
                on_delete=OnDelete.RESTRICT,
            ),
        ),
    ]
