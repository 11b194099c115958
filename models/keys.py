"""Key rings: who seals, who finds, who hands out tokens. One ring never does another's work.

A ring maps key ids to 32 random bytes; **the first entry is the current one**, the others still open what they
once made. To rotate while several processes run: add the new key as a second entry everywhere, then make it the
first everywhere, then reseal everything (`python -m bff keys reseal`), and only then drop the old one. (A process that does
not know the new key could neither open what others seal with it nor see that a number is taken.) docs/operations.md,
"Keys", says for which rings something else is waited for.

No ring shows its keys: `repr` names the ids only. Settings read and check the keys (bff/settings).
"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from models.codes.rules import CodeKeys

KEY_BYTES = 32
NONCE_BYTES = 12  # NIST SP 800-38D: random 96-bit nonces are safe for 2^32 values a key; we seal far fewer


class CannotOpen(Exception):
    """A sealed value whose key is gone, that was altered, or that was moved to another place. Never expected."""


@dataclass(frozen=True)
class Keyring:
    """Keys by id, the current one first."""

    keys: Mapping[str, bytes] = field(repr=False)

    def __post_init__(self) -> None:
        if not self.keys or any(len(key) != KEY_BYTES for key in self.keys.values()):
            raise ValueError(f"{type(self).__name__} needs at least one key, each of {KEY_BYTES} bytes")

    def __repr__(self) -> str:
        return f"{type(self).__name__}(ids={list(self.keys)})"

    @property
    def current_id(self) -> str:
        return next(iter(self.keys))


@dataclass(frozen=True)
class Sealed:
    """What may lie in the database: nonce, ciphertext and tag, and beside it the id of its key."""

    key_id: str
    value: bytes = field(repr=False)


@dataclass(frozen=True, repr=False)
class SealingKeys(Keyring):
    """AES-256-GCM. The place is authenticated too, so a value copied into another row does not open there."""

    def seal(self, text: str, *, table: str, column: str, row: int) -> Sealed:
        nonce = secrets.token_bytes(NONCE_BYTES)
        cipher = AESGCM(self.keys[self.current_id])
        value = nonce + cipher.encrypt(nonce, text.encode(), _place(table, column, row))
        return Sealed(self.current_id, value)

    def open(self, sealed: Sealed, *, table: str, column: str, row: int) -> str:
        """The text again, or CannotOpen."""
        key = self.keys.get(sealed.key_id)
        if key is None:
            raise CannotOpen(f"{table}.{column} of {row} needs key {sealed.key_id!r}, which is not in the ring")
        nonce, ciphertext = sealed.value[:NONCE_BYTES], sealed.value[NONCE_BYTES:]
        try:
            return AESGCM(key).decrypt(nonce, ciphertext, _place(table, column, row)).decode()
        except (InvalidTag, ValueError) as error:
            raise CannotOpen(
                f"{table}.{column} of {row} was not sealed there with key {sealed.key_id!r}"
            ) from error


def _place(table: str, column: str, row: int) -> bytes:
    return f"{table}.{column}:{row}".encode()


@dataclass(frozen=True, repr=False)
class LookupKeys(Keyring):
    """HMAC-SHA256: the same text has the same hash, and without the key nobody can try all phone numbers."""

    def hashes(self, text: str) -> dict[str, str]:
        """Hex hashes by key id, the current one first. Look under all, write under the first."""
        return {key_id: hmac.digest(key, text.encode(), "sha256").hex() for key_id, key in self.keys.items()}


@dataclass(frozen=True)
class PhoneKeys:
    """What a phone number needs at rest: one ring to keep it, another to find it."""

    sealing: SealingKeys
    lookup: LookupKeys


@dataclass(frozen=True)
class IdKeys:
    """The same for names and ID numbers, under keys of their own (issue 4, item 2)."""

    sealing: SealingKeys
    lookup: LookupKeys


@dataclass(frozen=True, repr=False)
class AuditKeys(Keyring):
    """HMAC-SHA256 over the audit trail: whoever can write to the database cannot write a line that holds."""

    def mac(self, text: str) -> tuple[str, str]:
        """The current key's id, and the hex MAC under it."""
        return self.current_id, self.mac_under(self.current_id, text)

    def mac_under(self, key_id: str, text: str) -> str:
        """The hex MAC under this key. Raises KeyError when it has left the ring."""
        return hmac.digest(self.keys[key_id], text.encode(), "sha256").hex()

    def holds(self, text: str, key_id: str, mac: str) -> bool:
        """Whether this is the MAC of the text under that key. False for a key that has left the ring."""
        return key_id in self.keys and hmac.compare_digest(self.mac_under(key_id, text), mac)


@dataclass(frozen=True, repr=False)
class TokenKeys(Keyring):
    """Derives a token's successors, so that an answer that was lost can be given once more and never stored."""

    def derive(self, purpose: str, token: str) -> list[str]:
        """One derived token for each key, the current one's first; as long and as random as `new_token`."""
        text = f"{purpose}:{token}".encode(errors="surrogatepass")
        return [_token(hmac.digest(key, text, "sha256")) for key in self.keys.values()]


@dataclass(frozen=True, repr=False)
class OfflineKeys(Keyring):
    """ECDSA on P-256: what desks that are offline must be able to tell for ours. Ids are numbers of one or two digits.

    Each purpose has a key of its own, derived, so that what is signed for one is never good for another.
    """

    def private_key(self, purpose: str, key_id: str) -> ec.EllipticCurvePrivateKey:
        """Raises KeyError when it has left the ring."""
        derived = HKDF(algorithm=SHA256(), length=48, salt=None, info=f"offline {purpose}".encode())
        # FIPS 186-5, A.2.1: 64 bits more than the order has, so that no key is likelier than another
        secret = int.from_bytes(derived.derive(self.keys[key_id])) % (P256_ORDER - 1) + 1
        return ec.derive_private_key(secret, ec.SECP256R1())

    def public_keys(self, purpose: str) -> dict[str, ec.EllipticCurvePublicKey]:
        """By key id, the current one first."""
        return {key_id: self.private_key(purpose, key_id).public_key() for key_id in self.keys}


P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True, repr=False)
class StatementKeys(Keyring):
    """Ed25519 (RFC 8032; each key is its seed): whoever has the public half can check a statement, and nobody but us
    can sign one."""

    def sign(self, message: bytes) -> tuple[str, bytes]:
        """The current key's id, and the signature under it: 64 bytes, always the same for the same message."""
        return self.current_id, Ed25519PrivateKey.from_private_bytes(self.keys[self.current_id]).sign(message)

    @property
    def public_keys(self) -> Mapping[str, bytes]:
        """By key id, 32 bytes each."""
        return {
            key_id: Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
            for key_id, seed in self.keys.items()
        }


def code_keys(keys: Mapping[str, bytes]) -> CodeKeys:
    """The masters of admission codes, whose ids are single digits; the first is the current one."""
    masters = {int(key_id): key for key_id, key in keys.items()}
    return CodeKeys(masters, current=next(iter(masters)))


def new_token() -> str:
    """A fresh opaque token: 256 random bits in 43 characters."""
    return _token(secrets.token_bytes(32))


def token_hash(token: str) -> str:
    """What the database keeps of a token. No key is needed: a token has 256 bits, nobody can try them."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def _token(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()
