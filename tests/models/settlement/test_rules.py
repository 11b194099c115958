"""Sums, periods, accounts, files for banks and receipts: what needs no database."""

import csv
import hashlib
import io
from datetime import date

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import DomainError, ErrorCode
from models.keys import StatementKeys
from models.settlement.banking import (
    MOST_RECEIPT_BYTES,
    PayoutRow,
    checked_account,
    checked_reference,
    csv_bytes,
    harmless,
    media_type_of,
    payout_file,
    yuan,
)
from models.settlement.rules import Sums, checked_period, owed_fen, sums_of
from models.settlement.signing import FORMAT, NotOurs, canonical, file_of, signed_bytes, statement_of, verified
from models.vouchers.rules import EventKind
from tests.conftest import NOW

KEYS = StatementKeys({"new": b"n" * 32, "old": b"o" * 32})
entries = st.tuples(st.sampled_from(EventKind), st.integers(1, 10**6), st.integers(0, 10**6)).map(
    lambda each: (each[0], max(each[1], each[2]), min(each[1], each[2]))
)


@given(st.lists(entries), st.integers(0, 10**6), st.integers(0, 10**6))
def test_what_is_due_is_what_the_entries_are_worth_less_what_is_taken_off(
    found: list[tuple[EventKind, int, int]], deducted: int, carried: int
) -> None:
    brought = sums_of(found)
    sums = Sums(
        used=brought.used,
        taken_back=brought.taken_back,
        conflict=brought.conflict,
        venue_share=brought.venue_share,
        deducted=deducted,
        carried_in=carried,
    )
    assert sums.due == sum(owed_fen(*entry) for entry in found) - deducted - carried
    assert sums.payable - sums.carried_out == sums.due
    assert min(sums.payable, sums.carried_out) == 0


def test_a_period_is_whole_days_in_shanghai_that_are_over() -> None:
    period = checked_period(date(2026, 11, 1), date(2026, 11, 19), now=NOW)
    assert period.ends_at.isoformat() == "2026-11-19T16:00:00+00:00"
    with pytest.raises(DomainError):
        checked_period(date(2026, 11, 1), date(2026, 11, 20), now=NOW)


def test_an_account_shows_no_more_than_a_hint_of_itself() -> None:
    account = checked_account(holder="成都健身有限公司", bank="工商银行", number="6222 0202-0011 2233445")
    assert account.number == "6222020200112233445"
    assert (account.holder_hint, account.last_four) == ("成都***公司", "3445")
    assert "6222" not in repr(account)
    assert "健身" not in repr(account)
    assert checked_account(holder="王五", bank="工商银行", number="62220202").holder_hint == "王***"


@pytest.mark.parametrize(
    ("holder", "bank", "number"),
    [
        ("=成都公司", "工商银行", "6222020200112233445"),
        ("成都公司", "@工商银行", "6222020200112233445"),
        ("成\n都", "工商银行", "6222020200112233445"),
        ("成都公司", "工商银行", "6222-abc"),
        ("成都公司", "工商银行", "1234567"),
        ("公", "工商银行", "6222020200112233445"),
    ],
)
def test_what_no_bank_takes_is_refused(holder: str, bank: str, number: str) -> None:
    with pytest.raises(DomainError) as refused:
        checked_account(holder=holder, bank=bank, number=number)
    assert refused.value.code is ErrorCode.BAD_INPUT


def test_a_file_for_the_bank_says_its_sum_and_the_hash_of_its_lines() -> None:
    account = checked_account(holder="成都健身（集团）有限公司", bank="工商银行", number="6222020200112233445")
    rows = [PayoutRow(settlement_no=f"S{n}", account=account, amount_fen=fen) for n, fen in enumerate((1, 200_05))]
    content = payout_file("B1", rows)
    assert content == payout_file("B1", rows)
    head, listed = content.split(b"\r\n", 2)[:2], content.split(b"\r\n", 2)[2]
    assert head[1].decode().split(",") == ["B1", "2", "200.06", hashlib.sha256(listed).hexdigest()]
    read = list(csv.DictReader(io.StringIO(listed.decode())))
    assert [(row["结算单号"], row["收款账号"], row["金额(元)"]) for row in read] == [
        ("S0", "6222020200112233445", "0.01"),
        ("S1", "6222020200112233445", "200.05"),
    ]


@given(st.text(max_size=20))
def test_no_cell_is_a_formula(text: str) -> None:
    cell = harmless(text)
    assert cell[:1] not in {"=", "+", "@", "\t", "\r", "\n"}
    assert not cell.startswith("-")
    assert next(csv.reader(io.StringIO(csv_bytes([text, "x"]).decode(), newline=""))) == [cell, "x"]


def test_money_below_zero_stays_a_number() -> None:
    assert (harmless(yuan(-5)), yuan(-123_45), harmless("-1+2")) == ("-0.05", "-123.45", "'-1+2")


