"""Documents ready to be executed: parsed, within the limits, valid, and kept for the next request.

Only the text is kept beside its outcome, good or bad, so clients that send values as variables
parse and validate once. Texts above 16 KiB are not kept, nor more than 512 of them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, Final, cast

import strawberry
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    StringValueNode,
    Visitor,
    execute,
    parse,
    specified_rules,
    validate,
    visit,
)
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from coop.schema.errors import Code
from coop.schema.limits import (
    ERRORS_MAX,
    TOKENS_MAX,
    MeasuredDocument,
    MeasuredOperation,
    OverLimit,
    measured,
)

TEXT_MAX: Final = 64 * 1024  # characters: tokens are limited too, but one string may be any length
_KEPT_MAX: Final = 512
_KEPT_LENGTH_MAX: Final = 16 * 1024
_RULES: Final = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)


class RequestRefused(Exception):
    """A request that is answered by `errors` alone: nothing of it ran."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(errors[0].message)
        self.errors = errors


def refused(code: Code, message: str) -> RequestRefused:
    """A request refused for one reason."""
    return RequestRefused([GraphQLError(message, extensions={"code": code})])


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document that may be executed."""

    node: DocumentNode
    within: MeasuredDocument

    def operation(self, name: str | None) -> MeasuredOperation:
        """The operation to run. Refused: no such name, or no name where there are several."""
        found = self.within.operations
        if name is None:
            if len(found) == 1:
                return found[0]
            raise refused(
                Code.AMBIGUOUS_OPERATION, f"operationName is needed: {len(found)} operations."
            )
        for operation in found:
            if operation.name == name:
                return operation
        raise refused(Code.UNKNOWN_OPERATION, f'There is no operation named "{name[:40]}".')


class Documents:
    """The documents of one schema, each prepared once while it is remembered."""

    def __init__(self, schema: strawberry.Schema) -> None:
        self.schema: GraphQLSchema = schema._schema  # noqa: SLF001 - its only way to graphql-core's
        self._kept: OrderedDict[str, Prepared | list[GraphQLError]] = OrderedDict()
        self.hits = 0
        self.misses = 0

    def prepared(self, text: str) -> Prepared:
        """`text` ready to run. Raises RequestRefused: syntax, limits, validation."""
        if len(text) > TEXT_MAX:
            message = f"A document has at most {TEXT_MAX} characters; send values as variables."
            raise refused(Code.DOCUMENT_TOO_LONG, message)
        found = self._kept.get(text)
        if found is None:
            self.misses += 1
            found = self._prepare(text)
            self._keep(text, found)
        else:
            self.hits += 1
            self._kept.move_to_end(text)
        if isinstance(found, list):
            raise RequestRefused(found)
        return found

    def _keep(self, text: str, found: Prepared | list[GraphQLError]) -> None:
        if len(text) <= _KEPT_LENGTH_MAX:
            self._kept[text] = found
            if len(self._kept) > _KEPT_MAX:
                self._kept.popitem(last=False)

    def _prepare(self, text: str) -> Prepared | list[GraphQLError]:
        try:
            node = parse(text, max_tokens=TOKENS_MAX)
            within = measured(self.schema, node)
        except OverLimit as over:
            return over.errors
        except GraphQLError as error:
            many = f"more than {TOKENS_MAX} tokens" in error.message
            return [_coded(error, Code.TOO_MANY_TOKENS if many else Code.PARSE_FAILED)]
        # Suggestions cost a comparison with every name of the schema for every mistake.
        errors = validate(
            self.schema, node, _RULES, max_errors=ERRORS_MAX - 1, hide_suggestions=True
        )
        if errors:
            return [_coded(error, Code.VALIDATION_FAILED) for error in errors]
        try:
            visit(node, _TEXT_ONLY)
        except GraphQLError as error:
            return [_coded(error, Code.BAD_USER_INPUT)]
        return Prepared(node, within)


def expect_text(variables: object) -> None:
    """Raises RequestRefused where a value holds U+0000, which PostgreSQL has no text for."""
    if isinstance(variables, str):
        if "\0" in variables:
            raise refused(Code.BAD_USER_INPUT, "Text never holds the character U+0000.")
    elif isinstance(variables, dict):
        for value in variables.values():
            expect_text(value)
    elif isinstance(variables, list):
        for value in variables:
            expect_text(value)


class _TextOnly(Visitor):
    """Like `expect_text`, for the strings written in a document."""

    def enter_string_value(self, node: StringValueNode, *_: object) -> None:
        """Raises GraphQLError."""
        if "\0" in node.value:
            raise GraphQLError("Text never holds the character U+0000.", node)


def _coded(error: GraphQLError, code: Code) -> GraphQLError:
    error.extensions = {"code": code, **(error.extensions or {})}
    return error


_TEXT_ONLY: Final = _TextOnly()


async def executed(
    documents: Documents,
    prepared: Prepared,
    operation: MeasuredOperation,
    variables: dict[str, Any] | None,
    context: Any,
    root: Any = None,
) -> ExecutionResult:
    """What `operation` gives; of a subscription, what one event, `root`, gives.

    graphql-core executes, as inside `strawberry.Schema.execute`, without its 40 µs of extensions:
    this schema has none.
    """
    found = execute(
        documents.schema,
        prepared.node,
        root_value=root,
        context_value=context,
        variable_values=variables,
        operation_name=operation.name,
        executor_class=StrawberryGraphQLCoreExecutionContext,
        is_awaitable=cast(Any, optimized_is_awaitable),
        max_coercion_errors=ERRORS_MAX - 1,
        hide_suggestions=True,
    )
    if optimized_is_awaitable(found):
        return await cast(Awaitable[ExecutionResult], found)
    return cast(ExecutionResult, found)


def is_request_error(result: ExecutionResult) -> bool:
    """Whether nothing ran: variables that do not fit, for one. Field errors carry a path."""
    return result.data is None and not any(error.path for error in result.errors or ())
