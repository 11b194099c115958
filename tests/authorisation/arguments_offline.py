"""The same for desks that are offline: what a venue's devices are called, what they signed, and a voucher's pass."""

import base64
import json
import secrets
from collections.abc import Callable, Mapping

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.authorisation.kinds import ANOTHER_KIND, Known, Plain, Reaching
from tests.authorisation.lives import Life


def _desks(*which: str) -> Callable[[Life], list[Known]]:
    return lambda life: [
        *(Known(life.others.ids[f"offline desk, {each}"], f"a desk's id: {each}") for each in which),
        Known(life.venue_id, "a venue's id", shut=ANOTHER_KIND),
    ]


def _a_desk_id() -> str:
    return f"dsk_{secrets.token_hex(10).upper()}"


def _a_public_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    return base64.b64encode(key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)).decode()


def _a_body() -> str:
    return json.dumps({"format": 1, "desk": _a_desk_id()})


async def _let_in(life: Life) -> str:
    return life.others.keys["offline body, let in"]


REACHING_OFFLINE: Mapping[str, Reaching] = {
    "voucherPass.voucherId": Reaching(
        lambda life: [
            Known(life.others.ids["voucher, offline"], "the id of a voucher that was used offline"),
            Known(life.others.ids["voucher, to pass"], "a voucher's id"),
            Known(life.others.ids["offline desk, in use"], "a desk's id", shut=ANOTHER_KIND),
        ],
        lambda: f"vch_{secrets.token_hex(10).upper()}",
        live=lambda life: _this(life.others.ids["voucher, to pass"]),
    ),
    "endOfflineDesk.deskId": Reaching(_desks("to end"), _a_desk_id, owner="clerk"),
    "offlineKit.deskId": Reaching(_desks("in use"), _a_desk_id, owner="clerk"),
    "uploadOfflineQueue.deskId": Reaching(_desks("in use"), _a_desk_id, owner="clerk"),
    "OfflineEntryInput.body": Reaching(
        lambda life: [Known(life.others.keys["offline body, voucher"], "what a desk signed")],
        _a_body,
        owner="clerk",
        live=_let_in,
    ),
    "enrolOfflineDesk.publicKey": Reaching(
        lambda life: [
            Known(
                life.others.keys["offline key"],
                "the public key of a desk of An's venue",
                tells="whoever has a device's public key may hear that it is enrolled already",
            )
        ],
        _a_public_key,
        owner="clerk",
    ),
    "conflictId": Reaching(
        lambda life: [
            Known(life.others.ids["offline conflict"], "a conflict's id"),
            Known(life.others.ids["offline desk, in use"], "a desk's id", shut=ANOTHER_KIND),
        ],
        lambda: f"ocf_{secrets.token_hex(10).upper()}",
        owner="regulator",
    ),
}
PLAIN_OFFLINE: Mapping[str, Plain] = {
    "OfflineEntryInput.signature": Plain(
        lambda life: life.others.keys["offline signature, voucher"],
        live=lambda life: life.others.keys["offline signature, let in"],
    ),
    "enrolOfflineDesk.name": Plain(lambda life: "前台平板"),
    "enrolOfflineDesk.most": Plain(lambda life: 20_000),
    "mostCount": Plain(lambda life: 5),
    "decideOfflineConflict.pays": Plain(lambda life: False),
    "decideOfflineConflict.note": Plain(lambda life: "备用金不足"),
}
WORDS_OFFLINE = {"signature", "name"}


async def _this(value: str) -> str:
    return value
