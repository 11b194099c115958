"""`make demo`: a Chengdu citizen in Chongqing, a Chongqing citizen in Chengdu, the platform's own books, the door, money
on every way, a family, vouchers, plans that change, a draw, and what the programme does with its vouchers some days later.

Exits 0 only when the government platform's store holds each order, each redemption and each gate scan exactly
once. The house's clock is turned ahead to the next morning on which both venues are open, so the demo can be
shown at night.
"""

import sys
import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from demo import changing, drawing, family, main_job, money, programme, the_edge, vouchers
from demo.stack import Broken, a_folder, running

SHANGHAI = ZoneInfo("Asia/Shanghai")


def seconds_to_the_next_morning(now: datetime) -> int:
    """Until 09:40 local time of the next day that is no Monday, on which 成都高新体育中心 is closed."""
    local = now.astimezone(SHANGHAI)
    morning = local.replace(hour=9, minute=40, second=0, microsecond=0)
    while morning < local or morning.weekday() == 0:
        morning += timedelta(days=1)
    return int((morning - local).total_seconds())


def main() -> int:
    started = time.monotonic()
    ahead = seconds_to_the_next_morning(datetime.now(UTC))
    print("正在启动一套全新的系统（网站、后台任务、数据库、队列、沙箱）……", flush=True)
    try:
        with a_folder() as folder:
            with running(folder, clock_ahead_seconds=ahead) as stack:
                print(f"启动完成，用时 {time.monotonic() - started:.1f} 秒。\n", flush=True)
                today = (datetime.now(UTC) + timedelta(seconds=ahead)).astimezone(SHANGHAI).date()
                walked = main_job.walk(stack, today=today)
                the_edge.show(stack, walked)
                li = money.move(stack, walked, today=today)
                served = family.serve(stack, walked, today=today)
                grandmother = vouchers.Grandmother(served.person_id, served.grandson)
                vouchers.spend(stack, walked, served.clerk, grandmother, today=today)
                keeper = programme.a_manager(stack, walked.venue_id)
                manager = keeper.signs_in(stack)
                changing.change_plans(stack, walked, li, manager, today=today)
                released = today + timedelta(seconds=programme.LATER_SECONDS)
                announced = drawing.announce(walked, manager, released=released)
                officers = programme.write_off_without_a_network(stack, li, walked.venue_id, keeper, manager)
            with running(folder, clock_ahead_seconds=ahead + programme.LATER_SECONDS) as later:
                programme.settle(later, officers, day=today)
                entrants = drawing.enter(later, announced)
            last = ahead + programme.LATER_SECONDS + drawing.CLOSED_SECONDS
            with running(folder, clock_ahead_seconds=last) as closed:
                drawing.draw(closed, announced, entrants)
                family.nothing_lies_open(closed, served, walked.chen, walked.wang, li, *entrants)
    except Broken as broken:
        print(f"\n✗ 演示没有走通：{broken}", file=sys.stderr)
        return 1
    print(f"\n全部走通，共 {time.monotonic() - started:.1f} 秒。")
    return 0


sys.exit(main())
