"""The programme in figures: one document for each root field, as our clients would ask."""

_ROW = """key label age
      claims { people vouchers face expired }
      uses { people vouchers used subsidised moved movedPercent }"""

PROGRAMME_STATISTICS = f"""
query ($by: ProgrammeGroupedBy!, $campaignId: ID, $period: ProgrammePeriod! = MONTH, $day: Date) {{
  programmeStatistics(by: $by, campaignId: $campaignId, period: $period, day: $day) {{
    by campaignTitle period firstDay lastDay smallestGroup countedAt agesNoted
    rows {{ {_ROW} }}
    total {{ {_ROW} }}
  }}
}}"""
PROGRAMME_REDEMPTIONS = """
query ($by: ProgrammeGroupedBy!, $key: String!, $campaignId: ID, $period: ProgrammePeriod! = MONTH, $day: Date, $first: Int! = 50, $after: String) {
  programmeRedemptions(by: $by, key: $key, campaignId: $campaignId, period: $period, day: $day, first: $first, after: $after) {
    edges { cursor node { useNo venueId venueName usedAt way clerk bill used venueShare settlementNo } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""
SUBSIDIES = """
query ($campaignId: ID!, $month: Date) {
  subsidies(campaignId: $campaignId, month: $month) {
    campaignTitle firstDay lastDay smallestGroup countedAt unlisted total
    venues { venueId venueName regionName used takenBack share subsidy paid }
  }
}"""
ALL = tuple(text for name, text in dict(vars()).items() if name.isupper() and not name.startswith("_"))
