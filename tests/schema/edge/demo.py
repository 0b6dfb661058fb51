"""A small schema that has one of everything the edge treats specially, and a server for it.

The rows are numbers 0…n of a list that tests change as they like; who asks is the bearer token itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import strawberry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from strawberry import UNSET
from strawberry.scalars import JSON
from strawberry.schema.config import StrawberryConfig

from coop.kernel.errors import Forbidden, InvalidValue
from coop.kernel.window import Window
from coop.members.errors import Unauthenticated
from coop.schema.graphiql import graphiql_routes
from coop.schema.limits import MeasuredOperation
from coop.schema.pagination import Connection, Order, Page, connection_of
from coop.schema.scalars import (
    SCALARS,
    CurrencyCode,
    DateRange,
    IdempotencyKey,
    KWh,
    Money,
    MoneyInput,
    kwh,
)
from coop.schema.subscriptions import SubscriptionSocket, bearer_in
from coop.schema.user_error import USER_ERRORS, Payload, UserError, refusals_as, user_error_of
from coop.schema.view import GraphQLView, LargeBodies

ROWS = Order("demo.rows", int)


@dataclass
class World:
    """What the demo schema reads and what was done to it."""

    rows: list[int] = field(default_factory=lambda: list(range(10)))
    counted: int = 0
    posted: list[str] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    closed: int = 0
    ended: list[str] = field(default_factory=list)
    revoked: set[str] = field(default_factory=set)
    topics: dict[str, asyncio.Queue[int]] = field(default_factory=dict)

    async def window(self, window: Window) -> list[int]:
        """The rows of a window, as a database would answer it."""
        low = window.after[0] if window.after else None
        high = window.before[0] if window.before else None
        found = sorted(
            row for row in self.rows if (low is None or row > low) and (high is None or row < high)
        )
        return (found[::-1] if window.backward else found)[: window.limit]

    async def count(self) -> int:
        self.counted += 1
        return len(self.rows)


@strawberry.type
class Row:
    number: int
    friend: Row | None = None

    @strawberry.field
    def rows(self, info: strawberry.Info, first: int | None = UNSET) -> Connection[Row]:
        raise NotImplementedError

    @strawberry.field
    async def broken(self) -> str | None:
        raise RuntimeError("secret dsn=postgres://root:hunter2@db")


@strawberry.type
class Echo:
    decimal: Decimal | None = None
    kwh: KWh | None = None
    instant: datetime | None = None
    day: date | None = None
    key: IdempotencyKey | None = None
    currency: CurrencyCode | None = None
    json: JSON | None = None
    money: Money | None = None


@strawberry.type
class Query:
    @strawberry.field
    def hello(self) -> str:
        return "world"

    @strawberry.field
    async def viewer(self, info: strawberry.Info) -> str:
        return info.context.principal

    @strawberry.field
    def row(self, number: int) -> Row | None:
        return Row(number=number, friend=Row(number=number + 1))

    @strawberry.field
    async def rows(
        self,
        info: strawberry.Info,
        first: int | None = UNSET,
        after: str | None = UNSET,
        last: int | None = UNSET,
        before: str | None = UNSET,
    ) -> Connection[Row]:
        world: World = info.context.world
        return await connection_of(
            Connection[Row],
            ROWS,
            Page(first, after, last, before),
            fetch=world.window,
            key=lambda number: (number,),
            node=lambda number: Row(number=number),
            count=world.count,
        )

    @strawberry.field
    def nodes(self, ids: list[strawberry.ID]) -> list[Row | None]:
        return [None for _ in ids]

    @strawberry.field
    def echo(
        self,
        *,
        decimal: Decimal | None = None,
        kwh: KWh | None = None,
        instant: datetime | None = None,
        day: date | None = None,
        key: IdempotencyKey | None = None,
        currency: CurrencyCode | None = None,
        json: JSON | None = None,
        money: MoneyInput | None = None,
        period: DateRange | None = None,
    ) -> Echo:
        if period is not None:
            period.bounds()
        shown = Money.of(money.money()) if money else None
        return Echo(
            decimal=decimal,
            kwh=kwh,
            instant=instant,
            day=day,
            key=key,
            currency=currency,
            json=json,
            money=shown,
        )

    @strawberry.field
    def forbidden(self) -> str | None:
        raise Forbidden("You may not.", ("input", "0"))

    @strawberry.field
    def broken(self) -> str | None:
        raise RuntimeError("secret dsn=postgres://root:hunter2@db")

    @strawberry.field
    def naive(self) -> datetime | None:
        return datetime(2026, 1, 1)

    @strawberry.field
    def uneven(self) -> KWh | None:
        return KWh(Decimal("0.0001"))

    @strawberry.field
    def energy(self) -> KWh:
        return kwh(12340)

    @strawberry.field
    def not_json(self) -> JSON | None:
        return JSON({"amount": Decimal(1)})

    @strawberry.field
    async def slow(self) -> str:
        await asyncio.sleep(60)
        return "never"


@strawberry.type
class PostPayload(Payload):
    posted: str | None = None


class TooMuch(InvalidValue):
    code = "DEMO_TOO_MUCH"

    def __init__(self, excess: Decimal) -> None:
        super().__init__("That is too much.", ("postings", "1", "amount_minor"))
        self.excess = excess


@strawberry.type
class TooMuchError(UserError):
    excess: Decimal


@user_error_of.register
def _(refusal: TooMuch) -> TooMuchError:
    return TooMuchError(
        code=refusal.code, message=refusal.message, path=list(refusal.path), excess=refusal.excess
    )


@strawberry.type
class Mutation:
    @strawberry.mutation
    @refusals_as(PostPayload)
    async def post(self, info: strawberry.Info, text: str) -> PostPayload:
        if text == "plain":
            raise InvalidValue("No.", ("input", "effective_on"))
        if text == "much":
            raise TooMuch(Decimal("1.50"))
        if text == "bug":
            raise RuntimeError("secret")
        info.context.world.posted.append(text[:10])
        return PostPayload(posted=text[:10])

    @strawberry.mutation
    async def import_rows(self, info: strawberry.Info, csv: str) -> int:
        return len(csv)


@strawberry.type
class Tick:
    number: int

    @strawberry.field
    def seen_by(self, info: strawberry.Info) -> str:
        return f"{info.context.principal} #{info.context.serial}"

    @strawberry.field
    def broken(self) -> str | None:
        raise RuntimeError("secret")


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self, info: strawberry.Info, topic: str = "main") -> AsyncIterator[Tick]:
        if topic == "forbidden":
            raise Forbidden("Not this topic.")
        queue = info.context.world.topics.setdefault(topic, asyncio.Queue())
        try:
            while (number := await queue.get()) >= 0:
                if number == 666:
                    raise RuntimeError("secret")
                yield Tick(number=number)
        finally:
            info.context.world.ended.append(topic)


schema = strawberry.Schema(
    Query,
    Mutation,
    Subscription,
    types=[*USER_ERRORS, TooMuchError],
    config=StrawberryConfig(scalar_map=SCALARS),
)


async def authenticate(request: Request) -> str:
    """Everybody is who their token says; no token is "anyone"; the token "bad" is nobody's."""
    token = request.headers.get("authorization", "Bearer anyone").removeprefix("Bearer ")
    if token == "bad":
        raise Unauthenticated("A valid bearer token is needed.")
    return token


