"""Signing in, staying signed in, and the member's own data."""

from datetime import datetime

import strawberry

from models.consents import queries
from models.errors import DomainError, ErrorCode
from models.members import home, identities, phones
from models.members import operations as members
from models.members.rules import Door, MemberOrigin, Tokens
from models.messages.operations import tell
from plans.costs import ListSize, Weight
from resolvers.consents import MOST_PURPOSES, ConsentText
from resolvers.context import UNNAMED_DEVICE, Info
from resolvers.errors import UserError, act, user_errors
from wechat.mini_program import WeChatCodeRefused, WeChatError

strawberry.enum(Door, description="By which a member comes in. PHONE: a code by SMS.")
strawberry.enum(MemberOrigin, description="Who opened the account: its member, their guardian, or a desk.")


@strawberry.type(description="What a device keeps to stay signed in. Both tokens are opaque.")
class SignIn:
    access_token: str = strawberry.field(description="Send as `Authorization: Bearer …`; lives for two hours.")
    access_expires_at: datetime
    refresh_token: str = strawberry.field(
        description="Exchange with `refreshSignIn`, once; after a lost answer the same one again, within 60 s."
    )
    refresh_expires_at: datetime
    member_id: strawberry.ID

    @strawberry.field(
        directives=[ListSize(assumed_size=MOST_PURPOSES), Weight(weight=200)],
        description="To show and have answered now, by `giveConsent` or `withdrawConsent`: texts that everybody is asked "
        "about and this member did not answer, and those they agreed to in a version that no longer counts.",
    )
    async def consents_to_ask(self, info: Info) -> list[ConsentText]:
        asked = await queries.to_ask(member_public_id=self.member_id, now=info.context.now)
        return [ConsentText.of(text) for text in asked]

    @classmethod
    def of(cls, tokens: Tokens) -> "SignIn":
        return cls(
            access_token=tokens.access_token,
            access_expires_at=tokens.access_expires_at,
            refresh_token=tokens.refresh_token,
            refresh_expires_at=tokens.refresh_expires_at,
            member_id=strawberry.ID(tokens.member_public_id),
        )


@strawberry.type
class SignInPayload:
    sign_in: SignIn | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type(description="The signed-in member.")
class Me:
    id: strawberry.ID
    masked_phone: str | None = strawberry.field(description="138****0000, or null while no phone is bound.")
    origin: MemberOrigin
    home_province: str = strawberry.field(description="From which side I said that I come; empty: I did not say.")
    doors: list[Door] = strawberry.field(
        description="By which I may come in.", directives=[ListSize(assumed_size=len(Door))]
    )


@strawberry.type
class BindPhonePayload:
    me: Me | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class SayHomeProvincePayload:
    me: Me | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class SignOutPayload:
    signed_out: bool | None = None
    user_errors: list[UserError] = user_errors()


def wechat_refusal(error: WeChatError, code: ErrorCode, message: str) -> DomainError:
    """WeChat's numbers in our words: a used or stale code means a fresh one; anything else is theirs."""
    if isinstance(error, WeChatCodeRefused):
        return DomainError(message, code=code, next_step="请重新授权后再试。", field="code")
    return DomainError("微信暂时没有回应。", code=ErrorCode.OUTSIDE_UNAVAILABLE, next_step="请稍后再试。")


@strawberry.type
class MemberQueries:
    @strawberry.field(description="The signed-in member; an error with NOT_SIGNED_IN when there is none.")
    async def me(self, info: Info) -> Me:
        return await show_me(info)


@strawberry.type
class MemberActs:
    @act(SignInPayload, "Sign in with the code of `wx.login`. The first time makes a member.", public=True)
    async def sign_in_with_mini_program(
        self, info: Info, code: str, device_id: str = UNNAMED_DEVICE
    ) -> SignInPayload:
        services = info.context.services
        try:
            known = await services.mini_program.code_to_session(code)
        except WeChatError as error:
            raise wechat_refusal(error, ErrorCode.SIGN_IN_CODE_INVALID, "登录凭证无效或已用过。") from error
        tokens = await members.sign_in(
            appid=services.mini_program.appid,
            openid=known.openid,
            unionid=known.unionid,
            device_id=device_id,
            keys=services.token_keys,
            now=info.context.now,
        )
        return SignInPayload(sign_in=SignIn.of(tokens))

    @act(SignInPayload, "Exchange a refresh token for the next pair.", public=True)
    async def refresh_sign_in(
        self, info: Info, refresh_token: str, device_id: str = UNNAMED_DEVICE
    ) -> SignInPayload:
        tokens = await members.refresh(
            refresh_token=refresh_token,
            device_id=device_id,
            keys=info.context.services.token_keys,
            now=info.context.now,
        )
        return SignInPayload(sign_in=SignIn.of(tokens))

    @act(SignOutPayload, "End this sign-in; codes shown so far stop working.")
    async def sign_out(self, info: Info) -> SignOutPayload:
        member = await info.context.member()
        await members.sign_out(sign_in_id=member.sign_in_id, now=info.context.now)
        return SignOutPayload(signed_out=True)

    @act(BindPhonePayload, "Bind the phone number that the member chose to give (`getPhoneNumber`'s code).")
    async def bind_phone(self, info: Info, code: str) -> BindPhonePayload:
        member = await info.context.member()
        services = info.context.services
        try:
            phone = await services.mini_program.phone_number(code)
        except WeChatError as error:
            raise wechat_refusal(error, ErrorCode.PHONE_CODE_INVALID, "手机号授权码无效或已过期。") from error
        await phones.bind_phone(
            member_id=member.member_id, phone=phone, keys=services.phone_keys, tell=tell, now=info.context.now
        )
        return BindPhonePayload(me=await show_me(info))

    @act(
        SayHomeProvincePayload,
        "Say from which side of the border I come: orders that I place from now on tell the platform of the venue's side. "
        "Empty takes it back.",
    )
    async def say_home_province(self, info: Info, province_code: str) -> SayHomeProvincePayload:
        member = await info.context.member()
        await home.say_home(member_id=member.member_id, province_code=province_code)
        return SayHomeProvincePayload(me=await show_me(info))


async def show_me(info: Info) -> Me:
    member = await info.context.member()
    phone = await phones.masked_phone(member_id=member.member_id, keys=info.context.services.phone_keys)
    origin, home_province, doors = await identities.origin_home_and_doors(member.member_id)
    return Me(
        id=strawberry.ID(member.member_public_id),
        masked_phone=phone,
        origin=origin,
        home_province=home_province,
        doors=doors,
    )
