"""Coming in by the other doors: the official account, Alipay, a phone number; and joining a door to who I am."""

from datetime import datetime
from enum import Enum

import strawberry

from models.errors import DomainError, ErrorCode
from models.members import by_phone, identities, sms_codes, states
from models.members import operations as members
from models.members.code_rules import CodePurpose
from models.members.rules import Door
from models.messages.operations import tell
from payments.alipay import AlipayCodeRefused
from payments.port import PaymentError
from resolvers.context import Info
from resolvers.errors import UserError, act, user_errors
from resolvers.members import Me, SignIn, SignInPayload, show_me, wechat_refusal
from resolvers.own_pages import own_page
from wechat.mini_program import WeChatError
from wechat.official_account import OfficialAccount, OfficialPerson, WeChatSnapshotVisitor

strawberry.enum(CodePurpose, name="SmsCodePurpose", description="What a code sent by SMS is good for.")


@strawberry.enum(description="What to do when another member has the number.")
class IfBoundElsewhere(Enum):
    REFUSE = strawberry.enum_value("REFUSE")
    TAKE_OVER = strawberry.enum_value(
        "TAKE_OVER", description="Free it from them, and tell them so in their inbox."
    )


@strawberry.type
class OfficialAccountSignInUrlPayload:
    url: str | None = strawberry.field(default=None, description="Open it in WeChat; good for ten minutes.")
    state: str | None = strawberry.field(default=None, description="What WeChat will bring back with the code.")
    user_errors: list[UserError] = user_errors()


@strawberry.type(description="The same whether we know the number or not.")
class RequestSmsCodePayload:
    expires_at: datetime | None = None
    again_at: datetime | None = strawberry.field(
        default=None, description="Before then no other code is sent to this number."
    )
    user_errors: list[UserError] = user_errors()


@strawberry.type
class LinkPayload:
    me: Me | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class DoorActs:
    @act(
        OfficialAccountSignInUrlPayload,
        "Where a page inside WeChat sends its visitor to sign in (OAuth). `returnTo` is a page of ours, to which WeChat "
        "brings `code` and `state`; `userinfo` asks the visitor for their consent and always gives a unionid.",
        public=True,
    )
    async def official_account_sign_in_url(
        self, info: Info, return_to: str, device_id: str, userinfo: bool = False
    ) -> OfficialAccountSignInUrlPayload:
        account = _official_account(info)
        page = own_page(info, return_to, field="returnTo")
        state = states.new_state(device_id=device_id, keys=info.context.services.token_keys, now=info.context.now)
        url = account.authorize_url(redirect_uri=page, state=state, with_userinfo=userinfo)
        return OfficialAccountSignInUrlPayload(url=url, state=state)

    @act(SignInPayload, "Sign in with the code and the state that WeChat brought back to our page.", public=True)
    async def sign_in_with_official_account(
        self, info: Info, code: str, state: str, device_id: str
    ) -> SignInPayload:
        account, person = await _official_person(info, code, state, device_id)
        return await _signed_in(
            info, Door.OFFICIAL_ACCOUNT, account.appid, person.openid, person.unionid, device_id
        )

    @act(SignInPayload, "Sign in with the `auth_code` of Alipay's authorisation.", public=True)
    async def sign_in_with_alipay(self, info: Info, auth_code: str, device_id: str) -> SignInPayload:
        appid, user_id = await _alipay_user(info, auth_code)
        return await _signed_in(info, Door.ALIPAY, appid, user_id, None, device_id)

    @act(
        RequestSmsCodePayload,
        "Send six digits to a phone: to sign in with it, or, signed in, to bind it. Good for five minutes.",
        public=True,
    )
    async def request_sms_code(
        self, info: Info, phone: str, purpose: CodePurpose, device_id: str
    ) -> RequestSmsCodePayload:
        member_id = (await info.context.member()).member_id if purpose is CodePurpose.BIND else None
        services = info.context.services
        requested = await sms_codes.request_code(
            phone=phone,
            purpose=purpose,
            device_id=device_id,
            address=info.context.address,
            member_id=member_id,
            sms=services.sms,
            keys=services.phone_keys,
            now=info.context.now,
        )
        return RequestSmsCodePayload(expires_at=requested.expires_at, again_at=requested.again_at)

    @act(
        SignInPayload,
        "Sign in with a phone and the code sent to it. After PHONE_MAY_HAVE_CHANGED_HANDS the same code still works: with "
        "`newHolder` the member before loses the number, is told, and you begin anew.",
        public=True,
    )
    async def sign_in_with_phone(
        self, info: Info, phone: str, code: str, device_id: str, new_holder: bool = False
    ) -> SignInPayload:
        services = info.context.services
        tokens = await by_phone.sign_in_with_phone(
            phone=phone,
            code=code,
            new_holder=new_holder,
            device_id=device_id,
            phone_keys=services.phone_keys,
            token_keys=services.token_keys,
            tell=tell,
            now=info.context.now,
        )
        return SignInPayload(sign_in=SignIn.of(tokens))

    @act(
        LinkPayload,
        "Bind a phone with the code sent to it, or prove mine again. After PHONE_BOUND_ELSEWHERE the same code still "
        "works: with TAKE_OVER the other member loses the number and is told.",
    )
    async def bind_phone_by_sms(
        self,
        info: Info,
        phone: str,
        code: str,
        if_bound_elsewhere: IfBoundElsewhere = IfBoundElsewhere.REFUSE,
    ) -> LinkPayload:
        member = await info.context.member()
        await by_phone.bind_phone_by_sms(
            member_id=member.member_id,
            phone=phone,
            code=code,
            take_over=if_bound_elsewhere is IfBoundElsewhere.TAKE_OVER,
            keys=info.context.services.phone_keys,
            tell=tell,
            now=info.context.now,
        )
        return LinkPayload(me=await show_me(info))

    @act(LinkPayload, "From now on this WeChat account signs me in too, from the official account's pages.")
    async def link_official_account(self, info: Info, code: str, state: str) -> LinkPayload:
        member = await info.context.member()
        account, person = await _official_person(info, code, state, member.device_id)
        return await _linked(info, Door.OFFICIAL_ACCOUNT, account.appid, person.openid, person.unionid)

    @act(LinkPayload, "From now on this Alipay account signs me in too.")
    async def link_alipay(self, info: Info, auth_code: str) -> LinkPayload:
        await info.context.member()
        appid, user_id = await _alipay_user(info, auth_code)
        return await _linked(info, Door.ALIPAY, appid, user_id, None)


