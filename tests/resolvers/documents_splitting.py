"""Splitting a price, with every field of its types."""

_SHARES = "shares { shareNo isMine maskedName amount state } userErrors { code message field }"
ORDER_SHARES = """
query ($orderNo: String!, $forMember: ID) {
  orderShares(orderNo: $orderNo, forMember: $forMember) { shareNo isMine maskedName amount state }
}"""
MY_SHARES = """
query ($forMember: ID) {
  myShares(forMember: $forMember) {
    orderNo orderStatus bookedByMe bookedBy venueName title startsAt lines shareNo amount state payUntil
  }
}"""
SPLIT_ORDER = f"""
mutation ($orderNo: String!, $companionIds: [ID!], $forMember: ID) {{
  splitOrder(orderNo: $orderNo, companionIds: $companionIds, forMember: $forMember) {{ {_SHARES} }}
}}"""
TAKE_OVER_SHARES = f"""
mutation ($orderNo: String!, $forMember: ID) {{
  takeOverShares(orderNo: $orderNo, forMember: $forMember) {{ {_SHARES} }}
}}"""
PAY_SHARE = """
mutation ($orderNo: String!, $channel: PaymentChannel!, $way: PaymentWay!, $returnUrl: String, $forMember: ID) {
  payShare(orderNo: $orderNo, channel: $channel, way: $way, returnUrl: $returnUrl, forMember: $forMember) {
    paymentNo url wechatPay { package appId timeStamp nonceStr signType paySign }
    userErrors { code message field }
  }
}"""
IS_SPLIT = "query ($orderNo: String!) { order(orderNo: $orderNo) { orderNo isSplit status } }"

ALL = (ORDER_SHARES, MY_SHARES, SPLIT_ORDER, TAKE_OVER_SHARES, PAY_SHARE, IS_SPLIT)
