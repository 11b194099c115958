"""From which side of the border a member says that they come: a province, nothing finer.

Only what they say. The first digits of an ID number tell where it was issued, perhaps decades ago (Chongqing's begin with
51 until 1997), and were not given to us for this.
"""

import re

from models import database
from models.errors import BadInput
from models.members.standing import lock_living


@database.operation
async def say_home(*, member_id: int, province_code: str) -> None:
    """Orders that are placed from now on have it; empty takes it back. Harmless the second time.

    Raises BAD_INPUT for what is no province of ours, NOT_SIGNED_IN for an account that is no more.
    """
    if province_code and not (
        re.fullmatch(r"[0-9]{6}", province_code)
        and await database.row("SELECT 1 FROM region WHERE code = $1 AND level = 'PROVINCE'", province_code)
    ):
        raise BadInput("请从四川省和重庆市里选择。", next_step="来自其他地方时不必填写。", field="provinceCode")
    await lock_living(member_id)
    await database.rows(
        "UPDATE member SET home_province = $1 WHERE id = $2 RETURNING id", province_code, member_id
    )
