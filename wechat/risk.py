"""What WeChat thinks of a person who uses a mini-program: a risk rank from 0 to 4, of which 4 is the worst.

Source: WeChat mini-program server API, 获取用户安全等级 (getUserRiskRank). It wants an address as `client_ip`, and knows who
came in within the last two hours (61010 otherwise). The person need not agree to it; a phone number is optional, and we
give none.
"""

from wechat.calls import StableToken, WeChatRefused, WeChatUnavailable

MARKETING = 1
"""The scene: cheating in a promotion (营销作弊); 0 would be registering."""
WORST = 4
ABOUT_THE_PERSON = {40003, 43104, 61010}
"""The openid is unknown, or another application's; or they were not there lately."""

__all__ = ["ABOUT_THE_PERSON", "RiskRanks", "WeChatRefused", "WeChatUnavailable"]


class RiskRanks:
    """Asks for one mini-program. `client_ip` is what is said where WeChat asks from which address the person came."""

    def __init__(self, token: StableToken, *, appid: str, client_ip: str) -> None:
        self.appid = appid
        self._token = token
        self._client_ip = client_ip

    async def rank_of(self, openid: str) -> int:
        """0 to 4. Raises WeChatRefused (one of ABOUT_THE_PERSON, or our settings are wrong), WeChatUnavailable."""
        body = {"appid": self.appid, "openid": openid, "scene": MARKETING, "client_ip": self._client_ip}
        rank = (await self._token.post("/wxa/getuserriskrank", body)).get("risk_rank")
        if type(rank) is not int or not 0 <= rank <= WORST:
            raise WeChatUnavailable(0, "the answer holds no risk_rank", retryable=True)
        return rank
