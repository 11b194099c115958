"""The same for the programme's figures: which campaigns there are, everybody may know; nobody is named by a figure."""

from collections.abc import Mapping

from tests.authorisation.kinds import ABSENT, Open, Plain

_OF_A_CROWD = Open(lambda world: [world.an.campaigns.crowded.public_id])
OPEN_STATISTICS: Mapping[str, Open] = {
    "programmeStatistics.campaignId": _OF_A_CROWD,
    "programmeRedemptions.campaignId": _OF_A_CROWD,
    "programmeRedemptions.key": Open(lambda world: [""]),  # a group's, as the statistics name it
    "programmeRedemptions.after": Open(
        lambda world: [ABSENT]
    ),  # the id of a use; what is listed hangs on powers alone
    "subsidies.campaignId": _OF_A_CROWD,
}
PLAIN_STATISTICS: Mapping[str, Plain] = {
    "programmeStatistics.by": Plain(lambda life: "DISTRICT"),
    "programmeStatistics.day": Plain(lambda life: "2026-11-20"),
    "programmeRedemptions.by": Plain(lambda life: "DISTRICT"),
    "programmeRedemptions.day": Plain(lambda life: "2026-11-20"),
    "subsidies.month": Plain(lambda life: "2026-11-20"),
}
