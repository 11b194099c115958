from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('models', '0012_more')]

    initial = False

    operations = [
        ops.RemoveIndex(
            model_name='HeldCell',
            name=None,
            fields=['venue_id', 'step'],
        ),
        ops.AddIndex(
            model_name='HeldCell',
            index=Index(fields=['venue_id', 'step', 'part_id']),
        ),
    ]
