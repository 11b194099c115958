from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('models', '0012_more')]

    initial = False

    operations = [
        ops.CreateModel(
            name='PaymentShare',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('order', fields.ForeignKeyField('models.Order', source_field='order_id', db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('share_no', fields.IntField()),
                ('member', fields.ForeignKeyField('models.Member', source_field='member_id', db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('amount_fen', fields.BigIntField()),
                ('state', fields.CharField(max_length=12)),
                ('asked_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('ended_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'payment_share', 'app': 'models', 'unique_together': (('order', 'share_no'),), 'indexes': [Index(fields=['member_id'])], 'pk_attr': 'id'},
            bases=['Table'],
        ),
        ops.AddField(
            model_name='Order',
            name='split_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='Payment',
            name='share_id',
            field=fields.BigIntField(null=True),
        ),
    ]
