from tortoise import migrations
from tortoise.migrations import operations as ops
from orjson import loads
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('models', '0012_more')]

    initial = False

    operations = [
        ops.CreateModel(
            name='BookingSeries',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('public_id', fields.CharField(unique=True, max_length=32)),
                ('member', fields.ForeignKeyField('models.Member', source_field='member_id', db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('placed_by', fields.ForeignKeyField('models.Member', source_field='placed_by_id', null=True, db_constraint=True, to_field='id', related_name='series_for_others', on_delete=OnDelete.RESTRICT)),
                ('placed_by_staff', fields.ForeignKeyField('models.StaffMember', source_field='placed_by_staff_id', null=True, db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('organisation', fields.ForeignKeyField('models.Organisation', source_field='organisation_id', null=True, db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('venue', fields.ForeignKeyField('models.Venue', source_field='venue_id', db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('court', fields.ForeignKeyField('models.Court', source_field='court_id', db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('weekday', fields.IntField()),
                ('from_minute', fields.IntField()),
                ('slots', fields.IntField()),
                ('first_day', fields.DateField()),
                ('last_day', fields.DateField()),
                ('people', fields.IntField()),
                ('state', fields.CharField(max_length=8)),
                ('idempotency_key', fields.CharField(max_length=64)),
                ('request_hash', fields.CharField(max_length=64)),
                ('asked_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('ended_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'booking_series', 'app': 'models', 'unique_together': (('member', 'idempotency_key'),), 'indexes': [Index(fields=['member_id', 'venue_id'])], 'pk_attr': 'id'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='GroupRequest',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('public_id', fields.CharField(unique=True, max_length=32)),
                ('member', fields.ForeignKeyField('models.Member', source_field='member_id', db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('organisation', fields.ForeignKeyField('models.Organisation', source_field='organisation_id', null=True, db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('venue', fields.ForeignKeyField('models.Venue', source_field='venue_id', db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('people', fields.IntField()),
                ('purpose', fields.CharField(max_length=200)),
                ('lines', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('state', fields.CharField(max_length=12)),
                ('answer_by', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('decided_by', fields.ForeignKeyField('models.StaffMember', source_field='decided_by_id', null=True, db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('decided_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('note', fields.CharField(default='', max_length=200)),
                ('order', fields.ForeignKeyField('models.Order', source_field='order_id', null=True, db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('idempotency_key', fields.CharField(max_length=64)),
                ('request_hash', fields.CharField(max_length=64)),
                ('asked_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'group_request', 'app': 'models', 'unique_together': (('member', 'idempotency_key'),), 'indexes': [Index(fields=['venue_id', 'state'])], 'pk_attr': 'id'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='SeriesDate',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('series', fields.ForeignKeyField('models.BookingSeries', source_field='series_id', db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('business_day', fields.DateField()),
                ('state', fields.CharField(max_length=8)),
                ('due_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('order', fields.ForeignKeyField('models.Order', source_field='order_id', null=True, db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('code', fields.CharField(default='', max_length=40)),
                ('reason', fields.CharField(default='', max_length=200)),
                ('decided_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'series_date', 'app': 'models', 'unique_together': (('series', 'business_day'),), 'pk_attr': 'id'},
            bases=['Table'],
        ),
        ops.AddField(
            model_name='BookingRule',
            name='arranged_hold_minutes',
            field=fields.IntField(default=1440, db_default=1440),
        ),
        ops.AddField(
            model_name='BookingRule',
            name='group_answer_hours',
            field=fields.IntField(default=48, db_default=48),
        ),
        ops.AddField(
            model_name='BookingRule',
            name='group_days_ahead',
            field=fields.IntField(null=True),
        ),
        ops.AddField(
            model_name='BookingRule',
            name='series_a_person',
            field=fields.IntField(null=True),
        ),
        ops.AddField(
            model_name='BookingRule',
            name='series_weeks',
            field=fields.IntField(null=True),
        ),
        ops.AddField(
            model_name='Order',
            name='by_approval',
            field=fields.BooleanField(default=False, db_default=False),
        ),
        ops.AddField(
            model_name='Order',
            name='organisation',
            field=fields.ForeignKeyField('models.Organisation', source_field='organisation_id', null=True, db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT),
        ),
    ]
