from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.fields.base import OnDelete
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('models', '0012_booking_as_people_need_it')]

    initial = False

    operations = [
        ops.CreateModel(
            name='SeriesCompanion',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('series', fields.ForeignKeyField('models.BookingSeries', source_field='series_id', db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('member', fields.ForeignKeyField('models.Member', source_field='member_id', db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('named_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'series_companion', 'app': 'models', 'unique_together': (('series', 'member'),), 'pk_attr': 'id'},
            bases=['Table'],
        ),
    ]
