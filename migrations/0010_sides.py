from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('models', '0009_vouchers')]

    initial = False

    operations = [
        ops.CreateModel(
            name='FreedSlot',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('court', fields.ForeignKeyField('models.Court', source_field='court_id', db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('order_line_id', fields.BigIntField()),
                ('starts_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('freed_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'freed_slot', 'app': 'models', 'unique_together': (('order_line_id',),), 'pk_attr': 'id'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='PartnerPlatform',
            fields=[
                ('code', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=24)),
                ('name', fields.CharField(max_length=40)),
                ('appid', fields.CharField(default='', max_length=18)),
                ('path', fields.CharField(default='', max_length=300)),
                ('web', fields.CharField(default='', max_length=300)),
                ('provenance', fields.CharField(max_length=16)),
                ('source', fields.CharField(default='', max_length=200)),
            ],
            options={'table': 'partner_platform', 'app': 'models', 'pk_attr': 'code'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='WaitingEntry',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('public_id', fields.CharField(unique=True, max_length=32)),
                ('member', fields.ForeignKeyField('models.Member', source_field='member_id', db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('placed_by', fields.ForeignKeyField('models.Member', source_field='placed_by_id', null=True, db_constraint=True, to_field='id', related_name='waiting_for_others', on_delete=OnDelete.RESTRICT)),
                ('venue', fields.ForeignKeyField('models.Venue', source_field='venue_id', db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('sport_code', fields.CharField(max_length=24)),
                ('court', fields.ForeignKeyField('models.Court', source_field='court_id', null=True, db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('business_day', fields.DateField()),
                ('starts_from', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('starts_until', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('people', fields.IntField()),
                ('state', fields.CharField(max_length=8)),
                ('order', fields.ForeignKeyField('models.Order', source_field='order_id', null=True, db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('idempotency_key', fields.CharField(max_length=64)),
                ('request_hash', fields.CharField(max_length=64)),
                ('asked_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('ended_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'waiting_entry', 'app': 'models', 'unique_together': (('member', 'idempotency_key'),), 'indexes': [Index(fields=['member_id', 'state']), Index(fields=['placed_by_id'])], 'pk_attr': 'id'},
            bases=['Table'],
        ),
        ops.AlterField(
            model_name='HeldCell',
            name='order_line',
            field=fields.ForeignKeyField('models.OrderLine', source_field='order_line_id', null=True, db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT),
        ),
        ops.AddField(
            model_name='HeldCell',
            name='freed_slot',
            field=fields.ForeignKeyField('models.FreedSlot', source_field='freed_slot_id', null=True, db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT),
        ),
        ops.AddField(
            model_name='OutboxRow',
            name='province_code',
            field=fields.CharField(default='', db_default='', max_length=6),
        ),
        ops.AddField(
            model_name='Venue',
            name='partner',
            field=fields.ForeignKeyField('models.PartnerPlatform', source_field='partner_id', null=True, db_constraint=True, to_field='code', on_delete=OnDelete.RESTRICT),
        ),
        ops.AddField(
            model_name='Venue',
            name='their_id',
            field=fields.CharField(default='', db_default='', max_length=64),
        ),
    ]
