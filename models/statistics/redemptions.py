"""From a figure of the programme down to the redemptions of which it is made, for whoever may see both.

A figure leads down where it is shown: what is hidden for being about a few leads nowhere. Ages never do, since a redemption
with an age is somebody. Who looks needs READ_SETTLEMENT where the venue lies besides, because that is the power by which
single redemptions are seen; as in a settlement's lines, nothing here says who the citizen was. docs/decisions, 0033.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import orjson

from models import database
from models.errors import BadInput
from models.ids import request_hash
from models.keeping import Keep
from models.staff import powers
from models.staff.powers import venues_where
from models.staff.rules import Power, StaffSignedIn
from models.statistics.counting import SHANGHAI_HOUR, Of, spoken
from models.statistics.programme import UNSAID, Asked, groups_of_uses, meant
from models.statistics.rules import GroupedBy
from models.vouchers.rules import UseWay

TURNED_WITHIN_S = 60.0
"""For so long pages go on from what was counted for the first of them. What is hidden meanwhile was shown a moment ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redemption:
    """A use that stands. `settlement_no`: in which it is settled, the latest; empty: not yet."""

    id: int
    use_no: str
    venue_id: str
    venue_name: str
    used_at: datetime
    way: UseWay
    clerk: str
    bill_fen: int
    used_fen: int
    venue_share_fen: int
    settlement_no: str


_OF_GROUP = {
    GroupedBy.DISTRICT: "region.key = $5",
    GroupedBy.SPORT: f"used.sport_code = CASE WHEN $5 = '{UNSAID}' THEN '' ELSE $5 END",
    GroupedBy.HOUR: f"CAST({SHANGHAI_HOUR} AS TEXT) = $5",
}
_REDEMPTIONS = """
SELECT used.id, used.use_no, used.used_at, used.way, used.bill_fen, used.used_fen, used.venue_share_fen,
       venue.public_id, venue.name, staff_member.display_name,
       (SELECT MAX(settlement.settlement_no)
          FROM voucher_event JOIN settlement_line ON settlement_line.entry_id = voucher_event.id
               JOIN settlement ON settlement.id = settlement_line.settlement_id
         WHERE voucher_event.use_id = used.id) AS settlement_no
  FROM voucher_use used JOIN venue ON venue.id = used.venue_id JOIN region ON region.id = venue.region_id
       LEFT JOIN staff_member ON staff_member.id = used.staff_id
 WHERE used.state = 'DONE' AND used.business_day >= $3::date AND used.business_day < $4::date
   AND ($2::bigint = 0 OR used.campaign_id = $2::bigint) AND ($5::text = '' OR {of_group})
   AND {statistics} AND {settlements} AND used.id < $6
 ORDER BY used.id DESC LIMIT $7"""


async def redemptions(
    asked: Asked,
    key: str,
    *,
    clerk: StaffSignedIn,
    smallest_group: int,
    first: int,
    before_id: int | None,
    now: datetime,
    keep: Keep | None = None,
) -> Sequence[Redemption]:
    """Of the group with this key in what `asked` shows, or of all with an empty one: the latest first, one more than asked.

    With `keep`, which groups are shown is counted once for all pages that this person turns within a minute.

    Raises NOT_ALLOWED, CAMPAIGN_UNKNOWN, and BAD_INPUT for ages, for a group that is not there, and for one that is hidden.
    """
    await powers.demand(clerk, Power.READ_STATISTICS)
    await powers.demand(clerk, Power.READ_SETTLEMENT)
    if asked.by not in _OF_GROUP:
        raise BadInput("按年龄的统计不能逐笔查看。", next_step="请改按地区、项目或时段查看。", field="by")
    _, of = await meant(asked, clerk=clerk, now=now)
    is_shown = (await _groups(asked.by, of, clerk, smallest_group, keep)).get(key)
    if is_shown is None:
        raise BadInput("这一期没有这一组的核销。", next_step="请从统计表里重新选择。", field="key")
    if not is_shown:
        raise BadInput("这一组的数字不显示，也不能逐笔查看。", next_step="请选择人数更多的一组。", field="key")
    return await _listed(asked.by, of, key, first, before_id)


async def _groups(
    by: GroupedBy, of: Of, clerk: StaffSignedIn, smallest_group: int, keep: Keep | None
) -> Mapping[str, bool]:
    """Kept for whoever has these very roles, so that a lost one is lost at once."""
    make = partial(groups_of_uses, by, of, smallest_group)
    if keep is None:
        return await make()
    roles = sorted(f"{held.role} {held.place.venue_id} {held.place.region_key}" for held in clerk.roles)
    name = ":".join(
        ("groups_of_uses", by, *map(str, of.values), str(smallest_group), request_hash(*roles)),
    )
    return await keep.get(name, TURNED_WITHIN_S, make, dump=orjson.dumps, load=orjson.loads, weighs=3)


async def _listed(by: GroupedBy, of: Of, key: str, first: int, before_id: int | None) -> Sequence[Redemption]:
    found = await database.rows(
        _REDEMPTIONS.format(
            of_group=spoken(_OF_GROUP[by], "used.used_at"),
            statistics=venues_where(Power.READ_STATISTICS),
            settlements=venues_where(Power.READ_SETTLEMENT),
        ),
        *(*of.values, key, before_id or 2**62, first + 1),
    )
    return [_redemption(row) for row in found]


def _redemption(row: Any) -> Redemption:
    return Redemption(
        id=row["id"],
        use_no=row["use_no"],
        venue_id=row["public_id"],
        venue_name=row["name"],
        used_at=database.utc(row["used_at"]),
        way=UseWay(row["way"]),
        clerk=row["display_name"] or "",
        bill_fen=int(row["bill_fen"]),
        used_fen=int(row["used_fen"]),
        venue_share_fen=int(row["venue_share_fen"]),
        settlement_no=row["settlement_no"] or "",
    )
