from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('models', '0009_vouchers')]

    initial = False

    operations = [
        ops.AddField(
            model_name='OutboxRow',
            name='province_code',
            field=fields.CharField(default='', db_default='', max_length=6),
        ),
    ]
