"""Operations with one root field, which most are: its resolver is called without an executor around it.

What graphql-core's executor would find out at every run is known before: the one field, its arguments, what completes
its value. An executor is made only when something is wrong, and then says it in its own words.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

from graphql import (
    ExecutionResult,
    GraphQLError,
    GraphQLField,
    GraphQLResolveInfo,
    Undefined,
    VariableNode,
    is_non_null_type,
)
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet
from graphql.execution.values import VariableValues, coerce_argument
from graphql.pyutils import Path, gather_with_cancel
from graphql.pyutils.is_awaitable import is_awaitable
from graphql.type.definition import GraphQLResolveInfoHelpers
from strawberry import ID, Info
from strawberry.extensions.field_extension import FieldExtension, build_field_extension_resolvers
from strawberry.types.base import StrawberryOptional
from strawberry.types.field import StrawberryField
from strawberry.utils.str_converters import to_camel_case

from plans.leaves import Complete
from plans.shapes import DEFINITION

if TYPE_CHECKING:
    from plans.planning import Plan

Call = Callable[[Any, GraphQLResolveInfo[Any], dict[str, Any]], Awaitable[Any]]
"""(source, info, arguments) → what the resolver gives."""

_PLAIN = (str, int, float, bool, type(None))


async def _gather(awaitables: Sequence[Awaitable[Any]]) -> list[Any]:
    return list(await gather_with_cancel(*awaitables))


def _track(_values: Sequence[Any]) -> None:
    """Nothing is abandoned here: there is one resolver, and it is waited for."""


_HELPERS = GraphQLResolveInfoHelpers(gather=_gather, track=_track)


class Straight:
    """The one root field of one variant of a plan."""

    def __init__(
        self,
        plan: "Plan",
        key: str,
        details: FieldDetailsList,
        field: GraphQLField,
        complete: Complete,
        fixed: Mapping[str, Any],
        given: Sequence[tuple[str, str, bool]],
    ) -> None:
        self._plan = plan
        self._key = key
        self._details = details
        self._field = field
        self._complete = complete
        self._fixed = fixed
        self._given = given
        self._call = _direct(field, {*fixed, *(name for name, _, _ in given)}, fixed) or _as_ever(field)
        self._name = details[0].node.name.value
        self._nodes = [detail.node for detail in details]
        self._path = Path(None, key, plan.root.name)

    def arguments(self, coerced: Mapping[str, Any]) -> dict[str, Any] | None:
        """None when something is missing or null that must not be: the executor says so."""
        arguments = dict(self._fixed)
        for name, variable, must_be in self._given:
            value = coerced.get(variable, Undefined)
            if value is Undefined or (value is None and must_be):
                return None
            arguments[name] = value
        return arguments

    async def run(
        self, arguments: dict[str, Any], values: VariableValues, context: Any, root_value: Any
    ) -> ExecutionResult:
        plan = self._plan
        info = GraphQLResolveInfo(
            self._name,
            self._nodes,
            self._field.type,
            plan.root,
            self._path,
            plan.schema,
            plan.definitions,
            root_value,
            plan.operation,
            values,
            context,
            is_awaitable,
            None,
            _HELPERS,
        )
        try:
            result = await self._call(root_value, info, arguments)
        except Exception as error:
            return self._failed(error, values, context, root_value)
        try:
            return ExecutionResult({self._key: self._complete(result)}, None)
        except Exception:
            return await self._completed_slowly(result, info, values, context, root_value)

    def _failed(self, error: Exception, values: VariableValues, context: Any, root_value: Any) -> ExecutionResult:
        executor = self._plan.executor(values, context, root_value)
        try:
            executor.handle_field_error(error, self._field.type, self._details, self._path)
        except GraphQLError as located:
            return executor.without_data(located)
        return executor.built({self._key: None})

    async def _completed_slowly(
        self, result: Any, info: GraphQLResolveInfo[Any], values: VariableValues, context: Any, root_value: Any
    ) -> ExecutionResult:
        """It was not as its type says: the executor completes it, and what is wrong with it are its words."""
        executor = self._plan.executor(values, context, root_value)
        try:
            completed = await executor.complete_awaitable_value(
                self._field.type, self._details, info, self._path, _at_once(result), None
            )
        except GraphQLError as located:
            return executor.without_data(located)
        return executor.built({self._key: completed})


def _as_ever(field: GraphQLField) -> Call:
    """Strawberry's own way to the resolver, which looks at each argument."""
    resolve: Any = field.resolve

    def call(source: Any, info: GraphQLResolveInfo[Any], arguments: dict[str, Any]) -> Awaitable[Any]:
        awaitable: Awaitable[Any] = resolve(source, info, **arguments)
        return awaitable

    return call


