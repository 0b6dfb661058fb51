"""The socket: what it answers, and with which code it closes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import orjson
import pytest
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from coop.schema.rate_limit import Allowance, RateLimiter
from coop.schema.subscriptions import bearer_in
from tests.schema.edge.conftest import serving
from tests.schema.edge.demo import World, app_of

pytestmark = pytest.mark.anyio

TICKS = "subscription($t: String!) { ticks(topic: $t) { number seenBy } }"
KARI = {"authorization": "Bearer kari"}


class Peer:
    """A client that speaks the protocol, or whatever else a test sends."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, message: Any) -> None:
        await self.socket.send(
            message if isinstance(message, str | bytes) else orjson.dumps(message).decode()
        )

    async def receive(self) -> Any:
        async with asyncio.timeout(5):
            return orjson.loads(await self.socket.recv())

    async def init(self, payload: dict[str, Any] | None = None) -> None:
        await self.send(
            {"type": "connection_init", "payload": KARI if payload is None else payload}
        )
        assert await self.receive() == {"type": "connection_ack"}

    async def subscribe(self, key: str, query: str = TICKS, **variables: Any) -> None:
        payload = {"query": query, "variables": variables or None}
        await self.send({"id": key, "type": "subscribe", "payload": payload})

    async def closed(self) -> tuple[int, str]:
        """Read until the server closes."""
        async with asyncio.timeout(5):
            with suppress(ConnectionClosed):
                async for _ in self.socket:
                    pass
            await self.socket.wait_closed()
        assert self.socket.close_code is not None
        return self.socket.close_code, self.socket.close_reason or ""


@asynccontextmanager
async def peer_of(
    world: World, *, protocol: str = "graphql-transport-ws", **socket: Any
) -> AsyncIterator[Peer]:
    async with (
        serving(app_of(world, socket=socket)) as host,
        connect(f"ws://{host}/graphql", subprotocols=[protocol]) as found,  # type: ignore[list-item]
    ):
        yield Peer(found)


async def topic(world: World, name: str) -> asyncio.Queue[int]:
    """The queue of a topic, once somebody listens to it."""
    async with asyncio.timeout(5):
        while name not in world.topics:
            await asyncio.sleep(0.005)
    return world.topics[name]


async def test_events_come_each_in_its_own_context_until_the_source_ends(world: World) -> None:
    async with peer_of(world) as peer:
        await peer.init()
        await peer.subscribe("1", t="a")
        queue = await topic(world, "a")
        for number in (7, 8, -1):
            queue.put_nowait(number)
        for serial, number in ((1, 7), (2, 8)):
            tick = {"number": number, "seenBy": f"kari #{serial}"}
            assert await peer.receive() == {
                "id": "1",
                "type": "next",
                "payload": {"data": {"ticks": tick}},
            }
        assert await peer.receive() == {"id": "1", "type": "complete"}
        await peer.subscribe("1", t="a")  # an id is free once its stream has ended
        queue.put_nowait(9)
        assert (await peer.receive())["payload"]["data"]["ticks"]["number"] == 9


async def test_a_completed_subscription_falls_silent_and_frees_its_id(world: World) -> None:
    async with peer_of(world) as peer:
        await peer.init()
        await peer.subscribe("1", t="a")
        await topic(world, "a")
        await peer.send({"id": "1", "type": "complete"})
        await peer.subscribe("1", t="b")
        (await topic(world, "b")).put_nowait(1)
        assert (await peer.receive())["payload"]["data"]["ticks"]["number"] == 1
        world.topics["a"].put_nowait(5)
        await peer.send({"type": "ping", "payload": {"n": 1}})
        assert await peer.receive() == {"type": "pong", "payload": {"n": 1}}


async def test_pings_are_answered_even_before_init(world: World) -> None:
    async with peer_of(world) as peer:
        await peer.send({"type": "ping"})
        assert await peer.receive() == {"type": "pong"}
        await peer.send({"type": "pong"})
        await peer.send({"type": "complete", "id": "unknown"})
        await peer.init()


