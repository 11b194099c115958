"""Complaints and ratings: for who has something to say, for who must answer, and for everybody who reads."""

from resolvers.feedback.acts import FeedbackActs
from resolvers.feedback.queries import FeedbackQueries

__all__ = ["FeedbackActs", "FeedbackQueries"]
