"""Nothing personal and nothing secret reaches the log, whoever wrote the line."""

import logging as standard_logging
import re
from collections.abc import Callable
from typing import Any

import pytest
import structlog

from bff import logging, visits
from bff.logging import masked
from bff.visits import Visit

LogLines = Callable[[], list[dict[str, Any]]]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("called 13812345678 twice", "called 138****5678 twice"),
        ("+8613812345678", "+86138****5678"),
        ("POST /gates/kJh3_very-secret HTTP/1.1", "POST /gates/*** HTTP/1.1"),
        ("postgres://sports:hunter22@db/sports", "postgres://***@db/sports"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("X-Api-Key: tpk_kJh3_very-secret, twice", "X-Api-Key: tpk_***, twice"),
        (
            "/sns/jscode2session?appid=wx1&secret=s3cret&js_code=0a1b",
            "/sns/jscode2session?appid=wx1&secret=***&js_code=***",
        ),
        ("oABCDEFGHIJKLMNOPQRSTUVWXYZ1", "openid***"),
        ("scanned 123456789012345678901234", "scanned code***"),
        ("证件号510104195203150225不一致", "证件号id***不一致"),
        ("'idNumber': '51010419520315022x'", "'idNumber': 'id***'"),
        ("anchor 12:510104195203150225ab", "anchor 12:510104195203150225ab"),
        ("wrote 510104195213150225 bytes", "wrote 510104195213150225 bytes"),
        ("order O20261120ABCDEFGHJKLM", "order O20261120ABCDEFGHJKLM"),
        ("took 13812 ms at 1795212202", "took 13812 ms at 1795212202"),
    ],
)
def test_a_text_is_masked(text: str, shown: str) -> None:
    assert masked(text) == shown


def test_a_line_is_json_without_personal_data(log_lines: LogLines) -> None:
    structlog.get_logger("x").info(
        "signed in",
        phone="13812345678",
        nested={"openid": "o1", "x-api-key": "k", "idNumber": "1", "id_card": "2"},
        list=["13812345678"],
    )
    standard_logging.getLogger("library").warning("no answer from %s", "redis://:hunter22@queue")
    ours, theirs = log_lines()
    assert (ours["event"], ours["phone"], ours["nested"]) == (
        "signed in",
        "***",
        {"openid": "***", "x-api-key": "***", "idNumber": "***", "id_card": "***"},
    )
    assert ours["list"] == ["138****5678"]
    assert ours["process"] == "test"
    assert theirs["event"] == "no answer from redis://***@queue"


def test_a_traceback_is_masked_too(log_lines: LogLines) -> None:
    try:
        raise ValueError("13812345678 at postgres://sports:hunter22@db")
    except ValueError as error:
        reference = logging.report(error, path="/gates/very-secret")
    [line] = log_lines()
    assert line["reference"] == reference
    assert "ValueError: 138****5678 at postgres://***@db" in line["exception"]
    assert line["path"] == "/gates/***"


def test_a_request_id_of_ours_is_in_the_log_as_it_was_told(log_lines: LogLines) -> None:
    """However chance fell: no letters-and-digits that happen to look like a phone number or a code."""
    ids = {visits.new_request_id() for _ in range(200)}
    assert len(ids) == 200
    for request_id in ids:
        token = visits.current.set(Visit(request_id))
        structlog.get_logger("x").info("something")
        standard_logging.getLogger("library").warning("something")
        visits.current.reset(token)
    assert {line["request_id"] for line in log_lines()} == ids
    assert all(re.fullmatch("[a-z]{16}", each) for each in ids)


def test_a_librarys_line_may_bring_a_reference_and_nothing_else_of_its_own(log_lines: LogLines) -> None:
    extra = {"reference": "7KQ2MX", "somebody": "13812345678"}
    standard_logging.getLogger("models").warning("away", extra=extra)
    [line] = log_lines()
    assert line["reference"] == "7KQ2MX"
    assert "somebody" not in line
