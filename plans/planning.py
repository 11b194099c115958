"""A plan: what can be known about running an operation before it is asked for, kept for every run.

The values of `@include` and `@skip` decide which fields there are, so each combination of their variables that comes by
has a variant of its own. In a variant the root fields are collected, and each has, where all below it is plain, one
function that completes what its resolver returned. The resolver itself is called by graphql-core as ever.
"""

from collections.abc import Awaitable, Callable, Mapping
from itertools import product
from typing import Any, NamedTuple

from graphql import (
    DirectiveNode,
    DocumentNode,
    ExecutionResult,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    Visitor,
    default_field_resolver,
    default_type_resolver,
    visit,
)
from graphql.execution.collect_fields import FieldDetailsList, FragmentDetails, GroupedFieldSet, collect_fields
from graphql.execution.values import VariableValues
from graphql.pyutils import Path

from plans.leaves import Complete, FastExecutor, completer
from plans.shapes import NotPlain, Reader, Value
from plans.straight import Straight, straight
from plans.variables import Variables

MOST_VARIANTS = 16

Backend = Callable[[Value], Complete]


class Variant(NamedTuple):
    """One combination of included and skipped fields."""

    grouped: GroupedFieldSet
    completers: Mapping[int, tuple[Complete | None, Any]]
    straight: Straight | None = None


class Plan:
    """One operation of a valid document. `backend` makes a function of a shape: compiled, or put together."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        backend: Backend = completer,
        *,
        hide_suggestions: bool = False,
        on_anomaly: Callable[[], None] | None = None,
    ) -> None:
        root = schema.get_root_type(operation.operation)
        assert root is not None  # validation has seen to it
        self.schema = schema
        self.document = document
        self.root: GraphQLObjectType = root
        self.operation = operation
        self.backend = backend
        self.hide_suggestions = hide_suggestions
        self.definitions = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self.fragments = {name: FragmentDetails(node) for name, node in self.definitions.items()}
        self.switches = _switches(document)
        self._variables = Variables(schema, operation, hide_suggestions=hide_suggestions)
        self.anomalies = 0
        """How often a value that should have been plain was not: right answers, but slow ones."""
        self._on_anomaly = on_anomaly
        self._variants: dict[tuple[Any, ...], Variant] = {}

    def run(self, variables: Mapping[str, Any], context: Any, root_value: Any = None) -> Any:
        """An ExecutionResult, or an awaitable of one."""
        values = self.coerced(variables)
        if isinstance(values, list):
            return ExecutionResult(None, errors=values)
        try:
            short = self.variant(values).straight
        except GraphQLError:  # which the executor comes upon as well, and says
            short = None
        arguments = None if short is None else short.arguments(values.coerced)
        if short is None or arguments is None:
            return self.executor(values, context, root_value).run()
        return short.run(arguments, values, context, root_value)

    def executor(self, values: VariableValues, context: Any, root_value: Any) -> "PlannedExecutor":
        return PlannedExecutor(self, values, context, root_value)

    def coerced(self, variables: Mapping[str, Any]) -> VariableValues | list[GraphQLError]:
        """The variables as the operation declares them, or what is wrong with them."""
        return self._variables.coerced(variables)

    def count_anomaly(self) -> None:
        self.anomalies += 1
        if self._on_anomaly is not None:
            self._on_anomaly()

    def prepare(self) -> None:
        """Makes every variant now, when they are few, so that no run has to."""
        if 2 ** len(self.switches) <= MOST_VARIANTS:
            for chosen in product((True, False), repeat=len(self.switches)):
                self.variant(VariableValues({}, dict(zip(self.switches, chosen, strict=True))))

    def chosen(self, values: VariableValues) -> tuple[Any, ...]:
        """What the variables of `@include` and `@skip` are this time."""
        return tuple([values.coerced.get(name) for name in self.switches])

    def variant(self, values: VariableValues) -> Variant:
        """The plan for these switches. Raises GraphQLError, as collecting does."""
        chosen = self.chosen(values)
        found = self._variants.get(chosen)
        if found is None:
            found = self._made(values)
            if len(self._variants) < MOST_VARIANTS:
                self._variants[chosen] = found
        return found

    def _made(self, values: VariableValues) -> Variant:
        grouped = collect_fields(self.schema, self.fragments, values, self.root, self.operation).grouped_field_set
        reader = Reader(self.schema, self.fragments, self.operation, values)
        completers: dict[int, tuple[Complete | None, Any]] = {}
        for details in grouped.values():
            field = self.root.fields.get(details[0].node.name.value)
            if field is not None:
                try:
                    completers[id(details)] = (self.backend(reader.value(field.type, details)), details)
                except (NotPlain, GraphQLError):  # a switch that is null further down: told when it is come to
                    completers[id(details)] = (None, details)
        return Variant(grouped, completers, straight(self, grouped, completers))


def _switches(document: DocumentNode) -> tuple[str, ...]:
    """The variables on which some `@include` or `@skip` of the document depends."""
    names: set[str] = set()

    class Finder(Visitor):
        def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
            if node.name.value in ("include", "skip"):
                values = [argument.value for argument in node.arguments or ()]
                names.update(value.name.value for value in values if isinstance(value, VariableNode))

    visit(document, Finder())
    return tuple(sorted(names))


class PlannedExecutor(FastExecutor):
    """One run of a plan."""

    def __init__(self, plan: Plan, values: VariableValues, context: Any, root_value: Any) -> None:
        super().__init__(
            plan.schema,
            plan.definitions,
            plan.fragments,
            root_value,
            context,
            plan.operation,
            values,
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
            hide_suggestions=plan.hide_suggestions,
        )
        self.plan = plan

    def gave_up(self) -> None:
        self.plan.count_anomaly()

    async def complete_awaitable_value(
        self,
        return_type: GraphQLOutputType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Awaitable[Any],
        position_context: Any,
    ) -> Any:
        """As `Executor.complete_awaitable_value`; a plan's run has no signal that could abort it."""
        try:
            completed = self.complete_value(
                return_type, field_details_list, info, path, await result, position_context
            )
            return await completed if self.is_awaitable(completed) else completed
        except Exception as raw_error:
            self.handle_field_error(raw_error, return_type, field_details_list, path)
            return None

    def run(self) -> Any:
        """As `Executor.execute_operation`, with the root fields collected long ago."""
        plan = self.plan
        try:
            grouped, completers, _ = plan.variant(self.variable_values)
            self.completers = {**completers, **self.completers}  # a run with holes has brought its own
            serially = plan.operation.operation is OperationType.MUTATION
            data: Any = self.execute_root_grouped_field_set(plan.root, self.root_value, grouped, serially, None)
        except GraphQLError as error:
            return self.without_data(error)
        return self._awaited(data) if self.is_awaitable(data) else self.build_response(data)

    async def _awaited(self, data: Any) -> Any:
        try:
            return self.build_response(await data)
        except GraphQLError as error:
            return self.without_data(error)

    def without_data(self, error: GraphQLError) -> ExecutionResult:
        self.collected_errors.add(error, None)
        return self.built(None)

    def built(self, data: dict[str, Any] | None) -> ExecutionResult:
        result: Any = self.build_response(data)
        assert isinstance(result, ExecutionResult)
        return result
