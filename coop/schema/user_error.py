"""Expected refusals of a mutation, as data: `payload.errors`, not an error of the whole answer.

A payload type extends `Payload`, gives every field of its own a default, and its resolver wears
`@refusals_as(JournalEntryPayload)`, inside which whatever the service refuses becomes `errors`.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Final, ParamSpec, TypeVar

import strawberry
from strawberry.utils.str_converters import to_camel_case

from coop.kernel.errors import Refusal


@strawberry.interface(description="Why a mutation did nothing.")
class UserError:
    """Why a mutation did nothing."""

    code: str = strawberry.field(description="Stable, one of the codes in the glossary.")
    message: str = strawberry.field(description="One sentence for a person.")
    path: list[str] = strawberry.field(
        description='Where in the input, outermost first: ["postings", "1", "amount"].'
    )


@strawberry.type(description="A refusal that its code, message and path say all about.")
class PlainError(UserError):
    """A refusal that its code, message and path say all about."""


USER_ERRORS: Final = (PlainError,)  # belongs in `Schema(types=...)`: no field names these types


@functools.singledispatch
def user_error_of(refusal: Refusal) -> UserError:
    """What the API says of `refusal`.

    A room with more to say registers its own type of UserError for its own refusal:
    `@user_error_of.register`, taking that refusal.
    """
    return PlainError(
        code=refusal.code, message=refusal.message, path=[to_camel_case(p) for p in refusal.path]
    )


@strawberry.type(description="What became of a mutation.")
class Payload:
    """What became of a mutation: its subclasses add the object, None when `errors` say why not."""

    errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was done; empty when it was."
    )
    replayed: bool = strawberry.field(
        default=False,
        description="Whether this is what an earlier request with this key did.",
    )


P = TypeVar("P", bound=Payload)
Args = ParamSpec("Args")


def refusals_as(
    payload: type[P],
) -> Callable[[Callable[Args, Awaitable[P]]], Callable[Args, Awaitable[P]]]:
    """Make a mutation's resolver answer a Refusal with an otherwise empty `payload`.

    The refusal must already have left the unit of work when it arrives here, so that nothing has
    moved. Wear it below `@strawberry.mutation`.
    """

    def wearing(resolver: Callable[Args, Awaitable[P]]) -> Callable[Args, Awaitable[P]]:
        @functools.wraps(resolver)
        async def resolve(*args: Args.args, **kwargs: Args.kwargs) -> P:
            try:
                return await resolver(*args, **kwargs)
            except Refusal as refusal:
                return payload(errors=[user_error_of(refusal)])

        return resolve

    return wearing
