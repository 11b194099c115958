"""What comes before a request's body: at most 64 KiB within 15 s. uvicorn itself would read for ever, and keep it all."""

from asyncio import TimerHandle
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 64 * 1024
HEAD_SECONDS = 15.0


class BoundedHeads(HttpToolsProtocol):
    """Answers 400 to a head that is too long, and hangs up when one does not come or does not end."""

    seconds = HEAD_SECONDS
    _timer: TimerHandle | None = None
    _in_head = False
    _length = 0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._timer = self.loop.call_later(self.seconds, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.transport.is_closing():
            return
        if not self._in_head:
            self._wait_for_a_head()
            return
        self._length += len(data)
        if self._length > HEAD_BYTES:
            self.send_400_response("The request's head is too long.")
        else:
            self._wait()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._length = True, 0

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop_waiting()
        super().on_headers_complete()

    def _wait_for_a_head(self) -> None:
        """Blank lines begin none, nor does what is left of a body; but at either uvicorn stops counting how long
        the connection has been idle."""
        if self.cycle is not None and self.cycle.response_complete and self.timeout_keep_alive_task is None:
            self._wait()

    def _wait(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self.seconds, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
