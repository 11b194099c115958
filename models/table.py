"""What every table class inherits."""

from typing import Any

from tortoise.models import Model, ModelMeta


class _Uncommented(ModelMeta):
    """Tortoise parses each class's source for `#:` comments, of which there are none: a third of every start."""

    def __new__(cls, name: str, bases: tuple[type, ...], attrs: dict[str, Any]) -> "ModelMeta":
        return super().__new__(cls, name, bases, {"_no_comments": True, **attrs})


class Table(Model, metaclass=_Uncommented):
    """Tortoise would store a class's docstring as the table's comment, and each better wording would be a
    migration. Docstrings are for readers of the source, so they are hidden from it."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.__doc__ = None

    class Meta:
        abstract = True
