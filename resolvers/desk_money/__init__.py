"""Paying at a venue's desk: cash, card slips and codes; refunds that are handed out; the drawer of a shift."""

from resolvers.desk_money.acts import DeskMoneyActs
from resolvers.desk_money.queries import DeskMoneyQueries

__all__ = ["DeskMoneyActs", "DeskMoneyQueries"]
