"""What the schema says of things that a third party meets and that no field says of itself.

A field with something of its own to say says it where it is declared; that always goes first. Here stands what is the
same everywhere (a cursor, a venue's id), and one plain line for each public thing beside those that explain themselves.
`tests/resolvers/test_describing.py` holds that nothing public is left without a word, and that no line here is idle.
"""

from collections.abc import Mapping

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
)

from resolvers import describing_inputs as inputs
from resolvers.describing_refusals import REFUSALS
from resolvers.describing_values import VALUES

FIELDS: Mapping[str, str] = {
    "userErrors": "Why nothing was done; empty when it was. What else the payload holds is then null.",
    "edges": "This page, in the order that the field says.",
    "node": "The thing itself.",
    "cursor": "Where it stands in the list: give it as `after` to go on behind it.",
    "pageInfo": "Whether there is more, and from which cursor on.",
    "id": "Opaque, and the same for good.",
    "venueId": "The venue's `id`.",
    "venueName": "The venue's name.",
    "courtId": "The court's id.",
    "courtName": "As its venue calls it.",
    "startsAt": "The first instant of it.",
    "endsAt": "The first instant after it.",
}
"""By a field's name, wherever one has no description of its own."""

ARGUMENTS: Mapping[str, str] = {
    "first": "How many at most; the list's `@listSize` says how many are given at all.",
    "after": "A `cursor` of the page before; left out: from the beginning.",
    "venueId": "The venue's `id`.",
    "campaignId": "The campaign's `id`.",
    "orderNo": "The order's number: O and 20 characters.",
    "idempotencyKey": "A random text of your own for this one act. Asking again under it gives the first answer and does nothing "
    "twice; another act takes another.",
    "forMember": "For whom, if not for oneself: the `id` of somebody whose guardian or helper one is.",
    "coordinateSystem": "In which coordinates are given back.",
    **inputs.ARGUMENTS,
}
"""By an argument's name, likewise."""

TYPES: Mapping[str, str] = {
    "PriceKind": "What kind of time it is (体规字〔2021〕7号): free, at a low fee, or at the market's price.",
    "PricePartKind": "Where a part of a price comes from.",
    "SlotStatus": "Whether a time can be booked now, and why not.",
    "Slot": "One time of a court, with what it costs.",
    "Sport": "A kind of sport that venues offer.",
    "Venue": "A public sports venue.",
    "VoucherRoundStatus": "Whether vouchers of a round can be claimed now.",
    "OrderStatus": "How far an order is.",
    "OrderCloseReason": "Why an order is over.",
    "RefundStatus": "How far money is on its way back.",
    "RefundReason": "Why money goes back.",
    "ComplaintStatus": "How far a complaint is.",
    "ComplaintStepKind": "What happened to a complaint.",
    "OrganisationStatus": "Whether an organisation is recognised.",
    "CampaignChangeState": "How far a change of an opened campaign is.",
    "PassDirection": "Which way somebody goes through a door.",
    "ScanColour": "What a clerk is to do, at a glance.",
    "StatementStatus": "Where the comparison of a channel's day stands.",
    "DiscrepancyAbout": "Which money it is about.",
    "DiscrepancyKind": "What does not agree.",
    "DiscrepancyStatus": "Whether somebody must look at it.",
    "DiscrepancyOutcome": "What came of one look at a discrepancy.",
}
CONNECTION = "A page of a list."
EDGE = "One place of a list."
PAYLOAD = "What an act gives back: what it did, or in `userErrors` why not."

