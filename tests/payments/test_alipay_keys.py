"""Keys in every form in which Alipay hands them out, certificates' names and chains, and yuan."""

import base64
import hashlib
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from payments.alipay import CertificateTrust, KeyTrust, load_private_key, load_public_key, wire
from payments.alipay.signing import sign, verify
from payments.port import NoticeKeyUnknown, PaymentError, PaymentState
from tests.payments.alipay_platform import (
    ALIPAYS_KEY,
    NOW,
    OUR_KEY,
    STRANGERS_KEY,
    Authority,
    Clock,
    Line,
    app,
    channel,
    elliptic_root,
    issue,
    new_key,
    our_seal_holds,
    seal,
    trade,
)

QUERY = "alipay.trade.query"
Formats = serialization.PrivateFormat


def bare(pem: bytes) -> bytes:
    return b"".join(line for line in pem.splitlines() if not line.startswith(b"-----"))


def private_pem(form: serialization.PrivateFormat) -> bytes:
    return OUR_KEY.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


@pytest.mark.parametrize("form", [Formats.PKCS8, Formats.TraditionalOpenSSL])
@pytest.mark.parametrize("dress", [bytes, bare, lambda pem: bare(pem) + b"\n"])
def test_our_key_is_read_in_every_form_of_alipays_key_tool(
    form: serialization.PrivateFormat, dress: object
) -> None:
    key = load_private_key(dress(private_pem(form)))  # type: ignore[operator]
    assert key.private_numbers() == OUR_KEY.private_numbers()


@pytest.mark.parametrize("dress", [bytes, bare])
def test_alipays_key_is_read_with_and_without_its_pem_lines(dress: object) -> None:
    pem = ALIPAYS_KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert load_public_key(dress(pem)) == ALIPAYS_KEY.public_key()  # type: ignore[operator]


@pytest.mark.parametrize("load", [load_private_key, load_public_key])
@pytest.mark.parametrize("text", [b"", b"not a key!", base64.b64encode(b"not a key")])
def test_what_is_no_key_is_a_value_error(load: object, text: bytes) -> None:
    with pytest.raises(ValueError):
        load(text)  # type: ignore[operator]


def test_an_elliptic_key_is_refused() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, Formats.PKCS8, serialization.NoEncryption())
    with pytest.raises(ValueError, match="RSA"):
        load_private_key(pem)


