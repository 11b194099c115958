from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('models', '0013_hours_and_companions')]

    initial = False

    operations = [
        ops.AddField(
            model_name='BookingRule',
            name='cancel_free_minutes',
            field=fields.IntField(null=True),
        ),
        ops.AddField(
            model_name='BookingRule',
            name='cancel_kept_percent',
            field=fields.IntField(null=True),
        ),
        ops.AddField(
            model_name='Closure',
            name='session',
            field=fields.ForeignKeyField('models.Session', source_field='session_id', null=True, db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT),
        ),
        ops.AddIndex(
            model_name='Closure',
            index=Index(fields=['session_id']),
        ),
        ops.AddField(
            model_name='Merge',
            name='staff',
            field=fields.ForeignKeyField('models.StaffMember', source_field='staff_id', null=True, db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT),
        ),
        ops.AddField(
            model_name='OrderLine',
            name='cancel_free_minutes',
            field=fields.IntField(null=True),
        ),
        ops.AddField(
            model_name='OrderLine',
            name='cancel_kept_percent',
            field=fields.IntField(null=True),
        ),
    ]
