"""Signing out, by hand: the smallest act of a signed-in member. The one route with a rate check, which is ours."""

import hashlib
from datetime import UTC, datetime
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from bff.graphql.rates import Allowance, who
from tests.bench.servers.bare import statements as sql
from tests.bench.servers.bare.house import House, demand


async def sign_out(request: Request) -> Response:
    house: House = request.app.state.house
    authorization = request.headers.get("authorization", "")
    assert request.client
    allowance = await house.rates.count({"signOut": 1}, who(request.client.host, authorization=authorization))
    demand(not allowance.refusal)
    data = await _sign_out(house, allowance, authorization.partition(" ")[2], datetime.now(UTC))
    response = Response(orjson.dumps({"data": data}), media_type="application/json")
    response.raw_headers.extend(allowance.headers())
    return response


async def _sign_out(house: House, allowance: Allowance, token: str, now: datetime) -> dict[str, Any]:
    async with house.pool.acquire() as connection:
        member = await connection.fetchrow(sql.MEMBER, hashlib.sha256(token.encode()).hexdigest(), now)
        demand(member)
        await allowance.member(member["public_id"])
        async with connection.transaction():
            ended = await connection.fetchrow(sql.END_SIGN_IN, now, "SIGNED_OUT", member["id"])
            demand(ended)
            await connection.fetchrow(sql.REVOKE_CODES, ended["member_id"])
    return {"signOut": {"signedOut": True, "userErrors": []}}
