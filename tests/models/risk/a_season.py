"""Four weeks of 4,000 write-offs at 40 venues, made up from a seed: innocent people of many habits, and rings among them.

The innocent are not made easy: families on one phone, a grandchild's phone for six neighbours, whoever claims at the till,
regulars at one clerk's desk, an opening day, gates that read badly or not at all, paper codes, bills of exactly the minimum.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from models.calendar import business_day
from models.risk.facts import Gates, UseRow

FIRST_DAY = datetime(2026, 11, 2, 0, 0, tzinfo=UTC)  # a Monday, 08:00 in Chengdu
DAYS, VENUES, USES = 28, 40, 4000
MINIMUM_FEN = (20_00, 40_00, 60_00, 100_00)


@dataclass(frozen=True)
class AVenue:
    id: int
    place: tuple[float, float]
    desks: tuple[str, ...]
    clerks: tuple[int, ...]
    has_gates: bool
    gates_see_walk_ins: bool
    reads_percent: int  # of those who pass its gates


@dataclass
class Season:
    """`rings`: the planted uses by the kind of their ring; all others are innocent. `habits` likewise of these."""

    uses: list[UseRow] = field(default_factory=list)
    rings: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    habits: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    gates: Gates = field(default_factory=lambda: Gates(working=frozenset(), walk_ins={}))

    @property
    def planted(self) -> set[int]:
        return set().union(*self.rings.values())


class _Maker:
    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.season = Season()
        self.people = iter(range(1, 100_000))
        self.venues = [self._venue(number) for number in range(1, VENUES + 1)]
        self.broken = {
            (venue.id, (FIRST_DAY + timedelta(days=day)).date())
            for venue in self.venues
            for day in range(DAYS)
            if self.chance.random() < 0.05
        }

    def _venue(self, number: int) -> AVenue:
        chance, has_gates = self.chance, self.chance.random() < 0.6
        return AVenue(
            id=number,
            place=(104.06 + chance.uniform(-0.3, 0.3), 30.66 + chance.uniform(-0.2, 0.2)),
            desks=tuple(f"desk-{number}-{each}" for each in range(chance.randint(1, 3))),
            clerks=tuple(number * 10 + each for each in range(chance.randint(1, 3))),
            has_gates=has_gates,
            gates_see_walk_ins=has_gates and chance.random() < 0.7,
            reads_percent=chance.choice((80, 90, 97, 99)),
        )

    def moment(self, day: int) -> datetime:
        return FIRST_DAY + timedelta(
            days=day, minutes=self.chance.randint(30, 13 * 60), seconds=self.chance.randint(0, 59)
        )

    def is_seen(self, venue: AVenue, day: date) -> bool:
        if not venue.gates_see_walk_ins or (venue.id, day) in self.broken:
            return False
        return self.chance.random() * 100 < venue.reads_percent

    def use(self, member: int, venue: AVenue, used_at: datetime, **said: Any) -> UseRow:
        """An ordinary one, but for what is said."""
        chance, minimum = self.chance, self.chance.choice(MINIMUM_FEN)
        day = business_day(used_at)
        row: dict[str, Any] = {
            "id": len(self.season.uses) + 1,
            "member_id": member,
            "venue_id": venue.id,
            "place": venue.place,
            "claim_place": None,
            "way": "DESK",
            "claim_way": "APP",
            "claimed_at": used_at - timedelta(minutes=chance.randint(40, 6 * 24 * 60)),
            "used_at": used_at,
            "day": day,
            "minimum_fen": minimum,
            "bill_fen": minimum if chance.random() < 0.35 else minimum + chance.randint(1, 60) * 100,
            "phone": f"phone-{member}",
            "desk": chance.choice(venue.desks),
            "staff_id": chance.choice(venue.clerks),
            "is_confirmed": True,
            "on_paper": False,
            "is_denied": False,
            "is_seen": self.is_seen(venue, day),
            "wechat_rank": chance.choices((None, 0, 1, 2, 3, 4), (50, 40, 6, 2, 1.5, 0.5))[0],
        }
        made = UseRow(**{**row, **said})
        self.season.uses.append(made)
        return made

    def note(self, book: dict[str, set[int]], name: str, use: UseRow) -> None:
        book[name].add(use.id)


def a_season(seed: int) -> Season:
    maker = _Maker(seed)
    for habit in (
        _families,
        _neighbours,
        _coaches,
        _regulars,
        _opening_days,
        _at_the_till,
        _by_the_venues_code,
        _on_paper,
        _travellers,
    ):
        habit(maker)
    for ring in (_clerks_friends, _self_dealing, _in_seconds, _one_phone):
        ring(maker)
    regular_people = [next(maker.people) for _ in range(1600)]
    while len(maker.season.uses) < USES:
        maker.use(
            maker.chance.choice(regular_people),
            maker.chance.choice(maker.venues),
            maker.moment(maker.chance.randrange(DAYS)),
        )
    maker.season.gates = _gates(maker)
    return maker.season


def _gates(maker: _Maker) -> Gates:
    """What SQL would say: working where anybody passed (bookings do), and the walk-ins they saw."""
    days = [(FIRST_DAY + timedelta(days=day)).date() for day in range(DAYS)]
    working = {(venue.id, day) for venue in maker.venues if venue.has_gates for day in days} - maker.broken
    many, seen = Counter[int](), Counter[int]()
    for use in maker.season.uses:
        many[use.venue_id] += 1
        seen[use.venue_id] += use.is_seen
    walk_ins = {venue: (many[venue], seen[venue]) for venue in many}
    return Gates(working=frozenset(working), walk_ins=walk_ins)


def _families(maker: _Maker) -> None:
    """Three to five on one phone, in the same evening at the same desk, several times."""
    for number in range(40):
        venue, family = (
            maker.chance.choice(maker.venues),
            [next(maker.people) for _ in range(maker.chance.randint(3, 5))],
        )
        for _ in range(maker.chance.randint(1, 3)):
            start, desk = maker.moment(maker.chance.randrange(DAYS)), maker.chance.choice(venue.desks)
            for place, member in enumerate(family):
                use = maker.use(
                    member, venue, start + timedelta(seconds=70 * place), desk=desk, phone=f"family-{number}"
                )
                maker.note(maker.season.habits, "family", use)


def _neighbours(maker: _Maker) -> None:
    """A grandchild's phone claims for six old people, who go and play together."""
    for number in range(4):
        venue, people = maker.chance.choice(maker.venues), [next(maker.people) for _ in range(6)]
        start, desk = maker.moment(maker.chance.randrange(DAYS)), maker.chance.choice(venue.desks)
        for place, member in enumerate(people):
            use = maker.use(
                member, venue, start + timedelta(seconds=90 * place), desk=desk, phone=f"neighbours-{number}"
            )
            maker.note(maker.season.habits, "neighbours", use)


