"""Who somebody is at Alipay, whether or not they pay: alipay.system.oauth.token (opendocs.alipay.com, 用户授权)."""

from typing import Protocol

from payments.port import PaymentError

METHOD = "alipay.system.oauth.token"
CODE_INVALID = "isv.code-invalid"
LONGEST_CODE = 40


class AlipayCodeRefused(PaymentError):
    """The code is wrong, used, too old, or of another app: its person must say yes once more."""

    def __init__(self) -> None:
        message = "the code is wrong, used or too old"
        super().__init__(CODE_INVALID, message, may_have_happened=False, retryable=True)


class AlipayPeople(Protocol):
    """What tells us who came in by Alipay."""

    @property
    def appid(self) -> str:
        """The app in which they came in."""
        ...

    async def person(self, auth_code: str) -> str:
        """Exchange the code of `my.getAuthCode` (or of a page's authorisation), which works once, for the person.

        Gives what Alipay calls user_id (16 digits), or open_id where this app is told no user_id; payments of the
        same person name the same `payer`. Raises `AlipayCodeRefused` or another `PaymentError`.
        """
        ...
