"""How long something took, less what our threads waited for the processor: only the former says something about us."""

import ctypes
import os
import threading
import time


class Wait:
    """How long a thread of ours has been ready and got no processor, as the kernel counts it. Read without letting go of
    the interpreter, for which whoever measures would otherwise have to wait itself."""

    _libc = ctypes.PyDLL(None)

    def __init__(self, thread: int) -> None:
        self._file = os.open(f"/proc/self/task/{thread}/schedstat", os.O_RDONLY)
        self._text = ctypes.create_string_buffer(128)

    def seconds(self) -> float:
        length = self._libc.pread(self._file, self._text, len(self._text), 0)
        return int(self._text.raw[:length].split()[1]) / 1e9

    def close(self) -> None:
        os.close(self._file)


class Stopwatch:
    """Runs from the moment that it is made, in the thread that made it."""

    def __init__(self) -> None:
        self._wait = Wait(threading.get_native_id())
        self._waited = self._wait.seconds()
        self._began = time.perf_counter()

    def stop(self) -> float:
        """Seconds."""
        took = time.perf_counter() - self._began - (self._wait.seconds() - self._waited)
        self._wait.close()
        return took
