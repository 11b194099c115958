"""What settlement must leave out for now: money about which somebody still has to decide, or that nobody judged yet.

Both are conditions for SQL, to stand in a WHERE beside the entries of the books:

    SELECT … FROM voucher_event WHERE … AND NOT ({held_where()}) AND NOT ({unjudged_where()})

An entry that was left out goes into a later period, once its case is CLEARED; after CONFIRMED its use has a TAKEN_BACK
as well, and both together are nothing.
"""


def held_where(event: str = "voucher_event") -> str:
    """The entry's use, or its venue's week, is in a case that is OPEN. One in a case is held with all its entries.

    Two questions rather than one with an OR in its join, so that open cases are gone through once and not for each entry.
    """
    return f"""(EXISTS (
      SELECT 1 FROM risk_case WHERE risk_case.state = 'OPEN' AND risk_case.use_id = {event}.use_id)
      OR EXISTS (
      SELECT 1 FROM voucher_use judged JOIN risk_case ON risk_case.state = 'OPEN' AND risk_case.use_id IS NULL
         AND risk_case.venue_id = judged.venue_id
         AND judged.business_day >= risk_case.week AND judged.business_day < risk_case.week_ends
       WHERE judged.id = {event}.use_id))"""


def unjudged_where(event: str = "voucher_event") -> str:
    """The entry's use was not judged yet, which happens a day after its day, or its case is not opened yet. What was
    undone before anybody judged it waits for nobody; nor does what somebody decided by its receipt, or a conflict."""
    return f"""EXISTS (
      SELECT 1 FROM voucher_use judged
       WHERE judged.id = {event}.use_id AND judged.state = 'DONE' AND judged.decided_at IS NULL
         AND (NOT EXISTS (SELECT 1 FROM risk_score WHERE risk_score.use_id = judged.id)
              OR EXISTS (SELECT 1 FROM risk_score WHERE risk_score.use_id = judged.id AND risk_score.is_held)
                 AND NOT EXISTS (SELECT 1 FROM risk_case WHERE risk_case.use_id = judged.id)))"""
