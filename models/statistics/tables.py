"""What this room adds to what the other rooms keep: how old somebody was when they claimed, as coarsely as it is asked."""

from tortoise import fields

from models.table import Table


class ClaimAge(Table):
    """How old whoever claimed a voucher was on that day, by bands. Birth data are sealed, so no statement can group by
    them: a job opens each once and notes the band, never the day. Without a foreign key, as in `voucher`."""

    id = fields.BigIntField(primary_key=True)
    voucher_id = fields.BigIntField(unique=True)
    person_id = fields.BigIntField(null=True)  # of the real name, which the account may have lost since
    from_age = fields.SmallIntField(null=True)  # rules.FROM_AGE; null: nobody knew

    class Meta:
        table = "claim_age"
