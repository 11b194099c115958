"""Administrative divisions, versioned: they begin, end and succeed one another."""

from tortoise import fields

from models.table import Table


class Region(Table):
    """One division during its life. `code` is GB/T 2260, empty while not published (两江新区)."""

    id = fields.IntField(primary_key=True)
    key = fields.CharField(max_length=24, unique=True)  # the code, or a name of ours where none is published
    code = fields.CharField(max_length=6, default="")
    name = fields.CharField(max_length=40)
    level = fields.CharField(max_length=10)  # PROVINCE, CITY, DISTRICT
    parent_key = fields.CharField(max_length=24, default="", db_index=True)
    centroid_lon = fields.FloatField(null=True)  # WGS-84, from a source presumed GCJ-02
    centroid_lat = fields.FloatField(null=True)
    valid_from = fields.DateField(null=True)
    valid_to = fields.DateField(null=True)  # the first day on which it is no more
    successor_key = fields.CharField(max_length=24, default="")
    note = fields.CharField(max_length=200, default="")

    class Meta:
        table = "region"
