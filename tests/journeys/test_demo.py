"""`make demo` goes through, quickly (issue 2, item 10)."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.bff.conftest import clean_environment

pytestmark = pytest.mark.stack

ROOT = Path(__file__).parents[2]
SECONDS = 60


def test_the_demo_walks_both_journeys_in_under_a_minute() -> None:
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "demo"],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=2 * SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - started < SECONDS
    for told in (
        "一、成都市民陈女士在重庆打球",
        "二、重庆市民王先生在成都打球",
        "三、政府平台自己的账",
        "全部走通",
    ):
        assert told in done.stdout
