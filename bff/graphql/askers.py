"""Who asks: our own clients by documents of theirs that are trusted, everybody else by a key, which only reads.

A key that comes along is looked up whatever is asked: who sends an ended one learns it at once, and not on the day
on which their first free query is refused.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from bff.graphql.wire import Declined
from models.errors import ErrorCode
from models.third_parties import queries
from models.third_parties.rules import KnownThirdParty

HEADER = "X-Api-Key"
CHALLENGE = (b"www-authenticate", b'ApiKey realm="graphql"')  # RFC 9110, 11.6.1: a 401 names what would be taken


@dataclass(frozen=True, slots=True)
class Asker:
    """`third_party`: the one whose live key the request carries. Rates are counted by its public id."""

    may_ask_freely: bool
    may_act_freely: bool
    third_party: KnownThirdParty | None = None


STRANGER = Asker(may_ask_freely=False, may_act_freely=False)

AskerOf = Callable[[Mapping[str, str]], Awaitable[Asker]]
"""Given a request's headers. Raises `KeyRefused`."""


class KeyRefused(Declined):
    """One sentence for a key that never was and for one that has ended."""

    def __init__(self) -> None:
        super().__init__(
            401,
            "接口密钥无效或已停用，请核对后再试，或联系平台更换。",
            detail=f"The key in {HEADER} is unknown or has ended.",
            code=ErrorCode.NOT_ALLOWED,
            headers=[CHALLENGE],
        )


class FreeQueryRefused(Declined):
    """A document that is none of ours, from nobody we know."""

    def __init__(self) -> None:
        super().__init__(
            401,
            "自由查询只对已登记的第三方应用开放，请携带接口密钥。",
            detail=f"Our own clients send a documentId; third parties send their key in {HEADER}.",
            code=ErrorCode.NOT_ALLOWED,
            headers=[CHALLENGE],
        )


class FreeActRefused(Declined):
    """A third party's key lets it read. Whatever acts for a person is our own clients', document by document."""

    def __init__(self) -> None:
        super().__init__(
            403,
            "第三方应用只能查询，不能代人办理。",
            detail="A key allows queries only, no mutations.",
            code=ErrorCode.NOT_ALLOWED,
        )


def asker_of(*, freely: bool) -> AskerOf:
    """`freely`: whether anybody may send any document, as in development."""
    without_key = Asker(may_ask_freely=freely, may_act_freely=freely)

    async def found(headers: Mapping[str, str]) -> Asker:
        key = headers.get(HEADER, "")
        if not key:
            return without_key
        third_party = await queries.find(key)
        if third_party is None:
            raise KeyRefused
        return Asker(may_ask_freely=True, may_act_freely=freely, third_party=third_party)

    return found
