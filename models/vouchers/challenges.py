"""A challenge that nobody has to see: a phone computes for a second or two what a machine would have to compute for
each of its thousands of claims.

    puzzle    its end · chance · MAC over both, the member, the campaign and the claim's key
    solution  a text with which SHA-256("puzzle:solution") begins with so many bits of nothing

The puzzle carries what it needs and is signed under a key of ours, so nothing is stored; it is good for the one claim
for which it was made. Whoever's phone cannot compute has other ways: a phone number that was proved by SMS in the last
half hour counts as much, and a desk hands out vouchers to whoever stands there with an ID card.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from models import database
from models.errors import DomainError, ErrorCode
from models.keys import TokenKeys, token_hash
from models.vouchers.rules import Challenge

LIFE = timedelta(minutes=10)
BITS, BITS_WHEN_SUSPECT = 15, 18
"""Some 33,000 hashes, and 260,000."""
PHONE_PROVED_WITHIN = timedelta(minutes=30)
LONGEST_SOLUTION = 32
_END, _CHANCE, _BITS = 10, 16, 2  # hexadecimal digits


class ChallengeNeeded(DomainError):
    code = ErrorCode.CHALLENGE_NEEDED

    def __init__(self, puzzle: "Puzzle") -> None:
        super().__init__(
            "为防止机器抢券，需要您的手机先完成一次运算，不用您看图或拼图。",
            next_step="请稍等片刻后自动重试；如一直不成功，请先用短信验证码验证手机号，或带身份证到场馆前台领取。",
            field="solution",
        )
        self.puzzle = puzzle


@dataclass(frozen=True, slots=True, kw_only=True)
class Puzzle:
    text: str
    bits: int
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The one claim that a puzzle is for."""

    member_public_id: str
    campaign_id: str
    key: str


def is_needed(challenge: Challenge, *, is_suspect: bool) -> bool:
    return challenge is Challenge.ALWAYS or (challenge is Challenge.WHEN_SUSPECT and is_suspect)


def new_puzzle(subject: Subject, *, is_suspect: bool, keys: TokenKeys, now: datetime) -> Puzzle:
    bits, ends_at = BITS_WHEN_SUSPECT if is_suspect else BITS, now + LIFE
    told = f"{int(ends_at.timestamp()):0{_END}x}{secrets.token_hex(_CHANCE // 2)}{bits:0{_BITS}x}"
    return Puzzle(text=told + _macs(told, subject, keys)[0], bits=bits, ends_at=ends_at.replace(microsecond=0))


def is_solved(
    puzzle: str, solution: str, subject: Subject, *, is_suspect: bool, keys: TokenKeys, now: datetime
) -> bool:
    """We made this puzzle for this claim, not long ago and not easier than it must be, and somebody solved it."""
    told, mac = puzzle[: _END + _CHANCE + _BITS], puzzle[_END + _CHANCE + _BITS :]
    known = _macs(told, subject, keys)
    alike = [hmac.compare_digest(each.encode(), mac.encode(errors="surrogatepass")) for each in known]
    if not any(alike):
        return False
    ends_at, bits = datetime.fromtimestamp(int(told[:_END], 16), UTC), int(told[-_BITS:], 16)
    least = BITS_WHEN_SUSPECT if is_suspect else BITS
    return (
        now < ends_at
        and bits >= least
        and len(solution) <= LONGEST_SOLUTION
        and has_worked(puzzle, solution, bits)
    )


def has_worked(puzzle: str, solution: str, bits: int) -> bool:
    digest = hashlib.sha256(f"{puzzle}:{solution}".encode(errors="surrogatepass")).digest()
    return int.from_bytes(digest) >> (256 - bits) == 0


def solve(puzzle: Puzzle) -> str:
    """What a client does."""
    number = 0
    while not has_worked(puzzle.text, str(number), puzzle.bits):
        number += 1
    return str(number)


async def has_proved_phone(member_id: int, now: datetime) -> bool:
    """The way of those whose phone cannot compute: they have just typed a code that was sent to them."""
    found = await database.row(
        "SELECT id FROM member_phone WHERE member_id = $1 AND proved_at > $2", member_id, now - PHONE_PROVED_WITHIN
    )
    return found is not None


def _macs(told: str, subject: Subject, keys: TokenKeys) -> list[str]:
    """In hexadecimal, for each key."""
    about = f"{told} {subject.campaign_id} {subject.member_public_id} {subject.key}"
    return [token_hash(derived)[:32] for derived in keys.derive("claim-challenge", about)]
