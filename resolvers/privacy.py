"""What is held about somebody: given to them as a file, and let go."""

from datetime import datetime

import strawberry

from models.privacy import deleting, exporting, rules, sealing
from models.privacy.sealing import Opened
from plans.costs import ListSize, Weight
from resolvers.context import Info
from resolvers.errors import UserError, act, user_errors
from resolvers.own import own_or_ward

MOST_SECTIONS = 50
MOST_REASONS = 6
MOST_DOORS = 20


@strawberry.type(description="What stays after a deletion, without saying whose it was.")
class KeptByLaw:
    what: str
    basis: str = strawberry.field(description="The law that wants it, and how long.")


@strawberry.type(description="Whether somebody is leaving, what that would do, and what stands in the way.")
class Deletion:
    id: strawberry.ID | None = strawberry.field(description="Of the request; null: nothing was asked for.")
    asked_at: datetime | None
    due_at: datetime | None = strawberry.field(description="Until then `cancelDeletion` undoes it.")
    cooling_off_days: int
    erased: list[str] = strawberry.field(directives=[ListSize(assumed_size=MOST_SECTIONS)])
    kept: list[KeptByLaw] = strawberry.field(directives=[ListSize(assumed_size=MOST_SECTIONS)])
    in_the_way: list[UserError] = strawberry.field(
        description="What must be ended first, each with the way to end it.",
        directives=[ListSize(assumed_size=MOST_REASONS)],
    )


@strawberry.type
class DeletionPayload:
    deletion: Deletion | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class ExportPayload:
    url: str | None = strawberry.field(default=None, description="GET it once, within ten minutes. JSON.")
    expires_at: datetime | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type(
    description="Who a deleted member was. Only for who has the power, and each time a line of the audit."
)
class SealedPerson:
    member_id: strawberry.ID
    whole_name: str | None
    whole_phone: str | None
    doors: list[str] = strawberry.field(
        description="As whom WeChat and Alipay knew them.", directives=[ListSize(assumed_size=MOST_DOORS)]
    )
    basis: str
    sealed_at: datetime
    keep_until: datetime

    @classmethod
    def of(cls, opened: Opened) -> "SealedPerson":
        return cls(
            member_id=strawberry.ID(opened.member_public_id),
            whole_name=opened.name,
            whole_phone=opened.phone,
            doors=list(opened.doors),
            basis=opened.basis,
            sealed_at=opened.sealed_at,
            keep_until=opened.keep_until,
        )


@strawberry.type
class SealedPersonPayload:
    person: SealedPerson | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class PrivacyQueries:
    @strawberry.field(
        directives=[Weight(weight=500)],
        description="Whether the signed-in member, or with `forMember` their ward, is leaving; and what leaving means.",
    )
    async def my_deletion(self, info: Info, for_member: strawberry.ID | None = None) -> Deletion:
        whose = await own_or_ward(info, for_member)
        return await _deletion(info, whose.member_id)


@strawberry.type
class PrivacyActs:
    @act(
        ExportPayload,
        "An address from which everything that is held about the signed-in member, or their ward, can be fetched once. "
        "Five a day.",
    )
    async def export_my_data(self, info: Info, for_member: strawberry.ID | None = None) -> ExportPayload:
        whose = await own_or_ward(info, for_member)
        now = info.context.now
        token = await exporting.ask(member_id=whose.member_id, now=now)
        here = info.context.services.own_sites[0] if info.context.services.own_sites else ""
        return ExportPayload(url=f"{here}/exports/{token}", expires_at=now + rules.EXPORT_LIFE)

    @act(
        DeletionPayload,
        "Ask that the account, or a ward's, be deleted; done after fifteen days. Twice is once. Refused, with the way "
        "out, while a booking lies ahead, money is on its way, or somebody would be left alone.",
    )
    async def request_deletion(self, info: Info, for_member: strawberry.ID | None = None) -> DeletionPayload:
        whose = await own_or_ward(info, for_member)
        await deleting.request_deletion(
            member_id=whose.member_id, keys=info.context.services.id_keys, now=info.context.now
        )
        return DeletionPayload(deletion=await _deletion(info, whose.member_id))

    @act(DeletionPayload, "Think better of it.")
    async def cancel_deletion(self, info: Info, for_member: strawberry.ID | None = None) -> DeletionPayload:
        whose = await own_or_ward(info, for_member)
        await deleting.cancel_deletion(member_id=whose.member_id, now=info.context.now)
        return DeletionPayload(deletion=await _deletion(info, whose.member_id))

    @act(
        SealedPersonPayload,
        "Staff with the power OPEN_SEALED_RECORDS: who a deleted member was, as long as the law keeps it. The reason "
        "stands in the audit trail.",
    )
    async def open_sealed_record(self, info: Info, member_id: strawberry.ID, reason: str) -> SealedPersonPayload:
        opened = await sealing.open_record(
            clerk=await info.context.staff(),
            member_id=member_id,
            reason=reason,
            keys=info.context.services.text_keys,
        )
        return SealedPersonPayload(person=SealedPerson.of(opened))


async def _deletion(info: Info, member_id: int) -> Deletion:
    found = await deleting.standing(member_id=member_id, keys=info.context.services.id_keys, now=info.context.now)
    return Deletion(
        id=None if found.public_id is None else strawberry.ID(found.public_id),
        asked_at=found.asked_at,
        due_at=found.due_at,
        cooling_off_days=rules.COOLING_OFF.days,
        erased=rules.erased(),
        kept=[KeptByLaw(what=each.what, basis=each.basis) for each in rules.kept()],
        in_the_way=[
            UserError(code=each.code, message=each.sentence(), field=each.field) for each in found.in_the_way
        ],
    )
