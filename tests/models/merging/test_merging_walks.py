"""Accounts of some people are joined, parted, named, booked with, in any order; what must always be true is asked
after each step.

A small model walks along: whose each order is, where each phone leads. Whatever the rooms refuse changes nothing in it.
"""

import random
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from models import database
from models.checkout.placing import place_order
from models.errors import DomainError, ErrorCode
from models.families.tables import Companionship, Guardianship
from models.members.queries import who
from models.members.standing import accounts_of, leads_to
from models.real_names.binding import holder_of
from tests.databases import Database
from tests.factories.accounts import FATHER, GRANDMOTHER, ID_KEYS, Account, an_account, join, name, part
from tests.factories.booking import Hall, a_hall, at, wanted
from tests.factories.people import PHONE_KEYS, find_by_phone

CHILD = ("李小明", "510107201506010021")
STEPS = 30
COURTS_A_DAY = 2


@dataclass
class Walk:
    accounts: list[Account]
    child: Account
    hall: Hall
    now: datetime
    chance: random.Random
    orders: dict[str, Account] = field(default_factory=dict)
    merges: list[tuple[str, Account, Account, list[str]]] = field(default_factory=list)
    """Those that are not undone: the merge, who stayed, who was joined, and which orders came along."""
    done: list[str] = field(default_factory=list)

    def living(self) -> list[Account]:
        joined = {account.member_id for _, _, account, _ in self.merges}
        return [account for account in self.accounts if account.member_id not in joined]

    def root(self, account: Account) -> Account:
        for _, kept, joined, _ in self.merges:
            if joined is account:
                return self.root(kept)
        return account

    async def step(self) -> None:
        act = self.chance.choice((self.join, self.join, self.part, self.book, self.book, self.name, self.befriend))
        self.done.append(act.__name__)
        try:
            await act()
        except DomainError as refused:
            self.done[-1] += f" refused with {refused.code}"

    async def join(self) -> None:
        if len(self.living()) < 2:
            return
        kept, joined = self.chance.sample(self.living(), 2)
        merge_id = await join(kept, joined, now=self.now)
        came = [order_no for order_no, owner in self.orders.items() if owner is joined]
        self.orders |= dict.fromkeys(came, kept)
        self.merges.append((merge_id, kept, joined, came))

    async def part(self) -> None:
        last = [merge for merge in self.merges if self.root(merge[1]) is merge[1]]
        if not last:
            return
        merge = last[-1]  # the latest of those that may be undone
        merge_id, kept, joined, came = merge
        await part(kept, merge_id, now=self.now)
        self.merges.remove(merge)
        for order_no in came:
            if self.orders[order_no] is kept:
                self.orders[order_no] = joined

    async def book(self) -> None:
        account = self.chance.choice(self.living())
        courts = (self.hall.badminton, self.hall.badminton_2, self.hall.left, self.hall.right)
        order_no = await place_order(
            member_id=account.member_id,
            lines=[wanted(self.chance.choice(courts), at(self.chance.randrange(9, 21)))],
            idempotency_key=f"{self.chance.random()}",
            keys=ID_KEYS,
            channels={},
            now=self.now,
        )
        self.orders[order_no] = account

    async def name(self) -> None:
        account = self.chance.choice(self.living())
        person = self.chance.choice((FATHER, GRANDMOTHER))
        taken = await database.rows("SELECT member_id FROM real_name WHERE member_id IS NOT NULL")
        if account.member_id not in {row["member_id"] for row in taken}:
            await _named_if_free(account, person, self.now)

    async def befriend(self) -> None:
        if len(self.living()) < 2:
            return
        one, two = sorted(account.member_id for account in self.chance.sample(self.living(), 2))
        pair: dict[str, Any] = {"one_id": one, "other_id": two}
        if not await Companionship.filter(**pair, ended_at=None).exists():
            await Companionship.create(public_id=f"c{self.chance.random()}", **pair, started_at=self.now)

    async def holds(self) -> None:
        told = self.done
        for number, account in enumerate(self.accounts):
            root = self.root(account)
            assert await leads_to(account.member_id) == root.member_id, told
            signed_in = await who(access_token=account.access_token, now=self.now)
            assert signed_in is not None, told
            assert signed_in.member_id == root.member_id, told
            found = await find_by_phone(phone=f"1397531864{number}", keys=PHONE_KEYS)
            assert found == root.member_id, told
        await self.limits_hold()
        await self.nobody_is_orphaned()

    async def limits_hold(self) -> None:
        """Whose each order is; and nobody alone, in whatever accounts, booked more than they may. Joining adds up what was
        booked apart, and lets nothing more be booked."""
        found = await database.rows("SELECT order_no, member_id FROM orders")
        assert {row["order_no"]: row["member_id"] for row in found} == {
            order_no: owner.member_id for order_no, owner in self.orders.items()
        }, self.done
        for account in self.living():
            most = COURTS_A_DAY * len(await accounts_of(account.member_id))
            courts = await database.row(
                """SELECT count(DISTINCT order_line.court_id) AS courts FROM order_line
                     JOIN orders ON orders.id = order_line.order_id WHERE orders.member_id = $1""",
                account.member_id,
            )
            assert courts is not None
            assert courts["courts"] <= most, self.done

    async def nobody_is_orphaned(self) -> None:
        guards = await Guardianship.filter(ward_id=self.child.member_id, ended_at=None)
        assert len(guards) == 1, self.done
        assert guards[0].guardian_id in {account.member_id for account in self.living()}, self.done
        twice = await database.rows(
            """SELECT one_id, other_id FROM companionship WHERE ended_at IS NULL
                GROUP BY one_id, other_id HAVING count(*) > 1 OR one_id >= other_id"""
        )
        assert not twice, self.done


