"""Campaigns of sports consumption vouchers: what citizens find, and what staff draft, review, open and change."""

from resolvers.voucher_campaigns.acts import VoucherCampaignActs
from resolvers.voucher_campaigns.queries import VoucherCampaignQueries

__all__ = ["VoucherCampaignActs", "VoucherCampaignQueries"]
