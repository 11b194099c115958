"""Desks that work without a network for a while: enrolled, given their kit, and their queue taken in. A citizen's pass
for them is in passes.py."""

from datetime import datetime
from typing import Self

import strawberry

from models.errors import ErrorCode
from models.offline import deciding, desks, kits, queue, rules
from models.offline.deciding import MOST_CONFLICTS, ConflictSeen
from models.offline.desks import MOST_DESKS, DeskSeen
from models.offline.rules import MOST_ENTRIES, ConflictState
from plans.costs import ListSize, Weight
from resolvers.context import Info
from resolvers.errors import UserError, act, user_errors
from resolvers.scalars import Fen

MOST_KEYS = 10

strawberry.enum(
    ConflictState,
    name="OfflineConflictState",
    description="PAID from the campaign's reserve, or settled by the citizen with the venue; HELD for a person's decision; "
    "REFUSED by one; BORNE by the venue.",
)


@strawberry.type(name="OfflineDesk", description="A device that may redeem while it is offline.")
class OfflineDeskType:
    id: strawberry.ID
    name: str
    public_key: str = strawberry.field(description="By which a device finds itself.")
    most: Fen = strawberry.field(description="Of vouchers, in a day.")
    most_count: int
    enrolled_at: datetime
    enrolled_by: str
    ended_at: datetime | None
    last_number: int = strawberry.field(description="The highest number of its queue that came in.")
    missing: int = strawberry.field(description="How many numbers below it never came.")
    forks: int = strawberry.field(description="How often another content came under a number. End such a desk.")

    @classmethod
    def of(cls, desk: DeskSeen) -> Self:
        return cls(
            id=strawberry.ID(desk.public_id),
            name=desk.name,
            public_key=desk.public_key,
            most=Fen(desk.most_fen),
            most_count=desk.most_count,
            enrolled_at=desk.enrolled_at,
            enrolled_by=desk.enrolled_by,
            ended_at=desk.ended_at,
            last_number=desk.last_number,
            missing=desk.missing,
            forks=desk.forks,
        )


@strawberry.type(description="One of our public keys: an uncompressed point on P-256, in base64.")
class OfflineKey:
    id: str
    point: str


@strawberry.type(
    name="OfflineKit", description="What a desk takes along, as a signed text. Its fields: docs/offline.md."
)
class OfflineKitType:
    id: strawberry.ID
    body: str = strawberry.field(description="JSON, to be verified as it is, byte for byte.")
    signature: str
    key_id: str


@strawberry.input(description="One acceptance as the desk signed it.")
class OfflineEntryInput:
    body: str = strawberry.field(description="JSON, byte for byte as it was signed.")
    signature: str


@strawberry.type(description="What became of one entry of a queue.")
class OfflineAnswer:
    number: int | None = strawberry.field(description="Null when the entry could not be read.")
    outcome: str = strawberry.field(
        description="ENTERED, DONE, WAITING, CONFLICT_PAID, CONFLICT_HELD, or a refusal's code."
    )
    message: str
    next_step: str
    kept: bool = strawberry.field(description="The desk may let go of it; else it is sent again.")
    use_no: str | None
    admission_id: strawberry.ID | None

    @classmethod
    def of(cls, answer: rules.Answer) -> Self:
        return cls(
            number=answer.number,
            outcome=answer.outcome,
            message=answer.message,
            next_step=answer.next_step,
            kept=answer.kept,
            use_no=answer.use_no or None,
            admission_id=strawberry.ID(answer.admission_id) if answer.admission_id else None,
        )


@strawberry.type(
    description="A desk gave a discount for a voucher that was not to be had, or let somebody in on a booking for which "
    "money went back; who bears it."
)
class OfflineConflict:
    id: strawberry.ID
    state: ConflictState
    reason: ErrorCode
    venue_id: strawberry.ID
    venue_name: str
    desk_id: strawberry.ID
    desk_name: str
    number: int
    campaign_id: strawberry.ID | None = strawberry.field(description="Of a voucher.")
    order_no: str | None = strawberry.field(description="Of a booking.")
    booked: str | None = strawberry.field(description="The slot of a booking, in words.")
    amount: Fen
    use_no: str | None = strawberry.field(description="The use that lost; null when the venue bears it.")
    winner_use_no: str | None
    winner_venue_name: str | None
    accepted_at: datetime
    found_at: datetime
    decided_at: datetime | None
    decision_note: str

    @classmethod
    def of(cls, seen: ConflictSeen) -> Self:
        return cls(
            id=strawberry.ID(seen.public_id),
            state=seen.state,
            reason=ErrorCode(seen.reason),
            venue_id=strawberry.ID(seen.venue_id),
            venue_name=seen.venue_name,
            desk_id=strawberry.ID(seen.desk_id),
            desk_name=seen.desk_name,
            number=seen.number,
            campaign_id=strawberry.ID(seen.campaign_id) if seen.campaign_id else None,
            order_no=seen.order_no or None,
            booked=seen.booked or None,
            amount=Fen(seen.amount_fen),
            use_no=seen.use_no or None,
            winner_use_no=seen.winner_use_no or None,
            winner_venue_name=seen.winner_venue_name or None,
            accepted_at=seen.accepted_at,
            found_at=seen.found_at,
            decided_at=seen.decided_at,
            decision_note=seen.decision_note,
        )