PUBLIC: Mapping[str, str] = {
    # Arguments of public questions
    "Query.venuesNear(point)": "Around which place.",
    "Query.venuesNear(radiusM)": "In metres, at most 100,000.",
    "Query.venuesNear(sport)": "A sport's `code`; left out: whatever they offer.",
    "Query.venuesNear(openAt)": "Only venues that are open then; carried along where a venue is booked elsewhere.",
    "Query.venue(id)": "The venue's `id`.",
    "Query.venue(sport)": "A sport's `code`, carried along where the venue is booked elsewhere.",
    "Query.venue(openAt)": "An instant, carried along where the venue is booked elsewhere.",
    "Query.slots(sport)": "A sport's `code`; left out: every sport's courts.",
    "Query.slots(date)": "A local day of Chengdu and Chongqing.",
    "Query.regions(onDay)": "Divisions change; left out: today.",
    "Query.regions(parentKey)": "Only the divisions right under the one with this `key`.",
    "Query.sessions(sport)": "A sport's `code`; left out: every sport's sessions.",
    "Query.sessions(date)": "A local day of Chengdu and Chongqing.",
    "Query.occupancyForecast(date)": "Today or one of the seven days after.",
    "Query.bookingRules(sport)": "A sport's `code`.",
    "Query.bookingRules(date)": "On which it is played; left out: today.",
    "Query.draw(id)": "The draw's `id`.",
    "Query.organisation(id)": "The organisation's `id`.",
    "Query.voucherCampaigns(near)": "Campaigns of the city where the venue nearest to this place is.",
    "Query.voucherCampaigns(regionKey)": "Campaigns whose vouchers can be used in the division with this `key`.",
    "Query.voucherCampaign(id)": "The campaign's `id`.",
    # Places
    "PointInput.lon": "Degrees east.",
    "PointInput.lat": "Degrees north.",
    "PointInput.system": "Without a word: GCJ02.",
    "Coordinate.lon": "Degrees east.",
    "Coordinate.lat": "Degrees north.",
    "Coordinate.system": "The one that was asked for.",
    "CoordinateSystem.WGS84": "What satellites give.",
    "CoordinateSystem.GCJ02": "China's own: WeChat, Tencent Maps, Amap.",
    "CoordinateSystem.BD09": "Baidu's.",
    "CoordinateSystem.CGCS2000": "The national one; within centimetres WGS84.",
    "Region.key": "The code, or a name of ours while none is published.",
    "Region.name": "In Chinese.",
    "Region.level": "PROVINCE, CITY or DISTRICT.",
    "Region.parentKey": "The division it belongs to; null for the two provinces.",
    # Venues
    "Venue.name": "In Chinese, as published.",
    "Venue.address": "In Chinese, as published.",
    "Venue.venueType": "In Chinese: 体育场, 体育馆, 游泳馆, 体育公园, 全民健身中心 …",
    "Venue.regionName": "The district's name.",
    "Venue.coordinate": "In the system that was asked for.",
    "Venue.phone": "Null: nobody published one.",
    "Venue.grade": "Null: nobody published one.",
    "Venue.isOpen": "False: closed for good; it is not among `venuesNear`.",
    "Venue.sports": "In the order to show them.",
    "Venue.openingToday": "On today's local date, the earliest first; empty: closed today.",
    "Opening.opens": "Local time, such as 09:00.",
    "Opening.closes": "Local time; 24:00 is the end of the day.",
    "Sport.code": "Such as BADMINTON; what arguments called `sport` take.",
    "Sport.name": "In Chinese.",
    "Jump.platformName": "In Chinese: where it is booked.",
    "Jump.path": "The page of the mini-program `appid`.",
    "Jump.isDemonstration": "True: made up for the walk-through.",
    "Occupancy.inside": "How many people are inside.",
    "Occupancy.countedAt": "When a gate or desk last counted somebody.",
    "OccupancyForecast.hours": "By the local clock, the earliest first; empty when there is no ground for a forecast.",
    "HourForecast.expected": "People inside, as usual.",
    "HourForecast.low": "The least of the weeks it rests on.",
    "HourForecast.high": "The most of the weeks it rests on.",
    # What can be booked, and for how much
    "CourtSlots.maxPeople": "So many may be booked for at once.",
    "CourtSlots.slots": "Of the day, the earliest first.",
    "Slot.status": "AVAILABLE can be booked; a change may come at any moment, and `placeOrder` has the last word.",
    "Slot.price": "For the whole slot, without a concession.",
    "Slot.priceKind": "MIXED: the slot reaches from one kind of time into another.",
    "Slot.priceLabel": "The kind in Chinese, to be shown.",
    "Slot.priceIsDemonstration": "True: made up for the walk-through, not published.",
    "SlotStatus.AVAILABLE": "It can be booked.",
    "SlotStatus.TAKEN": "Somebody has it.",
    "SlotStatus.PAST": "It has begun or is over.",
    "SlotStatus.NOT_RELEASED": "Bookings of its day are not open yet; `bookingRules` says when.",
    "SlotStatus.DRAW": "A draw gives it out, and is not done yet; see `draws`.",
    "SlotStatus.CLOSED": "The venue, the sport or the court is closed for that time; see `closures`.",
    "SlotStatus.TOO_LATE": "It begins sooner than the venue takes bookings.",
    "PriceKind.FREE": "免费时段.",
    "PriceKind.LOW": "低收费.",
    "PriceKind.MARKET": "市场价.",
    "PriceKind.MIXED": "More than one of them.",
    "PriceKind.NOT_PRICED": "暂未定价: it cannot be booked.",
    "PricePart.kind": "Where it comes from.",
    "PricePartKind.WINDOW": "The price of that time of the day.",
    "PricePartKind.CONCESSION": "What a concession takes off.",
    "PricePartKind.TICKET": "The price of a session's ticket.",
    "Session.capacity": "People who may be inside at once.",
    "Session.tickets": "What one person pays, by kind of ticket.",
    "SessionTicket.ticket": "For whom.",
    "SessionTicket.price": "For one person.",
    "SessionTicket.priceKind": "As of a slot.",
    "SessionTicket.priceLabel": "In Chinese, to be shown.",
    "SessionTicket.priceIsDemonstration": "True: made up for the walk-through, not published.",
    "SessionTicketKind.ADULT": "Anybody.",
    "SessionTicketKind.CHILD": "A child.",
    "SessionTicketKind.STUDENT": "A student.",
    "SessionTicketKind.SENIOR": "An elderly person.",
    "BookingRule.kind": "What it is about.",
    "BookingRule.sentence": "In Chinese, to be shown as it is.",
    "BookingRuleKind.RELEASE": "From when on a day can be booked.",
    "BookingRuleKind.NOTICE": "Until when before the start.",
    "BookingRuleKind.HOLD": "How long an unpaid order keeps its place.",
    "BookingRuleKind.COURTS_A_DAY": "Courts a person a day.",
    "BookingRuleKind.MINUTES_A_COURT": "Minutes a person on one court a day.",
    "BookingRuleKind.MINUTES_A_DAY": "Minutes a person a day.",
    "BookingRuleKind.COURTS_A_WEEK": "Courts a person a week, Monday to Sunday.",
    "BookingRuleKind.MINUTES_A_WEEK": "Minutes a person a week, Monday to Sunday.",
    "BookingRuleKind.PLAYERS": "How few and how many may play.",
    "BookingRuleKind.COMPANIONS": "Whether those who come along are named.",
    "BookingRuleKind.REAL_NAME": "Whether a real name is needed.",
    "BookingRuleKind.ENTRY": "From when on the door opens.",
    "BookingRuleKind.CHECK_IN": "Until when somebody must have come.",
    "BookingRuleKind.NO_SHOW": "What happens when nobody came.",
    "BookingRuleKind.PAUSE": "After how many of these nobody books for a while.",
    "BookingRuleKind.SERIES": "Whether the same court every week can be asked for.",
    "BookingRuleKind.GROUPS": "Whether groups can ask for several courts.",
    "BookingRuleKind.CANCEL": "What cancelling gives back.",
    "Closure.courtId": "Null: not one court alone.",
    "Closure.courtName": "Null: not one court alone.",
    "Closure.kind": "Why, for programs.",
    "Closure.reason": "Why, in Chinese, to be shown.",
    "Closure.announcedAt": "When it was made known.",
    "Closure.withdrawnAt": "It is open after all since then; null: it stands.",
    "ClosureKind.WEATHER": "Weather.",
    "ClosureKind.EVENT": "An event.",
    "ClosureKind.MAINTENANCE": "Maintenance.",
    "ClosureKind.OTHER": "Something else; `reason` says what.",
    # Draws
    "Draw.sport": "Its code.",
    "Draw.day": "The local day whose slots are drawn for.",
    "Draw.untilMinute": "And before this one; 1440 is the end of the day.",
    "Draw.state": "How far it is.",
    "DrawState.PLANNED": "Announced, or open for entries.",
    "DrawState.DRAWN": "The order stands; slots are being given out.",
    "DrawState.DONE": "Everybody has had their turn; the record is public.",
    # Vouchers
    "VoucherCampaign.title": "In Chinese.",
    "VoucherCampaign.state": "OPEN: something may be claimed.",
    "VoucherCampaign.regionName": "Null where `regionKey` is.",
    "VoucherCampaignState.DRAFT": "Being written; staff see it.",
    "VoucherCampaignState.REVIEWED": "Read by somebody else than who drafted it; staff see it.",
    "VoucherCampaignState.OPEN": "Vouchers are given out by rounds.",
    "VoucherCampaignState.PAUSED": "Nothing is claimed; what was claimed can be used.",
    "VoucherCampaignState.CLOSED": "Nothing is claimed any more.",
    "VoucherCampaignState.SETTLED": "Its books are closed.",
    "VoucherKind.title": "In Chinese.",
    "VoucherKind.faceValue": "So much it takes off.",
    "VoucherKind.minimumSpend": "When at least so much is spent.",
    "VoucherRound.opensAt": "Claims are taken from here on.",
    "VoucherRound.closesAt": "And before this.",
    "VoucherRound.quantity": "How many it gives out in all.",
    "VoucherRound.remaining": "How many are left.",
    "VoucherRound.status": "By the server's clock.",
    "VoucherRoundStatus.UPCOMING": "Not open yet.",
    "VoucherRoundStatus.OPEN": "Open, and some are left.",
    "VoucherRoundStatus.SOLD_OUT": "Open, and none is left.",
    "VoucherRoundStatus.OVER": "Closed.",
    "ClaimDoor.serverNow": "The server's clock: count down by it, never by the phone's.",
    "ClaimDoor.soldOut": "What is open now has none left.",
    "ClaimDoor.nextOpensAt": "When the next round opens; null: none is planned.",
    # Organisations, ratings, texts
    "Organisation.name": "In Chinese.",
    "Organisation.kind": "What kind of body it is.",
    "Organisation.regionKey": "The division where it is at home.",
    "Organisation.regionName": "That division's name.",
    "Organisation.introduction": "In its own words; may be empty.",
    "Organisation.memberCount": "People who belong to it now.",
    "OrganisationKind.CLUB": "俱乐部.",
    "OrganisationKind.ASSOCIATION": "协会.",
    "OrganisationKind.INSTITUTION": "培训机构.",
    "OrganisationKind.SCHOOL": "学校.",
    "OrganisationKind.COMPANY": "企业.",
    "OrganisationKind.PUBLIC_BODY": "机关或事业单位.",
    "OrganisationKind.OTHER": "Something else.",
    "VenueRatings.count": "All that are shown.",
    "Rating.stars": "1 to 5.",
    "Rating.words": "In the person's own words; may be empty.",
    "Rating.ratedOn": "The local day.",
    "Rating.answeredOn": "The local day; null: not answered.",
    "ConsentText.purpose": "What is consented to.",
    "ConsentText.version": "Give it with the consent: it is to this text.",
    "ConsentText.title": "In Chinese.",
    "ConsentText.effectiveOn": "The local day from which on it is asked for.",
    "ConsentText.paragraphs": "The whole text in Chinese, in order.",
    "ConsentPurpose.SERVICE": "The terms, and the privacy policy they come with.",
    "ConsentPurpose.REAL_NAME": "Name and ID number.",
    "ConsentPurpose.CHILD": "A guardian's, for a child under 14.",
    "ConsentPurpose.HELPER": "That a helper sees and does what the powers name.",
    "ConsentPurpose.NOTICES": "To be told outside the inbox.",
}
"""`Type.field`, `Type.VALUE` or `Type.field(argument)` of what third parties may ask for."""

