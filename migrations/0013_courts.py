from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.fields.base import OnDelete
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('models', '0012_more')]

    initial = False

    operations = [
        ops.CreateModel(
            name='CourtVersion',
            fields=[
                ('id', fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('court', fields.ForeignKeyField('models.Court', source_field='court_id', db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('venue', fields.ForeignKeyField('models.Venue', source_field='venue_id', db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('number', fields.IntField()),
                ('from_day', fields.DateField()),
                ('name', fields.CharField(max_length=40)),
                ('slot_minutes', fields.IntField()),
                ('max_people', fields.IntField()),
                ('retired', fields.BooleanField()),
                ('note', fields.CharField(max_length=200)),
                ('request_key', fields.CharField(max_length=64)),
                ('request_hash', fields.CharField(max_length=64)),
                ('written_by', fields.ForeignKeyField('models.StaffMember', source_field='written_by_id', db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('written_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'court_version', 'app': 'models', 'unique_together': (('court', 'number'), ('venue', 'request_key')), 'pk_attr': 'id'},
            bases=['Table'],
        ),
        ops.AddField(
            model_name='Member',
            name='home_province',
            field=fields.CharField(default='', db_default='', max_length=6),
        ),
        ops.AddField(
            model_name='Order',
            name='member_province',
            field=fields.CharField(default='', db_default='', max_length=6),
        ),
    ]
