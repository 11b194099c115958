"""Scalars that a plan can check by itself, without a call."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WholeNumber:
    """`serialize` and `parse_value` of a scalar for whole numbers from -`most` to `most`, beyond Int's 32 bits."""

    name: str
    most: int

    def __call__(self, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > self.most:
            raise ValueError(f"{self.name} is a whole number")
        return value
