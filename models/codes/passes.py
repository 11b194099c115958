"""A voucher's pass for desks that are offline: 212 digits, of which whoever holds a public key can tell that we made
them, and from which nobody can make another.

    kind 1 · key id 2 · pass number 13 · handle 10 · face 7 · minimum spend 7 · campaign 6 · terms 3 · valid until 8
    signature 155: r and s of ECDSA on P-256 with SHA-256, 32 bytes each, as one decimal number

Digits only, as every code of ours (rules.py): QR's numeric mode takes 212 of them in version 6 at level M. Money is in
fen, the time in whole minutes since 1970-01-01T00:00Z. Over what is signed, and a test vector: docs/offline.md.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

PASS_DIGITS = 212
BODY_DIGITS = 57
KIND = "5"  # the first digit, after the kinds of codes (rules.CodeKind)
SIGNED_AS = b"sports-for-all voucher pass 1\n"
MOST_FEN = 10**7 - 1
MOST_NUMBER = 10**13 - 1
_HALF = 32
_SIGNATURE_DIGITS = PASS_DIGITS - BODY_DIGITS
_WIDTHS = (2, 13, 10, 7, 7, 6, 3, 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """What a pass says. `campaign` and `terms` tell a desk whether it holds there: its kit lists those that do."""

    key_id: int
    number: int
    handle: str
    face_fen: int
    minimum_spend_fen: int
    campaign: int
    terms: int
    valid_until: datetime  # a whole minute

    def body(self) -> str:
        """The 57 digits that are signed. Raises ValueError for what does not fit them."""
        until = int(self.valid_until.timestamp()) // 60
        values = [self.key_id, self.number, int(self.handle), self.face_fen, self.minimum_spend_fen]
        values += [self.campaign, self.terms, until]
        texts = [f"{value:0{width}d}" for value, width in zip(values, _WIDTHS, strict=True)]
        body = KIND + "".join(texts)
        if len(body) != BODY_DIGITS or min(values) < 0:
            raise ValueError("this voucher does not fit a pass")
        return body

    @classmethod
    def of_body(cls, body: str) -> Self:
        values, place = [], 1
        for width in _WIDTHS:
            values.append(int(body[place : place + width]))
            place += width
        key_id, number, handle, face_fen, minimum_spend_fen, campaign, terms, until = values
        return cls(
            key_id=key_id,
            number=number,
            handle=f"{handle:010d}",
            face_fen=face_fen,
            minimum_spend_fen=minimum_spend_fen,
            campaign=campaign,
            terms=terms,
            valid_until=datetime.fromtimestamp(until * 60, UTC),
        )


@dataclass(frozen=True, slots=True)
class ReadPass:
    """A well-formed pass. Nothing of it is proved until `is_genuine` says so."""

    body: str
    signature: bytes

    @property
    def says(self) -> Pass:
        return Pass.of_body(self.body)

    def is_genuine(self, public_key: ec.EllipticCurvePublicKey) -> bool:
        return verifies(public_key, self.signature, SIGNED_AS + self.body.encode())


def make(what: Pass, private_key: ec.EllipticCurvePrivateKey) -> str:
    """The 212 digits; the same for the same pass and key."""
    body = what.body()
    signature = sign(private_key, SIGNED_AS + body.encode())
    return f"{body}{int.from_bytes(signature):0{_SIGNATURE_DIGITS}d}"


def read(text: str) -> ReadPass | None:
    """What was scanned, or None when it is no pass at all. Blanks between groups are forgiven."""
    digits = "".join(text.split())
    if len(digits) != PASS_DIGITS or not (digits.isascii() and digits.isdigit()) or digits[0] != KIND:
        return None
    number = int(digits[BODY_DIGITS:])
    if number >> (2 * _HALF * 8):  # 155 digits can say more than 64 bytes hold
        return None
    return ReadPass(digits[:BODY_DIGITS], number.to_bytes(2 * _HALF))


def sign(private_key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    """r and s of ECDSA with SHA-256, 64 bytes, as browsers write them. Without chance (RFC 6979), so that the same is
    signed in the same way."""
    r, s = decode_dss_signature(private_key.sign(message, ec.ECDSA(SHA256(), deterministic_signing=True)))
    return r.to_bytes(_HALF) + s.to_bytes(_HALF)


def verifies(public_key: ec.EllipticCurvePublicKey, signature: bytes, message: bytes) -> bool:
    """Whether these 64 bytes are a signature of the message. What is none is False, never an exception."""
    if len(signature) != 2 * _HALF:
        return False
    r, s = int.from_bytes(signature[:_HALF]), int.from_bytes(signature[_HALF:])
    try:
        public_key.verify(encode_dss_signature(r, s), message, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def public_key_of(point: bytes) -> ec.EllipticCurvePublicKey | None:
    """The key of an uncompressed point on P-256 (65 bytes), or None when it is none."""
    if len(point) != 65:
        return None
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError:
        return None
