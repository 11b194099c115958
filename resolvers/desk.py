"""Staff sign in and redeem codes at their venue."""

from datetime import datetime

import strawberry

from models.admissions import desk
from models.admissions.rules import Colour, Direction, Verdict
from models.staff import operations as staff
from plans.costs import ListSize
from resolvers.context import UNNAMED_DEVICE, Info
from resolvers.errors import UserError, act, user_errors

strawberry.enum(Colour, name="ScanColour")
strawberry.enum(Direction, name="PassDirection")
PASSWORD_WEIGHT = 4000  # Argon2id: some 30 to 40 ms of CPU, for unknown names as well


@strawberry.type
class StaffVenue:
    id: strawberry.ID
    name: str


@strawberry.type
class StaffSignIn:
    token: str = strawberry.field(description="Send as `Authorization: Staff …`; ends after 10 idle minutes.")
    display_name: str
    venues: list[StaffVenue] = strawberry.field(directives=[ListSize(assumed_size=200)])


@strawberry.type
class StaffSignInPayload:
    staff_sign_in: StaffSignIn | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class StaffSignOutPayload:
    signed_out: bool | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type(description="What the door says. `outcome` is ENTERED, ENTERED_AGAIN, LEFT or a refusal's code.")
class ScanVerdict:
    outcome: str
    passed: bool
    colour: Colour
    headline: str
    detail: str
    next_step: str
    court: str
    starts_at: datetime | None
    ends_at: datetime | None

    @classmethod
    def of(cls, verdict: Verdict) -> "ScanVerdict":
        return cls(
            outcome=verdict.outcome,
            passed=verdict.passed,
            colour=Colour(verdict.colour),
            headline=verdict.headline,
            detail=verdict.detail,
            next_step=verdict.next_step,
            court=verdict.court,
            starts_at=verdict.starts_at,
            ends_at=verdict.ends_at,
        )


@strawberry.type
class RedeemPayload:
    verdict: ScanVerdict | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class DeskActs:
    @act(StaffSignInPayload, "Sign in as staff of a venue.", weight=PASSWORD_WEIGHT, public=True)
    async def staff_sign_in(
        self, info: Info, username: str, password: str, device_id: str = UNNAMED_DEVICE
    ) -> StaffSignInPayload:
        signed_in = await staff.sign_in(
            username=username,
            password=password,
            device_id=device_id,
            address=info.context.address,
            now=info.context.now,
        )
        return StaffSignInPayload(
            staff_sign_in=StaffSignIn(
                token=signed_in.token,
                display_name=signed_in.display_name,
                venues=[StaffVenue(id=strawberry.ID(key), name=name) for key, name in signed_in.venues],
            )
        )

    @act(StaffSignOutPayload, "End this staff sign-in.")
    async def staff_sign_out(self, info: Info) -> StaffSignOutPayload:
        signed_in = await info.context.staff()
        await staff.sign_out(token=signed_in.token, now=info.context.now)
        return StaffSignOutPayload(signed_out=True)

    @act(RedeemPayload, "Judge one scanned code. The same nonce of the same device gets the same verdict.")
    async def redeem(
        self,
        info: Info,
        code: str,
        venue_id: strawberry.ID,
        checkpoint: str,
        nonce: str,
        direction: Direction = Direction.ENTRY,
        id_checked: bool = False,
    ) -> RedeemPayload:
        signed_in = await info.context.staff()
        verdict = await desk.scan(
            clerk=signed_in,
            venue_id=venue_id,
            checkpoint=checkpoint,
            code=code,
            nonce=nonce,
            direction=direction.value,
            id_checked=id_checked,
            keys=info.context.services.code_keys,
            now=info.context.now,
        )
        await info.context.services.wake("forward")
        return RedeemPayload(verdict=ScanVerdict.of(verdict))
