"""Campaigns of vouchers, asking for every field of their types."""

CAMPAIGN_FIELDS = """
  id title state regionKey regionName isDemonstration limits rules serverNow nextOpensAt
  kinds {
    id title faceValue minimumSpend
    rounds { id opensAt closesAt quantity remaining status opensInSeconds }
  }
"""
TERMS_FIELDS = """
  limits { aRound aDay aWeek aMonth inAll held }
  who { realName ageGroups regions firstTimers accountDays challenge }
  where { venues regions sports }
  validity { days fromDay untilDay }
  usesADay usesAVenueADay stacking venueSharePercent venueCap onRefund refundHoursBefore expiredReturns rollsOver
  undoMinutes confirmMinutes
"""
SUMMARY_FIELDS = f"""
  campaign {{ {CAMPAIGN_FIELDS} }} version reserve reserveUsed createdAt
  pools {{ name budget free }}
"""
MANAGED_FIELDS = f"""
  {SUMMARY_FIELDS} terms {{ {TERMS_FIELDS} }}
  rounds {{ id kindId opensAt closesAt quantity remaining }}
  steps {{ fromState toState version by reason happenedAt }}
  changes {{
    id state version reason proposedBy proposedAt decidedBy decidedAt note
    shown {{ sentences holders held budgetMoved vouchersAdded }}
  }}
"""
PAGE = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
PAYLOAD = f"campaign {{ {MANAGED_FIELDS} }} userErrors {{ code message field }}"

VOUCHER_CAMPAIGNS = f"""
query ($near: PointInput, $regionKey: String, $first: Int! = 10, $after: String) {{
  voucherCampaigns(near: $near, regionKey: $regionKey, first: $first, after: $after) {{
    edges {{ cursor node {{ {CAMPAIGN_FIELDS} }} }} {PAGE}
  }}
}}
"""
VOUCHER_CAMPAIGN = f"query ($id: ID!) {{ voucherCampaign(id: $id) {{ {CAMPAIGN_FIELDS} }} }}"
MANAGED_CAMPAIGNS = f"""
query ($state: VoucherCampaignState, $first: Int! = 10, $after: String) {{
  managedCampaigns(state: $state, first: $first, after: $after) {{
    edges {{ cursor node {{ {SUMMARY_FIELDS} }} }} {PAGE}
  }}
}}
"""
MANAGED_CAMPAIGN = (
    f"query ($campaignId: ID!) {{ managedCampaign(campaignId: $campaignId) {{ {MANAGED_FIELDS} }} }}"
)
PREVIEW_CAMPAIGN_CHANGE = """
query ($campaignId: ID!, $expectedVersion: Int!, $change: CampaignChangeInput!) {
  previewCampaignChange(campaignId: $campaignId, expectedVersion: $expectedVersion, change: $change) {
    sentences holders held budgetMoved vouchersAdded
  }
}
"""
DRAFT_CAMPAIGN = f"""
mutation ($idempotencyKey: String!, $campaign: VoucherCampaignInput!) {{
  draftCampaign(idempotencyKey: $idempotencyKey, campaign: $campaign) {{ {PAYLOAD} }}
}}
"""
SAVE_CAMPAIGN_DRAFT = f"""
mutation ($idempotencyKey: String!, $campaignId: ID!, $expectedVersion: Int!, $campaign: VoucherCampaignInput!) {{
  saveCampaignDraft(
    idempotencyKey: $idempotencyKey, campaignId: $campaignId, expectedVersion: $expectedVersion, campaign: $campaign
  ) {{ {PAYLOAD} }}
}}
"""
STEP_CAMPAIGN = f"""
mutation (
  $idempotencyKey: String!, $campaignId: ID!, $toState: VoucherCampaignState!, $expectedVersion: Int!, $reason: String!
) {{
  stepCampaign(
    idempotencyKey: $idempotencyKey, campaignId: $campaignId, toState: $toState, expectedVersion: $expectedVersion,
    reason: $reason
  ) {{ {PAYLOAD} }}
}}
"""
PROPOSE_CAMPAIGN_CHANGE = f"""
mutation (
  $idempotencyKey: String!, $campaignId: ID!, $expectedVersion: Int!, $change: CampaignChangeInput!, $reason: String!
) {{
  proposeCampaignChange(
    idempotencyKey: $idempotencyKey, campaignId: $campaignId, expectedVersion: $expectedVersion, change: $change,
    reason: $reason
  ) {{ {PAYLOAD} }}
}}
"""
DECIDE_CAMPAIGN_CHANGE = f"""
mutation ($changeId: ID!, $approves: Boolean!, $reason: String! = "") {{
  decideCampaignChange(changeId: $changeId, approves: $approves, reason: $reason) {{ {PAYLOAD} }}
}}
"""

ALL = (
    VOUCHER_CAMPAIGNS,
    VOUCHER_CAMPAIGN,
    MANAGED_CAMPAIGNS,
    MANAGED_CAMPAIGN,
    PREVIEW_CAMPAIGN_CHANGE,
    DRAFT_CAMPAIGN,
    SAVE_CAMPAIGN_DRAFT,
    STEP_CAMPAIGN,
    PROPOSE_CAMPAIGN_CHANGE,
    DECIDE_CAMPAIGN_CHANGE,
)
