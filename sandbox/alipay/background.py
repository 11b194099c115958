"""The part of Alipay that nobody calls: it delivers notices as they fall due."""

import httpx

from sandbox import deliveries
from sandbox.alipay import notices
from sandbox.alipay.gateway import Gateway
from sandbox.store import Row

HEADERS = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}


class Background(deliveries.Background[Gateway]):
    retry_seconds = notices.RETRY_SECONDS

    async def post(self, client: httpx.AsyncClient, notice: Row) -> httpx.Response:
        body = notices.composed(self._gateway, notice)
        return await client.post(notice["notify_url"], content=body, headers=HEADERS)

    def is_thanks(self, answer: httpx.Response) -> bool:
        """Only the seven letters acknowledge."""
        return answer.status_code == 200 and answer.content == b"success"
