"""A statement as a file that proves itself: canonical JSON with an Ed25519 signature over its content. Pure.

The file is `{"keyId": …, "signature": …, "statement": {…}}`, keys in order, no blanks, UTF-8, nothing behind it. It is
read by writing it anew: whatever is not that very text, byte for byte, does not verify, so two files that say the same
are the same file.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "sports-for-all settlement statement 1"
_CONTEXT = b"sports-for-all settlement statement 1\n"
"""Before what is signed, so that a signature of this key under anything else is none under a statement."""
_NO_LINES = b'"lines":[]'


class NotOurs(Exception):
    """The file is not a statement that one of these keys signed. Its text says why, for whoever checks."""


def canonical(content: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> bytes:
    """One text for one content."""
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)


def statement_of(content: Mapping[str, Any], pages: Sequence[bytes]) -> bytes:
    """The canonical text of this content with its lines, which are canonical already: pages of them, without brackets.

    Of a large venue it is 20 MB. These are joined by `bytes.join`, here and below, which lets other threads run meanwhile.
    """
    before, after = canonical({**content, "lines": []}).split(_NO_LINES)  # within a string every quote is escaped
    return b"".join((before, _NO_LINES[:-1], b",".join(pages), b"]", after))


def signed_bytes(statement: bytes) -> bytes:
    return b"".join((_CONTEXT, statement))


def file_of(statement: bytes, *, signature: bytes, key_id: str) -> bytes:
    """What is downloaded."""
    head = b'{"keyId":%b,"signature":"%b","statement":' % (orjson.dumps(key_id), signature.hex().encode())
    return b"".join((head, statement, b"}"))


def keys_in(content: bytes) -> Mapping[str, bytes]:
    """The public keys, as the address /statement-keys gives them. Raises NotOurs."""
    try:
        return {str(key_id): bytes.fromhex(key) for key_id, key in orjson.loads(content)["keys"].items()}
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
        raise NotOurs("these are no public keys") from None


def verified(content: bytes, public_keys: Mapping[str, bytes]) -> Mapping[str, Any]:
    """What the statement says. Raises NotOurs."""
    try:
        said = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise NotOurs("it is no JSON") from None
    if not isinstance(said, dict) or said.keys() != {"keyId", "signature", "statement"}:
        raise NotOurs("it is no statement")
    key_id, signature, statement = said["keyId"], said["signature"], said["statement"]
    if not isinstance(key_id, str) or not isinstance(signature, str) or not isinstance(statement, dict):
        raise NotOurs("it is no statement")
    if key_id not in public_keys:
        raise NotOurs(f"no public key has the id {key_id!r}")
    try:
        raw, text = bytes.fromhex(signature), canonical(statement)
        Ed25519PublicKey.from_public_bytes(public_keys[key_id]).verify(raw, signed_bytes(text))
    except (ValueError, TypeError, InvalidSignature):
        raise NotOurs("its signature does not hold") from None
    if file_of(text, signature=raw, key_id=key_id) != content or statement.get("format") != FORMAT:
        raise NotOurs("it is not written as we write it")
    return statement
