"""Money as people read it, and as it is shared."""

from collections.abc import Sequence


def yuan_text(fen: int) -> str:
    """4000 → 40.00元"""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}元"


def shares(amount_fen: int, weights: Sequence[int]) -> list[int]:
    """The amount in parts as these weights are to one another, to the fen: the largest remainders get the odd ones, the
    earlier of equals first. Nobody gets more than their weight of an amount that is at most their sum."""
    whole = sum(weights)
    if whole == 0:
        return [0 for _ in weights]
    parts = [amount_fen * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda n: (-(amount_fen * weights[n] % whole), n))
    for n in by_remainder[: amount_fen - sum(parts)]:
        parts[n] += 1
    return parts
