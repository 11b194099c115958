"""A voucher's pass is 212 digits in a QR of version 6; who holds public keys alone can tell it from any other."""

from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from models.codes import passes, pictures, rules
from models.codes.passes import Pass
from models.keys import OfflineKeys
from tests import offline_desk
from tests.models.codes import qr_reader

KEYS = OfflineKeys({"1": b"o" * 32, "27": b"p" * 32})
PRIVATE = KEYS.private_key("passes", "1")
PUBLIC = PRIVATE.public_key()
A_PASS = Pass(
    key_id=1,
    number=1234567890123,
    handle="0987654321",
    face_fen=2000,
    minimum_spend_fen=4000,
    campaign=12,
    terms=3,
    valid_until=datetime(2026, 11, 20, 4, 0, tzinfo=UTC),
)
DIGITS = passes.make(A_PASS, PRIVATE)

some_passes = st.builds(
    Pass,
    key_id=st.integers(0, 99),
    number=st.integers(0, passes.MOST_NUMBER),
    handle=st.from_regex(r"[0-9]{10}", fullmatch=True).filter(str.isascii),
    face_fen=st.integers(0, passes.MOST_FEN),
    minimum_spend_fen=st.integers(0, passes.MOST_FEN),
    campaign=st.integers(0, 999_999),
    terms=st.integers(0, 999),
    valid_until=st.integers(0, 99_999_999).map(lambda minutes: datetime.fromtimestamp(minutes * 60, UTC)),
)


@settings(max_examples=60, deadline=None)
@given(what=some_passes)
def test_what_a_pass_says_can_be_read_back_and_holds_under_its_key_alone(what: Pass) -> None:
    digits = passes.make(what, PRIVATE)
    assert len(digits) == passes.PASS_DIGITS == 212
    assert digits.isascii()
    assert digits.isdigit()
    read = passes.read(digits)
    assert read is not None
    assert read.says == what
    assert read.is_genuine(PUBLIC)
    assert not read.is_genuine(KEYS.private_key("passes", "27").public_key())
    assert not read.is_genuine(KEYS.private_key("kits", "1").public_key())
    assert passes.make(what, PRIVATE) == digits


def test_every_single_digit_that_is_another_is_refused() -> None:
    for place in range(passes.PASS_DIGITS):
        for digit in {*"0123456789"} - {DIGITS[place]}:
            read = passes.read(DIGITS[:place] + digit + DIGITS[place + 1 :])
            assert read is None or not read.is_genuine(PUBLIC), (place, digit)


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=230) | st.from_regex(r"[0-9]{212}", fullmatch=True))
def test_nothing_that_nobody_signed_is_genuine(text: str) -> None:
    read = passes.read(text)
    assert read is None or not read.is_genuine(PUBLIC)


def test_its_layout_is_the_one_that_is_written_down() -> None:
    """docs/offline.md has the same vector; a client of another language can be held against it."""
    assert DIGITS[:57] == "501123456789012309876543210002000000400000001200329919120"
    says = offline_desk.read_pass(DIGITS)
    assert (says.key_id, says.number, says.handle) == ("1", A_PASS.number, A_PASS.handle)
    assert (says.face, says.minimum, says.campaign, says.terms) == (2000, 4000, 12, 3)
    assert says.until == A_PASS.valid_until


def test_what_does_not_fit_makes_no_pass() -> None:
    for wrong in (
        replace(A_PASS, face_fen=10**7),
        replace(A_PASS, face_fen=-1),
        replace(A_PASS, campaign=10**6),
        replace(A_PASS, terms=1000),
        replace(A_PASS, key_id=100),
    ):
        with pytest.raises(ValueError, match="does not fit a pass"):
            passes.make(wrong, PRIVATE)


def test_it_is_a_qr_of_version_6_that_reads_as_it_was_written() -> None:
    qr = pictures.pass_qr(DIGITS)
    assert qr.version == 6
    assert qr_reader.read([[bool(dark) for dark in row] for row in qr.modules]) == ("M", DIGITS)
    assert b'viewBox="0 0 49 49"' in pictures.pass_svg(DIGITS)  # 41 modules and four on each side


def test_no_code_is_a_pass_and_no_pass_is_a_code() -> None:
    assert rules.read(DIGITS) is None
    assert DIGITS[0] not in {str(kind.value) for kind in rules.CodeKind}
    assert passes.read(rules.assemble(rules.CodeKind.ROTATING, 1, "0987654321", "1234567890")) is None


def test_an_old_key_still_verifies_while_it_is_in_the_ring() -> None:
    rotated = OfflineKeys({"2": b"n" * 32, **KEYS.keys})
    read = passes.read(DIGITS)
    assert read is not None
    assert rotated.current_id == "2"
    holds = {key_id: read.is_genuine(key) for key_id, key in rotated.public_keys("passes").items()}
    assert holds == {"2": False, "1": True, "27": False}


def test_a_point_that_is_none_is_no_key() -> None:
    good = PUBLIC.public_numbers()
    point = b"\x04" + good.x.to_bytes(32) + good.y.to_bytes(32)
    assert passes.public_key_of(point) is not None
    for wrong in (b"", point[:-1], b"\x04" + b"\x01" * 64, b"\x00" + point[1:], b64encode(point)[:65]):
        assert passes.public_key_of(wrong) is None


def test_a_signature_that_is_none_is_refused_and_raises_nothing() -> None:
    for wrong in (b"", b"\x00" * 64, b"\xff" * 64, b"\x01" * 63):
        assert passes.verifies(PUBLIC, wrong, b"whatever") is False
    other = ec.generate_private_key(ec.SECP256R1())
    assert not passes.verifies(PUBLIC, passes.sign(other, b"whatever"), b"whatever")
