from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import UniqueConstraint

class Migration(migrations.Migration):
    dependencies = [('models', '0003_words_for_every_channel')]

    initial = False

    operations = [
        ops.CreateModel(
            name='DayStatement',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('channel', fields.CharField(max_length=16)),
                ('day', fields.DateField()),
                ('status', fields.CharField(max_length=16)),
                ('digest', fields.CharField(default='', max_length=64)),
                ('entries', fields.IntField(default=0)),
                ('paid_fen', fields.BigIntField(default=0)),
                ('refunded_fen', fields.BigIntField(default=0)),
                ('fee_fen', fields.BigIntField(default=0)),
                ('attempts', fields.IntField(default=0)),
                ('next_attempt_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('last_problem', fields.CharField(default='', max_length=200)),
                ('matched_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'day_statement', 'app': 'models', 'unique_together': (('channel', 'day'),), 'indexes': [Index(fields=['status', 'next_attempt_at'])], 'pk_attr': 'id'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='Discrepancy',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('public_id', fields.CharField(unique=True, max_length=32)),
                ('statement', fields.ForeignKeyField('models.DayStatement', source_field='statement_id', db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('kind', fields.CharField(max_length=16)),
                ('about', fields.CharField(max_length=8)),
                ('about_no', fields.CharField(max_length=64)),
                ('channel_trade_no', fields.CharField(default='', max_length=64)),
                ('venue', fields.ForeignKeyField('models.Venue', source_field='venue_id', null=True, db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('ours_fen', fields.BigIntField(null=True)),
                ('theirs_fen', fields.BigIntField(null=True)),
                ('ours_status', fields.CharField(default='', max_length=16)),
                ('theirs_status', fields.CharField(default='', max_length=16)),
                ('status', fields.CharField(max_length=16)),
                ('found_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'discrepancy', 'app': 'models', 'unique_together': (('statement', 'kind', 'about', 'about_no'),), 'indexes': [Index(fields=['status', 'found_at'])], 'pk_attr': 'id'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='DiscrepancyAct',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('discrepancy', fields.ForeignKeyField('models.Discrepancy', source_field='discrepancy_id', db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('staff', fields.ForeignKeyField('models.StaffMember', source_field='staff_id', null=True, db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('outcome', fields.CharField(max_length=24)),
                ('note', fields.CharField(default='', max_length=300)),
                ('acted_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'discrepancy_act', 'app': 'models', 'indexes': [Index(fields=['discrepancy_id'])], 'pk_attr': 'id'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='RefundLine',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('refund', fields.ForeignKeyField('models.Refund', source_field='refund_id', db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('order_line', fields.ForeignKeyField('models.OrderLine', source_field='order_line_id', db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('amount_fen', fields.BigIntField()),
                ('kept_fen', fields.BigIntField()),
                ('explanation', fields.CharField(max_length=120)),
            ],
            options={'table': 'refund_line', 'app': 'models', 'unique_together': (('refund', 'order_line'),), 'indexes': [Index(fields=['order_line_id'])], 'pk_attr': 'id'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='RefundRule',
            fields=[
                ('id', fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('venue', fields.ForeignKeyField('models.Venue', source_field='venue_id', null=True, db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('party', fields.CharField(max_length=8)),
                ('minutes_before', fields.IntField()),
                ('kept_percent', fields.IntField()),
                ('kept_fen', fields.BigIntField()),
                ('provenance', fields.CharField(max_length=16)),
                ('source', fields.CharField(max_length=200)),
            ],
            options={'table': 'refund_rule', 'app': 'models', 'unique_together': (('venue', 'party', 'minutes_before'),), 'pk_attr': 'id'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='Shift',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('public_id', fields.CharField(unique=True, max_length=32)),
                ('staff', fields.ForeignKeyField('models.StaffMember', source_field='staff_id', db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('venue', fields.ForeignKeyField('models.Venue', source_field='venue_id', db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('device_id', fields.CharField(max_length=64)),
                ('opened_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('float_fen', fields.BigIntField()),
                ('closed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('expected_fen', fields.BigIntField(null=True)),
                ('counted_fen', fields.BigIntField(null=True)),
                ('note', fields.CharField(default='', max_length=200)),
            ],
            options={'table': 'shift', 'app': 'models', 'indexes': [Index(fields=['venue_id', 'opened_at'])], 'pk_attr': 'id'},
            bases=['Table'],
        ),
        ops.AddField(
            model_name='OrderLine',
            name='cancelled_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='Payment',
            name='shift',
            field=fields.ForeignKeyField('models.Shift', source_field='shift_id', null=True, db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT),
        ),
        ops.AddField(
            model_name='Payment',
            name='way',
            field=fields.CharField(default='IN_APP', db_default='IN_APP', max_length=16),
        ),
        ops.AddField(
            model_name='Refund',
            name='party',
            field=fields.CharField(default='MEMBER', db_default='MEMBER', max_length=8),
        ),
        ops.AddField(
            model_name='Refund',
            name='replaces',
            field=fields.ForeignKeyField('models.Refund', source_field='replaces_id', null=True, db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT),
        ),
        ops.AddField(
            model_name='Refund',
            name='request_key',
            field=fields.CharField(null=True, max_length=64),
        ),
        ops.AddField(
            model_name='Refund',
            name='shift',
            field=fields.ForeignKeyField('models.Shift', source_field='shift_id', null=True, db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT),
        ),
        ops.AddField(
            model_name='Refund',
            name='staff',
            field=fields.ForeignKeyField('models.StaffMember', source_field='staff_id', null=True, db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT),
        ),
        ops.AddField(
            model_name='Refund',
            name='to_merchant',
            field=fields.BooleanField(default=False, db_default=False),
        ),
        ops.AddField(
            model_name='Refund',
            name='staff_note',
            field=fields.CharField(default='', db_default='', max_length=200),
        ),
        ops.AddConstraint(
            model_name='Refund',
            constraint=UniqueConstraint(fields=('order', 'request_key'), name=None),
        ),
        ops.AddIndex(
            model_name='Payment',
            index=Index(fields=['channel', 'paid_at']),
        ),
        ops.AddIndex(
            model_name='Refund',
            index=Index(fields=['finished_at']),
        ),
    ]