def _coaches(maker: _Maker) -> None:
    """A coach's phone claims for a class of nine children."""
    for number in range(2):
        venue, day = maker.chance.choice(maker.venues), maker.chance.randrange(DAYS)
        start, desk = maker.moment(day), maker.chance.choice(venue.desks)
        for place in range(9):
            used_at = start + timedelta(seconds=60 * place)
            use = maker.use(next(maker.people), venue, used_at, desk=desk, phone=f"coach-{number}")
            maker.note(maker.season.habits, "coach", use)


def _regulars(maker: _Maker) -> None:
    """Two or three times a week at the desk of the one clerk who is always there, often for the minimum."""
    for _ in range(30):
        member, venue = next(maker.people), maker.chance.choice(maker.venues)
        days = maker.chance.sample(range(DAYS), maker.chance.randint(7, 11))
        for day in days:
            minimum = 40_00
            use = maker.use(
                member,
                venue,
                maker.moment(day),
                desk=venue.desks[0],
                staff_id=venue.clerks[0],
                minimum_fen=minimum,
                bill_fen=minimum if maker.chance.random() < 0.6 else minimum + 10_00,
            )
            maker.note(maker.season.habits, "regular", use)


def _opening_days(maker: _Maker) -> None:
    """Two venues give an opening day: seventy people in three hours, many of whom claim while they queue."""
    for venue in maker.chance.sample(maker.venues, 2):
        start = FIRST_DAY + timedelta(days=maker.chance.randrange(DAYS), hours=2)
        for _ in range(70):
            used_at = start + timedelta(seconds=maker.chance.randint(0, 3 * 3600))
            claimed = timedelta(minutes=maker.chance.randint(3, 60) if maker.chance.random() < 0.5 else 600)
            use = maker.use(next(maker.people), venue, used_at, claimed_at=used_at - claimed)
            maker.note(maker.season.habits, "opening day", use)


def _at_the_till(maker: _Maker) -> None:
    """Hears of vouchers at the till, claims in the app, and uses it a minute later."""
    for _ in range(300):
        used_at = maker.moment(maker.chance.randrange(DAYS))
        claimed_at = used_at - timedelta(seconds=maker.chance.randint(50, 900))
        use = maker.use(next(maker.people), maker.chance.choice(maker.venues), used_at, claimed_at=claimed_at)
        maker.note(maker.season.habits, "at the till", use)


def _by_the_venues_code(maker: _Maker) -> None:
    for _ in range(400):
        used_at, venue = maker.moment(maker.chance.randrange(DAYS)), maker.chance.choice(maker.venues)
        claimed_at = used_at - timedelta(seconds=maker.chance.randint(15, 300))
        use = maker.use(
            next(maker.people),
            venue,
            used_at,
            claimed_at=claimed_at,
            claim_way="VENUE_CODE",
            claim_place=venue.place,
        )
        maker.note(maker.season.habits, "venue's code", use)


