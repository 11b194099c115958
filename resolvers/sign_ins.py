"""Where I am signed in, and ending what should not be."""

from datetime import datetime

import strawberry

from models.members import sign_ins
from models.members.rules import Door
from models.members.sign_ins import MOST_SHOWN, SignedInDevice
from plans.costs import ListSize
from resolvers.context import Info
from resolvers.errors import UserError, act, user_errors


@strawberry.type(description="A device on which I am signed in.")
class SignInOnDevice:
    id: strawberry.ID
    door: Door
    device_id: str = strawberry.field(description="What the device calls itself.")
    started_at: datetime
    refreshed_at: datetime = strawberry.field(description="When it was last given tokens.")
    is_current: bool = strawberry.field(description="This very sign-in.")

    @classmethod
    def of(cls, known: SignedInDevice) -> "SignInOnDevice":
        return cls(
            id=strawberry.ID(known.public_id),
            door=known.door,
            device_id=known.device_id,
            started_at=known.started_at,
            refreshed_at=known.refreshed_at,
            is_current=known.is_current,
        )


@strawberry.type
class EndSignInPayload:
    ended: bool | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class EndOtherSignInsPayload:
    ended_count: int | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class SignInQueries:
    @strawberry.field(
        description="Where I am signed in, the device used last first.",
        directives=[ListSize(assumed_size=MOST_SHOWN)],
    )
    async def my_sign_ins(self, info: Info) -> list[SignInOnDevice]:
        member = await info.context.member()
        known = await sign_ins.of_member(
            member_id=member.member_id, current_id=member.sign_in_id, now=info.context.now
        )
        return [SignInOnDevice.of(one) for one in known]


@strawberry.type
class SignInActs:
    @act(EndSignInPayload, "End one of my sign-ins, of `mySignIns`; codes shown so far stop working.")
    async def end_sign_in(self, info: Info, sign_in_id: strawberry.ID) -> EndSignInPayload:
        member = await info.context.member()
        await sign_ins.end_sign_in(member_id=member.member_id, public_id=str(sign_in_id), now=info.context.now)
        return EndSignInPayload(ended=True)

    @act(EndOtherSignInsPayload, "End every sign-in of mine but this one; codes shown so far stop working.")
    async def end_other_sign_ins(self, info: Info) -> EndOtherSignInsPayload:
        member = await info.context.member()
        count = await sign_ins.end_others(
            member_id=member.member_id, current_id=member.sign_in_id, now=info.context.now
        )
        return EndOtherSignInsPayload(ended_count=count)
