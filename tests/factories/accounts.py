"""Two accounts of one person, the codes that prove them, and what binds them to others."""

from dataclasses import dataclass
from datetime import datetime

from models.keys import IdKeys, LookupKeys, SealingKeys
from models.members.queries import who
from models.merging import codes, operations
from models.merging.asking import Asking
from models.real_names import binding
from models.real_names.rules import Assurance, NamedPerson
from tests.conftest import NOW
from tests.factories.people import PHONE_KEYS, TOKEN_KEYS, a_member

ID_KEYS = IdKeys(sealing=SealingKeys({"1": b"i" * 32}), lookup=LookupKeys({"1": b"j" * 32}))
TEXT_KEYS = SealingKeys({"1": b"x" * 32})
GRANDMOTHER = ("王秀兰", "51010419520315002X")
FATHER = ("李建国", "510107198504120011")


@dataclass(frozen=True)
class Account:
    """A member in one sign-in."""

    member_id: int
    sign_in_id: int
    public_id: str
    access_token: str
    openid: str

    @property
    def asking(self) -> Asking:
        return Asking(member_id=self.member_id, sign_in_id=self.sign_in_id)


async def an_account(*, phone: str | None = None, openid: str | None = None, now: datetime = NOW) -> Account:
    _, tokens = await a_member(phone=phone, openid=openid, now=now)
    signed_in = await who(access_token=tokens.access_token, now=now)
    assert signed_in is not None
    return Account(
        signed_in.member_id,
        signed_in.sign_in_id,
        signed_in.member_public_id,
        tokens.access_token,
        signed_in.openid,
    )


async def a_code(account: Account, *, now: datetime = NOW) -> str:
    """A merge code of this account."""
    issued = await codes.issue(
        member_id=account.member_id, sign_in_id=account.sign_in_id, keys=TOKEN_KEYS, now=now
    )
    return issued.code


async def join(kept: Account, joined: Account, *, code: str | None = None, now: datetime = NOW) -> str:
    """Makes two accounts one, with a fresh code unless one is given; the merge's id."""
    return await operations.merge_members(
        asking=kept.asking,
        code=code or await a_code(joined, now=now),
        token_keys=TOKEN_KEYS,
        phone_keys=PHONE_KEYS,
        id_keys=ID_KEYS,
        now=now,
    )


async def part(account: Account, merge_id: str, *, now: datetime = NOW) -> None:
    await operations.undo_merge(
        member_id=account.member_id,
        sign_in_id=account.sign_in_id,
        merge_id=merge_id,
        phone_keys=PHONE_KEYS,
        id_keys=ID_KEYS,
        now=now,
    )


async def name(account: Account, person: tuple[str, str], *, now: datetime = NOW) -> None:
    """Binds a real name, as after the authority agreed."""
    await _bind(account.member_id, NamedPerson.of(*person, today=now.date()), now)


async def _bind(member_id: int, person: NamedPerson, now: datetime) -> None:
    holder = await binding.holder_of(list(ID_KEYS.lookup.hashes(person.number).values()))
    await binding.bind(holder, member_id=member_id, person=person, level=Assurance.AGREED, keys=ID_KEYS, now=now)