def _on_paper(maker: _Maker) -> None:
    for _ in range(120):
        use = maker.use(
            next(maker.people),
            maker.chance.choice(maker.venues),
            maker.moment(maker.chance.randrange(DAYS)),
            is_confirmed=False,
            on_paper=True,
            phone="",
            claim_way="DESK",
        )
        maker.note(maker.season.habits, "on paper", use)


def _travellers(maker: _Maker) -> None:
    """Swims in the morning, plays in the evening at the other end of town."""
    for _ in range(40):
        member, day = next(maker.people), maker.chance.randrange(DAYS)
        for hour in (1, 10):
            used_at = FIRST_DAY + timedelta(days=day, hours=hour, minutes=maker.chance.randint(0, 50))
            maker.note(
                maker.season.habits, "traveller", maker.use(member, maker.chance.choice(maker.venues), used_at)
            )


def _faked(maker: _Maker, ring: str, member: int, venue: AVenue, used_at: datetime, **said: Any) -> None:
    """Nobody comes in. Most bills are for the minimum, since more costs the ring money."""
    minimum = maker.chance.choice(MINIMUM_FEN)
    bill = minimum if maker.chance.random() < 0.9 else minimum + 5_00
    rank = maker.chance.choices((None, 0, 1, 2, 3, 4), (50, 15, 10, 10, 10, 5))[0]
    said = {"minimum_fen": minimum, "bill_fen": bill, "is_seen": False, "wechat_rank": rank, **said}
    maker.note(maker.season.rings, ring, maker.use(member, venue, used_at, **said))


def _clerks_friends(maker: _Maker) -> None:
    """A clerk, and two friends who send their codes: eight times each in four weeks, each on a phone of their own."""
    venue = maker.chance.choice([each for each in maker.venues if each.gates_see_walk_ins])
    clerk, desk = venue.clerks[0], venue.desks[0]
    for friend in (next(maker.people), next(maker.people)):
        for day in maker.chance.sample(range(DAYS), 8):
            used_at = maker.moment(day)
            claimed_at = used_at - timedelta(seconds=maker.chance.randint(40, 600))
            _faked(
                maker, "clerk's friends", friend, venue, used_at, claimed_at=claimed_at, staff_id=clerk, desk=desk
            )


def _self_dealing(maker: _Maker) -> None:
    """A venue without gates writes off bought accounts on two evenings of a week."""
    venue = maker.chance.choice([each for each in maker.venues if not each.has_gates])
    monday = 7 * maker.chance.randrange(DAYS // 7)
    for day in (monday + 1, monday + 3):
        start = FIRST_DAY + timedelta(days=day, hours=11)
        for place in range(9):
            used_at = start + timedelta(minutes=4 * place, seconds=maker.chance.randint(0, 60))
            claimed_at = used_at - timedelta(seconds=maker.chance.randint(60, 240))
            _faked(
                maker,
                "self-dealing",
                next(maker.people),
                venue,
                used_at,
                claimed_at=claimed_at,
                desk=venue.desks[0],
                staff_id=venue.clerks[0],
            )


def _in_seconds(maker: _Maker) -> None:
    """A script claims and a desk writes off at once."""
    venue = maker.chance.choice(maker.venues)
    day = maker.chance.randrange(DAYS)
    start = FIRST_DAY + timedelta(days=day, hours=3)
    for place in range(12):
        used_at = start + timedelta(seconds=40 * place)
        claimed_at = used_at - timedelta(seconds=maker.chance.randint(8, 40))
        _faked(maker, "in seconds", next(maker.people), venue, used_at, claimed_at=claimed_at, desk=venue.desks[0])


def _one_phone(maker: _Maker) -> None:
    """One phone, fourteen accounts, three days, claimed long before."""
    venue = maker.chance.choice(maker.venues)
    day = maker.chance.randrange(DAYS - 3)
    for place in range(14):
        _faked(maker, "one phone", next(maker.people), venue, maker.moment(day + place % 3), phone="burner")


def dealing_all_week(season: Season) -> tuple[int, date]:
    """Adds a venue of its own: sixty bought accounts in a week, ten minutes apart and more, claimed just before, all for
    the minimum. Gives the venue and its Monday."""
    venue, monday = VENUES + 1, FIRST_DAY.date()
    place = (104.2, 30.5)
    sample = season.uses[0]
    for number in range(60):
        used_at = FIRST_DAY + timedelta(days=number % 6, minutes=60 + 65 * (number // 6))
        use = replace(
            sample,
            id=len(season.uses) + 1,
            member_id=200_000 + number,
            venue_id=venue,
            place=place,
            claim_way="APP",
            claimed_at=used_at - timedelta(seconds=200 if number % 3 else 4000),
            used_at=used_at,
            day=business_day(used_at),
            minimum_fen=40_00,
            bill_fen=40_00,
            phone=f"bought-{number}",
            desk="desk-dealing",
            staff_id=9999,
            is_confirmed=True,
            on_paper=False,
            is_seen=False,
            wechat_rank=None,
        )
        season.uses.append(use)
        season.rings["all week"].add(use.id)
    return venue, monday
