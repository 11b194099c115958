"""Ports for the processes that we start: chosen before they start, and nobody else's meanwhile."""

import errno
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bff import embedded
from tests.bff.conftest import Valkey

IP_LOCAL_PORT_RANGE = 51  # Linux 6.3, ip(7); Python 3.11 has no name for it


@pytest.fixture
def stranger() -> Iterator[socket.socket]:
    """A socket of somebody else."""
    with socket.socket() as somebody:
        yield somebody


def asks_for_any(stranger: socket.socket) -> None:
    stranger.bind((embedded.LOOPBACK, 0))


def calls_somebody(stranger: socket.socket) -> None:
    with socket.create_server((embedded.LOOPBACK, 0)) as somebody:
        stranger.connect(somebody.getsockname())


def only(port: int, stranger: socket.socket) -> None:
    """From here on the kernel has no other port for this socket."""
    try:
        stranger.setsockopt(socket.IPPROTO_IP, IP_LOCAL_PORT_RANGE, struct.pack("I", port << 16 | port))
    except OSError:
        pytest.skip("this kernel cannot be asked for the one port that matters (Linux 6.3)")


@pytest.mark.parametrize("wants_a_port", [asks_for_any, calls_somebody])
def test_the_kernel_gives_a_port_of_ours_to_nobody_who_wants_just_any(
    stranger: socket.socket, wants_a_port: Callable[[socket.socket], None]
) -> None:
    only(embedded.own_port(), stranger)
    with pytest.raises(OSError, match=r"already in use|Cannot assign") as refused:
        wants_a_port(stranger)
    assert refused.value.errno in (errno.EADDRINUSE, errno.EADDRNOTAVAIL)


def test_a_port_of_ours_cannot_be_had_alone(stranger: socket.socket, tmp_path: Path) -> None:
    chosen = embedded.ports(tmp_path, ["valkey"])["valkey"]
    with pytest.raises(OSError, match="already in use"):
        stranger.bind((embedded.LOOPBACK, chosen))


def test_no_two_are_given_the_same_port() -> None:
    assert len({embedded.own_port() for _ in range(50)}) == 50


def test_nobody_answers_on_a_port_of_ours_until_the_process_that_we_start_does() -> None:
    port = embedded.own_port()
    assert not embedded.answers(port)
    listens = f"import socket; s = socket.create_server(('127.0.0.1', {port})); print(); s.accept()"
    with subprocess.Popen([sys.executable, "-c", listens], stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline()
        assert not embedded.is_free(embedded.LOOPBACK, port)
        assert embedded.answers(port)
    assert embedded.is_free(embedded.LOOPBACK, port)


def test_valkey_stops_and_starts_again_on_its_port(valkey: Valkey, stranger: socket.socket) -> None:
    valkey.stop()
    with pytest.raises(OSError, match="already in use"):
        stranger.bind((embedded.LOOPBACK, valkey.port))
    valkey.start()
    assert embedded.answers(valkey.port)


def test_ports_are_the_same_next_time_unless_somebody_listens_there(tmp_path: Path) -> None:
    names = ["valkey", "wechat"]
    first = embedded.ports(tmp_path, names)
    assert embedded.ports(tmp_path, names) == first
    with closing(socket.create_server((embedded.LOOPBACK, first["wechat"]))):
        second = embedded.ports(tmp_path, names)
    assert second["valkey"] == first["valkey"]
    assert second["wechat"] not in first.values()
    assert embedded.ports(tmp_path, names) == second
