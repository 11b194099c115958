"""What must be true of the people of a town after every step, asked of the tables and not of the rooms; and what joining
and parting must leave."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from models import database
from models.keys import Sealed
from models.merging.tables import Merge
from models.personal_data import HELD, OnDeletion, OnMerge
from models.real_names import binding, rules
from models.real_names.tables import RealName
from tests.factories.accounts import ID_KEYS, TEXT_KEYS
from tests.factories.people import PHONE_KEYS
from tests.properties.people_town import Town

COURTS_A_DAY = 2  # tests.factories.places.a_default_booking_rule
MAY_STAY = {"message", "message_sending", "message_choice", "member_phone"}
"""Of a joined account, by the rules in models/merging/moving.py: told or chosen twice, a second number that leads on."""
OF_THE_MERGING_ROOM = {"merge", "merge_code", "merge_guess", "member"}
SEALED = {"sealed", "sealed_name", "sealed_number"}

Leads = Mapping[tuple[str, str, int], int | None]
"""To whom each row leads: by table, column and row."""
Picture = Mapping[tuple[str, int], Mapping[str, Any]]
Held = Mapping[tuple[int, str], set[int]]
"""Courts, by member and day, as `place_order` counts them."""


@dataclass(frozen=True)
class Person:
    id: int
    joined_to: int | None
    is_deleted: bool

    @property
    def is_living(self) -> bool:
        return self.joined_to is None and not self.is_deleted


People = Mapping[int, Person]


@dataclass
class Seen:
    """What a machine saw last, for what can be judged by the difference only."""

    owners: Mapping[str, int] = field(default_factory=dict)
    unreached: frozenset[int] = frozenset()
    at: datetime | None = None


async def check(town: Town, seen: Seen) -> None:
    """After every step."""
    people = await everybody()
    await check_nothing_is_left_behind()
    names = await open_everything(people)
    await check_phones(people)
    await check_wards(town, people, names)
    await check_courts(people)
    await check_admissions()
    await check_nothing_is_told_twice()
    seen.unreached = await check_everybody_is_reached(town, people, names, seen)
    seen.owners = await check_owners(seen.owners, town.orders)
    seen.at = town.now


async def everybody() -> dict[int, Person]:
    found = await database.rows("SELECT id, joined_to_id, deleted_at FROM member")
    return {row["id"]: Person(row["id"], row["joined_to_id"], row["deleted_at"] is not None) for row in found}


def root(people: People, member_id: int) -> int:
    joined_to = people[member_id].joined_to
    return member_id if joined_to is None else root(people, joined_to)


def _left_behind() -> str:
    joined = [
        f"""SELECT '{held.table}.{held.column} of a joined account' AS what, count(*) AS many
              FROM {held.table} held JOIN member ON member.id = held.{held.column}
             WHERE member.joined_to_id IS NOT NULL AND member.deleted_at IS NULL
                   {"AND held.ended_at IS NULL" if held.table == "companionship" else ""}"""
        for held in HELD
        if held.on_merge is not OnMerge.STAYS and held.table not in MAY_STAY
    ]
    gone = [
        f"""SELECT '{held.table}.{held.column} of somebody deleted', count(*)
              FROM {held.table} held JOIN member ON member.id = held.{held.column} WHERE member.deleted_at IS NOT NULL"""
        for held in HELD
        if held.on_deletion in (OnDeletion.ERASED, OnDeletion.FORGOTTEN)
    ]
    return f"SELECT what FROM ({' UNION ALL '.join(joined + gone)}) AS left_behind WHERE many > 0"


_LEFT_BEHIND = _left_behind()


async def check_nothing_is_left_behind() -> None:
    """No row leads to an account that was joined, and none but what a law keeps to somebody who is gone; so no sign-in
    of either lives."""
    left = [row["what"] for row in await database.rows(_LEFT_BEHIND)]
    assert not left, left


async def open_everything(people: People) -> dict[int, rules.NamedPerson]:
    """Whatever is sealed opens in its place; one number is one row, and one living member's. Gives who is who by name."""
    names: dict[int, rules.NamedPerson] = {}
    numbers = []
    for row in await RealName.all():
        name, number = binding.open_row(row, ID_KEYS)
        numbers.append(number)
        if row.member_id is not None:
            assert people[row.member_id].is_living
            names[row.member_id] = rules.NamedPerson(name, number)
    assert len(set(numbers)) == len(numbers)
    for record in await database.rows(
        """SELECT sealed, seal_key_id, member.id FROM sealed_record
             JOIN member ON member.public_id = sealed_record.member_public_id"""
    ):
        sealed = Sealed(record["seal_key_id"], bytes(record["sealed"]))
        assert TEXT_KEYS.open(sealed, table="sealed_record", column="sealed", row=record["id"])
    return names


