from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """What only WeChat Pay had gets the name that every channel's has."""

    dependencies = [("models", "0002_third_parties")]

    initial = False

    operations = [
        ops.RenameField(model_name="Payment", old_name="payer_openid", new_name="payer"),
        ops.RenameField(model_name="Payment", old_name="prepay_id", new_name="reference"),
    ]