@pytest.mark.parametrize(
    ("query", "variables", "code"),
    [
        ("{ hello }", {}, "SUBSCRIPTIONS_ONLY"),
        ('mutation { post(text: "x") { posted } }', {}, "SUBSCRIPTIONS_ONLY"),
        ("subscription { ticks {", {}, "GRAPHQL_PARSE_FAILED"),
        ("subscription { nothing }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { ticks { number } b: ticks { number } }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { ...A } fragment A on Subscription { ...A }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { ticks {" + "number " * 51 + "} }", {}, "TOO_MANY_REPEATS"),
        (TICKS, {}, "BAD_USER_INPUT"),
        (TICKS, {"t": "forbidden"}, "FORBIDDEN"),
    ],
)  # fmt: skip
async def test_what_is_refused_ends_that_subscription_only(
    world: World, query: str, variables: dict[str, Any], code: str
) -> None:
    async with peer_of(world) as peer:
        await peer.init()
        await peer.subscribe("1", query, **variables)
        answer = await peer.receive()
        assert (answer["id"], answer["type"]) == ("1", "error")
        assert {error["extensions"]["code"] for error in answer["payload"]} == {code}
        await peer.subscribe("1", t="a")
        (await topic(world, "a")).put_nowait(1)
        assert (await peer.receive())["type"] == "next"
        assert world.posted == []


async def test_bugs_are_masked_in_a_field_and_in_the_source(world: World) -> None:
    with structlog.testing.capture_logs() as logs:
        async with peer_of(world) as peer:
            await peer.init()
            await peer.subscribe("1", 'subscription { ticks(topic: "a") { number broken } }')
            queue = await topic(world, "a")
            queue.put_nowait(3)
            field = (await peer.receive())["payload"]
            queue.put_nowait(666)
            source = await peer.receive()
    assert field["data"] == {"ticks": {"number": 3, "broken": None}}
    assert source["type"] == "error"
    shown = [field["errors"][0], source["payload"][0]]
    assert [error["extensions"]["code"] for error in shown] == ["INTERNAL", "INTERNAL"]
    assert [error["extensions"]["errorId"] for error in shown] == [log["error_id"] for log in logs]


async def test_no_event_reaches_who_may_no_longer_listen(world: World) -> None:
    async with peer_of(world) as peer:
        await peer.init()
        await peer.subscribe("1", t="a")
        queue = await topic(world, "a")
        queue.put_nowait(1)
        assert (await peer.receive())["type"] == "next"
        world.revoked.add("kari")
        queue.put_nowait(2)
        with pytest.raises(ConnectionClosed) as closed:
            await peer.receive()
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4403, "Forbidden")
        assert world.opened == ["subscription"], "the second event was not even read"


async def test_who_may_no_longer_listen_is_found_out_without_an_event(world: World) -> None:
    async with peer_of(world, recheck_s=0.01) as peer:
        await peer.init()
        world.revoked.add("kari")
        assert await peer.closed() == (4403, "Forbidden")


SUBSCRIBE = {"id": "1", "type": "subscribe", "payload": {"query": TICKS, "variables": {"t": "a"}}}
INIT = {"type": "connection_init", "payload": KARI}


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ([SUBSCRIBE], 4401),
        ([INIT, INIT], 4429),
        ([INIT, SUBSCRIBE, SUBSCRIBE], 4409),
        ([{"type": "connection_init"}], 4403),
        ([{"type": "connection_init", "payload": {"authorization": "Bearer bad"}}], 4403),
        ([{"type": "connection_init", "payload": {"authorization": "Basic kari"}}], 4403),
        ([{"type": "connection_init", "payload": [1]}], 4400),
        (["not json"], 4400),
        ([[1, 2]], 4400),
        (["null"], 4400),
        (["[" * 5000], 4400),
        ([b"\x00\x01"], 4400),
        ([{"type": "unknown"}], 4400),
        ([{"type": 7}], 4400),
        ([{}], 4400),
        ([{"type": "ping", "payload": "x"}], 4400),
        ([{"type": "start", "id": "1"}], 4400),
        ([INIT, {"type": "subscribe", "payload": {"query": "x"}}], 4400),
        ([INIT, {"type": "subscribe", "id": "", "payload": {"query": "x"}}], 4400),
        ([INIT, {"type": "subscribe", "id": 1, "payload": {"query": "x"}}], 4400),
        ([INIT, {"type": "subscribe", "id": "i" * 101, "payload": {"query": "x"}}], 4400),
        ([INIT, {"type": "subscribe", "id": "1"}], 4400),
        ([INIT, {"type": "subscribe", "id": "1", "payload": {"query": 1}}], 4400),
        ([INIT, {"type": "subscribe", "id": "1", "payload": {"query": "x", "variables": []}}], 4400),
        ([INIT, {"type": "complete"}], 4400),
        ([INIT, "x" * 300_000], 4400),
    ],
)  # fmt: skip
async def test_what_breaks_the_protocol_closes_the_socket(
    world: World, messages: list[Any], code: int
) -> None:
    async with peer_of(world) as peer:
        for message in messages:
            await peer.send(message)
        assert (await peer.closed())[0] == code


