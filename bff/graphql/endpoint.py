"""The one GraphQL door: a request in, an operation run, an answer out.

The order is always the same: what the request says (`wire`), which operation that is, whether this caller may run it
(rates), whether the answer is known already (answers), the run itself under a time-out, and what its errors say
outside (`errors`). An operation is named by the hash of a trusted document, or spelled out by whoever may ask freely.

It is ASGI without a framework in between, because everything here runs on every request:
docs/decisions/0013-our-own-graphql-endpoint.md.
"""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from graphql import ExecutionResult, GraphQLError
from starlette.types import ASGIApp, Receive, Scope, Send

from bff import metrics
from bff.graphql import wire
from bff.graphql.askers import (
    HEADER,
    STRANGER,
    Asker,
    AskerOf,
    FreeActRefused,
    FreeQueryRefused,
    KeyRefused,
)
from bff.graphql.budgets import UNKNOWN_KEY_MS
from bff.graphql.errors import shown
from bff.graphql.rates import DEVICE, Allowance, Rates, Who, who
from bff.graphql.wire import Asked, Declined, Header, Headers
from models.errors import DomainError, ErrorCode
from plans.checking import Refused
from plans.engine import Engine, Operation, UnknownDocument

EXECUTION_SECONDS = 15.0
"""Longer than anything that waits inside and knows itself how to say so: WeChat Pay 10 s, a lock 3 s."""

STATUS_OF = {
    ErrorCode.NOT_SIGNED_IN: 401,
    ErrorCode.NOT_ALLOWED: 403,
    ErrorCode.DOCUMENT_UNKNOWN: 404,
    ErrorCode.TOO_MANY_ATTEMPTS: 429,
    ErrorCode.BUSY: 503,
}
"""Of what is refused before an operation runs; the rest is a 400. Refusals from inside travel in a 200."""

DOCUMENT_REFUSED = "DOCUMENT_REFUSED"
"""To those who watch: not valid, or too much."""

Variables = Mapping[str, Any]
Reply = tuple[int, bytes, Iterable[Header]]
"""Status, body, and headers besides those of the content."""


@dataclass(slots=True)
class Caller:
    """Who is calling, as far as HTTP knows."""

    headers: Headers
    address: str
    """Behind trusted proxies, the client's own (`bff.http.doorway`)."""
    asker: Asker = STRANGER
    allowance: Allowance | None = None
    """What rates have said. The context takes it along: it may find a member, who is counted then."""

    def who(self) -> Who:
        """By what rates count this caller, once their key is known."""
        third_party = self.asker.third_party
        return who(
            self.address,
            authorization=self.headers.text("authorization"),
            device_id=self.headers.text(DEVICE),
            third_party=third_party.public_id if third_party else "",
        )


ContextOf = Callable[[Caller], Any]
"""Makes what resolvers get. It is not awaited: who is signed in is looked up when a resolver asks."""


class Answers(Protocol):
    """Answers that may be given again. A name is None for what is never shared."""

    def name_of(self, operation: Operation, variables: Variables) -> str | None: ...

    def at_hand(self, name: str, operation: Operation) -> bytes | None:
        """The whole body, when it is here and needs nobody."""

    async def answer(
        self,
        name: str,
        operation: Operation,
        variables: Variables,
        context: Any,
        run: Callable[[], Awaitable[ExecutionResult]],
    ) -> bytes | ExecutionResult:
        """The whole body of a kept answer, without errors; or what `run` gave, which runs once at most."""


Watch = Callable[[Sequence[GraphQLError], Any], None]
"""Told the errors of one run before they are masked, and its context. Who watches must not repeat their text."""


class Tracing(Protocol):
    """Told of every request once: entered around the run of its operation, whatever becomes of it (refused by rates,
    timed out, answered from memory), or told why there was nothing to run."""

    def __call__(self, operation: Operation) -> AbstractContextManager[Watch]: ...

    def turned_away(self, why: str) -> None: ...


