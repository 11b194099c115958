"""Random valid documents over a schema: aliases, fragments, inline fragments, directives, repeated and merged fields."""

import random

from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
)


class Documents:
    """`variables` are the Boolean ones that `@include` and `@skip` may ask for."""

    def __init__(self, schema: GraphQLSchema, chance: random.Random) -> None:
        self.schema = schema
        self.chance = chance
        self.fragments: dict[str, str] = {}
        self.variables = ("a", "b")

    def document(self) -> str:
        """One query, or now and then a mutation."""
        mutation = self.chance.random() < 0.15 and self.schema.mutation_type is not None
        root = self.schema.mutation_type if mutation else self.schema.query_type
        assert root is not None
        body = self._selection(root, depth=4, root=True)
        declared = ", ".join(
            f"${name}: Boolean{self.chance.choice(['!', ' = true', ' = false'])}" for name in self.variables
        )
        fragments = "".join(self.fragments.values())
        return f"{'mutation' if mutation else 'query'} Q({declared}, $to: String) {body}{fragments}"

    def _selection(self, kind: GraphQLObjectType | GraphQLInterfaceType, depth: int, *, root: bool = False) -> str:
        fields = list(kind.fields.items())
        chosen = self.chance.sample(fields, min(len(fields), self.chance.randint(1, 2 if root else 7)))
        parts = [part for name, _ in chosen for part in self._field(kind, name, depth)]
        if not root and self.chance.random() < 0.2:
            parts.append("__typename")
        if self.chance.random() < 0.2 and depth > 1:
            parts.append(
                f"...{self._directive()} {{ {' '.join(parts[: self.chance.randint(1, len(parts))] or ['__typename'])} }}"
            )
        if self.chance.random() < 0.15 and depth > 1:
            parts.append(self._fragment(kind, depth))
        self.chance.shuffle(parts)
        return f"{{ {' '.join(parts) or '__typename'} }}"

    def _fragment(self, kind: GraphQLObjectType | GraphQLInterfaceType, depth: int) -> str:
        name = f"F{len(self.fragments)}"
        self.fragments[name] = ""
        self.fragments[name] = f" fragment {name} on {kind.name} {self._selection(kind, depth - 1)}"
        return f"...{name}{self._directive()}"

    def _field(self, kind: GraphQLObjectType | GraphQLInterfaceType, name: str, depth: int) -> list[str]:
        field = kind.fields[name]
        inner = get_named_type(field.type)
        arguments = ""
        if "to" in field.args and self.chance.random() < 0.7:
            arguments = self.chance.choice(['(to: "you")', "(to: $to)", "(times: 2)"])
        if "first" in field.args and self.chance.random() < 0.5:
            arguments = "(first: 2)"
        alias = f"{name}_{self.chance.randint(0, 1)}: " if self.chance.random() < 0.2 or arguments else ""
        if alias and arguments:
            alias = f"{name}_{abs(hash(arguments)) % 97}: "
        below = ""
        if not is_leaf_type(inner):
            if depth == 0:
                return []
            below = f" {self._below(inner, depth - 1)}"
        written = f"{alias}{name}{arguments}{self._directive()}{below}"
        return [written, written] if self.chance.random() < 0.05 else [written]

    def _below(self, kind: object, depth: int) -> str:
        if isinstance(kind, GraphQLObjectType):
            return self._selection(kind, depth)
        assert isinstance(kind, GraphQLUnionType | GraphQLInterfaceType)
        parts = ["__typename"] if self.chance.random() < 0.5 else []
        if isinstance(kind, GraphQLInterfaceType):
            parts.append(self._selection(kind, depth)[2:-2])
        parts += [
            f"... on {one.name}{self._directive()} {self._selection(one, depth)}"
            for one in self.schema.get_possible_types(kind)
            if self.chance.random() < 0.8
        ]
        return f"{{ {' '.join(parts) or '__typename'} }}"

    def _directive(self) -> str:
        if self.chance.random() > 0.12:
            return ""
        switch = self.chance.choice([*(f"${name}" for name in self.variables), "true", "false"])
        return f" @{self.chance.choice(['include', 'skip'])}(if: {switch})"
