"""One document for each root field of sessions, asking for every field."""

SESSIONS = """
query ($venueId: ID!, $date: Date!, $sport: String) {
  sessions(venueId: $venueId, date: $date, sport: $sport) {
    id name sport startsAt endsAt status capacity free mostPlaces
    tickets { ticket price priceKind priceLabel priceIsDemonstration }
    occupancy { inside countedAt ageSeconds isLive }
  }
}"""
OCCUPANCY_FORECAST = """
query ($venueId: ID!, $date: Date!) {
  occupancyForecast(venueId: $venueId, date: $date) {
    weeks basis hours { startsAt expected low high }
  }
}"""
ALL = (SESSIONS, OCCUPANCY_FORECAST)