class Endpoint:
    """`origins` are those of other sites whose pages may act here; our own is known from the request."""

    def __init__(
        self,
        engine: Engine,
        context_of: ContextOf,
        *,
        asker_of: AskerOf,
        origins: Iterable[str] = (),
        rates: Rates | None = None,
        answers: Answers | None = None,
        tracing: Tracing | None = None,
        ide: ASGIApp | None = None,
        seconds: float = EXECUTION_SECONDS,
    ) -> None:
        self._engine = engine
        self._context_of = context_of
        self._asker_of = asker_of
        self._origins = frozenset(origin.encode() for origin in origins)
        self._rates = rates
        self._answers = answers
        self._tracing = tracing
        self._ide = ide
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope["headers"])
        accept = headers.raw.get(b"accept", b"")
        if self._ide and scope["method"] == "GET" and wire.prefers_html(accept):
            await self._ide(scope, receive, send)
            return
        media = wire.answer_type(accept)
        client = scope.get("client")
        caller = Caller(headers, client[0] if client else "")
        try:
            if media is None:
                raise Declined(406, "不能给出所要的格式。", detail="Accept must allow application/json.")
            asked = await self._asked(scope, headers, receive)
            status, body, more = await self._answered(asked, scope, caller, media)
        except Declined as declined:
            self._turned_away(declined.code)
            error = {"message": declined.message, "extensions": {"code": declined.code}}
            status, body, more = declined.status, wire.encoded({"errors": [error]}), declined.headers
        except wire.Gone:
            return
        await wire.send_answer(send, status, media or wire.JSON, body, (*more, *self._left(caller)))

    def _left(self, caller: Caller) -> Iterable[Header]:
        """What rates leave the caller. Asked last: an operation may have found out whose it is."""
        if self._rates is None:
            return ()
        if caller.allowance is None:
            return self._rates.left_for_checking(caller.who())
        return caller.allowance.headers()

    async def _asked(self, scope: Scope, headers: Headers, receive: Receive) -> Asked:
        method = scope["method"]
        if method == "POST":
            self._require_own_page(scope, headers)
            return await wire.asked_by_post(headers, receive)
        if method == "GET":
            return wire.asked_by_get(scope["query_string"])
        raise _wrong_method("GET, POST", "GraphQL is asked by GET or POST.")

    def _require_own_page(self, scope: Scope, headers: Headers) -> None:
        """Another site's page may not act in its visitor's name. Programs send no Origin; browsers always do.

        No cookie means anything here, so today there is nothing that such a page could abuse; this keeps it so on
        the day on which one does.
        """
        origin = headers.raw.get(b"origin")
        if origin is None or origin in self._origins:
            return
        if origin != wire.own_origin(scope, headers.raw.get(b"host", b"")):
            detail = "This Origin is not listed in CORS_ORIGINS."
            raise Declined(403, "这个网页不能在这里操作。", detail=detail, code=ErrorCode.NOT_ALLOWED)

    def _turned_away(self, why: str) -> None:
        if self._tracing is not None:
            self._tracing.turned_away(why)

    async def _answered(self, asked: Asked, scope: Scope, caller: Caller, media: bytes) -> Reply:
        operation: Operation | None = None
        try:
            caller.asker = await self._recognised(caller)
            operation = self._identified(asked, caller)
            if operation.kind != "query" and scope["method"] == "GET":
                raise _wrong_method("POST", "By GET only queries run.")
            return await self._run(operation, asked.variables, caller, media)
        except UnknownDocument:
            raise Declined(
                404,
                "这个版本的程序发出的请求无法识别，请更新到最新版本后再试。",
                detail="No trusted document has this id.",
                code=ErrorCode.DOCUMENT_UNKNOWN,
            ) from None
        except Refused as refused:
            if operation is None:
                self._turned_away(DOCUMENT_REFUSED)
            return _written(ExecutionResult(None, list(refused.errors)), media)
        except DomainError as refusal:
            if operation is None:
                self._turned_away(refusal.code)
            return _refused(refusal)

    async def _recognised(self, caller: Caller) -> Asker:
        """By their key. Who tries many unknown ones is not looked up any more."""
        if self._rates is None or HEADER not in caller.headers:
            return await self._asker_of(caller.headers)
        self._rates.require_room_for_checking(caller.who())
        try:
            return await self._asker_of(caller.headers)
        except KeyRefused:
            self._rates.charge_for_checking(caller.who(), UNKNOWN_KEY_MS)
            raise

    def _identified(self, asked: Asked, caller: Caller) -> Operation:
        """A trusted document by its hash, sent or computed; else the text, from whoever may ask freely.

        Raises UnknownDocument, Refused, Declined. A known hash is believed over a text that comes with it.
        """
        text = asked.query
        if asked.document_id is not None:
            try:
                return self._engine.trusted(asked.document_id, asked.operation_name)
            except UnknownDocument:
                if text is None:
                    raise
        assert text is not None  # the wire has seen to it
        try:
            return self._engine.trusted(_hash_of(text), asked.operation_name)
        except UnknownDocument:
            if not caller.asker.may_ask_freely:
                raise FreeQueryRefused from None
        operation = self._free(text, asked.operation_name, caller)
        if operation.kind != "query" and not caller.asker.may_act_freely:
            raise FreeActRefused
        return operation

    def _free(self, text: str, operation_name: str | None, caller: Caller) -> Operation:
        """Reading and checking a text takes up to 50 ms, whatever comes of it: the caller is charged for them."""
        if self._rates is None:
            return self._engine.free(text, operation_name)
        self._rates.require_room_for_checking(caller.who())
        started = time.thread_time()
        try:
            return self._engine.free(text, operation_name)
        finally:
            seconds = time.thread_time() - started
            metrics.DOCUMENT_CHECKS.observe(seconds)
            self._rates.charge_for_checking(caller.who(), seconds * 1000)

    async def _run(self, operation: Operation, variables: Variables, caller: Caller, media: bytes) -> Reply:
        if self._tracing is None:
            return await self._allowed(operation, variables, caller, media, _unwatched)
        with self._tracing(operation) as watch:
            return await self._allowed(operation, variables, caller, media, watch)

    async def _allowed(
        self, operation: Operation, variables: Variables, caller: Caller, media: bytes, watch: Watch
    ) -> Reply:
        operation.checked.require_within(variables)
        if self._rates is not None:
            caller.allowance = await self._rates.count(operation.root_fields, caller.who())
            if caller.allowance.refusal is not None:
                raise caller.allowance.refusal
        name = None if self._answers is None else self._answers.name_of(operation, variables)
        if self._answers is not None and name is not None:
            kept = self._answers.at_hand(name, operation)
            if kept is not None:
                return 200, kept, ()
        return await self._outcome(name, operation, variables, self._context_of(caller), media, watch)

    async def _outcome(
        self,
        name: str | None,
        operation: Operation,
        variables: Variables,
        context: Any,
        media: bytes,
        watch: Watch,
    ) -> Reply:
        run = partial(operation.run, variables, context)
        try:
            async with asyncio.timeout(self._seconds) as patience:
                found: bytes | ExecutionResult
                if self._answers is None or name is None:
                    found = await run()
                else:
                    found = await self._answers.answer(name, operation, variables, context, run)
        except TimeoutError:
            if not patience.expired():
                raise
            raise TookTooLong from None
        if isinstance(found, bytes):
            return 200, found, ()
        watch(found.errors or (), context)
        return _written(found, media)


