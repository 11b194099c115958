"""The part of WeChat Pay that nobody calls: it settles refunds and delivers notices as they fall due."""

import httpx

from sandbox import deliveries
from sandbox.store import Row
from sandbox.wechat_pay import notices, refunds
from sandbox.wechat_pay.gateway import Gateway

ACKNOWLEDGED = (200, 204)


class Background(deliveries.Background[Gateway]):
    retry_seconds = notices.RETRY_SECONDS
    next_work = """SELECT min(at) AS at FROM (
         SELECT settles_at AS at FROM refunds WHERE state = 'PROCESSING'
         UNION ALL SELECT next_attempt_at FROM notices WHERE state = 'PENDING' AND next_attempt_at > ?)"""

    async def post(self, client: httpx.AsyncClient, notice: Row) -> httpx.Response:
        body, headers = notices.composed(self._gateway, notice)
        return await client.post(notice["notify_url"], content=body, headers=headers)

    def is_thanks(self, answer: httpx.Response) -> bool:
        return answer.status_code in ACKNOWLEDGED

    def settle_due(self) -> None:
        refunds.settle_due(self._gateway)
