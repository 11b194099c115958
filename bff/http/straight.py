"""The door that is asked most, without passing the others: the router would look at it like at any of thirty."""

from collections.abc import Sequence

from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send


class StraightTo:
    """Routes of one fixed path that answer any method, and catch their own exceptions. All else goes the long way."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute], path: str) -> None:
        self._app = app
        self._path = path
        self._route = next((route for route in routes if isinstance(route, Route) and route.path == path), None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._route is None or scope["type"] != "http" or scope["path"] != self._path:
            await self._app(scope, receive, send)
            return
        scope["route"] = self._route  # by which requests are counted
        await self._route.app(scope, receive, send)
