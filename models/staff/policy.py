"""What is demanded of staff's passwords and sign-ins: configuration, GB/T 22239-2019 level 3 unless stricter."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, kw_only=True)
class StaffPolicy:
    """The defaults are level 3's; production refuses anything weaker (bff/settings)."""

    shortest_password: int = 8
    password_classes: int = 3
    password_life: timedelta = timedelta(days=90)
    passwords_remembered: int = 5
    failures_until_lock: int = 5
    lock_life: timedelta = timedelta(seconds=300)
    idle_life: timedelta = timedelta(minutes=10)
    absolute_life: timedelta = timedelta(hours=12)
    second_factor: bool = True
    """Everybody must have one. False, in development: who has set one up, and administrators."""


LONGEST_PASSWORD = 128
LEVEL_3 = StaffPolicy()
DEVELOPMENT = StaffPolicy(second_factor=False)
