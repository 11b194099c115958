"""Two accounts of one person become one, and apart again."""

from datetime import datetime

import strawberry

from models.members.queries import SignedIn
from models.merging import at_desk, codes, operations, queries
from models.merging.asking import Asking
from models.merging.queries import PastMerge, Preview
from plans.costs import ListSize, Weight
from resolvers.context import Info
from resolvers.errors import UserError, act, user_errors

MOST_MERGES = 20


@strawberry.type(description="What the other account would bring, in numbers. It names nobody.")
class MergePreview:
    masked_phone: str | None = strawberry.field(description="Of the other account.")
    phone_moves: bool = strawberry.field(
        description="That number becomes this account's; if false it still leads here by SMS."
    )
    orders: int
    admissions_ahead: int
    wards: int
    helpers: int
    organisations: int
    doors: int = strawberry.field(description="WeChat and Alipay identities that lead to it.")
    brings_real_name: bool

    @classmethod
    def of(cls, shown: Preview) -> "MergePreview":
        return cls(
            masked_phone=shown.masked_phone,
            phone_moves=shown.phone_moves,
            orders=shown.orders,
            admissions_ahead=shown.admissions_ahead,
            wards=shown.wards,
            helpers=shown.helpers,
            organisations=shown.organisations,
            doors=shown.doors,
            brings_real_name=shown.brings_real_name,
        )


@strawberry.type(description="A joining of two accounts in the past.")
class Merge:
    id: strawberry.ID
    merged_at: datetime
    undo_until: datetime
    undone_at: datetime | None
    is_undoable: bool

    @classmethod
    def of(cls, past: PastMerge) -> "Merge":
        return cls(
            id=strawberry.ID(past.public_id),
            merged_at=past.merged_at,
            undo_until=past.undo_until,
            undone_at=past.undone_at,
            is_undoable=past.is_undoable,
        )


@strawberry.type
class MergeCodePayload:
    code: str | None = strawberry.field(default=None, description="To type into the account that stays.")
    expires_at: datetime | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class MergePreviewPayload:
    preview: MergePreview | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class MergesPayload:
    merges: list[Merge] | None = strawberry.field(
        default=None, description="The latest first.", directives=[ListSize(assumed_size=MOST_MERGES)]
    )
    user_errors: list[UserError] = user_errors()


@strawberry.type
class DeskJoinAccountPayload:
    joined: bool | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class MergingQueries:
    @strawberry.field(
        directives=[ListSize(assumed_size=MOST_MERGES), Weight(weight=200)],
        description="Accounts that were joined to the signed-in member's, the latest first, parted ones included.",
    )
    async def my_merges(self, info: Info) -> list[Merge]:
        return await _merges(info, (await info.context.member()).member_id)


@strawberry.type
class MergingActs:
    @act(
        MergeCodePayload,
        "A code that proves this account in the other one, which stays: `mergeMembers` there, once, within ten "
        "minutes. Refused to a sign-in older than 30 days, and to one by SMS when there are other doors.",
    )
    async def merge_code(self, info: Info) -> MergeCodePayload:
        member = await info.context.member()
        issued = await codes.issue(
            member_id=member.member_id,
            sign_in_id=member.sign_in_id,
            keys=info.context.services.token_keys,
            now=info.context.now,
        )
        return MergeCodePayload(code=issued.code, expires_at=issued.expires_at)

    @act(MergePreviewPayload, "What `mergeMembers` would join with this code; it stays good. Wrong codes count.")
    async def merge_preview(self, info: Info, code: str) -> MergePreviewPayload:
        member = await info.context.member()
        services = info.context.services
        shown = await queries.preview(
            asking=_asking(member),
            code=code,
            token_keys=services.token_keys,
            phone_keys=services.phone_keys,
            now=info.context.now,
        )
        return MergePreviewPayload(preview=MergePreview.of(shown))

    @act(
        MergesPayload,
        "Join the account of this code to the one that asks, which stays. The same code again: the same merge. It can "
        "be undone for 24 hours.",
        weight=2000,
    )
    async def merge_members(self, info: Info, code: str) -> MergesPayload:
        member = await info.context.member()
        services = info.context.services
        await operations.merge_members(
            asking=_asking(member),
            code=code,
            token_keys=services.token_keys,
            phone_keys=services.phone_keys,
            id_keys=services.id_keys,
            now=info.context.now,
        )
        return MergesPayload(merges=await _merges(info, member.member_id))

    @act(
        MergesPayload,
        "Part two accounts again, within 24 hours, from any device of either. What came goes back, what is new stays. "
        "Whoever signed in since then signs in again.",
        weight=2000,
    )
    async def undo_merge(self, info: Info, merge_id: strawberry.ID) -> MergesPayload:
        member = await info.context.member()
        services = info.context.services
        await operations.undo_merge(
            member_id=member.member_id,
            sign_in_id=member.sign_in_id,
            merge_id=merge_id,
            phone_keys=services.phone_keys,
            id_keys=services.id_keys,
            now=info.context.now,
        )
        return MergesPayload(merges=await _merges(info, member.member_id))

    @act(
        DeskJoinAccountPayload,
        "Staff: this person, who was made known at a desk or by a guardian and cannot sign in, has a phone now: the "
        "account there, whose `mergeCode` they read out, joins theirs, so that they find on it all that they had. It can "
        "be undone for 24 hours on that phone. The same code again changes nothing.",
        weight=2000,
    )
    async def desk_join_account(
        self, info: Info, person_id: strawberry.ID, code: str, venue_id: strawberry.ID
    ) -> DeskJoinAccountPayload:
        clerk = await info.context.staff()
        services = info.context.services
        await at_desk.join_at_desk(
            clerk=clerk,
            person_id=person_id,
            code=code,
            venue_id=venue_id,
            token_keys=services.token_keys,
            phone_keys=services.phone_keys,
            id_keys=services.id_keys,
            now=info.context.now,
        )
        return DeskJoinAccountPayload(joined=True)


def _asking(member: SignedIn) -> Asking:
    return Asking(member_id=member.member_id, sign_in_id=member.sign_in_id)


async def _merges(info: Info, member_id: int) -> list[Merge]:
    found = await queries.my_merges(member_id=member_id, first=MOST_MERGES, now=info.context.now)
    return [Merge.of(past) for past in found]
