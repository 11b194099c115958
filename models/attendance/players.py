"""Who plays: whoever the order is for, and whom they name. For each of them the venue's limits and pauses hold.

People are counted, not accounts: who once had a real name on another account is the same person here.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from models import database
from models.attendance.rules import helper_paused, paused
from models.booking.limits import Booked, Limits, check_counts, week_of
from models.errors import BadInput, DomainError, ErrorCode
from models.keys import IdKeys
from models.real_names.queries import known_people

MOST_COMPANIONS = 30


@dataclass(frozen=True, slots=True)
class LineOfPlayers:
    """What of a line is about people: where, when, under which limits, for how many, and whom it names besides
    whoever it is for (public ids of companionships)."""

    title: str
    booked: Booked
    limits: Limits
    people: int
    companion_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Player:
    member_id: int
    person_id: int | None
    paused_until: datetime | None
    home_province: str = ""
    """As they say; empty: they did not."""


async def companions_of(member_id: int, companion_ids: Iterable[str]) -> dict[str, int]:
    """The members behind these companionships of the member's. Raises RELATION_UNKNOWN for one that is not, or not any
    more."""
    wanted = sorted(set(companion_ids))
    if not wanted:
        return {}
    found = await database.rows(
        """SELECT public_id, CASE WHEN one_id = $2 THEN other_id ELSE one_id END AS other_id FROM companionship
            WHERE public_id = ANY($1::text[]) AND (one_id = $2 OR other_id = $2) AND ended_at IS NULL""",
        wanted,
        member_id,
    )
    if len(found) < len(wanted):
        raise _no_companion()
    return {row["public_id"]: int(row["other_id"]) for row in found}


async def ties_to(member_id: int, others: Collection[int]) -> list[str]:
    """The companionships (public ids) that tie a member to these. Raises RELATION_UNKNOWN when one of them is no
    companion any more."""
    if not others:
        return []
    found = await database.rows(
        """SELECT public_id FROM companionship
            WHERE ended_at IS NULL AND (one_id = $1 AND other_id = ANY($2::bigint[])
                                        OR other_id = $1 AND one_id = ANY($2::bigint[])) ORDER BY id""",
        member_id,
        sorted(others),
    )
    if len(found) < len(others):
        raise _no_companion()
    return [row["public_id"] for row in found]


def _no_companion() -> DomainError:
    return DomainError(
        "所选的球友中，有人已不是您的球友。",
        code=ErrorCode.RELATION_UNKNOWN,
        next_step="请在“家人与协助”里查看后重新选择。",
        field="lines",
    )


def check_named(lines: Sequence[LineOfPlayers]) -> None:
    """Whether each line names as many as it may and must. Raises BAD_INPUT, COMPANIONS_NEEDED."""
    for line in lines:
        named = len(line.companion_ids)
        if len(set(line.companion_ids)) < named:
            raise BadInput("同一位球友选了两次。", next_step="请去掉重复的球友。", field="lines")
        if named > line.people - 1:
            raise BadInput(
                f"{line.title}共{line.people}人，除您之外最多写{line.people - 1}位球友。",
                next_step="请增加人数，或去掉多选的球友。",
                field="lines",
            )
        if line.limits.companions_named and named < line.people - 1:
            raise DomainError(
                f"{line.title}须写明同场的每一位球友：共{line.people}人，还差{line.people - 1 - named}位。",
                code=ErrorCode.COMPANIONS_NEEDED,
                next_step="请先在“家人与协助”里互加球友，再在预订时选择。",
                field="lines",
            )


async def players(venue_id: int, member_ids: Sequence[int], now: datetime) -> dict[int, Player]:
    """Under the locks of their rows: who they are, and until when they are paused at this venue."""
    found = await database.rows(_PLAYERS, sorted(set(member_ids)), venue_id, now)
    return {
        row["id"]: Player(
            *(row["id"], row["person_id"], row["paused_until"] and database.utc(row["paused_until"])),
            home_province=row["home_province"],
        )
        for row in found
    }


@dataclass(frozen=True, slots=True)
class Known:
    """What has to be read to judge everybody: what each has here (by member), and companions' masked names."""

    held: Mapping[int, Sequence[Booked]]
    names: Mapping[int, str]


