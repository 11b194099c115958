"""Passwords at rest: Argon2id, in threads, since one takes some 20 ms of a whole core and 19 MiB.

Parameters: OWASP Password Storage Cheat Sheet, second row (19 MiB, 2 passes). They stand in each stored hash, so
raising them here leaves the older ones readable.
"""

import asyncio
import secrets
from base64 import b64encode

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

MEMORY_KIB = 19 * 1024
PASSES = 2


async def hashed(password: str) -> str:
    """The password's hash in PHC form, with its own salt."""
    return await asyncio.to_thread(_hash, _bytes(password))


async def is_right(password: str, stored: str | None) -> bool:
    """Whether this is the password of the stored hash. Without one it is wrong, after the same time."""
    return await asyncio.to_thread(_verify, _bytes(password), stored or _NOBODYS)


def _hash(password: bytes) -> str:
    return Argon2id(
        salt=secrets.token_bytes(16), length=32, iterations=PASSES, lanes=1, memory_cost=MEMORY_KIB
    ).derive_phc_encoded(password)


def _verify(password: bytes, stored: str) -> bool:
    try:
        Argon2id.verify_phc_encoded(password, stored)
    except InvalidKey:
        return False
    return True


def _bytes(password: str) -> bytes:
    return password.encode(errors="surrogatepass")


_NOBODYS = "$argon2id$v=19${}${}${}".format(
    f"m={MEMORY_KIB},t={PASSES},p=1",
    *(b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (16, 32)),
)  # verified in place of an unknown name's hash, never matched: it is no password's
