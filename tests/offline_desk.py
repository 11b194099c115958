"""A desk without a network, as docs/offline.md says: with its own key and a kit, and nothing of the server's.

It imports nothing of ours, so that whoever writes the page can read here what the page has to do. The clock is handed
in: `clock()` is the device's own, which may be wrong; what the kit says puts it right.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

KIT_LABEL = b"sports-for-all offline kit 1\n"
PASS_LABEL = b"sports-for-all voucher pass 1\n"
ENTRY_LABEL = b"sports-for-all offline entry 1\n"


class Refused(Exception):
    """What the desk says no to, by a word of its own."""


@dataclass(frozen=True)
class PassSays:
    key_id: str
    number: int
    handle: str
    face: int
    minimum: int
    campaign: int
    terms: int
    until: datetime


@dataclass
class OfflineDesk:
    clock: Callable[[], datetime]
    private_key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    desk_id: str = ""
    kit_keys: dict[str, str] = field(default_factory=dict)  # ours, remembered since it was enrolled
    kit: Mapping[str, Any] = field(default_factory=dict)
    offset: timedelta = timedelta()  # brings its clock to the server's
    number: int = 0
    last_hash: str = "0" * 64
    queue: list[tuple[str, str]] = field(default_factory=list)  # (body, signature), until the server has them
    entered: set[str] = field(default_factory=set)
    spent: dict[str, int] = field(default_factory=dict)  # this day's vouchers by their handle, in fen
    day: str = ""

    @property
    def public_key(self) -> str:
        return base64.b64encode(
            self.private_key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        ).decode()

    def enrolled(self, desk_id: str, kit_keys: Sequence[Mapping[str, str]]) -> None:
        self.desk_id, self.kit_keys = desk_id, {key["id"]: key["point"] for key in kit_keys}

    # ---- while there is a network

    def load(self, given: Mapping[str, str]) -> None:
        """Takes a kit, if it is the server's and for this desk."""
        body = given["body"].encode()
        point = self.kit_keys.get(given["keyId"])
        if point is None or not _verifies(point, base64.b64decode(given["signature"]), KIT_LABEL + body):
            raise Refused("KIT_FORGED")
        kit = json.loads(body)
        if kit["format"] != 1 or kit["desk"] != self.desk_id:
            raise Refused("KIT_ANOTHER_DESK")
        self.kit, self.offset = kit, _instant(kit["serverNow"]) - self.clock()
        self.kit_keys = dict(kit["kitKeys"])
        if kit["day"] != self.day:
            self.day, self.spent, self.entered = kit["day"], {}, set()
        if kit["last"]["number"] > self.number:  # its memory was lost: it goes on where the server knows it
            self.number, self.last_hash = kit["last"]["number"], kit["last"]["hash"]

    def batch(self, most: int = 100) -> list[dict[str, str]]:
        return [{"body": body, "signature": signature} for body, signature in self.queue[:most]]

    def heard(self, answers: Sequence[Mapping[str, Any]]) -> None:
        """Lets go of what the server has."""
        sent = self.queue[: len(answers)]
        kept = [entry for entry, answer in zip(sent, answers, strict=True) if not answer["kept"]]
        self.queue = kept + self.queue[len(answers) :]

    # ---- without one

    def now(self) -> datetime:
        return self.clock() + self.offset

    def accept_code(self, text: str) -> str:
        """Lets somebody in; gives the title of their slot."""
        now = self._in_time()
        digits = _digits(text, 24)
        if digits is None or int(digits) % 97 != 1:
            raise Refused("NO_CODE")
        if digits[0] != "1":
            raise Refused("ONLY_ROTATING_CODES")
        key, handle, mac = self.kit["codeKeys"].get(digits[1]), digits[2:12], digits[12:22]
        (admission,) = [each for each in self.kit["admissions"] if each["handle"] == handle] or [None]
        if key is None or admission is None:
            raise Refused("UNKNOWN_CODE")
        step = int(now.timestamp()) // self.kit["stepSeconds"]
        made = [code_mac(base64.b64decode(key), handle, admission["versions"], each) for each in _near(step)]
        alike = [hmac.compare_digest(each, mac) for each in made]  # all of them, so that the delay tells nothing
        if True not in alike:
            raise Refused("UNKNOWN_CODE")
        if admission["revoked"]:
            raise Refused("REFUNDED")
        if not _instant(admission["opensAt"]) <= now < _instant(admission["endsAt"]):
            raise Refused("NOT_NOW")
        if admission["entered"] or handle in self.entered:
            raise Refused("ALREADY_INSIDE")
        self.entered.add(handle)
        self.append("CODE", text=digits)
        return str(admission["title"])

    def accept_pass(self, text: str, *, bill: int, sport: str = "", rest: str = "CASH") -> int:
        """Takes a voucher; gives what the customer still pays, in fen."""
        now = self._in_time()
        digits = _digits(text, 212)
        if digits is None or digits[0] != "5":
            raise Refused("NO_PASS")
        says = read_pass(digits)
        point = self.kit["passKeys"].get(says.key_id)
        signature = int(digits[57:])
        if point is None or signature >> 512:
            raise Refused("UNKNOWN_PASS")
        if not _verifies(point, signature.to_bytes(64), PASS_LABEL + digits[:57].encode()):
            raise Refused("UNKNOWN_PASS")
        if now >= says.until:
            raise Refused("PASS_OVER")
        if says.number in self.kit["voidPasses"]:
            raise Refused("PASS_REVOKED")
        campaigns = {(each["number"], each["version"]): each["sports"] for each in self.kit["campaigns"]}
        sports = campaigns.get((says.campaign, says.terms))
        if sports is None:
            raise Refused("NOT_HERE")
        if sport not in sports:
            raise Refused("NOT_THIS_SPORT")
        if bill < says.minimum:
            raise Refused("TOO_LITTLE")
        if says.handle in self.spent:
            raise Refused("USED_HERE")
        caps = self.kit["caps"]
        if sum(self.spent.values()) + says.face > caps["mostFen"] or len(self.spent) >= caps["mostCount"]:
            raise Refused("CAP_REACHED")
        self.spent[says.handle] = says.face
        self.append("PASS", text=digits, bill=bill, sport=sport, rest=rest)
        return bill - says.face

    def append(self, kind: str, **said: Any) -> None:
        """Writes an acceptance into the queue. No rule is asked: what a desk does that breaks them can be seen too."""
        self.number += 1
        body = {
            "format": 1,
            "desk": self.desk_id,
            "kit": self.kit["kit"],
            "number": self.number,
            "previous": self.last_hash,
            "at": self.clock().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "offsetMs": round(self.offset / timedelta(milliseconds=1)),
            "kind": kind,
            **said,
        }
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        self.queue.append((text, self.signed(text)))
        self.last_hash = hashlib.sha256(text.encode()).hexdigest()

    def signed(self, body: str) -> str:
        r, s = decode_dss_signature(self.private_key.sign(ENTRY_LABEL + body.encode(), ec.ECDSA(SHA256())))
        return base64.b64encode(r.to_bytes(32) + s.to_bytes(32)).decode()

    def _in_time(self) -> datetime:
        now = self.now()
        if not self.kit or not _instant(self.kit["serverNow"]) <= now < _instant(self.kit["validUntil"]):
            raise Refused("NO_KIT")
        return now