class TookTooLong(DomainError):
    """An act is one transaction: what was not finished has not happened."""

    code = ErrorCode.BUSY

    def __init__(self) -> None:
        super().__init__("处理的时间太长，已经停止。", next_step="请稍后再试；下单、支付请先查看订单的状态。")


def _written(result: ExecutionResult, media: bytes) -> Reply:
    """Errors without a path come from before the run: then there is no data, and the draft's own type says 400."""
    if not result.errors:
        return 200, wire.encoded({"data": result.data}), ()
    told = [shown(error).formatted for error in result.errors]
    if result.data is None and all(error.path is None for error in result.errors):
        return 400 if media == wire.GRAPHQL else 200, wire.encoded({"errors": told}), ()
    return 200, wire.encoded({"data": result.data, "errors": told}), ()


def _refused(refusal: DomainError) -> Reply:
    told = shown(GraphQLError(refusal.message, original_error=refusal)).formatted
    headers = [] if refusal.retry_after is None else [(b"retry-after", b"%d" % refusal.retry_after)]
    return STATUS_OF.get(refusal.code, 400), wire.encoded({"errors": [told]}), headers


def _wrong_method(allowed: str, detail: str) -> Declined:
    return Declined(405, "不能这样访问。", detail=detail, headers=[(b"allow", allowed.encode())])


def _hash_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _unwatched(_errors: Sequence[GraphQLError], _context: Any) -> None:
    pass
