"""Staff look at a venue's settings and write them: one document for each root field."""

from tests.resolvers.documents_closures import DRAW_CUTS

_LIMITS = """courtsAPersonADay minutesACourtADay daysAhead releaseMinute holdMinutes entryOpensMinutesBefore
      minutesAPersonADay courtsAPersonAWeek minutesAPersonAWeek fewestPlayers mostPlayers noticeMinutes checkInMinutes
      noShowKeptPercent cancelFreeMinutes cancelKeptPercent noShows noShowDays pauseDays companionsNamed realNameNeeded
      seriesWeeks seriesAPerson groupDaysAhead groupAnswerHours arrangedHoldMinutes"""
_TARIFF = """version fromDay untilDay note writtenBy writtenAt
      windows { days fromMinute toMinute kind pricePerHour sport courtName windowProvenance priceProvenance }
      concessions { kind paysPercent covers provenance }"""
_HOURS = "version fromDay untilDay note writtenBy writtenAt openings { weekday fromMinute toMinute sport }"
VENUE_SETTINGS = f"""
query ($venueId: ID!, $on: Date!) {{
  venueSettings(venueId: $venueId, on: $on) {{
    venueId on
    openingHours {{ {_HOURS} }}
    comingOpeningHours {{ {_HOURS} }}
    courts {{ id name sport slotMinutes maxPeople parts isOpen provenance }}
    tariff {{ {_TARIFF} }}
    comingTariffs {{ {_TARIFF} }}
    rules {{ sport ofVenue fromDay untilDay version provenance note writtenBy writtenAt limits {{ {_LIMITS} }} }}
    sessionPlans {{
      name sport days fromMinute toMinute capacity areaM2 lifeguards placesAPersonADay
      fromDay untilDay version provenance note writtenBy writtenAt
      tickets {{ ticket kind price provenance }}
    }}
  }}
}}"""
SETTINGS_HISTORY = """
query ($venueId: ID!, $first: Int! = 20, $after: String) {
  settingsHistory(venueId: $venueId, first: $first, after: $after) {
    edges { cursor node { kind sport version fromDay untilDay note writtenBy writtenAt auditId } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""
_PREVIEW = "fromDay untilDay changes bookings bookingsOtherwise promise changeHash"
PREVIEW_TARIFF = f"""
query ($venueId: ID!, $tariff: TariffInput!) {{
  previewTariff(venueId: $venueId, tariff: $tariff) {{
    {_PREVIEW}
  }}
}}"""
PREVIEW_BOOKING_RULES = f"""
query ($venueId: ID!, $rules: BookingRulesInput!) {{
  previewBookingRules(venueId: $venueId, rules: $rules) {{
    {_PREVIEW}
  }}
}}"""
WRITE_TARIFF = """
mutation ($venueId: ID!, $tariff: TariffInput!, $expectedChange: String!, $idempotencyKey: String!) {
  writeTariff(
    venueId: $venueId, tariff: $tariff, expectedChange: $expectedChange, idempotencyKey: $idempotencyKey
  ) {
    version
    userErrors { code message field }
  }
}"""
WRITE_BOOKING_RULES = """
mutation ($venueId: ID!, $rules: BookingRulesInput!, $expectedChange: String!) {
  writeBookingRules(venueId: $venueId, rules: $rules, expectedChange: $expectedChange) {
    version
    userErrors { code message field }
  }
}"""
PREVIEW_COURT = f"""
query ($venueId: ID!, $court: CourtInput!) {{
  previewCourt(venueId: $venueId, court: $court) {{
    fromDay changes bookings bookingsOtherwise promise changeHash
    listed {{ orderNo startsAt endsAt people paid }}
    {DRAW_CUTS}
  }}
}}"""
WRITE_COURT = """
mutation ($venueId: ID!, $court: CourtInput!, $expectedChange: String!, $idempotencyKey: String!) {
  writeCourt(venueId: $venueId, court: $court, expectedChange: $expectedChange, idempotencyKey: $idempotencyKey) {
    courtId version
    userErrors { code message field }
  }
}"""
PREVIEW_OPENING_HOURS = f"""
query ($venueId: ID!, $hours: OpeningHoursInput!) {{
  previewOpeningHours(venueId: $venueId, hours: $hours) {{
    fromDay untilDay changes bookings bookingsOutside promise changeHash
    listed {{ orderNo courtName startsAt endsAt people paid }}
    {DRAW_CUTS}
  }}
}}"""
WRITE_OPENING_HOURS = """
mutation ($venueId: ID!, $hours: OpeningHoursInput!, $expectedChange: String!, $idempotencyKey: String!) {
  writeOpeningHours(
    venueId: $venueId, hours: $hours, expectedChange: $expectedChange, idempotencyKey: $idempotencyKey
  ) {
    version
    userErrors { code message field }
  }
}"""
PREVIEW_SESSION_PLAN = """
query ($venueId: ID!, $plan: SessionPlanInput!) {
  previewSessionPlan(venueId: $venueId, plan: $plan) {
    fromDay untilDay changes bookings bookingsWithout bookingsOtherwise promise changeHash
    listed { orderNo startsAt endsAt ticket people paid }
  }
}"""
WRITE_SESSION_PLAN = """
mutation ($venueId: ID!, $plan: SessionPlanInput!, $expectedChange: String!, $idempotencyKey: String!) {
  writeSessionPlan(
    venueId: $venueId, plan: $plan, expectedChange: $expectedChange, idempotencyKey: $idempotencyKey
  ) {
    version
    userErrors { code message field }
  }
}"""
ALL = (
    *(VENUE_SETTINGS, SETTINGS_HISTORY, PREVIEW_TARIFF, PREVIEW_BOOKING_RULES, WRITE_TARIFF, WRITE_BOOKING_RULES),
    *(PREVIEW_COURT, WRITE_COURT, PREVIEW_OPENING_HOURS, WRITE_OPENING_HOURS),
    *(PREVIEW_SESSION_PLAN, WRITE_SESSION_PLAN),
)
