from tortoise import migrations
from tortoise.migrations import operations as ops
from orjson import loads
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('models', '0011_booking')]

    initial = False

    operations = [
        ops.CreateModel(
            name='Closure',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('public_id', fields.CharField(unique=True, max_length=32)),
                ('venue', fields.ForeignKeyField('models.Venue', source_field='venue_id', db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('sport_code', fields.CharField(default='', db_default='', max_length=24)),
                ('court', fields.ForeignKeyField('models.Court', source_field='court_id', null=True, db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('starts_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('ends_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('first_day', fields.DateField()),
                ('last_day', fields.DateField()),
                ('kind', fields.CharField(max_length=16)),
                ('reason', fields.CharField(max_length=100)),
                ('announced_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('announced_by', fields.ForeignKeyField('models.StaffMember', source_field='announced_by_id', db_constraint=True, to_field='id', related_name='closures_announced', on_delete=OnDelete.RESTRICT)),
                ('idempotency_key', fields.CharField(max_length=64)),
                ('request_hash', fields.CharField(max_length=64)),
                ('withdrawn_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('withdrawn_by', fields.ForeignKeyField('models.StaffMember', source_field='withdrawn_by_id', null=True, db_constraint=True, to_field='id', related_name='closures_withdrawn', on_delete=OnDelete.RESTRICT)),
                ('withdrawn_why', fields.CharField(default='', db_default='', max_length=100)),
            ],
            options={'table': 'closure', 'app': 'models', 'unique_together': (('announced_by', 'idempotency_key'),), 'indexes': [Index(fields=['venue_id', 'last_day'])], 'pk_attr': 'id'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='ClosureOffer',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('closure', fields.ForeignKeyField('models.Closure', source_field='closure_id', db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('order_line_id', fields.BigIntField()),
                ('state', fields.CharField(max_length=16)),
                ('offered_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('ended_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'closure_offer', 'app': 'models', 'unique_together': (('closure', 'order_line_id'),), 'indexes': [Index(fields=['order_line_id'])], 'pk_attr': 'id'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='MoveQuote',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('order', fields.ForeignKeyField('models.Order', source_field='order_id', db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('party', fields.CharField(max_length=8)),
                ('refund_fen', fields.BigIntField()),
                ('kept_fen', fields.BigIntField()),
                ('explanation', fields.CharField(max_length=120)),
            ],
            options={'table': 'move_quote', 'app': 'models', 'unique_together': (('order',),), 'pk_attr': 'id'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='SlotDraw',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('public_id', fields.CharField(unique=True, max_length=32)),
                ('venue', fields.ForeignKeyField('models.Venue', source_field='venue_id', db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('sport_code', fields.CharField(max_length=24)),
                ('business_day', fields.DateField()),
                ('court_ids', fields.CharField(default='', max_length=2000)),
                ('from_minute', fields.IntField()),
                ('until_minute', fields.IntField()),
                ('opens_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('closes_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('state', fields.CharField(max_length=8)),
                ('commitment', fields.CharField(max_length=64)),
                ('sealed_seed', fields.BinaryField()),
                ('seal_key_id', fields.CharField(max_length=32)),
                ('record', fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads)),
                ('made_by', fields.ForeignKeyField('models.StaffMember', source_field='made_by_id', db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('made_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('done_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'slot_draw', 'app': 'models', 'unique_together': (('venue', 'business_day', 'sport_code'),), 'indexes': [Index(fields=['state', 'closes_at'])], 'pk_attr': 'id'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='DrawEntry',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('public_id', fields.CharField(unique=True, max_length=32)),
                ('draw', fields.ForeignKeyField('models.SlotDraw', source_field='draw_id', db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('member', fields.ForeignKeyField('models.Member', source_field='member_id', db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('placed_by', fields.ForeignKeyField('models.Member', source_field='placed_by_id', null=True, db_constraint=True, to_field='id', related_name='drawing_for_others', on_delete=OnDelete.RESTRICT)),
                ('whose', fields.CharField(max_length=24)),
                ('people', fields.IntField()),
                ('wishes', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('state', fields.CharField(max_length=8)),
                ('place', fields.IntField(null=True)),
                ('wish', fields.IntField(null=True)),
                ('reason', fields.CharField(default='', max_length=40)),
                ('order', fields.ForeignKeyField('models.Order', source_field='order_id', null=True, db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('idempotency_key', fields.CharField(max_length=64)),
                ('request_hash', fields.CharField(max_length=64)),
                ('entered_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'draw_entry', 'app': 'models', 'unique_together': (('draw', 'whose'), ('draw', 'place')), 'indexes': [Index(fields=['member_id']), Index(fields=['placed_by_id'])], 'pk_attr': 'id'},
            bases=['Table'],
        ),
        ops.AddField(
            model_name='Order',
            name='moves_line_id',
            field=fields.BigIntField(null=True),
        ),
        ops.AddField(
            model_name='WaitingEntry',
            name='draw_entry_id',
            field=fields.BigIntField(null=True),
        ),
    ]
