"""Every door of the house, in the order in which people come in."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, Route

from bff import metrics, wiring
from bff.graphql import CLIENTS
from bff.graphql.askers import HEADER, asker_of
from bff.graphql.endpoint import Caller, ContextOf, Endpoint
from bff.graphql.ide import Ide, ide_routes
from bff.graphql.rates import DEVICE, Rates
from bff.graphql.watching import Watching
from bff.http.exports import export_routes
from bff.http.gates import gate_routes
from bff.http.payment_notices import notice_routes
from bff.http.settlements import SettlementDoor, settlement_routes
from bff.pages.apologies import home_routes
from bff.pages.desk import desk_routes
from bff.pages.desk_money import MoneyDesk, money_routes
from bff.pages.desk_people import PeopleDesk, people_routes
from bff.pages.desk_programme import programme_routes
from bff.pages.desk_reviews import review_routes
from bff.pages.desk_vouchers import VoucherDesk, voucher_routes
from bff.pages.house_desk import HouseDesk
from bff.pages.office import Office
from bff.settings import origin_of
from bff.tracing import Spans
from bff.wiring import Wiring
from models.calendar import business_day
from plans import documents
from plans.answers import Answers
from plans.checking import Checker
from plans.engine import Engine
from plans.keeping import Keeper
from resolvers.context import Context, Services, Uncounted
from resolvers.schema import build_schema

ASKED_WITH = ("Authorization", "Content-Type", "X-Request-Id", HEADER, DEVICE)
"""What other sites' pages may send to /graphql."""
ANSWERED_WITH = ("X-Request-Id", "RateLimit", "RateLimit-Policy", "Retry-After")
"""What they may read of an answer, besides its content."""


def doors(wired: Wiring) -> list[BaseRoute]:
    """GraphQL for clients, a page for desks, a path for gates, one for what payment channels tell."""
    services = wiring.services(wired)
    settings = wired.settings
    office = Office(
        audit_keys=services.audit_keys, policy=services.staff_policy, rates=wired.rates, clock=wired.clock
    )
    return [
        *graphql_routes(
            services,
            wired.clock,
            wired.rates,
            spans=wired.spans,
            keeper=wired.keeper,
            own_origin=origin_of(settings.public_base_url),
            other_origins=settings.cors_origins,
            open_to_explore=not settings.in_production,
            clients=CLIENTS,
        ),
        *home_routes(),
        *desk_routes(
            HouseDesk(
                services.code_keys,
                services.audit_keys,
                services.staff_keys,
                services.staff_policy,
                services.wake,
                wired.rates,
            ),
            wired.clock,
            secure_cookies=settings.in_production,
        ),
        *money_routes(
            MoneyDesk(services.channels, services.audit_keys, services.staff_policy, services.wake), wired.clock
        ),
        *people_routes(
            PeopleDesk(
                id_keys=services.id_keys,
                phone_keys=services.phone_keys,
                token_keys=services.token_keys,
                code_keys=services.code_keys,
                audit_keys=services.audit_keys,
                authority=services.name_authority,
                channels=services.channels,
                policy=services.staff_policy,
                rates=wired.rates,
                wake=services.wake,
                keep=services.keep,
            ),
            wired.clock,
        ),
        *voucher_routes(
            VoucherDesk(
                code_keys=services.code_keys,
                audit_keys=services.audit_keys,
                policy=services.staff_policy,
                rates=wired.rates,
                wake=services.wake,
            ),
            wired.clock,
        ),
        *programme_routes(office, smallest_group=services.smallest_group),
        *review_routes(office, services.wake),
        *gate_routes(
            code_keys=services.code_keys, gate_keys=settings.gate_keys, clock=wired.clock, wake=services.wake
        ),
        *notice_routes(wired.channels, wired.clock, services.wake),
        *settlement_routes(
            SettlementDoor(
                audit_keys=services.audit_keys,
                account_keys=services.account_keys,
                statement_keys=services.statement_keys,
                policy=services.staff_policy,
                clock=wired.clock,
                rates=wired.rates,
            )
        ),
        *export_routes(keys=wiring.privacy_keys(settings), clock=wired.clock),
    ]


def graphql_routes(
    services: Services,
    clock: Callable[[], datetime],
    rates: Rates,
    *,
    spans: Spans | None = None,
    keeper: Keeper | None = None,
    own_origin: str,
    other_origins: Sequence[str],
    open_to_explore: bool,
    clients: Path = CLIENTS,
) -> list[BaseRoute]:
    """`other_origins`: whose pages may ask here besides our own. `open_to_explore`: introspection, suggestions, free
    documents without a key and an IDE, for developers only. `clients`: whose documents are trusted."""
    trusted = documents.texts(clients)
    endpoint = Endpoint(
        _engine(tuple(trusted.items()), open_to_explore=open_to_explore),
        _context_of(services, clock),
        asker_of=asker_of(freely=open_to_explore),
        origins=(own_origin, *other_origins),
        rates=rates,
        answers=None if keeper is None else _answers(keeper, clock),
        tracing=Watching(spans),
        ide=Ide() if open_to_explore else None,
    )
    return [
        Route("/graphql", endpoint, middleware=_for_pages_of(other_origins)),
        *(ide_routes() if open_to_explore else ()),
    ]


@lru_cache(maxsize=4)
def _engine(trusted: tuple[tuple[str, str], ...], *, open_to_explore: bool) -> Engine:
    """One for the process: what it makes of schema and documents holds for every house that has the same ones, and
    takes half a second. The house that is tested is built several hundred times."""
    schema = build_schema(suggestions=open_to_explore)._schema
    return Engine(
        schema,
        Checker(schema, introspection=open_to_explore, suggestions=open_to_explore),
        dict(trusted),
        suggestions=open_to_explore,
        on_anomaly=metrics.count_anomaly,
    )


def _for_pages_of(origins: Sequence[str]) -> list[Middleware]:
    """Nothing at all while no other site is listed. Never with credentials: no cookie means anything at /graphql."""
    if not origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=("GET", "POST"),
            allow_headers=ASKED_WITH,
            expose_headers=ANSWERED_WITH,
            max_age=7200,  # the longest that Chromium keeps it
        )
    ]


def _answers(keeper: Keeper, clock: Callable[[], datetime]) -> Answers:
    """Public answers change at midnight: opening hours of today, divisions as they are today."""
    return Answers(keeper, anonymous=Context.of_nobody, scope=lambda: business_day(clock()).isoformat())


def _context_of(services: Services, clock: Callable[[], datetime]) -> ContextOf:
    def context_of(caller: Caller) -> Context:
        return Context(
            services=services,
            now=clock(),
            authorization=caller.headers.text("authorization"),
            address=caller.address,
            counted=caller.allowance or Uncounted(),
        )

    return context_of
