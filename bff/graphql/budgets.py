"""Which root field counts as what, and how often that may be: data. docs/security.md, "Rates", has the same table.

An address can be a whole school, or a part of a carrier's network: what it may do is wide, and counts only while the
credential that comes along has not been seen to be good. A device is one sign-in, a member one person on all devices.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bff.rates.meters import Counting

MINUTE, TEN_MINUTES, HOUR = 60, 600, 3600

Rate = tuple[int, int]
"""How many, in how many seconds."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    name: str
    fields: frozenset[str] = frozenset()
    """Root fields. Each counts one, aliases and fragments written out."""
    counting: Counting = Counting.SHARED
    address: Rate
    third_party: Rate | None = None
    """In place of the address, for who comes with a key."""
    device: Rate | None = None
    member: Rate | None = None


BUDGETS: Sequence[Budget] = (
    Budget(
        name="reading",
        fields=frozenset(
            {"venuesNear", "venue", "slots", "sessions", "occupancyForecast", "regions", "sports"}
            | {"order", "orders", "orderQuote", "refundQuote"}
            | {"myWaiting", "moveQuote", "closures"}
            | {"orderShares", "myShares"}
            | {"draw", "draws", "myDrawEntry"}
            | {"mySeries", "myGroupRequests"}
            | {"admissionCodes", "me", "mySignIns", "myName", "myPeople"}
            | {"messages", "subscribeTemplates", "messageChoices"}
            | {"consentTexts", "myConsents", "myMerges"}
            | {"organisation", "myOrganisations", "organisationMembers"}
            | {"myComplaints", "complaint", "venueRatings", "myRatings"}
            | {"claimDoor", "claimPuzzle"}
            | {"voucherCampaigns", "voucherCampaign"}
            | {"voucherCodes", "billsToConfirm"}
            | {"myVouchers", "bestVoucher", "vouchersFor"}
            | {"bookingRules", "myBookingPauses"}
            | {"__typename", "__schema", "__type"}
        ),
        address=(6000, MINUTE),
        third_party=(3000, MINUTE),
        device=(240, MINUTE),
        member=(300, MINUTE),
    ),
    Budget(
        name="acting",
        fields=frozenset({"placeOrder", "payOrder", "cancelOrder", "signOut", "staffSignOut"})
        | {"joinWaitingList", "leaveWaitingList", "moveBooking", "takeClosureRefund"}
        | {"markMessagesRead", "rememberSubscriptions", "setMessageChoice", "sayHomeProvince"}
        | {"endSignIn", "endOtherSignIns"}
        | {"enterDraw"}
        | {"seriesPreview", "askForSeries", "endSeries", "askForGroupBooking", "withdrawGroupRequest"}
        | {"splitOrder", "takeOverShares", "payShare"}
        | {"giveConsent", "withdrawConsent"}
        | {"unbindMyName", "inviteGuardian", "inviteHelper", "inviteCompanion", "withdrawInvitation"}
        | {"endGuardianship", "endProxy", "endCompanionship"}
        | {"registerOrganisation", "updateOrganisation", "inviteToOrganisation", "acceptOrganisationInvitation"}
        | {"withdrawOrganisationInvitation", "setOrganisationRole", "removeOrganisationMember"}
        | {"leaveOrganisation", "closeOrganisation"}
        | {"confirmBill", "voucherPass"}
        | {"checkIn", "appealPause"}
        | {"fileComplaint", "reopenComplaint", "closeComplaint", "rateAdmission"},
        address=(1200, MINUTE),
        device=(40, MINUTE),
        member=(40, MINUTE),
    ),
    Budget(  # a thumb that taps once a second; a school's one address is a thousand people
        name="claiming",
        fields=frozenset(("claimVoucher",)),
        address=(12_000, MINUTE),
        device=(60, MINUTE),
        member=(60, MINUTE),
    ),
    Budget(  # posters are printed once
        name="claim-codes",
        fields=frozenset(("venueClaimCode",)),
        address=(600, MINUTE),
        device=(60, MINUTE),
    ),
    Budget(  # five a second: more than a clerk with a hand scanner and a queue can do
        name="scanning",
        fields=frozenset(("redeem", "redeemVoucher", "checkInAtDesk")),
        address=(3000, MINUTE),
        device=(300, MINUTE),
    ),
    Budget(  # a clerk with a queue, whose screen looks every two seconds whether a shown code was paid
        name="desk-money",
        fields=frozenset({"deskOrder", "shift", "refundsAtDesk", "openShift", "closeShift", "payAtDesk"})
        | {"showPaymentCode", "chargePayerCode", "refreshDeskPayment", "handOutRefund"},
        address=(3000, MINUTE),
        device=(120, MINUTE),
    ),
    Budget(  # likewise, while a bill waits for the citizen's yes
        name="vouchers-at-desk",
        fields=frozenset(
            {"billAtDesk", "holdBill", "callOffBill", "undoRedemption", "undoableUses"}
            | {"heldUses", "decideHeldUse"}
        ),
        address=(3000, MINUTE),
        device=(120, MINUTE),
    ),
    Budget(  # a desk that is online again fetches its kit and brings a hundred entries at once
        name="offline-desks",
        fields=frozenset({"offlineDesks", "offlineKit", "uploadOfflineQueue", "offlineConflicts"})
        | {"enrolOfflineDesk", "endOfflineDesk", "decideOfflineConflict"},
        address=(1200, MINUTE),
        device=(60, MINUTE),
    ),
    Budget(  # each of them is a person's decision, and a note to write
        name="staff-refunds",
        fields=frozenset({"refundsToSettle", "cancelForVenue", "giveBack", "redirectRefund", "refundAgain"}),
        address=(3000, MINUTE),
        device=(60, MINUTE),
    ),
    Budget(  # likewise
        name="reconciliation",
        fields=frozenset({"discrepancies", "statements", "resolveDiscrepancy"}),
        address=(3000, MINUTE),
        device=(60, MINUTE),
    ),
    Budget(  # a person's decision each, and words to read or to write
        name="public-voice",
        fields=frozenset({"complaintsToAnswer", "complaintToAnswer", "answerComplaint", "routeComplaint"})
        | {"answerRating", "hideRating", "organisationsToDecide", "decideOrganisation", "suspendOrganisation"}
        | {"pauseAppeals", "decideAppeal"}
        | {"groupRequests", "decideGroupRequest"},
        address=(3000, MINUTE),
        device=(60, MINUTE),
    ),
    Budget(  # a budget and its rules, which two people think about
        name="voucher-planning",
        fields=frozenset({"managedCampaigns", "managedCampaign", "previewCampaignChange"})
        | {"draftCampaign", "saveCampaignDraft", "stepCampaign", "proposeCampaignChange", "decideCampaignChange"},
        address=(3000, MINUTE),
        device=(60, MINUTE),
    ),
    Budget(  # what a venue's rules and prices are, and whether they are as they should be
        name="venue-rules",
        fields=frozenset(
            {"venueReport", "venueSettings", "settingsHistory", "previewTariff", "previewBookingRules"}
        )
        | {"writeTariff", "writeBookingRules", "previewCourt", "writeCourt"}
        | {"previewOpeningHours", "writeOpeningHours", "previewSessionPlan", "writeSessionPlan"}
        | {"previewClosure", "announceClosure", "withdrawClosure"}
        | {"scheduleDraw"},
        address=(3000, MINUTE),
        device=(60, MINUTE),
    ),
    Budget(  # each of them is a person's decision; a replay reads a quarter of a year
        name="risk",
        fields=frozenset({"riskCases", "riskCase", "venueRisks", "riskRules", "riskProposals", "riskReplay"})
        | {"decideRiskCase", "proposeRiskRules", "decideRiskProposal"},
        address=(3000, MINUTE),
        device=(60, MINUTE),
    ),
    Budget(  # a venue's money each, which two people think about
        name="settlement",
        fields=frozenset({"settlements", "settlement", "settlementLines", "venueAccounts", "payoutBatches"})
        | {"draftSettlements", "deductFromSettlement", "dropSettlement", "proposeSettlement", "approveSettlement"}
        | {"enterVenueAccount", "approveVenueAccount", "makePayout", "failPayout", "recordPayment"},
        address=(3000, MINUTE),
        device=(60, MINUTE),
    ),
    Budget(  # each counts a million vouchers; whoever looks at figures thinks in between
        name="programme-figures",
        fields=frozenset(("programmeStatistics", "programmeRedemptions", "subsidies")),
        address=(300, MINUTE),
        device=(20, MINUTE),
    ),
    Budget(  # one auditor reads pages; what they read is a line each time
        name="auditing",
        fields=frozenset(("auditLines",)),
        address=(600, MINUTE),
        device=(60, MINUTE),
    ),
    Budget(  # each of them is a person whose data are looked at, with a reason to write
        name="revealing",
        fields=frozenset(("revealPhone", "revealName", "openSealedRecord")),
        address=(200, TEN_MINUTES),
        device=(10, TEN_MINUTES),
    ),
    Budget(  # the authority charges for each; five a day for each person and number hold in PostgreSQL
        name="verifying",
        fields=frozenset(("verifyMyName", "addWard")),
        counting=Counting.EXACT_ELSE_ALONE,
        address=(300, TEN_MINUTES),
        device=(10, TEN_MINUTES),
        member=(20, HOUR),
    ),
    Budget(  # ten digits that live for three days: nobody gets to try many
        name="invitations",
        fields=frozenset(("acceptInvitation", "declineInvitation")),
        counting=Counting.EXACT_ELSE_NOT,
        address=(300, TEN_MINUTES),
        device=(10, TEN_MINUTES),
        member=(10, HOUR),
    ),
    Budget(  # somebody stands there with their card; sixty look-ups an hour for each clerk hold in PostgreSQL
        name="people-at-desk",
        fields=frozenset({"deskFindPerson", "deskVerifyPerson", "deskFreeNumber", "grantConcession"})
        | {
            "revokeConcession",
            "deskInviteHelper",
            "deskWithdrawConsent",
            "deskJoinAccount",
            "placeOrderAtDesk",
            "refundQuoteAtDesk",
            "cancelOrderAtDesk",
            "askForSeriesAtDesk",
            "seriesPreviewAtDesk",
            "seriesAtDesk",
            "endSeriesAtDesk",
            "handOutVoucher",
            "deskVouchers",
        },
        address=(3000, MINUTE),
        device=(60, MINUTE),
    ),
    Budget(  # forty bits that live for ten minutes; ten wrong ones an hour for each member hold in PostgreSQL
        name="merging",
        fields=frozenset({"mergeCode", "mergePreview", "mergeMembers", "undoMerge"}),
        counting=Counting.EXACT_ELSE_ALONE,
        address=(300, TEN_MINUTES),
        device=(20, TEN_MINUTES),
        member=(30, HOUR),
    ),
    Budget(  # seldom, and dear: a file of everything. Five exports a day hold in PostgreSQL
        name="own-data",
        fields=frozenset({"exportMyData", "myDeletion", "requestDeletion", "cancelDeletion"}),
        address=(600, TEN_MINUTES),
        device=(30, TEN_MINUTES),
        member=(30, TEN_MINUTES),
    ),
    Budget(  # WeChat's or Alipay's code is itself the proof, and works once
        name="sign-in",
        fields=frozenset({"signInWithMiniProgram", "officialAccountSignInUrl", "signInWithOfficialAccount"})
        | {"signInWithAlipay"},
        counting=Counting.EXACT_ELSE_ALONE,
        address=(1200, TEN_MINUTES),
        device=(20, TEN_MINUTES),
    ),
    Budget(  # nobody guesses 256 bits, and refusing would sign everybody out within two hours
        name="refresh",
        fields=frozenset(("refreshSignIn",)),
        counting=Counting.EXACT_ELSE_ALONE,
        address=(1200, TEN_MINUTES),
        device=(20, TEN_MINUTES),
    ),
    Budget(  # five failures lock the account, in PostgreSQL; and a desk must open though Valkey is away
        name="staff-sign-in",
        fields=frozenset(("staffSignIn",)),
        counting=Counting.EXACT_ELSE_ALONE,
        address=(60, TEN_MINUTES),
        device=(10, TEN_MINUTES),
    ),
    Budget(  # each SMS is paid for and rings somebody's phone; PostgreSQL counts them too, per number
        name="sms-code",
        fields=frozenset(("requestSmsCode",)),
        counting=Counting.EXACT_ELSE_NOT,
        address=(120, TEN_MINUTES),
        device=(5, TEN_MINUTES),
    ),
    Budget(  # five guesses spend a code, in PostgreSQL; and people must get in though Valkey is away
        name="phone-sign-in",
        fields=frozenset(("signInWithPhone",)),
        counting=Counting.EXACT_ELSE_ALONE,
        address=(600, TEN_MINUTES),
        device=(20, TEN_MINUTES),
    ),
    Budget(  # likewise, and five wrong codes lock it; setting up and changing are rare
        name="staff-arriving",
        fields=frozenset({"confirmSecondFactor", "setUpSecondFactor", "confirmSetUp", "changeStaffPassword"}),
        counting=Counting.EXACT_ELSE_ALONE,
        address=(240, TEN_MINUTES),
        device=(20, TEN_MINUTES),
    ),
    Budget(  # an administrator's decisions
        name="staff-accounts",
        fields=frozenset(
            {"staffMembers", "staffSignIns", "myStaffSignIns", "openStaffAccount", "closeStaffAccount"}
        )
        | {"resetStaffPassword", "grantRole", "endRole", "resetSecondFactor", "unlockStaff", "endStaffSignIn"},
        address=(3000, MINUTE),
        device=(60, MINUTE),
    ),
    Budget(  # WeChat charges us for each number, and binding can wait
        name="binding",
        fields=frozenset(("bindPhone",)),
        counting=Counting.EXACT_ELSE_NOT,
        address=(300, TEN_MINUTES),
        device=(5, TEN_MINUTES),
        member=(5, HOUR),
    ),
    Budget(  # a guess at a code, or a code of WeChat's or Alipay's that works once
        name="linking",
        fields=frozenset({"bindPhoneBySms", "linkOfficialAccount", "linkAlipay"}),
        counting=Counting.EXACT_ELSE_ALONE,
        address=(300, TEN_MINUTES),
        device=(20, TEN_MINUTES),
        member=(20, HOUR),
    ),
)

CHECKING = Budget(name="checking", address=(2000, MINUTE), third_party=(10_000, MINUTE))
"""Milliseconds of CPU for reading and checking free documents that nobody has sent lately. Charged afterwards, so one
is begun as long as anything is left; it takes at most 50."""
UNKNOWN_KEY_MS = 5
"""What a request with an unknown key is charged there: looking it up asks the database."""

HASTE: Mapping[str, Rate] = {"device": (6, TEN_MINUTES), "address": (120, MINUTE)}
"""Claims of vouchers from one device, whoever is signed in there, and from one address. Beyond it nobody is refused; a
campaign may ask for a challenge then."""

BUDGET_OF: Mapping[str, Budget] = {field: budget for budget in BUDGETS for field in budget.fields}
