"""What every table class inherits."""

from typing import Any

from tortoise.models import Model


class Table(Model):
    """Tortoise would store a class's docstring as the table's comment, and each better wording would be a
    migration. Docstrings are for readers of the source, so they are hidden from it."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.__doc__ = None

    class Meta:
        abstract = True
