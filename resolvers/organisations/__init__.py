"""Organisations: their page for everybody, one's own, and what staff decide about."""

from resolvers.organisations.acts import OrganisationActs
from resolvers.organisations.queries import OrganisationQueries

__all__ = ["OrganisationActs", "OrganisationQueries"]
