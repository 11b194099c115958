"""The web application: `create_app(settings)`; `from_environment` is what uvicorn calls in each web process."""

import gc
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bff import logging, tracing, wiring
from bff.doors import doors
from bff.http.doorway import Doorway
from bff.http.health import Check, health_routes
from bff.http.limits import BodyLimit, refusal
from bff.http.straight import StraightTo
from bff.pages.apologies import apology, asks_for_a_page
from bff.settings import Settings, read_settings
from bff.tracing import Spans
from bff.wiring import Wiring
from models import database, migrating
from models.audit import queries as audit
from models.errors import Busy
from models.feedback import queries as complaints
from models.forwarding.queries import backlog
from models.messages import queries as messages
from models.orders import refund_queries
from models.reconciliation import queries as reconciliation
from models.risk import queries as risk
from models.vouchers import books as voucher_books

OBJECTS_BETWEEN_LOOKS, LOOKS_BETWEEN_LONGER_ONES = 5_000, 80


def from_environment() -> Starlette:
    settings = read_settings()
    logging.configure(settings, "web")
    app = create_app(settings)
    settle_memory()
    return app


def create_app(settings: Settings) -> Starlette:
    wired = wiring.build(settings, tracing.opened(settings, "web"))
    return assemble(settings, routes(wired), wiring.opened(wired), wired.spans)


def routes(wired: Wiring) -> list[BaseRoute]:
    """Every door of the house."""
    checks: dict[str, Check] = {
        "database": _database_answers,
        "queue": wired.queue.ping,
        "migrations": partial(_migrations_are_done, wired.settings.database_url),
    }
    return [*doors(wired), *health_routes(checks, partial(figures, wired.clock))]


def assemble(
    settings: Settings,
    doors: Sequence[BaseRoute],
    life: AbstractAsyncContextManager[None],
    spans: Spans | None = None,
) -> Starlette:
    """The doors behind what every request passes. `life` is entered when the process starts to serve."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with life:
            yield

    return Starlette(
        routes=doors,
        lifespan=lifespan,
        middleware=[
            Middleware(
                Doorway,
                trusted_proxies=settings.trusted_proxies,
                over_tls=settings.public_base_url.startswith("https:"),
                spans=spans,
            ),
            Middleware(BodyLimit),
            Middleware(StraightTo, routes=doors, path="/graphql"),
        ],
        exception_handlers={HTTPException: _refuse, Busy: _come_back},
    )


def settle_memory() -> None:
    """What is there when the doors open stays for good: schema, plans, settings. Python's collector need not look at
    it again and again, nor at every 700th object that a request makes and drops by itself. A look at 5,000 takes about
    1 ms, in which nothing else runs; at 20,000 it took 5."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_LOOKS, LOOKS_BETWEEN_LONGER_ONES, 20)


async def figures(clock: Callable[[], datetime]) -> Mapping[str, float]:
    """What /metrics tells of the business."""
    kinds = await backlog(now=clock())
    trail = await audit.state(now=clock())
    return {
        "outbox_waiting": sum(kind.waiting for kind in kinds),
        "outbox_oldest_seconds": max((kind.oldest_age_s for kind in kinds), default=0),
        "outbox_dead_letters": sum(kind.dead for kind in kinds),
        "refunds_stuck": await refund_queries.abnormal(),
        "discrepancies_open": await reconciliation.undecided(),
        "complaints_late": await complaints.late(now=clock()),
        "messages_waiting": await messages.waiting(now=clock()),
        "messages_stuck": await messages.stuck(now=clock()),
        "staff_sign_ins_failed": await audit.staff_sign_ins_failed(now=clock()),
        "audit_lines_unchained": trail.waiting,
        "audit_oldest_unchained_seconds": trail.oldest_waiting_s,
        "audit_chain_broken": int(trail.is_broken),
        "voucher_pools_off": await voucher_books.off(),
        "risk_cases_open": await risk.open_cases(),
    }


async def _refuse(request: Request, error: Exception) -> Response:
    """What Starlette itself refuses: no such path, no such method."""
    assert isinstance(error, HTTPException)
    if asks_for_a_page(request):
        answer = apology(request, error.status_code, "没有这个页面", "请检查网址，或返回上一页。")
    else:
        answer = refusal("没有这个地址，或不能这样访问。", error.status_code)
    answer.headers.update(error.headers or {})
    return answer


async def _come_back(request: Request, error: Exception) -> Response:
    """The database is away or overloaded, and the door has no words of its own for that."""
    assert isinstance(error, Busy)
    if asks_for_a_page(request):
        answer = apology(request, 503, error.message, error.next_step or "")
    else:
        answer = refusal(error.sentence(), 503, error.code)
    answer.headers["Retry-After"] = "5"
    return answer


async def _database_answers() -> None:
    await database.rows("SELECT 1 AS one")


async def _migrations_are_done(database_url: str) -> None:
    if missing := await migrating.pending(database_url):
        raise RuntimeError(f"migrations are missing: {', '.join(missing)}")