def read_pass(digits: str) -> PassSays:
    def cut(first: int, width: int) -> int:
        return int(digits[first : first + width])

    return PassSays(
        key_id=str(cut(1, 2)),
        number=cut(3, 13),
        handle=digits[16:26],
        face=cut(26, 7),
        minimum=cut(33, 7),
        campaign=cut(40, 6),
        terms=cut(46, 3),
        until=datetime.fromtimestamp(cut(49, 8) * 60, UTC),
    )


def code_mac(key: bytes, handle: str, versions: Sequence[int], step: int) -> str:
    """Ten digits of a rotating code, under the key of a venue and a day."""
    text = f"1:{handle}:{versions[0]}:{versions[1]}:{step}"
    return f"{int.from_bytes(hmac.digest(key, text.encode(), 'sha256')) % 10**10:010d}"


def a_code(key_id: str, key: bytes, handle: str, versions: Sequence[int], at: datetime) -> str:
    """What somebody who stole a desk could make with its kit."""
    body = f"1{key_id}{handle}{code_mac(key, handle, versions, int(at.timestamp()) // 30)}"
    return f"{body}{98 - int(body) * 100 % 97:02d}"


def _near(step: int) -> tuple[int, int, int]:
    return step - 1, step, step + 1


def _digits(text: str, count: int) -> str | None:
    digits = "".join(text.split())
    return digits if len(digits) == count and digits.isascii() and digits.isdigit() else None


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _verifies(point: str, signature: bytes, message: bytes) -> bool:
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), base64.b64decode(point))
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
    try:
        key.verify(encode_dss_signature(r, s), message, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True
