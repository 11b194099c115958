"""A voucher at a venue's desk: scanned with a bill, confirmed on the citizen's phone, held, taken back, reviewed; and
handed out to somebody without a phone."""

from resolvers.vouchers_at_desk.acts import VouchersAtDeskActs
from resolvers.vouchers_at_desk.queries import VouchersAtDeskQueries

__all__ = ["VouchersAtDeskActs", "VouchersAtDeskQueries"]
