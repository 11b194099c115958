"""The part of a life in which a price is split with a companion, who has not paid yet."""

from typing import TYPE_CHECKING

from tests.factories.booking import at
from tests.house import line
from tests.resolvers import documents_splitting

if TYPE_CHECKING:
    from tests.authorisation.lives import Life


async def live_with_shares(life: "Life") -> None:
    """Under a number that nobody else cancels or pays (`life.others`)."""
    order = await life.citizen.places(line(life.hall.badminton_2, at(13, days=3)))
    life.others.ids["split"] = order["orderNo"]
    ties = [life.others.ids["companionship"]]
    split = await life.citizen.ask(documents_splitting.SPLIT_ORDER, orderNo=order["orderNo"], companionIds=ties)
    assert [share["state"] for share in split.value["shares"]] == ["OPEN", "OPEN"]
