"""Staff sign in: a password, a code of their phone where one is demanded, a new password where the old one ran out."""

import strawberry

from models.staff import changing_passwords, second_factor
from models.staff import operations as staff
from models.staff.rules import Role, SignInStage, StaffSignedIn
from plans.costs import ListSize
from resolvers import pictures
from resolvers.context import UNNAMED_DEVICE, Info
from resolvers.errors import UserError, act, user_errors

strawberry.enum(
    Role, name="StaffRole", description="What a staff person is, at a venue, in a region, or everywhere."
)
strawberry.enum(
    SignInStage,
    name="StaffSignInStage",
    description="OPEN, or what the sign-in's token is good for next: confirmSecondFactor, changeStaffPassword, "
    "setUpSecondFactor with confirmSetUp. Until it is OPEN it opens nothing else.",
)
PASSWORD_WEIGHT = 4000  # Argon2id: some 30 to 40 ms of CPU, for unknown names as well
CHANGE_WEIGHT = 7 * PASSWORD_WEIGHT  # the old one, those that may not come again, and the new one


@strawberry.type
class StaffVenue:
    id: strawberry.ID
    name: str


@strawberry.type
class StaffSignIn:
    token: str = strawberry.field(description="Send as `Authorization: Staff …`; ends after 10 idle minutes.")
    stage: SignInStage
    id: strawberry.ID = strawberry.field(description="Of the person.")
    display_name: str
    venues: list[StaffVenue] = strawberry.field(
        description="Where they may redeem; none until the stage is OPEN.", directives=[ListSize(assumed_size=200)]
    )
    roles: list[Role] = strawberry.field(
        description="What they are somewhere; none until the stage is OPEN.", directives=[ListSize(assumed_size=8)]
    )

    @classmethod
    def of(cls, signed_in: StaffSignedIn) -> "StaffSignIn":
        return cls(
            token=signed_in.token,
            stage=signed_in.stage,
            id=strawberry.ID(signed_in.public_id),
            display_name=signed_in.display_name,
            venues=[StaffVenue(id=strawberry.ID(key), name=name) for key, name in signed_in.venues],
            roles=[role for role in Role if any(held.role is role for held in signed_in.roles)],
        )


@strawberry.type
class StaffSignInPayload:
    staff_sign_in: StaffSignIn | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class StaffSignOutPayload:
    signed_out: bool | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type(description="What the authenticator on a phone scans, or is told by hand.")
class SecondFactorSetUp:
    uri: str = strawberry.field(description="otpauth://totp/…")
    secret: str = strawberry.field(description="The same to type in: base32.")
    svg: str = strawberry.field(description="The URI as a QR code.")


@strawberry.type
class SecondFactorSetUpPayload:
    set_up: SecondFactorSetUp | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class StaffSignInActs:
    @act(
        StaffSignInPayload,
        "Sign in as staff; `stage` says what is still needed.",
        weight=PASSWORD_WEIGHT,
        public=True,
    )
    async def staff_sign_in(
        self, info: Info, username: str, password: str, device_id: str = UNNAMED_DEVICE
    ) -> StaffSignInPayload:
        context = info.context
        signed_in = await staff.sign_in(
            username=username,
            password=password,
            device_id=device_id,
            address=context.address,
            policy=context.services.staff_policy,
            now=context.now,
        )
        return StaffSignInPayload(staff_sign_in=StaffSignIn.of(signed_in))

    @act(StaffSignInPayload, "The code that the phone shows, where the stage is NEEDS_CODE. Each works once.")
    async def confirm_second_factor(self, info: Info, code: str) -> StaffSignInPayload:
        context = info.context
        signed_in = await second_factor.confirm_code(
            token=(await context.arriving_staff()).token,
            code=code,
            keys=context.services.staff_keys,
            policy=context.services.staff_policy,
            now=context.now,
        )
        return StaffSignInPayload(staff_sign_in=StaffSignIn.of(signed_in))

    @act(
        SecondFactorSetUpPayload,
        "Begin to set up a second factor, where the stage is NEEDS_SETUP or OPEN. Told until it is confirmed.",
        weight=1300,
    )
    async def set_up_second_factor(self, info: Info) -> SecondFactorSetUpPayload:
        context = info.context
        begun = await second_factor.set_up(
            token=(await context.arriving_staff()).token,
            keys=context.services.staff_keys,
            policy=context.services.staff_policy,
            now=context.now,
        )
        svg = await pictures.svg(begun.uri)
        return SecondFactorSetUpPayload(set_up=SecondFactorSetUp(uri=begun.uri, secret=begun.secret, svg=svg))

    @act(StaffSignInPayload, "The first code shows that the phone has it; from now on each sign-in asks for one.")
    async def confirm_set_up(self, info: Info, code: str) -> StaffSignInPayload:
        context = info.context
        signed_in = await second_factor.confirm_set_up(
            token=(await context.arriving_staff()).token,
            code=code,
            keys=context.services.staff_keys,
            policy=context.services.staff_policy,
            now=context.now,
        )
        return StaffSignInPayload(staff_sign_in=StaffSignIn.of(signed_in))

    @act(
        StaffSignInPayload,
        "Set a new password, where the stage is NEEDS_PASSWORD or OPEN. Ends the person's other sign-ins.",
        weight=CHANGE_WEIGHT,
    )
    async def change_staff_password(self, info: Info, old: str, new: str) -> StaffSignInPayload:
        context = info.context
        signed_in = await changing_passwords.change_password(
            token=(await context.arriving_staff()).token,
            old=old,
            new=new,
            policy=context.services.staff_policy,
            now=context.now,
        )
        return StaffSignInPayload(staff_sign_in=StaffSignIn.of(signed_in))

    @act(StaffSignOutPayload, "End this staff sign-in, whatever its stage.")
    async def staff_sign_out(self, info: Info) -> StaffSignOutPayload:
        signed_in = await info.context.arriving_staff()
        await staff.sign_out(token=signed_in.token, now=info.context.now)
        return StaffSignOutPayload(signed_out=True)
