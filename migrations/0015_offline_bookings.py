from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.migrations.constraints import UniqueConstraint


class Migration(migrations.Migration):
    dependencies = [("models", "0014_desks_and_cancelling")]

    initial = False

    operations = [
        ops.AlterField(
            model_name="OfflineConflict",
            name="campaign_id",
            field=fields.IntField(null=True),
        ),
        ops.AlterField(
            model_name="OfflineConflict",
            name="voucher",
            field=fields.ForeignKeyField(
                "models.Voucher",
                source_field="voucher_id",
                null=True,
                db_constraint=True,
                to_field="id",
                on_delete=OnDelete.RESTRICT,
            ),
        ),
        ops.AddField(
            model_name="OfflineConflict",
            name="order_line",
            field=fields.ForeignKeyField(
                "models.OrderLine",
                source_field="order_line_id",
                null=True,
                db_constraint=True,
                to_field="id",
                on_delete=OnDelete.RESTRICT,
            ),
        ),
        ops.AddConstraint(
            model_name="OfflineConflict",
            constraint=UniqueConstraint(fields=("order_line",), name=None),
        ),
    ]