async def check_phones(people: People) -> None:
    """Each opens, and leads to one member, who is here."""
    holders: dict[str, list[int]] = defaultdict(list)
    for row in await database.rows("SELECT member_id, sealed, seal_key_id FROM member_phone"):
        sealed = Sealed(row["seal_key_id"], bytes(row["sealed"]))
        number = PHONE_KEYS.sealing.open(sealed, table="member_phone", column="sealed", row=row["member_id"])
        holders[number].append(root(people, row["member_id"]))
    assert all(len(who) == 1 and people[who[0]].is_living for who in holders.values())


async def check_wards(town: Town, people: People, names: Mapping[int, rules.NamedPerson]) -> None:
    """A child has a living guardian who is an adult by name; nobody guards or helps who is not here."""
    guards = await _pairs("SELECT ward_id AS one, guardian_id AS other FROM guardianship WHERE ended_at IS NULL")
    helped = await _pairs("SELECT principal_id AS one, helper_id AS other FROM proxy WHERE ended_at IS NULL")
    for related in (guards, helped):
        for one, others in related.items():
            assert all(people[each].is_living for each in (one, *others))
    for member_id, named in names.items():
        if rules.is_child(town.today, named.born_on):
            assert any(_is_adult(names.get(each), town) for each in guards.get(member_id, ())), "a child is alone"


async def check_everybody_is_reached(
    town: Town, people: People, names: Mapping[int, rules.NamedPerson], seen: Seen
) -> frozenset[int]:
    """By a door, a number, or at a desk by their ID card; a helper may go at any moment. Gives whom nobody reaches: since
    this very step only whose number was freed, or who let go of their name (`Town.let_go`), and was told."""
    ways = await database.rows("SELECT member_id FROM identity UNION SELECT member_id FROM member_phone")
    with_ways = {root(people, row["member_id"]) for row in ways}
    unreached = frozenset(
        each.id for each in people.values() if each.is_living and each.id not in with_ways and each.id not in names
    )
    new = unreached - seen.unreached
    if new:
        told = await database.rows(
            "SELECT member_id, template FROM message WHERE told_at >= $1 AND template IN ($2, $3)",
            *(seen.at or town.now, "PHONE_FREED", "REAL_NAME_UNBOUND"),
        )
        let_go = {
            root(people, row["member_id"])
            for row in told
            if row["template"] == "PHONE_FREED" or row["member_id"] in town.let_go
        }
        assert new <= let_go, f"nobody reaches {new - let_go}"
    return unreached


def _is_adult(named: rules.NamedPerson | None, town: Town) -> bool:
    return named is not None and rules.age_on(town.today, named.born_on) >= rules.ADULT_FROM


async def _pairs(sql: str) -> Mapping[int, list[int]]:
    pairs: dict[int, list[int]] = defaultdict(list)
    for row in await database.rows(sql):
        pairs[row["one"]].append(row["other"])
    return pairs


async def check_courts(people: People) -> None:
    """Nobody holds more courts of a day than their accounts might have apart."""
    accounts = Counter(root(people, each) for each in people)
    for (member_id, _), courts in (await courts_held()).items():
        assert len(courts) <= COURTS_A_DAY * accounts[root(people, member_id)]


async def courts_held() -> dict[tuple[int, str], set[int]]:
    held: dict[tuple[int, str], set[int]] = defaultdict(set)
    for row in await database.rows(
        """SELECT orders.member_id, order_line.business_day, order_line.court_id
             FROM order_line JOIN orders ON orders.id = order_line.order_id
            WHERE orders.status <> 'CLOSED' AND order_line.cancelled_at IS NULL"""
    ):
        held[row["member_id"], str(row["business_day"])].add(row["court_id"])
    return held


def added_up(before: Held, *, joined: int, kept: int) -> dict[tuple[int, str], set[int]]:
    """What is held when one account's courts are the other's as well."""
    held: dict[tuple[int, str], set[int]] = defaultdict(set)
    for (member_id, day), courts in before.items():
        held[kept if member_id == joined else member_id, day] |= courts
    return held


