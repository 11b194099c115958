"""The sandbox's WeChat, one process for all tests here."""

from collections.abc import Iterator

import pytest

from tests.conformance.sandbox_houses import House, running


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with running("wechat", tmp_path_factory.mktemp("wechat")) as house:
        yield house