def test_a_receipt_is_what_its_first_bytes_say() -> None:
    assert media_type_of(b"%PDF-1.4 and so on") == "application/pdf"
    assert media_type_of(b"\x89PNG\r\n\x1a\nrest") == "image/png"
    assert media_type_of(b"\xff\xd8\xff\xe0rest") == "image/jpeg"
    for content in (b"", b"<html>", b"PK\x03\x04", b"%PDF-" + bytes(MOST_RECEIPT_BYTES)):
        with pytest.raises(DomainError) as refused:
            media_type_of(content)
        assert refused.value.code is ErrorCode.RECEIPT_REFUSED


def test_a_bank_reference_is_read_as_it_stands_on_the_receipt() -> None:
    assert checked_reference(" hx20261121-0001 ") == "HX20261121-0001"
    for text in ("", "12345", "a b c d e f", "x" * 65):
        with pytest.raises(DomainError):
            checked_reference(text)


def _signed(keys: StatementKeys, **said: object) -> bytes:
    statement = canonical({"format": FORMAT, "sums": {"payable": 2000}, "venue": "测试体育馆", **said})
    key_id, signature = keys.sign(signed_bytes(statement))
    return file_of(statement, signature=signature, key_id=key_id)


def test_a_statement_with_one_changed_byte_does_not_verify() -> None:
    content = _signed(KEYS)
    assert verified(content, KEYS.public_keys)["sums"] == {"payable": 2000}
    for place in range(len(content)):
        for changed in {content[place] ^ 1, content[place] ^ 0x20} - {content[place]}:
            with pytest.raises(NotOurs):
                verified(content[:place] + bytes([changed]) + content[place + 1 :], KEYS.public_keys)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content + b"\n",
        lambda content: b" " + content,
        lambda content: orjson.dumps(orjson.loads(content), option=orjson.OPT_INDENT_2),
        lambda content: content.replace(b'"signature"', b'"keyId":"new","signature"'),
        lambda content: content[:-1],
        lambda content: b"[]",
        lambda content: b'{"keyId":1,"signature":"","statement":{}}',
    ],
)
def test_the_same_words_written_otherwise_do_not_verify_either(change: object) -> None:
    assert callable(change)
    with pytest.raises(NotOurs):
        verified(change(_signed(KEYS)), KEYS.public_keys)


SIGNED_LONG_AGO = (
    b'{"keyId":"1","signature":"0156b3815185f65ba909563636e4ed3736fa08032c72e700e40967c705fd0da0f778bb6d92dea0b58b9480b6314'
    b'd3c8e3932ef64be75764427cd1936cc134804","statement":%b}'
)
THEN = """{"campaign":{"id":"cam_K3","title":"全民健身\\"lines\\":[]"},"format":"sports-for-all settlement statement 1",\
"lines":[{"amount":2000,"entryNo":"V1","happenedAt":"2026-11-20T02:00:00Z","kind":"USED","owed":2000,"useNo":"V1",\
"venueShare":0},{"amount":1000,"entryNo":"V2","happenedAt":"2026-11-20T02:00:00Z","kind":"USED","owed":900,"useNo":"V2",\
"venueShare":100}],"settlementNo":"S20261121W6ULR35PLXCL","sums":{"payable":2900,"used":3000}}"""


def test_a_statement_signed_long_ago_verifies_and_is_signed_the_same_from_pages_of_lines() -> None:
    keys = StatementKeys({"1": b"q" * 32})
    content = SIGNED_LONG_AGO % THEN.encode()
    said = verified(content, keys.public_keys)
    for pages in ([said["lines"]], [[line] for line in said["lines"]]):
        statement = statement_of(
            {**said, "lines": None}, [canonical(page)[1:-1] for page in pages]
        )  # whose title looks like lines
        key_id, signature = keys.sign(signed_bytes(statement))
        assert file_of(statement, signature=signature, key_id=key_id) == content
    assert statement_of({"z": 1}, []) == canonical({"z": 1, "lines": []})


def test_after_a_rotation_the_old_key_still_verifies_and_a_strangers_never_did() -> None:
    before = StatementKeys({"old": b"o" * 32})
    content = _signed(before)
    assert verified(content, KEYS.public_keys)["format"] == FORMAT
    with pytest.raises(NotOurs, match="no public key"):
        verified(content, StatementKeys({"new": b"n" * 32}).public_keys)
    with pytest.raises(NotOurs, match="signature"):
        verified(content, StatementKeys({"old": b"x" * 32}).public_keys)


def test_what_the_key_signed_for_something_else_is_no_statement() -> None:
    statement = canonical({"format": FORMAT})
    key_id, signature = KEYS.sign(statement)
    with pytest.raises(NotOurs):
        verified(file_of(statement, signature=signature, key_id=key_id), KEYS.public_keys)
    other = canonical({"format": "something else"})
    key_id, signature = KEYS.sign(signed_bytes(other))
    with pytest.raises(NotOurs):
        verified(file_of(other, signature=signature, key_id=key_id), KEYS.public_keys)
