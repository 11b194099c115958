"""The official account's server side: who opened a page, by OAuth. Source: WeChat official accounts, web authorisation."""

from dataclasses import dataclass
from urllib.parse import urlencode

import httpx

from wechat.calls import LONGEST_CODE, Caller, StableToken, TokenStore, WeChatCodeRefused, WeChatRefused, text

BASE, USERINFO = "snsapi_base", "snsapi_userinfo"


class WeChatSnapshotVisitor(WeChatRefused):
    """The page is open in WeChat's snapshot mode (快照页), where everybody has a made-up openid that is nobody's.

    The visitor must open the whole page ("使用完整服务") and then try again.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficialPerson:
    """Who opened the page. `unionid` comes with snsapi_userinfo only, and when the account is bound to an open platform."""

    openid: str
    unionid: str | None


class OfficialAccount:
    """OAuth for our own pages inside WeChat. Nothing of nickname or picture is asked for or kept."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        base_url: str,
        open_url: str,
        appid: str,
        secret: str,
        tokens: TokenStore,
        timeout_s: float = 8.0,
    ) -> None:
        """`open_url`: where a person's browser goes; `base_url`: where we ask. `tokens` is this account's own."""
        self.appid = appid
        self._open_url = open_url.rstrip("/")
        self._secret = secret
        self._caller = Caller(http, base_url=base_url, timeout_s=timeout_s)
        self.token = StableToken(self._caller, appid=appid, secret=secret, tokens=tokens)

    def authorize_url(self, *, redirect_uri: str, state: str, with_userinfo: bool) -> str:
        """Where the page sends its visitor; WeChat sends them back to `redirect_uri` with `code` and `state`.

        Without userinfo they see nothing of it; with it WeChat asks them first. `state`: up to 128 letters and digits.
        """
        query = {
            "appid": self.appid,  # WeChat demands this very order
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "scope": USERINFO if with_userinfo else BASE,
            "state": state,
        }
        return f"{self._open_url}/connect/oauth2/authorize?{urlencode(query)}#wechat_redirect"

    async def person(self, code: str) -> OfficialPerson:
        """Exchanges a code, which works once. Raises WeChatCodeRefused, WeChatSnapshotVisitor or another WeChatError."""
        if len(code) > LONGEST_CODE:
            raise WeChatCodeRefused(0, "no code of WeChat's is that long", retryable=True)
        query = {"appid": self.appid, "secret": self._secret, "code": code, "grant_type": "authorization_code"}
        answer = await self._caller.ask("GET", "/sns/oauth2/access_token", query)
        if answer.get("is_snapshotuser"):
            raise WeChatSnapshotVisitor(0, "a visitor in snapshot mode is nobody", retryable=False)
        openid = text(answer, "openid")
        unionid = answer.get("unionid") or None
        if unionid is None and USERINFO in str(answer.get("scope", "")).split(","):
            person = {"access_token": text(answer, "access_token"), "openid": openid, "lang": "zh_CN"}
            unionid = (await self._caller.ask("GET", "/sns/userinfo", person)).get("unionid") or None
        return OfficialPerson(openid=openid, unionid=unionid)
