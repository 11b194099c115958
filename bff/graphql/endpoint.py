"""GraphQL over HTTP: POST with a JSON object, nothing else. No multipart, no batches, no subscriptions."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import orjson
from cross_web import HTTPException
from graphql import ASTValidationRule, NoSchemaIntrospectionCustomRule
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.extensions import AddValidationRules, SchemaExtension, ValidationCache
from strawberry.http import GraphQLHTTPResponse
from strawberry.schema import BaseSchema
from strawberry.types import ExecutionResult

from bff.graphql.errors import shown
from bff.graphql.limits import DOCUMENTS_KEPT, Documents, WithinLimits
from bff.http.limits import refusal

NUL = b"\\u0000"  # as JSON spells it; JSON allows it no other way

ContextOf = Callable[[Request], Awaitable[Any]]


def schema_extensions(*, introspection: bool) -> list[Callable[[], SchemaExtension]]:
    """What `build_schema` puts around every execution: factories, because requests must not share them."""
    rules: list[type[ASTValidationRule]] = [WithinLimits]
    if not introspection:
        rules.append(NoSchemaIntrospectionCustomRule)
    return [
        Documents,
        partial(AddValidationRules, rules),
        partial(ValidationCache, maxsize=DOCUMENTS_KEPT),
    ]


class Endpoint(GraphQL[Any, None]):
    """The one GraphQL door. `context_of` makes what resolvers get from the request."""

    def __init__(self, schema: BaseSchema, context_of: ContextOf) -> None:
        super().__init__(schema, graphql_ide=None, allow_queries_via_get=False, subscription_protocols=())
        self._context_of = context_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response: Response
        try:
            response = await self.run(request)
        except HTTPException as error:
            response = refusal(f"请求没有读懂，请检查后再试。（{error.reason}）", error.status_code)
        await response(scope, receive, send)

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Any:  # noqa: ARG002
        assert isinstance(request, Request)
        return await self._context_of(request)

    def decode_json(self, data: str | bytes) -> object:
        """The body, which must be an object: `null`, `1`, bad UTF-8, 1,025 levels and the like end here."""
        try:
            said = orjson.loads(data)
        except orjson.JSONDecodeError:
            raise HTTPException(400, "The body is not JSON in UTF-8.") from None
        if NUL in data:
            raise HTTPException(400, "The body holds the character NUL, which PostgreSQL cannot store.")
        if not isinstance(said, dict):
            raise HTTPException(400, "The body must be a JSON object.")
        return said

    def encode_json(self, data: object) -> bytes:
        return orjson.dumps(data, default=str)

    async def process_result(
        self,
        request: Request | WebSocket,  # noqa: ARG002 - Strawberry names it
        result: ExecutionResult,
    ) -> GraphQLHTTPResponse:
        answer: GraphQLHTTPResponse = {"data": result.data}
        if result.errors:
            answer["errors"] = [shown(error).formatted for error in result.errors]
        return answer