async def test_silence_closes_the_socket(world: World) -> None:
    async with peer_of(world, init_timeout_s=0.02) as peer:
        assert await peer.closed() == (4408, "Connection initialisation timeout")


@pytest.mark.parametrize("protocol", ["graphql-ws", "chat"])
async def test_other_protocols_are_not_spoken(world: World, protocol: str) -> None:
    async with (
        serving(app_of(world)) as host,
        connect(f"ws://{host}/graphql", subprotocols=[protocol]) as socket,
    ):
        assert await Peer(socket).closed() == (4406, "Subprotocol not acceptable")


async def test_pages_of_other_origins_may_not_connect(world: World) -> None:
    async with serving(app_of(world, socket={"origins": frozenset({"https://coop.test"})})) as host:
        url, protocols = f"ws://{host}/graphql", ["graphql-transport-ws"]
        for origin in (f"http://{host}", "https://coop.test", None):
            async with connect(url, subprotocols=protocols, origin=origin) as socket:  # type: ignore[arg-type]
                await Peer(socket).init()
        for origin in ("https://evil.test", "null"):
            with pytest.raises(InvalidStatus) as refused:
                async with connect(url, subprotocols=protocols, origin=origin):  # type: ignore[arg-type]
                    pass
            assert refused.value.response.status_code == 403


async def test_a_socket_carries_twenty_subscriptions(world: World) -> None:
    async with peer_of(world) as peer:
        await peer.init()
        for i in range(20):
            await peer.subscribe(str(i), t=str(i))
        await topic(world, "19")
        await peer.subscribe("20", t="20")
        answer = await peer.receive()
        assert (answer["id"], answer["payload"][0]["extensions"]["code"]) == (
            "20",
            "TOO_MANY_SUBSCRIPTIONS",
        )
        await peer.send({"id": "3", "type": "complete"})
        await peer.subscribe("20", t="20")
        (await topic(world, "20")).put_nowait(1)
        assert (await peer.receive())["type"] == "next"


async def test_points_are_spent_when_subscribing(world: World) -> None:
    limiter = RateLimiter(Allowance(points=1, per_second=1), lambda: 0)
    async with peer_of(
        world, spend=lambda listener, n: limiter.spend(listener.principal, n)
    ) as peer:
        await peer.init()
        await peer.subscribe("1", t="a")
        await topic(world, "a")
        await peer.subscribe("2", t="b")
        assert (await peer.receive())["payload"][0]["extensions"]["code"] == "RATE_LIMITED"


async def test_a_bug_while_connecting_closes_without_a_word_of_it(world: World) -> None:
    with structlog.testing.capture_logs() as logs:
        async with peer_of(world) as peer:
            await peer.send(
                {"type": "connection_init", "payload": {"authorization": "Bearer boom"}}
            )
            assert await peer.closed() == (1011, "Internal error")
    assert [log["event"] for log in logs] == ["bug"]


async def test_streams_end_with_their_socket(world: World) -> None:
    async with peer_of(world) as peer:
        await peer.init()
        await peer.subscribe("1", t="a")
        await topic(world, "a")
    assert world.ended == ["a"]


@pytest.mark.parametrize(
    ("payload", "token"),
    [
        ({"authorization": "Bearer kari"}, "kari"),
        ({"Authorization": "bearer  kari "}, "kari"),
        ({"authorization": "Basic kari"}, None),
        ({"authorization": 1}, None),
        ({}, None),
    ],
)
def test_the_token_is_found_in_any_case(payload: dict[str, Any], token: str | None) -> None:
    assert bearer_in(payload) == token