async def _named_if_free(account: Account, person: tuple[str, str], now: datetime) -> None:
    holder: Any = await holder_of(list(ID_KEYS.lookup.hashes(person[1]).values()))
    if holder is None:
        await name(account, person, now=now)


@pytest.mark.parametrize("seed", range(8))
async def test_however_accounts_are_joined_and_parted_everybody_is_reachable_and_nothing_grows(
    seed: int, db: Database, now: datetime
) -> None:
    accounts = [await an_account(phone=f"1397531864{number}") for number in range(4)]
    child = await an_account()
    await name(child, CHILD)
    await Guardianship.create(
        public_id="g1",
        guardian_id=accounts[0].member_id,
        ward_id=child.member_id,
        relation="FATHER",
        started_at=now,
    )
    walk = Walk(accounts, child, await a_hall(), now, random.Random(seed))
    for _ in range(STEPS):
        await walk.step()
        await walk.holds()
    assert any(step == "join" for step in walk.done), walk.done
    for _ in range(len(walk.merges)):
        await walk.part()
    await walk.holds()
    assert {walk.root(account).member_id for account in accounts} == {account.member_id for account in accounts}
    for account in accounts:
        held = await database.row(
            """SELECT count(DISTINCT order_line.court_id) AS courts FROM order_line
                 JOIN orders ON orders.id = order_line.order_id WHERE orders.member_id = $1""",
            account.member_id,
        )
        assert held is not None
        assert held["courts"] <= COURTS_A_DAY, walk.done


async def test_who_holds_all_they_may_in_two_accounts_may_book_nothing_with_both(
    db: Database, now: datetime
) -> None:
    hall = await a_hall()
    mine, other = await an_account(), await an_account()
    for account, courts in ((mine, (hall.badminton, hall.badminton_2)), (other, (hall.left, hall.right))):
        for number, court in enumerate(courts):
            await place_order(
                member_id=account.member_id,
                lines=[wanted(court, at(9 + number))],
                idempotency_key=f"{number}",
                keys=ID_KEYS,
                channels={},
                now=now,
            )
    await join(mine, other)
    with pytest.raises(DomainError) as refused:
        await place_order(
            member_id=mine.member_id,
            lines=[wanted(hall.full, at(15))],
            idempotency_key="more",
            keys=ID_KEYS,
            channels={},
            now=now,
        )
    assert refused.value.code == ErrorCode.TOO_MANY_COURTS
