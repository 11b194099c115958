"""A row about a member in every table that `HELD` lists, made from the tables themselves: a table that is added
later is in these lives from its first day.

Texts in the rows begin with the life's mark, so a test can tell whose something is.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

from tortoise import Tortoise, fields
from tortoise.models import Model

from models.feedback import steps
from models.feedback.tables import ComplaintStep
from models.members import phones
from models.personal_data import HELD
from tests.conftest import NOW
from tests.factories.accounts import TEXT_KEYS, Account, an_account, name
from tests.factories.people import PHONE_KEYS

BY_THEIR_ROOMS = {"member", "member_phone", "real_name"}
FIXED: dict[str, dict[str, Any]] = {
    "voucher_pool": {"budget_fen": 100_000, "free_fen": 98_000},
    "voucher_kind": {"face_fen": 2000, "minimum_spend_fen": 4000},
    "voucher_round": {"quantity": 10, "remaining": 9},
    "voucher": {"state": "CLAIMED", "face_fen": 2000, "minimum_spend_fen": 4000},
    "voucher_use": {"bill_fen": 5000, "used_fen": 2000},
    "message": {
        "template": "DELETION_CANCELLED",
        "values": {"what": "您的账号照常使用", "when": "11月20日 10:00"},
    },
    "deletion": {"cancelled_at": NOW},
    "order_line": {"kind": "COURT_SLOT"},
    "payment_share": {"state": "PAID", "amount_fen": 1},
    "attendance": {"state": "CAME", "kept_percent": 100},
    "booking_pause": {"ends_at": NOW + timedelta(days=30)},
    "merge": {"undone_at": NOW},
    "sign_in": {"ended_at": NOW},
    "rating": {"stars": 4},
    "complaint_step": {"sealed_text": None},
}
"""What must be so for the rooms to take the row for what it is."""

_NUMBERS = count(1)  # no two lives share one


@dataclass
class Life:
    """One account, and the ids of its rows by table and column."""

    mark: str
    account: Account
    other: Account
    rows: dict[tuple[str, str], int] = field(default_factory=dict)
    parts: dict[str, int] = field(default_factory=dict)
    _known: dict[str, int] = field(default_factory=dict)

    async def live(self, person: tuple[str, str], phone: str) -> None:
        await phones.bind_phone(member_id=self.account.member_id, phone=phone, keys=PHONE_KEYS, now=NOW)
        await name(self.account, person)
        for held in HELD:
            if held.table in BY_THEIR_ROOMS:
                continue
            row_id = await self.row(held.table, **{held.column: self.account.member_id})
            self.rows[held.table, held.column] = row_id
            for part in held.parts:
                self.parts[part.table] = await self.row(part.table, **{part.column: row_id})
        said = await ComplaintStep.get(id=self.parts["complaint_step"])
        await steps.seal(said, f"{self.mark}的话", TEXT_KEYS)

    async def row(self, table: str, **columns: Any) -> int:
        """A row of that table; what must be there and is not given is made up."""
        model = model_of(table)
        if table == "order_line":  # of a court or of a session
            columns = {"court_id": self._known.get("court") or await self.row("court"), **columns}
        given = FIXED.get(table, {}) | columns
        filled = {
            described.model_field_name: await self._value(table, described)
            for described in _columns_of(model)
            if described.model_field_name not in given and _must_be_given(described)
        }
        made = await model.create(**filled, **given)
        self._known[table] = made.pk
        return int(made.pk)

    async def _value(self, table: str, described: Any) -> Any:
        number = next(_NUMBERS)
        if described.reference is not None:
            parent = described.reference.related_model._meta.db_table
            if parent == "member":
                return self.other.member_id
            return self._known.get(parent) or await self.row(parent)
        match described:
            case fields.DatetimeField():
                return NOW
            case fields.DateField():
                return date(2026, 11, 20)
            case fields.BooleanField():
                return False
            case fields.FloatField():
                return 104.0
            case fields.BinaryField():
                return b"sealed"
            case fields.JSONField():
                return {}
            case fields.IntField() | fields.BigIntField():
                return number
            case _:
                return f"{self.mark}{number}"[: getattr(described, "max_length", 40)]


async def a_life(mark: str, person: tuple[str, str], phone: str, *, now: datetime = NOW) -> Life:
    life = Life(mark, await an_account(now=now), await an_account(now=now))
    await life.live(person, phone)
    return life


def model_of(table: str) -> type[Model]:
    apps = Tortoise.apps
    assert apps is not None
    found: list[type[Model]] = [model for model in apps["models"].values() if model._meta.db_table == table]
    return found[0]


def _columns_of(model: type[Model]) -> list[Any]:
    meta = model._meta
    return [meta.fields_map[name] for name in meta.fields_db_projection]


def _must_be_given(described: Any) -> bool:
    return not described.null and not described.generated and described.default is None


__all__ = ["Life", "a_life", "model_of"]
