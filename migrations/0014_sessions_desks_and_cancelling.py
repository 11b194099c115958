from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import UniqueConstraint

class Migration(migrations.Migration):
    dependencies = [('models', '0013_hours_and_companions')]

    initial = False

    operations = [
        ops.CreateModel(
            name='SessionPlanVersion',
            fields=[
                ('id', fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('venue', fields.ForeignKeyField('models.Venue', source_field='venue_id', db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('number', fields.IntField()),
                ('sport_code', fields.CharField(max_length=24)),
                ('name', fields.CharField(max_length=40)),
                ('from_day', fields.DateField()),
                ('to_day', fields.DateField(null=True)),
                ('note', fields.CharField(max_length=200)),
                ('request_key', fields.CharField(max_length=64)),
                ('request_hash', fields.CharField(max_length=64)),
                ('written_by', fields.ForeignKeyField('models.StaffMember', source_field='written_by_id', db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('written_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'session_plan_version', 'app': 'models', 'unique_together': (('venue', 'number'), ('venue', 'request_key')), 'pk_attr': 'id'},
            bases=['Table'],
        ),
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
        ops.AlterField(
            model_name='OfflineConflict',
            name='campaign_id',
            field=fields.IntField(null=True),
        ),
        ops.AlterField(
            model_name='OfflineConflict',
            name='voucher',
            field=fields.ForeignKeyField('models.Voucher', source_field='voucher_id', null=True, db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT),
        ),
        ops.AddField(
            model_name='OfflineConflict',
            name='order_line',
            field=fields.ForeignKeyField('models.OrderLine', source_field='order_line_id', null=True, db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT),
        ),
        ops.AddConstraint(
            model_name='OfflineConflict',
            constraint=UniqueConstraint(fields=('order_line',), name=None),
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
        ops.RemoveConstraint(
            model_name='SessionPlan',
            name=None,
            fields=['venue', 'sport_code', 'name', 'day_kind', 'from_minute', 'valid_from'],
        ),
        ops.AddField(
            model_name='SessionPlan',
            name='version',
            field=fields.IntField(default=0, db_default=0),
        ),
        ops.AddConstraint(
            model_name='SessionPlan',
            constraint=UniqueConstraint(fields=('venue', 'version', 'sport_code', 'name', 'day_kind', 'from_minute', 'valid_from'), name=None),
        ),
    ]