def view_of(world: World, **more: Any) -> GraphQLView[str]:
    """The demo schema served over `world`."""

    @asynccontextmanager
    async def context(
        _request: Request, principal: str, operation: MeasuredOperation
    ) -> AsyncIterator[SimpleNamespace]:
        if principal == "stranger":
            raise Forbidden("This cooperative is not yours.")
        world.opened.append(operation.kind.value)
        try:
            yield SimpleNamespace(world=world, principal=principal)
        finally:
            world.closed += 1

    large = LargeBodies[str](frozenset({"importRows"}), lambda principal: principal == "importer")
    return GraphQLView(
        schema, authenticate=authenticate, context_factory=context, large_bodies=large, **more
    )


class DemoListener:
    """Allowed until `revoked`; each event gets a context with a serial number."""

    def __init__(self, world: World, principal: str) -> None:
        self.world = world
        self.principal = principal
        self.stream_context = SimpleNamespace(world=world, principal=principal)

    async def allowed(self) -> bool:
        return self.principal not in self.world.revoked

    @asynccontextmanager
    async def event_context(self, operation: MeasuredOperation) -> AsyncIterator[SimpleNamespace]:
        self.world.opened.append(operation.kind.value)
        yield SimpleNamespace(
            world=self.world, principal=self.principal, serial=len(self.world.opened)
        )


def app_of(world: World, *, socket: dict[str, Any] | None = None, **more: Any) -> Starlette:
    """The demo as an application."""
    view = view_of(world, **more)

    async def connect(_socket: WebSocket, payload: dict[str, Any]) -> DemoListener:
        token = bearer_in(payload)
        if token in {None, "bad"}:
            raise Unauthenticated("A valid bearer token is needed.")
        if token == "boom":
            raise RuntimeError("secret")
        return DemoListener(world, token)

    served = SubscriptionSocket(view.documents, connect=connect, **(socket or {}))
    return Starlette(
        routes=[Route("/graphql", view), WebSocketRoute("/graphql", served), *graphiql_routes()]
    )
