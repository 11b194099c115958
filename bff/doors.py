"""Every door of the house, in the order in which people come in."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from starlette.requests import Request
from starlette.routing import BaseRoute, Route

from bff import wiring
from bff.graphql.endpoint import Endpoint, schema_extensions
from bff.http.gates import gate_routes
from bff.http.payment_notices import NoticeDoor, notice_routes
from bff.pages.desk import desk_routes
from bff.pages.house_desk import HouseDesk
from bff.settings import WECHAT_PAY_NOTICES
from bff.wiring import Wiring
from models.orders.rules import Channel
from resolvers.context import Context, Services
from resolvers.schema import build_schema


def doors(wired: Wiring) -> list[BaseRoute]:
    """GraphQL for clients, a page for desks, a path for gates, one for what payment channels tell."""
    services = wiring.services(wired)
    settings = wired.settings
    return [
        graphql_route(services, wired.clock, open_to_explore=not settings.in_production),
        *desk_routes(
            HouseDesk(services.code_keys, services.wake), wired.clock, secure_cookies=settings.in_production
        ),
        *gate_routes(
            code_keys=services.code_keys, gate_keys=settings.gate_keys, clock=wired.clock, wake=services.wake
        ),
        *notice_routes(
            {
                WECHAT_PAY_NOTICES: NoticeDoor(
                    name=Channel.WECHAT_PAY,
                    channel=wired.wechat_pay,
                    mchid=settings.wechat_pay_mchid,
                    clock=wired.clock,
                    wake=services.wake,
                )
            }
        ),
    ]


def graphql_route(services: Services, clock: Callable[[], datetime], *, open_to_explore: bool) -> Route:
    """`open_to_explore`: introspection and suggestions, for developers only."""
    schema = build_schema(extensions=schema_extensions(introspection=open_to_explore), suggestions=open_to_explore)
    return Route("/graphql", Endpoint(schema, _context_of(services, clock)), methods=["POST"])


def _context_of(services: Services, clock: Callable[[], datetime]) -> Callable[[Request], Awaitable[Context]]:
    async def context_of(request: Request) -> Context:
        return Context(
            services=services,
            now=clock(),
            authorization=request.headers.get("authorization", ""),
            address=request.client.host if request.client else "",
        )

    return context_of