def test_openssl_agrees_with_our_signature(tmp_path: Path) -> None:
    """All parameters that are not empty, sorted, not encoded, sign_type too."""
    parameters = {"z": "最后&=", "app_id": "1", "sign_type": "RSA2", "empty": "", "sign": "old"}
    (tmp_path / "message").write_bytes("app_id=1&sign_type=RSA2&z=最后&=".encode())
    (tmp_path / "signature").write_bytes(base64.b64decode(sign(OUR_KEY, parameters)))
    pem = OUR_KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (tmp_path / "key").write_bytes(pem)
    command = ["openssl", "dgst", "-sha256", "-verify", "key", "-signature", "signature", "message"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 0


@pytest.mark.parametrize("signature", ["", "é", "AAAA", seal(b"other"), seal(b"message", STRANGERS_KEY)])
def test_a_signature_that_does_not_hold_is_just_no(signature: str) -> None:
    assert not verify(b"message", signature, [ALIPAYS_KEY.public_key()])


def test_secrets_stay_out_of_the_apps_repr() -> None:
    shown = repr(app())
    assert "private_key" not in shown
    assert "2088102146225135" in shown


async def test_while_alipay_changes_its_key_the_old_and_the_new_one_are_believed() -> None:
    line, new = Line(), new_key()
    pay = channel(line, trust=KeyTrust((ALIPAYS_KEY.public_key(), new.public_key())))
    for key in (ALIPAYS_KEY, new):
        line.says(QUERY, trade(), key=key)
        assert await pay.query("P20261120000001")


@pytest.fixture(scope="module")
def root() -> Authority:
    return issue("Ant Financial Certification Authority R1")


@pytest.fixture(scope="module")
def between(root: Authority) -> Authority:
    return issue(
        "Ant Financial Certification Authority Class 2 R1", root, ca=False
    )  # Ant's does not say that it is


@pytest.fixture(scope="module")
def ours(between: Authority) -> Authority:
    return issue("2021000117650139", between, key=OUR_KEY, ca=False)


@pytest.fixture(scope="module")
def alipays(between: Authority) -> Authority:
    return issue("Alipay", between, key=ALIPAYS_KEY, ca=False)


def name_of(certificate: Authority) -> str:
    """As the documents tell it, with openssl's words instead of our library's."""
    asked = ["openssl", "x509", "-noout", "-issuer", "-serial", "-nameopt", "RFC2253"]
    told = subprocess.run(asked, input=certificate.pem, capture_output=True, check=True).stdout.decode()
    issuer, serial = (line.partition("=")[2] for line in told.splitlines())
    return hashlib.md5(f"{issuer}{int(serial, 16)}".encode()).hexdigest()


def test_a_certificates_name_is_what_openssl_and_the_documents_make_it(
    root: Authority, between: Authority, ours: Authority, alipays: Authority
) -> None:
    other = issue("Ant Financial Certification Authority R0", key=root.key)
    unreadable = (
        b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"  # as one of Alipay's own file is
    )
    roots = root.pem + elliptic_root().pem + unreadable + other.pem
    trust = CertificateTrust(app=ours.pem, alipay=[alipays.pem + between.pem], roots=roots)
    assert trust.parameters == {
        "app_cert_sn": name_of(ours),
        "alipay_root_cert_sn": f"{name_of(root)}_{name_of(other)}",  # the others do not count
    }


async def test_in_certificate_mode_both_sides_name_their_certificates(
    root: Authority, between: Authority, ours: Authority, alipays: Authority
) -> None:
    line = Line()
    trust = CertificateTrust(app=ours.pem, alipay=[alipays.pem + between.pem], roots=root.pem)
    line.says(QUERY, trade(), serial=name_of(alipays))
    assert await channel(line, trust=trust).query("P20261120000001")
    (question,) = line.questions
    assert question.parameters["app_cert_sn"] == name_of(ours)
    assert our_seal_holds(question.parameters)


async def test_a_certificate_that_we_do_not_hold_is_told_of_by_name(
    root: Authority, between: Authority, ours: Authority, alipays: Authority
) -> None:
    line, newer = Line(), issue("Alipay", between, ca=False)
    trust = CertificateTrust(app=ours.pem, alipay=[alipays.pem + between.pem], roots=root.pem)
    line.says(QUERY, trade(), serial=name_of(newer), key=newer.key)
    with pytest.raises(PaymentError, match=name_of(newer)) as failure:
        await channel(line, trust=trust).query("P20261120000001")
    assert (failure.value.code, failure.value.may_have_happened) == ("UNKNOWN_CERTIFICATE", True)

    both = CertificateTrust(
        app=ours.pem, alipay=[alipays.pem + between.pem, newer.pem + between.pem], roots=root.pem
    )
    assert await channel(line, trust=both).query("P20261120000001")


async def test_a_certificate_out_of_its_dates_signs_nothing(
    root: Authority, between: Authority, ours: Authority
) -> None:
    short = issue("Alipay", between, key=ALIPAYS_KEY, ca=False, days=(-1, 1))
    trust = CertificateTrust(app=ours.pem, alipay=[short.pem + between.pem], roots=root.pem)
    assert trust.keys(None, NOW)
    for moment in (NOW - timedelta(days=2), NOW + timedelta(days=1)):
        with pytest.raises(NoticeKeyUnknown):
            trust.keys(None, moment)
    line = Line()
    line.says(QUERY, trade(), serial=name_of(short))
    with pytest.raises(PaymentError, match="UNKNOWN_CERTIFICATE"):
        await channel(line, trust=trust, clock=Clock(NOW + timedelta(days=2))).query("P20261120000001")


@pytest.mark.parametrize("wrong", ["stranger", "no middle", "leaf issues"])
def test_a_certificate_that_does_not_chain_to_the_root_is_refused(
    root: Authority, between: Authority, ours: Authority, alipays: Authority, wrong: str
) -> None:
    stranger = issue("Ant Financial Certification Authority Class 2 R1", issue(root.name))
    pems = {
        "stranger": issue("Alipay", stranger, ca=False).pem + stranger.pem,
        "no middle": alipays.pem,
        "leaf issues": issue("Alipay", ours, ca=False).pem + ours.pem + between.pem,
    }
    with pytest.raises(ValueError, match="chain"):
        CertificateTrust(app=ours.pem, alipay=[pems[wrong]], roots=root.pem)


@given(st.integers(0, 10**13))
def test_fen_become_yuan_and_come_back(fen: int) -> None:
    yuan = wire.yuan(fen)
    assert yuan[-3] == "."
    assert wire.fen(yuan) == fen if len(yuan) <= 14 else True


@pytest.mark.parametrize("yuan", ["12", "12.0", "12.00", "012.00"])
def test_yuan_come_with_up_to_two_decimals(yuan: str) -> None:
    assert wire.fen(yuan) == 1200


@pytest.mark.parametrize(
    "amount",
    ["12.001", "-1", "+1", "1e3", "NaN", "Infinity", "", " 1", "1 ", "1.", ".5", "1,000.00", "１２", "1_0"],
)
def test_what_is_no_amount_is_refused(amount: str) -> None:
    with pytest.raises((TypeError, ValueError)):
        wire.fen(amount)


@pytest.mark.parametrize("amount", [12, 12.0, True, None])
def test_an_amount_is_a_text(amount: object) -> None:
    with pytest.raises(TypeError):
        wire.fen(amount)


def test_what_the_payer_sees_has_none_of_the_characters_alipay_forbids() -> None:
    assert wire.subject('羽毛球/2 号场 a=b&c, "d"\t#e\n') == "羽毛球 2 号场 a b c d e"
    assert len(wire.subject("场" * 300)) == 256
    assert wire.subject("//") == "订单"


def test_a_closed_trade_was_paid_when_it_has_a_time_of_payment() -> None:
    """A whole refund, as Alipay's own sandbox answers it, has zeros for amounts."""
    refunded = trade("TRADE_CLOSED", buyer_pay_amount="0.00", receipt_amount="0.00")
    assert wire.payment(refunded, app()).state is PaymentState.REFUNDED
    assert wire.payment(trade("TRADE_CLOSED", send_pay_date=None), app()).state is PaymentState.CLOSED
