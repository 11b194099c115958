"""The independent peers: programs that share no code with us, each told a task as JSON, each printing a fact a line.

The Python ones run in .venv-conformance, the Node.js ones on the packages that node/package-lock.json names.
"""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.npm import NODE, Unreachable, installed

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PYTHON = ROOT / ".venv-conformance" / "bin" / "python"
PATIENCE_S = 60

Fact = dict[str, Any]


class PeerGaveUp(Exception):
    """The peer met what it could not go on with, such as an answer that it does not believe."""


@dataclass(frozen=True)
class Peer:
    """One peer and the modes in which it knows the other side: by a public key, by certificates."""

    name: str
    script: str
    modes: tuple[str, ...] = ("public_key", "certificate")
    env: Mapping[str, str] = field(default_factory=dict)

    def asked(self, task: str, **told: Any) -> list[Fact]:
        """What it prints about this task; raises `PeerGaveUp`. Skips the test where its packages cannot be had."""
        interpreter, environment = self._interpreter()
        done = subprocess.run(
            [interpreter, str(HERE / self.script)],
            input=json.dumps({"task": task, **told}),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            env={**self.env, **environment},
        )
        if done.returncode:
            raise PeerGaveUp(f"{self.name}: {done.stderr}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def asked_one(self, task: str, **told: Any) -> Fact:
        (fact,) = self.asked(task, **told)
        return fact

    def _interpreter(self) -> tuple[str, dict[str, str]]:
        """And what it reads of its environment."""
        if self.script.endswith(".py"):
            assert PYTHON.exists(), "no .venv-conformance; `make test` makes it of requirements-conformance.lock"
            return str(PYTHON), {"PYTHONUTF8": "1"}
        packages = _packages()
        if packages is None:
            pytest.skip(f"npm cannot be reached here, so {self.name} judged nothing.")
        return NODE, {"NODE_PATH": str(packages / "node_modules")}


# Alipay's SDKs write their machine's own time, which Alipay reads as Beijing's.
WECHATPAYV3 = Peer("PyPI wechatpayv3", "peer_wechatpayv3.py")
AXIOS_PLUGIN = Peer("npm wechatpay-axios-plugin", "node/wechatpay_axios_plugin.cjs")
ALIPAY_PYTHON = Peer("PyPI alipay-sdk-python", "peer_alipay_sdk.py", ("public_key",), {"TZ": "CST-8"})
ALIPAY_NODE = Peer("npm alipay-sdk", "node/alipay_sdk.cjs", env={"TZ": "Asia/Shanghai"})
TENCENT_CLOUD = Peer("PyPI tencentcloud-sdk-python", "peer_tencent_cloud_sdk.py", ())

WECHAT_PAY_PEERS = (WECHATPAYV3, AXIOS_PLUGIN)
ALIPAY_PEERS = (ALIPAY_PYTHON, ALIPAY_NODE)


def each_peer(*peers: Peer) -> pytest.MarkDecorator:
    """Run the test with each as its `peer`."""
    return pytest.mark.parametrize("peer", [pytest.param(peer, id=peer.name) for peer in peers])


def each_peer_and_mode(*peers: Peer) -> pytest.MarkDecorator:
    """Run the test with each as its `peer`, in every `mode` that it has."""
    both = [pytest.param(peer, mode, id=f"{peer.name}, {mode}") for peer in peers for mode in peer.modes]
    return pytest.mark.parametrize(("peer", "mode"), both)


@cache
def _packages() -> Path | None:
    """None where npm cannot be reached."""
    try:
        return installed("peers", HERE / "node", "--omit=peer")  # yargs, which only the plugin's command line uses
    except Unreachable:
        return None
