from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.migrations.constraints import UniqueConstraint

class Migration(migrations.Migration):
    dependencies = [('models', '0012_booking_as_people_need_it')]

    initial = False

    operations = [
        ops.CreateModel(
            name='HoursVersion',
            fields=[
                ('id', fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('venue', fields.ForeignKeyField('models.Venue', source_field='venue_id', db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('number', fields.IntField()),
                ('from_day', fields.DateField()),
                ('to_day', fields.DateField(null=True)),
                ('note', fields.CharField(max_length=200)),
                ('request_key', fields.CharField(max_length=64)),
                ('request_hash', fields.CharField(max_length=64)),
                ('written_by', fields.ForeignKeyField('models.StaffMember', source_field='written_by_id', db_constraint=True, to_field='id', on_delete=OnDelete.RESTRICT)),
                ('written_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'hours_version', 'app': 'models', 'unique_together': (('venue', 'number'), ('venue', 'request_key')), 'pk_attr': 'id'},
            bases=['Table'],
        ),
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
        ops.RemoveConstraint(
            model_name='OpeningHours',
            name=None,
            fields=['venue', 'sport_code', 'weekday', 'opens_minute'],
        ),
        ops.AddField(
            model_name='OpeningHours',
            name='version',
            field=fields.IntField(default=0, db_default=0),
        ),
        ops.AddConstraint(
            model_name='OpeningHours',
            constraint=UniqueConstraint(fields=('venue', 'version', 'sport_code', 'weekday', 'opens_minute'), name=None),
        ),
    ]
