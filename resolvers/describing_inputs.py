"""What a citizen's client gives: the arguments of the acts and questions that need a sign-in, and their inputs.

`resolvers/describing.py` puts them in; `tests/resolvers/test_describing.py` holds that on the way from signing in to the
refund nothing that is given is without a word.
"""

from collections.abc import Mapping

ARGUMENTS: Mapping[str, str] = {
    "deviceId": "What this device calls itself, the same each time: 1 to 64 visible ASCII characters.",
    "consentVersion": "The `version` of the text that was shown (`consentTexts`).",
    "lineNo": "The `lineNo` of the order's line.",
    "drawId": "The draw's `id`.",
    "voucherId": "The voucher's `id`.",
    "organisationId": "The organisation's `id`.",
    "complaintNo": "The complaint's number.",
}
"""By an argument's name, wherever one has no description of its own."""

_PAYING = {
    "channel": "Whom the payer pays with: WECHAT_PAY or ALIPAY.",
    "way": "How payer and channel meet; not every channel knows every way.",
    "returnUrl": "A page of ours to which a browser comes back; left out: our own.",
}
_LINES = "What is wanted: all of it, or nothing."
_LINE_NOS = "The `lineNo` of some lines; left out: all that are left."

GIVEN: Mapping[str, str] = {
    # Signing in
    "Mutation.signInWithMiniProgram(code)": "What `wx.login` gave.",
    "Mutation.signInWithOfficialAccount(code)": "What WeChat wrote into the address of the page.",
    "Mutation.signInWithOfficialAccount(state)": "The same; it fits the device that set out.",
    "Mutation.signInWithAlipay(authCode)": "What `my.getAuthCode` gave.",
    "Mutation.requestSmsCode(phone)": "A mainland number of 11 digits; others with + and the country's code.",
    "Mutation.requestSmsCode(purpose)": "What the code is to be good for.",
    "Mutation.signInWithPhone(phone)": "The number to which the code was sent.",
    "Mutation.signInWithPhone(code)": "The digits of the latest SMS.",
    "Mutation.signInWithPhone(newHolder)": "True after PHONE_MAY_HAVE_CHANGED_HANDS: the number is mine now.",
    "Mutation.refreshSignIn(refreshToken)": "The latest one of the sign-in; each is good once.",
    "Mutation.bindPhone(code)": "What the mini-program's button `getPhoneNumber` gave.",
    "Mutation.verifyMyName(name)": "As on the ID card.",
    "Mutation.verifyMyName(idNumber)": "Its 18 characters.",
    "Mutation.giveConsent(purpose)": "To what.",
    "Mutation.giveConsent(version)": "That of the text that was shown.",
    # Booking, paying, going in, giving up
    "Query.orderQuote(lines)": _LINES,
    "Mutation.placeOrder(lines)": _LINES,
    "Mutation.placeOrder(voucherIds)": "Vouchers that are to pay a part; they wait with the order until it is paid.",
    **{f"Mutation.payOrder({name})": said for name, said in _PAYING.items()},
    **{f"Mutation.payShare({name})": said for name, said in _PAYING.items()},
    "Mutation.splitOrder(companionIds)": "Left out: whoever is named on the order's lines.",
    "Query.admissionCodes(admissionId)": "One of the order's `admissions`.",
    "Query.refundQuote(lineNos)": _LINE_NOS,
    "Mutation.cancelOrder(lineNos)": _LINE_NOS,
    "Mutation.cancelOrder(expectedRefund)": "What `refundQuote` said; another amount is refused as REFUND_CHANGED.",
    "Mutation.checkIn(place)": "Where the phone is.",
    "Query.moveQuote(to)": "What is wanted in its place.",
    "Query.messages(unreadOnly)": "True: only what was not read.",
    "OrderLineInput.courtId": "The court's id, as `slots` says.",
    "OrderLineInput.startsAt": "When one of its slots begins.",
    "OrderLineInput.sessionId": "A session's `id`, as `sessions` says.",
    "OrderLineInput.ticket": "Which of the session's tickets.",
    "OrderLineInput.people": "How many come; at least 1.",
    # Vouchers
    "Query.myVouchers(state)": "Only such; left out: all.",
    "Mutation.claimVoucher(proof)": "What the campaign asks for besides, or CHALLENGE_NEEDED did.",
    "ClaimProofInput.solution": "What was found for the puzzle.",
    "Mutation.confirmBill(useNo)": "That of the bill (`billsToConfirm`).",
    "Mutation.confirmBill(agrees)": "False: I did not buy this.",
    # Draws, series, waiting
    "Mutation.enterDraw(wishes)": "The most wished for first.",
    "Mutation.enterDraw(people)": "How many come.",
    "DrawWishInput.courtId": "One of the draw's courts.",
    "DrawWishInput.startsAt": "When one of its slots begins.",
    "Mutation.askForSeries(wanted)": "Which court, when, and for how long.",
    "SeriesInput.courtId": "The court's id.",
    "SeriesInput.fromMinute": "Of the local day: 1140 is 19:00.",
    "SeriesInput.firstDay": "The first date is on it or after it.",
    "SeriesInput.lastDay": "No date is after it.",
    "SeriesInput.slots": "So many, one after another.",
    "SeriesInput.people": "How many come.",
    "Mutation.joinWaitingList(wanted)": "For what.",
    "WaitingInput.venueId": "The venue's `id`.",
    "WaitingInput.sport": "A sport's `code`.",
    "WaitingInput.day": "The local day.",
    "WaitingInput.fromMinute": "Of the local day: 1140 is 19:00.",
    "WaitingInput.untilMinute": "And before this one.",
    "WaitingInput.people": "How many come.",
    "WaitingInput.courtId": "Only this court; left out: any of the sport.",
    "SubscribeAnswerInput.templateId": "One of those that were asked for.",
    "SubscribeAnswerInput.answer": "What the person said of it.",
}
"""`Type.field(argument)`, or `Input.field`."""

INPUTS: Mapping[str, str] = {
    "DrawWishInput": "One slot that one would like to win.",
    "SubscribeAnswerInput": "What somebody said of one template of subscribe messages.",
}
"""What such an input is as a whole."""
