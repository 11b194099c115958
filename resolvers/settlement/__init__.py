"""What a programme owes venues: settlements, their lines, accounts, payouts, and what was really paid."""

from resolvers.settlement.acts import SettlementActs as SettlementActs
from resolvers.settlement.queries import SettlementQueries as SettlementQueries
