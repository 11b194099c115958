"""Against fake redemptions: what waits for a person's decision and why, and the rules that say so."""

from resolvers.risk.acts import RiskActs
from resolvers.risk.queries import RiskQueries

__all__ = ["RiskActs", "RiskQueries"]
