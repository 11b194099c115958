"""Staff accounts, their roles and their sign-ins: for the system and the security administrator, and one's own."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import strawberry
from strawberry.relay import PageInfo

from models.staff import accounts, ending, granting, queries
from models.staff.accounts import FirstPassword
from models.staff.rules import Place, Role, SignInStage
from plans.costs import ListSize, Weight
from resolvers.context import Info
from resolvers.errors import UserError, act, user_errors
from resolvers.paging import checked_size, page_of, read_cursor
from resolvers.staff_sign_in import PASSWORD_WEIGHT

MOST_MEMBERS = 50
MOST_SIGN_INS = 50
MOST_ROLES = 20


@strawberry.type(
    description="A role that somebody holds: at a venue, in a region and all below it, or everywhere."
)
class StaffGrant:
    id: strawberry.ID
    role: Role
    venue_id: strawberry.ID | None
    venue_name: str | None
    region_key: str | None
    region_name: str | None
    granted_at: datetime

    @classmethod
    def of(cls, row: Any) -> "StaffGrant":
        return cls(
            id=strawberry.ID(row["public_id"]),
            role=Role(row["role"]),
            venue_id=strawberry.ID(row["venue_id"]) if row["venue_id"] else None,
            venue_name=row["venue_name"],
            region_key=row["region_key"] or None,
            region_name=row["region_name"],
            granted_at=row["granted_at"],
        )


@strawberry.type(description="A staff account.")
class StaffMember:
    id: strawberry.ID
    username: str
    display_name: str
    is_active: bool
    locked_until: datetime | None = strawberry.field(description="After too many wrong passwords or codes.")
    password_set_at: datetime
    must_change_password: bool
    has_second_factor: bool
    roles: list[StaffGrant] = strawberry.field(directives=[ListSize(assumed_size=MOST_ROLES)])

    @classmethod
    def of(cls, row: Any, roles: Sequence[Any]) -> "StaffMember":
        return cls(
            id=strawberry.ID(row["public_id"]),
            username=row["username"],
            display_name=row["display_name"],
            is_active=bool(row["is_active"]),
            locked_until=row["locked_until"],
            password_set_at=row["password_set_at"],
            must_change_password=bool(row["must_change_password"]),
            has_second_factor=row["totp_confirmed_at"] is not None,
            roles=[StaffGrant.of(each) for each in roles],
        )


@strawberry.type
class StaffMemberEdge:
    node: StaffMember
    cursor: str


@strawberry.type
class StaffMemberConnection:
    edges: list[StaffMemberEdge]
    page_info: PageInfo


@strawberry.type(description="One time that a staff person came to a device.")
class StaffSignInSeen:
    id: strawberry.ID
    stage: SignInStage
    device_id: str
    address: str
    started_at: datetime
    last_seen_at: datetime
    ended_at: datetime | None
    end_reason: str = strawberry.field(description="Why it was ended, in one word; empty while it was not.")
    is_alive: bool
    is_this: bool = strawberry.field(description="The one that asks.")

    @classmethod
    def of(cls, row: Any) -> "StaffSignInSeen":
        return cls(
            id=strawberry.ID(row["public_id"]),
            stage=SignInStage(row["stage"]),
            device_id=row["device_id"],
            address=row["address"],
            started_at=row["started_at"],
            last_seen_at=row["last_seen_at"],
            ended_at=row["ended_at"],
            end_reason=row["end_reason"],
            is_alive=row["is_alive"],
            is_this=row["is_this"],
        )


@strawberry.type(description="For whoever hands it over; it is told only now, and good for choosing one's own.")
class StaffFirstPassword:
    id: strawberry.ID = strawberry.field(description="Of the account.")
    username: str
    password: str

    @classmethod
    def of(cls, given: FirstPassword) -> "StaffFirstPassword":
        return cls(id=strawberry.ID(given.public_id), username=given.username, password=given.password)


@strawberry.type
class StaffFirstPasswordPayload:
    first_password: StaffFirstPassword | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class StaffAccountPayload:
    done: bool | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class GrantRolePayload:
    role_id: strawberry.ID | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class StaffQueries:
    @strawberry.field(
        directives=[
            ListSize(assumed_size=MOST_MEMBERS, slicing_arguments=["first"], sized_fields=["edges"]),
            Weight(weight=1000),
        ],
        description="Accounts, the oldest first: those whose roles all lie where the administrator who asks may act. "
        "`text` is part of a name or username.",
    )
    async def staff_members(
        self, info: Info, text: str = "", first: int = 20, after: str | None = None
    ) -> StaffMemberConnection:
        clerk = await info.context.staff()
        size = checked_size(first, MOST_MEMBERS)
        found = await queries.members(
            clerk=clerk, text=text, first=size, after_id=read_cursor(after, "m", digits=9) or 0
        )
        shown = found[:size]
        roles: dict[int, list[Any]] = defaultdict(list)
        for each in await queries.roles_of([row["id"] for row in shown]):
            roles[each["staff_id"]].append(each)
        edges = [
            StaffMemberEdge(node=StaffMember.of(row, roles[row["id"]]), cursor=f"m{row['id']}") for row in shown
        ]
        return StaffMemberConnection(
            edges=edges,
            page_info=page_of(edges, found, after),
        )

    @strawberry.field(
        directives=[ListSize(assumed_size=MOST_SIGN_INS, slicing_arguments=["first"])],
        description="Where the staff person who asks is and was signed in, the latest first.",
    )
    async def my_staff_sign_ins(self, info: Info, first: int = 20) -> list[StaffSignInSeen]:
        return await _sign_ins(info, None, first)

    @strawberry.field(
        directives=[ListSize(assumed_size=MOST_SIGN_INS, slicing_arguments=["first"])],
        description="Where somebody is and was signed in, the latest first; for the security administrator.",
    )
    async def staff_sign_ins(self, info: Info, staff_id: strawberry.ID, first: int = 20) -> list[StaffSignInSeen]:
        return await _sign_ins(info, staff_id, first)


@strawberry.type
class StaffActs:
    @act(
        StaffFirstPasswordPayload,
        "Open an account that may do nothing yet; for the system administrator.",
        weight=PASSWORD_WEIGHT,
    )
    async def open_staff_account(self, info: Info, username: str, display_name: str) -> StaffFirstPasswordPayload:
        given = await accounts.open_account(
            clerk=await info.context.staff(),
            username=username,
            display_name=display_name,
            policy=info.context.services.staff_policy,
            now=info.context.now,
        )
        return StaffFirstPasswordPayload(first_password=StaffFirstPassword.of(given))

    @act(StaffAccountPayload, "Close an account for good and end its sign-ins; for the system administrator.")
    async def close_staff_account(self, info: Info, staff_id: strawberry.ID) -> StaffAccountPayload:
        clerk = await info.context.staff()
        await accounts.close_account(clerk=clerk, staff_id=staff_id, now=info.context.now)
        return StaffAccountPayload(done=True)

    @act(
        StaffFirstPasswordPayload,
        "Give somebody who forgot theirs a first password again and end their sign-ins; for the system administrator.",
        weight=PASSWORD_WEIGHT,
    )
    async def reset_staff_password(self, info: Info, staff_id: strawberry.ID) -> StaffFirstPasswordPayload:
        given = await accounts.reset_password(
            clerk=await info.context.staff(),
            staff_id=staff_id,
            policy=info.context.services.staff_policy,
            now=info.context.now,
        )
        return StaffFirstPasswordPayload(first_password=StaffFirstPassword.of(given))

    @act(
        GrantRolePayload,
        "Give a role at a venue, in a region and all below it, or (neither) everywhere; for the security administrator, "
        "within their own scope and never to themselves.",
    )
    async def grant_role(
        self,
        info: Info,
        staff_id: strawberry.ID,
        role: Role,
        venue_id: strawberry.ID | None = None,
        region_key: str | None = None,
    ) -> GrantRolePayload:
        granted = await granting.grant_role(
            clerk=await info.context.staff(),
            staff_id=staff_id,
            role=role,
            place=Place(venue_id or "", region_key or ""),
            now=info.context.now,
        )
        return GrantRolePayload(role_id=strawberry.ID(granted.public_id))

    @act(StaffAccountPayload, "Take a role back; for the security administrator.")
    async def end_role(self, info: Info, role_id: strawberry.ID) -> StaffAccountPayload:
        clerk = await info.context.staff()
        await granting.end_role(clerk=clerk, role_id=role_id, now=info.context.now)
        return StaffAccountPayload(done=True)

    @act(
        StaffAccountPayload,
        "Let somebody who lost their phone set up another one, and end their sign-ins; for the security administrator.",
    )
    async def reset_second_factor(self, info: Info, staff_id: strawberry.ID) -> StaffAccountPayload:
        clerk = await info.context.staff()
        await accounts.reset_second_factor(clerk=clerk, staff_id=staff_id, now=info.context.now)
        return StaffAccountPayload(done=True)

    @act(StaffAccountPayload, "Forget somebody's wrong guesses; for the security administrator.")
    async def unlock_staff(self, info: Info, staff_id: strawberry.ID) -> StaffAccountPayload:
        clerk = await info.context.staff()
        await accounts.unlock(clerk=clerk, staff_id=staff_id, now=info.context.now)
        return StaffAccountPayload(done=True)

    @act(
        StaffAccountPayload,
        "End a sign-in: one's own, or for the security administrator anybody's in their scope.",
    )
    async def end_staff_sign_in(self, info: Info, sign_in_id: strawberry.ID) -> StaffAccountPayload:
        clerk = await info.context.staff()
        await ending.end_sign_in(clerk=clerk, sign_in_id=sign_in_id, now=info.context.now)
        return StaffAccountPayload(done=True)


async def _sign_ins(info: Info, staff_id: str | None, first: int) -> list[StaffSignInSeen]:
    found = await queries.sign_ins_of(
        clerk=await info.context.staff(),
        staff_id=staff_id,
        first=checked_size(first, MOST_SIGN_INS),
        policy=info.context.services.staff_policy,
        now=info.context.now,
    )
    return [StaffSignInSeen.of(row) for row in found]
