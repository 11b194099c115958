"""The inbox and how members want to be told, one document for each root field, with every field of their types."""

MESSAGES = """
query ($forMember: ID, $first: Int! = 20, $after: String, $unreadOnly: Boolean! = false) {
  messages(forMember: $forMember, first: $first, after: $after, unreadOnly: $unreadOnly) {
    edges { cursor node { id kind template title text page aboutNo toldAt readAt } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    unreadMessages
  }
}"""
SUBSCRIBE_TEMPLATES = "query ($moment: AskingMoment!) { subscribeTemplates(moment: $moment) { templateId } }"
MESSAGE_CHOICES = "{ messageChoices { kind way isWanted } }"
MARK_MESSAGES_READ = """
mutation ($ids: [ID!]!, $forMember: ID) {
  markMessagesRead(ids: $ids, forMember: $forMember) { unreadMessages userErrors { code message field } }
}"""
REMEMBER_SUBSCRIPTIONS = """
mutation ($results: [SubscribeAnswerInput!]!, $answeredAt: DateTime!) {
  rememberSubscriptions(results: $results, answeredAt: $answeredAt) {
    remembered userErrors { code message field }
  }
}"""
SET_MESSAGE_CHOICE = """
mutation ($kind: MessageKind!, $way: MessageWay!, $isWanted: Boolean!) {
  setMessageChoice(kind: $kind, way: $way, isWanted: $isWanted) {
    choice { kind way isWanted } userErrors { code message field }
  }
}"""

ALL = (
    MESSAGES,
    SUBSCRIBE_TEMPLATES,
    MESSAGE_CHOICES,
    MARK_MESSAGES_READ,
    REMEMBER_SUBSCRIPTIONS,
    SET_MESSAGE_CHOICE,
)
