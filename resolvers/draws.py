"""Draws in place of first come: staff announce them, citizens enter, everybody can do them again."""

from datetime import date, datetime
from typing import Any

import orjson
import strawberry

from models.booking import draws
from models.booking.draw_rules import MOST_WISHES, DrawState, EntryState
from models.booking.draws import MOST_DRAWS_SHOWN, DrawWanted
from models.checkout import drawing
from models.errors import BadInput
from models.venues.rules import DAY_MINUTES
from plans.costs import ListSize, Weight
from plans.public import Public
from resolvers.acting import HelperPower, acting, booking
from resolvers.context import Info
from resolvers.errors import UserError, act, user_errors

MOST_COURTS = 100

strawberry.enum(
    DrawState, description="PLANNED: announced, or open for entries; DRAWN: places are being given out."
)
strawberry.enum(
    EntryState,
    name="DrawEntryState",
    description="WON: an order of theirs, to be paid in time; LOST: on the waiting list; REFUSED: a rule kept them from it.",
)


@strawberry.type(description="The slots of a sport's day at a venue are drawn for.")
class Draw:
    id: strawberry.ID
    venue_id: strawberry.ID
    venue_name: str
    sport: str
    day: date
    court_ids: list[strawberry.ID] = strawberry.field(
        directives=[ListSize(assumed_size=MOST_COURTS)], description="Empty: every court of the sport."
    )
    from_minute: int = strawberry.field(description="Slots that start at or after this local minute.")
    until_minute: int
    opens_at: datetime = strawberry.field(description="The release: entries are taken from here on.")
    closes_at: datetime = strawberry.field(description="And before this. Who is first does not matter.")
    state: DrawState
    commitment: str = strawberry.field(description="SHA-256 of the secret seed and this id, in hex.")
    entries: int = strawberry.field(description="How many have entered.")
    record: str | None = strawberry.field(
        description="JSON, once it is done: seed, entries without names, results; `python -m bff draw verify` checks it."
    )

    @classmethod
    def of(cls, row: Any, record: Any = None) -> "Draw":
        return cls(
            id=strawberry.ID(row["public_id"]),
            venue_id=strawberry.ID(row["venue_id"]),
            venue_name=row["venue_name"],
            sport=row["sport_code"],
            day=row["business_day"],
            court_ids=[strawberry.ID(each) for each in row["courts"]],
            from_minute=row["from_minute"],
            until_minute=row["until_minute"],
            opens_at=row["opens_at"],
            closes_at=row["closes_at"],
            state=DrawState(row["state"]),
            commitment=row["commitment"],
            entries=row["entries"],
            record=None if record is None else orjson.dumps(record).decode(),
        )


@strawberry.type
class DrawWish:
    court_id: strawberry.ID
    starts_at: datetime


@strawberry.type(description="My entry in a draw, or of whoever I act for.")
class DrawEntry:
    ticket: strawberry.ID = strawberry.field(description="By it one finds oneself in the record.")
    draw_id: strawberry.ID
    wishes: list[DrawWish] = strawberry.field(directives=[ListSize(assumed_size=MOST_WISHES)])
    people: int
    state: EntryState
    place: int | None = strawberry.field(description="In the drawn order.")
    order_no: str | None
    entered_at: datetime

    @classmethod
    def of(cls, row: Any) -> "DrawEntry":
        wishes = row["wishes"] if isinstance(row["wishes"], list) else orjson.loads(row["wishes"])
        return cls(
            ticket=strawberry.ID(row["public_id"]),
            draw_id=strawberry.ID(row["draw_id"]),
            wishes=[
                DrawWish(court_id=strawberry.ID(court), starts_at=datetime.fromisoformat(at))
                for court, at in wishes
            ],
            people=row["people"],
            state=EntryState(row["state"]),
            place=row["place"],
            order_no=row["order_no"],
            entered_at=row["entered_at"],
        )


@strawberry.input
class DrawWishInput:
    court_id: strawberry.ID
    starts_at: datetime


@strawberry.input(
    description="Slots of a sport that start on a day at or after one local minute and before another."
)
class DrawInput:
    venue_id: strawberry.ID
    sport: str
    day: date
    closes_at: datetime
    court_ids: list[strawberry.ID] = strawberry.field(default_factory=list)
    from_minute: int = 0
    until_minute: int = DAY_MINUTES


@strawberry.type
class DrawPayload:
    draw: Draw | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class DrawEntryPayload:
    entry: DrawEntry | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class DrawQueries:
    @strawberry.field(
        directives=[Weight(weight=300), Public(max_age=0)], description="A draw, with its record once it is done."
    )
    async def draw(self, id: strawberry.ID) -> Draw:  # noqa: A002 - the argument's name in the schema
        return Draw.of(*await draws.draw(id))

    @strawberry.field(
        directives=[ListSize(assumed_size=MOST_DRAWS_SHOWN), Weight(weight=300), Public(max_age=0)],
        description="A venue's draws, the latest day first; their records say `draw`.",
    )
    async def draws(self, venue_id: strawberry.ID) -> list[Draw]:
        return [Draw.of(row) for row in await draws.draws(venue_id)]

    @strawberry.field(
        directives=[Weight(weight=200)], description="What I asked of a draw, and what became of it."
    )
    async def my_draw_entry(
        self, info: Info, draw_id: strawberry.ID, for_member: strawberry.ID | None = None
    ) -> DrawEntry | None:
        whose = await acting(info, for_member, HelperPower.SEE_ORDERS)
        row = await drawing.entry_of(member_id=whose.member_id, draw_id=draw_id)
        return None if row is None else DrawEntry.of(row)


@strawberry.type
class DrawActs:
    @act(
        DrawPayload,
        "Staff: let slots be drawn for, from their release until `closesAt`; announced ten minutes before at the latest, "
        "and never changed. Its commitment is published at once.",
    )
    async def schedule_draw(self, info: Info, wanted: DrawInput) -> DrawPayload:
        draw_id = await draws.schedule(
            clerk=await info.context.staff(),
            wanted=DrawWanted(
                venue_id=wanted.venue_id,
                sport=wanted.sport,
                day=wanted.day,
                closes_at=wanted.closes_at,
                court_ids=tuple(wanted.court_ids),
                from_minute=wanted.from_minute,
                until_minute=wanted.until_minute,
            ),
            keys=info.context.services.id_keys.sealing,
            now=info.context.now,
        )
        return DrawPayload(draw=Draw.of(*await draws.draw(draw_id)))

    @act(
        DrawEntryPayload,
        "Enter a draw, or change the wishes while it is open; the dearest first, and at most one is given. "
        "`forMember` as in `placeOrder`.",
    )
    async def enter_draw(
        self,
        info: Info,
        draw_id: strawberry.ID,
        wishes: list[DrawWishInput],
        idempotency_key: str,
        people: int = 1,
        for_member: strawberry.ID | None = None,
    ) -> DrawEntryPayload:
        whose = await booking(info, for_member)
        if len(wishes) > MOST_WISHES:
            raise BadInput(f"最多选{MOST_WISHES}个时段。", next_step="请减少时段。", field="wishes")
        await drawing.enter(
            member_id=whose.member_id,
            draw_id=draw_id,
            wanted=drawing.Wanted(wishes=[(each.court_id, each.starts_at) for each in wishes], people=people),
            key=idempotency_key,
            placed_by_id=whose.by_member_id,
            now=info.context.now,
        )
        row = await drawing.entry_of(member_id=whose.member_id, draw_id=draw_id)
        return DrawEntryPayload(entry=DrawEntry.of(row))