@strawberry.type
class EnrolOfflineDeskPayload:
    desk_id: strawberry.ID | None = None
    kit_keys: list[OfflineKey] | None = strawberry.field(
        default=None,
        directives=[ListSize(assumed_size=MOST_KEYS)],
        description="To remember in the device: under one of them each kit is signed.",
    )
    user_errors: list[UserError] = user_errors()


@strawberry.type
class EndOfflineDeskPayload:
    ended_at: datetime | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class OfflineKitPayload:
    kit: OfflineKitType | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class UploadOfflineQueuePayload:
    answers: list[OfflineAnswer] | None = strawberry.field(
        default=None, directives=[ListSize(assumed_size=MOST_ENTRIES)], description="In the order of the entries."
    )
    user_errors: list[UserError] = user_errors()


@strawberry.type
class DecideOfflineConflictPayload:
    state: ConflictState | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class OfflineQueries:
    @strawberry.field(
        directives=[ListSize(assumed_size=MOST_DESKS), Weight(weight=300)],
        description="Staff: the devices of a venue that may redeem offline, the latest first.",
    )
    async def offline_desks(self, info: Info, venue_id: strawberry.ID) -> list[OfflineDeskType]:
        clerk = await info.context.staff()
        return [OfflineDeskType.of(desk) for desk in await desks.desks_at(clerk=clerk, venue_id=venue_id)]

    @strawberry.field(
        directives=[ListSize(assumed_size=MOST_CONFLICTS), Weight(weight=300)],
        description="Staff: conflicts of desks that were offline, the latest first, of a manager's venues and of a "
        "regulator's region.",
    )
    async def offline_conflicts(self, info: Info, only_held: bool = False) -> list[OfflineConflict]:
        clerk = await info.context.staff()
        return [OfflineConflict.of(seen) for seen in await deciding.conflicts(clerk=clerk, only_held=only_held)]


@strawberry.type
class OfflineActs:
    @act(
        EnrolOfflineDeskPayload,
        "Staff: a device of a venue may redeem offline, within caps a day. It made its key itself; here is the public half, "
        "an uncompressed point on P-256 in base64. The same once more is harmless.",
    )
    async def enrol_offline_desk(
        self, info: Info, venue_id: strawberry.ID, name: str, public_key: str, most: Fen, most_count: int
    ) -> EnrolOfflineDeskPayload:
        clerk = await info.context.staff()
        desk_id = await desks.enrol_desk(
            clerk=clerk,
            venue_id=venue_id,
            name=name,
            public_key=public_key,
            most_fen=most,
            most_count=most_count,
            now=info.context.now,
        )
        points = kits.points(info.context.services.offline_keys.public_keys(rules.KITS))
        return EnrolOfflineDeskPayload(
            desk_id=strawberry.ID(desk_id),
            kit_keys=[OfflineKey(id=key_id, point=point) for key_id, point in points.items()],
        )

    @act(
        EndOfflineDeskPayload,
        "Staff: the device gets no kit any more, and nothing that it accepts from now on is taken. Harmless the second time.",
    )
    async def end_offline_desk(self, info: Info, desk_id: strawberry.ID) -> EndOfflineDeskPayload:
        clerk = await info.context.staff()
        return EndOfflineDeskPayload(
            ended_at=await desks.end_desk(clerk=clerk, desk_id=desk_id, now=info.context.now)
        )

    @act(
        OfflineKitPayload,
        "Staff: what this desk needs to work offline until the day is over. Fetch it anew whenever there is a network.",
        weight=5000,
    )
    async def offline_kit(self, info: Info, desk_id: strawberry.ID) -> OfflineKitPayload:
        clerk = await info.context.staff()
        services = info.context.services
        kit = await kits.fetch_kit(
            clerk=clerk,
            desk_id=desk_id,
            code_keys=services.code_keys,
            keys=services.offline_keys,
            now=info.context.now,
        )
        return OfflineKitPayload(
            kit=OfflineKitType(
                id=strawberry.ID(kit.kit_id), body=kit.body, signature=kit.signature, key_id=kit.key_id
            )
        )

    @act(
        UploadOfflineQueuePayload,
        f"Staff: what a desk accepted while it was offline, at most {MOST_ENTRIES} entries in the order of their numbers. "
        "Each gets an answer; the same again gets the same answer.",
        weight=10_000,
    )
    async def upload_offline_queue(
        self, info: Info, desk_id: strawberry.ID, entries: list[OfflineEntryInput]
    ) -> UploadOfflineQueuePayload:
        clerk = await info.context.staff()
        services = info.context.services
        answers = await queue.upload(
            clerk=clerk,
            desk_id=desk_id,
            entries=[queue.Sent(entry.body, entry.signature) for entry in entries],
            code_keys=services.code_keys,
            keys=services.offline_keys,
            now=info.context.now,
        )
        await services.wake("forward")
        return UploadOfflineQueuePayload(answers=[OfflineAnswer.of(answer) for answer in answers])

    @act(
        DecideOfflineConflictPayload,
        "Staff: a held conflict. Of a voucher the regulator says whether the reserve pays the venue now; of a booking the "
        "venue's manager says whether the citizen settled it with the venue, as the note tells, or the venue bears it. "
        "Nobody is charged by it. Harmless the second time.",
    )
    async def decide_offline_conflict(
        self, info: Info, conflict_id: strawberry.ID, pays: bool, note: str
    ) -> DecideOfflineConflictPayload:
        clerk = await info.context.staff()
        state = await deciding.decide_conflict(
            clerk=clerk, conflict_id=conflict_id, pays=pays, note=note, now=info.context.now
        )
        return DecideOfflineConflictPayload(state=state)
