"""Addresses to which a page of somebody else's sends a person back: only where our own pages live."""

from models.errors import BadInput
from resolvers.context import Info

LONGEST_RETURN_URL = 400


def own_page(info: Info, wanted: str | None, *, field: str = "returnUrl") -> str:
    """The address, or our own home for none. Raises BAD_INPUT: nobody's page may become a way to somebody else's."""
    homes = info.context.services.own_sites
    if not wanted:
        return homes[0] + "/" if homes else ""
    if len(wanted) > LONGEST_RETURN_URL or not any(
        wanted == home or wanted.startswith((f"{home}/", f"{home}?", f"{home}#")) for home in homes
    ):
        raise BadInput("返回地址不是本平台的页面。", next_step="请去掉返回地址后再试。", field=field)
    return wanted