async def known_of(
    venue_id: int,
    booker: Player,
    companions: Mapping[str, Player],
    first: date,
    *,
    keys: IdKeys,
    today: date,
    but_line_id: int | None = None,
) -> Known:
    """From the week of this day on. One statement, and another for who names somebody."""
    held = await held_from(venue_id, [booker, *companions.values()], week_of(first)[0], but_line_id)
    others = [each.member_id for each in companions.values()]
    people = await known_people(others, keys=keys, today=today) if others else {}
    return Known(held, {member_id: person.masked_name for member_id, person in people.items()})


async def check_players(
    lines: Sequence[LineOfPlayers],
    *,
    venue_id: int,
    booker: Player,
    guardian: Player | None,
    companions: Mapping[str, Player],
    keys: IdKeys,
    today: date,
    but_line_id: int | None = None,
    by_approval: bool = False,
) -> None:
    """Pauses, real names and limits of everybody on these lines. Raises BOOKING_PAUSED, REAL_NAME_NEEDED,
    TOO_MANY_COURTS, TOO_MANY_HOURS: the booker's own first. `but_line_id`: a line that is being moved is not counted.
    `by_approval`: the venue has allowed more than a person may have, so nothing is counted."""
    check_allowed(lines, booker=booker, guardian=guardian, companions=companions)
    if by_approval or not lines:
        return
    first = min(line.booked.day for line in lines)
    known = await known_of(venue_id, booker, companions, first, keys=keys, today=today, but_line_id=but_line_id)
    check_limits(lines, booker=booker, companions=companions, known=known)


def check_allowed(
    lines: Sequence[LineOfPlayers], *, booker: Player, guardian: Player | None, companions: Mapping[str, Player]
) -> None:
    """What is known of the people themselves: pauses, but for companions', and real names. Pure."""
    if booker.paused_until:
        raise paused(booker.paused_until)
    if guardian is not None and guardian.paused_until:
        raise helper_paused(guardian.paused_until)
    _check_real_names(lines, booker, companions)


def check_limits(
    lines: Sequence[LineOfPlayers], *, booker: Player, companions: Mapping[str, Player], known: Known
) -> None:
    """What each may have beside what they have: the booker, then each companion, unless they are paused. Pure."""
    monday = min(week_of(line.booked.day)[0] for line in lines)

    def held(player: Player) -> list[Booked]:
        return [each for each in known.held[player.member_id] if each.day >= monday]

    _check_counts(lines, held(booker), who="")
    for companion_id, companion in companions.items():
        name = known.names.get(companion.member_id, "（未实名）")
        if companion.paused_until:
            raise paused(companion.paused_until, name=name)
        theirs = [line for line in lines if companion_id in line.companion_ids]
        _check_counts(theirs, held(companion), who=name)


async def held_from(
    venue_id: int, people: Sequence[Player], first: date, but_line_id: int | None = None
) -> dict[int, list[Booked]]:
    """By member, what each has at the venue on this day and later: booked, or named on. One statement."""
    persons = {each.person_id: each for each in people if each.person_id is not None}
    text = _HELD_BY_PEOPLE if persons else _HELD_BY_ACCOUNTS
    values = [sorted(each.member_id for each in people), venue_id, first, *([sorted(persons)] if persons else [])]
    held: dict[int, dict[int, Booked]] = {each.member_id: {} for each in people}
    for row in await database.rows(text, *values):
        if row["line_id"] == but_line_id:
            continue
        minutes = (database.utc(row["ends_at"]) - database.utc(row["starts_at"])) // timedelta(minutes=1)
        booked = Booked(row["court_id"], row["sport_code"], database.day(row["business_day"]), minutes)
        for each in people:
            if each.member_id == row["who"] or (each.person_id is not None and each.person_id == row["person_id"]):
                held[each.member_id][row["line_id"]] = booked
    return {member_id: list(lines.values()) for member_id, lines in held.items()}


