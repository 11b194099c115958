"""Paying an order: over which channel, in which way, and with what the payer's side goes on."""

import strawberry

from models.checkout import paying
from models.checkout.paying import OpenedPayment, PaymentWanted
from resolvers import pictures
from resolvers.acting import HelperPower, acting
from resolvers.context import Info
from resolvers.errors import UserError, act, user_errors
from resolvers.own_pages import own_page
from resolvers.pictures import PICTURE
from resolvers.words import Channel, Way


@strawberry.type(description="Hand these to `wx.requestPayment` unchanged.")
class WeChatPayParameters:
    app_id: str
    time_stamp: str
    nonce_str: str
    package: str
    sign_type: str
    pay_sign: str


@strawberry.type(
    description="A code that the payer scans with the channel's app, valid as long as the order's hold."
)
class PaymentCode:
    code: str

    @strawberry.field(directives=[PICTURE], description="As QR, SVG text.")
    async def svg(self) -> str:
        return await pictures.svg(self.code)

    @strawberry.field(directives=[PICTURE], description="As QR, PNG in base64.")
    async def png(self) -> str:
        return await pictures.png(self.code)


@strawberry.type(description="One of `wechatPay`, `url` and `code` is given, as the way wants it.")
class PayOrderPayload:
    payment_no: str | None = None
    wechat_pay: WeChatPayParameters | None = strawberry.field(
        default=None, description="IN_APP: opens the payment sheet in WeChat."
    )
    url: str | None = strawberry.field(
        default=None, description="MOBILE_WEB, DESKTOP_WEB: open it in the payer's browser at once."
    )
    code: PaymentCode | None = strawberry.field(default=None, description="CODE: show it to whoever pays.")
    user_errors: list[UserError] = user_errors()

    @classmethod
    def of(cls, opened: OpenedPayment) -> "PayOrderPayload":
        given = opened.invocation
        sheet = given.parameters
        return cls(
            payment_no=opened.payment_no,
            wechat_pay=WeChatPayParameters(
                app_id=sheet["appId"],
                time_stamp=sheet["timeStamp"],
                nonce_str=sheet["nonceStr"],
                package=sheet["package"],
                sign_type=sheet["signType"],
                pay_sign=sheet["paySign"],
            )
            if sheet
            else None,
            url=given.url,
            code=PaymentCode(code=given.code) if given.code else None,
        )


async def payment_wanted(info: Info, channel: Channel, way: Way, return_url: str | None) -> PaymentWanted:
    """By whoever is here, also for somebody whom they help: whoever pays, pays with their own WeChat."""
    member = await info.context.member()
    return PaymentWanted(
        channel=channel,
        way=way,
        appid=member.appid,
        payer=member.wechat_payer,
        payer_address=info.context.address,
        return_url=own_page(info, return_url),
    )


@strawberry.type
class PayingActs:
    @act(
        PayOrderPayload,
        "Open a payment for an order of mine. Asking again is harmless, and so is trying another channel: what is paid "
        "twice is given back. `returnUrl` is where a browser comes back to, on a site of ours.",
    )
    async def pay_order(
        self,
        info: Info,
        order_no: str,
        channel: Channel = Channel.WECHAT_PAY,
        way: Way = Way.IN_APP,
        return_url: str | None = None,
        for_member: strawberry.ID | None = None,
    ) -> PayOrderPayload:
        whose = await acting(info, for_member, HelperPower.BOOK)
        opened = await paying.pay_order(
            member_id=whose.member_id,
            order_no=order_no,
            wanted=await payment_wanted(info, channel, way, return_url),
            channels=info.context.services.channels,
            now=info.context.now,
        )
        return PayOrderPayload.of(opened)