async def check_nothing_is_told_twice() -> None:
    twice = await database.row(
        "SELECT member_id FROM message GROUP BY member_id, template, about_no HAVING count(*) > 1 LIMIT 1"
    )
    assert twice is None


async def check_admissions() -> None:
    """Each person of a paid line has one, nobody of any other line has; and they are with their order."""
    amiss = await database.rows(
        """SELECT order_line.id FROM order_line JOIN orders ON orders.id = order_line.order_id
            WHERE (SELECT count(*) FROM admission
                    WHERE order_line_id = order_line.id AND revoked_at IS NULL)
                  <> CASE WHEN orders.status = 'PAID' AND order_line.cancelled_at IS NULL
                          THEN order_line.people ELSE 0 END"""
    )
    assert not amiss, "a line and its admissions differ"
    astray = await database.rows(
        """SELECT admission.id FROM admission JOIN orders ON orders.id = admission.order_id
            WHERE admission.member_id <> orders.member_id"""
    )
    assert not astray, "an admission is not with its order"


async def check_owners(before: Mapping[str, int], placed: Collection[str]) -> dict[str, int]:
    """No order is lost, none came by itself, and it changes hands only between accounts that were joined. Gives whose
    each order is."""
    found = await database.rows("SELECT order_no, member_id FROM orders")
    after = {row["order_no"]: row["member_id"] for row in found}
    assert set(after) == set(placed)
    merges = [
        {row["joined_id"], row["kept_id"]} for row in await database.rows("SELECT joined_id, kept_id FROM merge")
    ]
    for order_no, owner in before.items():
        reached = {owner}
        while more := {each for pair in merges if pair & reached for each in pair} - reached:
            reached |= more
        assert after[order_no] in reached
    return after


async def admitted() -> Counter[int]:
    """By member, how many admissions they have."""
    found = await database.rows("SELECT member_id, count(*) AS many FROM admission GROUP BY member_id")
    return Counter({row["member_id"]: row["many"] for row in found})


async def leads() -> dict[tuple[str, str, int], int | None]:
    """But for the merging room's own, to which joining and parting add."""
    led = {}
    for held in HELD:
        if held.table not in OF_THE_MERGING_ROOM:
            for row in await database.rows(f"SELECT id, {held.column} AS who FROM {held.table}"):
                led[held.table, held.column, row["id"]] = row["who"]
    return led


async def check_parting(merge: Merge, before: Leads, after: Leads) -> None:
    """Each row that had moved, and was still the kept account's, leads to the joined one again; of the others only what
    rests on a name or a door that went home. (A companionship may be written the other way round; a message that the joined
    account has by now stays.)"""
    moves = await database.rows(
        "SELECT table_name, column_name, row_id FROM merge_move WHERE merge_id = $1", merge.id
    )
    moved = {(row["table_name"], row["row_id"]) for row in moves}
    moved |= {("admission", each) for each in await _admissions_of(moved)}
    follows = {"sign_in"}  # the one in which it was said, by a door that went home
    if any(table == "real_name" for table, _ in moved):
        follows |= {"guardianship", "concession"}
    for place, owner in before.items():
        table, _, row_id = place
        if table != "companionship" and after[place] != owner:
            assert (owner, after[place]) == (merge.kept_id, merge.joined_id), place
            assert (table, row_id) in moved or table in follows, place
    for row in moves:
        place = (row["table_name"], row["column_name"], row["row_id"])
        if place[1] and place[0] not in MAY_STAY | {"companionship", "real_name"}:
            assert before.get(place) != merge.kept_id or after[place] == merge.joined_id, place


async def _admissions_of(moved: Collection[tuple[str, int]]) -> list[int]:
    """Also those that were given out since: they are with their order."""
    found = await database.rows("SELECT id, order_id FROM admission")
    return [row["id"] for row in found if ("orders", row["order_id"]) in moved]


async def picture() -> dict[tuple[str, int], dict[str, Any]]:
    """All that is held about anybody, but for the bytes of what is sealed, which are new each time."""
    seen = {}
    for table in sorted({held.table for held in HELD} - OF_THE_MERGING_ROOM):
        for row in await database.rows(f"SELECT * FROM {table}"):
            known = dict(row)
            seen[table, known["id"]] = {name: value for name, value in known.items() if name not in SEALED}
    return seen


def check_same(before: Picture, after: Picture) -> None:
    """But for what was told of the joining and the parting."""
    assert {place: after.get(place) for place in before} == before
    assert {table for table, _ in set(after) - set(before)} <= {"message"}