async def write_companions(lines: Sequence[tuple[int, Sequence[Player]]], now: datetime) -> None:
    """Of each line (its row's id), who is named on it."""
    named = [(line_id, each) for line_id, who in lines for each in who]
    if not named:
        return
    places = ", ".join(f"({database.parameters(3, first=2 + 3 * n)}, $1)" for n in range(len(named)))
    await database.rows(
        f"INSERT INTO line_companion (order_line_id, member_id, person_id, named_at) VALUES {places}",
        now,
        *(value for line_id, each in named for value in (line_id, each.member_id, each.person_id)),
    )


def _check_counts(lines: Sequence[LineOfPlayers], held: Sequence[Booked], *, who: str) -> None:
    """Lines under one rule are counted together, and beside them what another rule counts is nothing. Lines of days on which
    another version holds are counted as what they have."""
    for limits in dict.fromkeys(line.limits for line in lines):
        wanted = [line.booked for line in lines if line.limits == limits]
        others = [line.booked for line in lines if line.limits != limits]
        check_counts(limits, held=[*held, *others], wanted=wanted, who=who)


def _check_real_names(lines: Sequence[LineOfPlayers], booker: Player, companions: Mapping[str, Player]) -> None:
    for line in lines:
        if not line.limits.real_name_needed:
            continue
        if booker.person_id is None:
            raise DomainError(
                f"{line.title}是实名场地，预订人须先实名认证。",
                code=ErrorCode.REAL_NAME_NEEDED,
                next_step="请先在“我的”里完成实名认证，再来预订。",
                field="lines",
            )
        if any(companions[each].person_id is None for each in line.companion_ids):
            raise DomainError(
                f"{line.title}是实名场地，所选的球友中有人还没有实名认证。",
                code=ErrorCode.REAL_NAME_NEEDED,
                next_step="请对方先完成实名认证，或换一位球友。",
                field="lines",
            )


_PLAYERS = """
SELECT member.id, member.home_province, real_name.id AS person_id,
       (SELECT MAX(ends_at) FROM booking_pause
         WHERE venue_id = $2 AND ends_at > $3 AND freed_at IS NULL
           AND (booking_pause.member_id = member.id OR booking_pause.person_id = real_name.id)) AS paused_until
  FROM member LEFT JOIN real_name ON real_name.member_id = member.id
 WHERE member.id = ANY($1::bigint[])
"""


def _arm(who: str, condition: str) -> str:
    named = (
        "JOIN line_companion ON line_companion.order_line_id = order_line.id" if who == "line_companion" else ""
    )
    return f"""
    SELECT {who}.member_id AS who, {who}.person_id, order_line.id AS line_id, order_line.court_id, court.sport_code,
           order_line.business_day, order_line.starts_at, order_line.ends_at
      FROM orders JOIN order_line ON order_line.order_id = orders.id {named}
                  JOIN court ON court.id = order_line.court_id
     WHERE {condition} AND orders.venue_id = $2 AND order_line.business_day >= $3
       AND orders.status <> 'CLOSED' AND NOT orders.by_approval AND order_line.cancelled_at IS NULL"""


_HELD_BY_ACCOUNTS = " UNION ALL ".join(
    _arm(who, f"{who}.member_id = ANY($1::bigint[])") for who in ("orders", "line_companion")
)
_HELD_BY_PEOPLE = " UNION ALL ".join(
    [
        _HELD_BY_ACCOUNTS,
        *(
            _arm(who, f"{who}.person_id = ANY($4::bigint[]) AND {who}.person_id IS NOT NULL")
            for who in ("orders", "line_companion")
        ),
    ]
)
"""Each part by an index of its own: those of people are partial, and used only where NULL is ruled out."""
