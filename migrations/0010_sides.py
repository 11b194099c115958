from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.fields.base import OnDelete
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('models', '0009_vouchers')]

    initial = False

    operations = [
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