def _direct(field: GraphQLField, names: Collection[str], fixed: Mapping[str, Any]) -> Call | None:
    """Past Strawberry's conversion of arguments, where it would hand all of them on as they are: through the field's
    extensions to its resolver. None where it would do anything else."""
    definition = field.extensions.get(DEFINITION)
    if not isinstance(definition, StrawberryField) or definition.base_resolver is None:
        return None
    resolver = definition.base_resolver
    if resolver.parent_parameter or resolver.root_parameter or not resolver.is_async:
        return None
    if any(type(each).map_arguments is not FieldExtension.map_arguments for each in definition.extensions):
        return None
    python_names = {}
    for argument in definition.arguments:
        name = argument.graphql_name or to_camel_case(argument.python_name)
        python_names[name] = argument.python_name
        is_null = name in fixed and fixed[name] is None
        if name in names and not is_null and _bare(argument.type) not in _AS_THEY_ARE:
            return None
    if not {*names} <= {*python_names}:
        return None
    takes_self, takes_info = bool(resolver.self_parameter), resolver.info_parameter
    function: Any = resolver.wrapped_func

    async def resolved(source: Any, info: Info[Any, Any], **arguments: Any) -> Any:
        if takes_info:
            arguments[takes_info.name] = info
        return await (function(source, **arguments) if takes_self else function(**arguments))

    chained: Any = resolved
    for extension in build_field_extension_resolvers(definition):
        chained = partial(extension, chained)

    def call(source: Any, info: GraphQLResolveInfo[Any], arguments: dict[str, Any]) -> Awaitable[Any]:
        converted = {python_names[name]: value for name, value in arguments.items()}
        awaitable: Awaitable[Any] = chained(source, Info(_raw_info=info, _field=definition), **converted)
        return awaitable

    return call


_AS_THEY_ARE = (str, ID, int, bool)
"""Of these Strawberry makes nothing else."""


def _bare(kind: Any) -> Any:
    return kind.of_type if type(kind) is StrawberryOptional else kind


async def _at_once(value: Any) -> Any:
    return value


def straight(
    plan: "Plan", grouped: GroupedFieldSet, completers: Mapping[int, tuple[Complete | None, Any]]
) -> Straight | None:
    """None when there are several root fields, or one that is not as simple as that."""
    if len(grouped) != 1 or plan.operation.directives:
        return None
    ((key, details),) = grouped.items()
    first = details[0]
    field = plan.root.fields.get(first.node.name.value)
    complete = completers.get(id(details), (None,))[0]
    if field is None or complete is None or not iscoroutinefunction(field.resolve):
        return None
    if any(detail.fragment_variable_values for detail in details):
        return None
    said = {argument.name.value: argument for argument in first.node.arguments or ()}
    fixed: dict[str, Any] = {}
    given: list[tuple[str, str, bool]] = []
    for name, argument in field.args.items():
        node = said.get(name)
        if node is not None and isinstance(node.value, VariableNode):
            given.append((argument.out_name or name, node.value.name.value, is_non_null_type(argument.type)))
            continue
        try:
            coerce_argument(fixed, first.node, name, argument, node, None, None)
        except GraphQLError:
            return None
    if not all(isinstance(value, _PLAIN) for value in fixed.values()):
        return None
    return Straight(plan, key, details, field, complete, fixed, given)