async def _signed_in(
    info: Info, door: Door, appid: str, openid: str, unionid: str | None, device_id: str
) -> SignInPayload:
    tokens = await members.sign_in(
        appid=appid,
        openid=openid,
        unionid=unionid,
        door=door,
        device_id=device_id,
        keys=info.context.services.token_keys,
        now=info.context.now,
    )
    return SignInPayload(sign_in=SignIn.of(tokens))


async def _linked(info: Info, door: Door, appid: str, openid: str, unionid: str | None) -> LinkPayload:
    member = await info.context.member()
    await identities.link(
        member_id=member.member_id,
        appid=appid,
        openid=openid,
        unionid=unionid,
        door=door,
        tell=tell,
        now=info.context.now,
    )
    return LinkPayload(me=await show_me(info))


async def _official_person(
    info: Info, code: str, state: str, device_id: str
) -> tuple[OfficialAccount, OfficialPerson]:
    """Whom WeChat vouches for. The state is looked at first: a code of somebody else's making is not even tried."""
    account = _official_account(info)
    states.check_state(state, device_id=device_id, keys=info.context.services.token_keys, now=info.context.now)
    try:
        return account, await account.person(code)
    except WeChatSnapshotVisitor as error:
        raise DomainError(
            "您正在微信的快照页里浏览，还不能登录。",
            code=ErrorCode.SIGN_IN_CODE_INVALID,
            next_step="请点右下角“使用完整服务”，再重新登录。",
            field="code",
        ) from error
    except WeChatError as error:
        raise wechat_refusal(error, ErrorCode.SIGN_IN_CODE_INVALID, "登录凭证无效或已用过。") from error


def _official_account(info: Info) -> OfficialAccount:
    account = info.context.services.official_account
    if account is None:
        raise DomainError(
            "公众号登录暂未开通。", code=ErrorCode.OUTSIDE_UNAVAILABLE, next_step="请从微信小程序登录。"
        )
    return account


async def _alipay_user(info: Info, auth_code: str) -> tuple[str, str]:
    """Alipay's application of ours, and the user's id there."""
    people = info.context.services.alipay_people
    if people is None:
        raise DomainError(
            "支付宝登录暂未开通。", code=ErrorCode.OUTSIDE_UNAVAILABLE, next_step="请改用微信或手机号登录。"
        )
    try:
        return people.appid, await people.person(auth_code)
    except AlipayCodeRefused as error:
        raise DomainError(
            "支付宝授权码无效或已用过。",
            code=ErrorCode.SIGN_IN_CODE_INVALID,
            next_step="请重新授权后再试。",
            field="authCode",
        ) from error
    except PaymentError as error:
        raise DomainError(
            "支付宝暂时没有回应。", code=ErrorCode.OUTSIDE_UNAVAILABLE, next_step="请稍后再试。"
        ) from error