PLACES: Mapping[str, str] = {**PUBLIC, **inputs.GIVEN}

EVERY_VALUE: Mapping[str, Mapping[str, str]] = {**VALUES, "ErrorCode": REFUSALS}
"""Of the other enums."""


def describe(schema: GraphQLSchema) -> None:
    """Puts in what is missing."""
    for name, kind in schema.type_map.items():
        if name.startswith("__"):
            continue
        kind.description = (
            kind.description or TYPES.get(name) or inputs.INPUTS.get(name) or _by_its_ending(name, kind)
        )
        if isinstance(kind, GraphQLEnumType):
            for value_name, value in kind.values.items():
                said = PUBLIC.get(f"{name}.{value_name}") or EVERY_VALUE.get(name, {}).get(value_name)
                value.description = value.description or said
        elif isinstance(kind, GraphQLInputObjectType):
            for field_name, given in kind.fields.items():
                given.description = given.description or PLACES.get(f"{name}.{field_name}")
        elif isinstance(kind, GraphQLObjectType):
            _describe_fields(kind)


def _describe_fields(kind: GraphQLObjectType) -> None:
    for name, field in kind.fields.items():
        place = f"{kind.name}.{name}"
        field.description = field.description or PUBLIC.get(place) or FIELDS.get(name)
        for argument_name, argument in field.args.items():
            said = PLACES.get(f"{place}({argument_name})") or ARGUMENTS.get(argument_name)
            argument.description = argument.description or said


def _by_its_ending(name: str, kind: GraphQLNamedType) -> str | None:
    if not isinstance(kind, GraphQLObjectType):
        return None
    endings = {"Connection": CONNECTION, "Edge": EDGE, "Payload": PAYLOAD}
    return next((said for ending, said in endings.items() if name.endswith(ending)), None)
