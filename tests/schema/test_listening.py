"""Subscriptions of the real schema over a socket: who is told of which change, and who no longer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import date, timedelta
from typing import Any

import orjson
import pytest
from starlette.applications import Starlette
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from coop.app import create_app
from coop.config import Settings
from coop.db.engine import Database
from coop.kernel.clock import utc_now
from coop.ledger import service
from coop.ledger.domain.entry import EntryDraft, PostingDraft
from coop.members import service as members
from coop.members.domain.roles import Role
from tests.schema.edge.conftest import serving
from tests.schema.office import Office

pytestmark = pytest.mark.anyio

BALANCE = "subscription($id: ID!) { balanceChanged(accountId: $id) { amount commodity } }"


@pytest.fixture(scope="module")
async def host(settings: Settings, database: Database) -> AsyncIterator[str]:
    """The real server, with its lifespan, on a loopback port."""
    app: Starlette = create_app(settings, database)
    async with app.router.lifespan_context(app), serving(app) as found:
        yield found


class Peer:
    """One socket at the server."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, **message: Any) -> None:
        await self.socket.send(orjson.dumps(message).decode())

    async def receive(self) -> Any:
        async with asyncio.timeout(10):
            return orjson.loads(await self.socket.recv())

    async def listen(self, account: str, key: str = "1") -> Any:
        """Subscribe; the first message about it."""
        payload = {"query": BALANCE, "variables": {"id": account}}
        await self.send(id=key, type="subscribe", payload=payload)
        return await self.receive()

    async def amount(self, key: str = "1") -> str:
        """The next balance told."""
        return told(await self.receive(), key)

    async def closed(self) -> int:
        async with asyncio.timeout(10):
            with suppress(ConnectionClosed):
                async for _ in self.socket:
                    pass
        code = self.socket.close_code
        assert code is not None
        return code


def told(message: Any, key: str = "1") -> str:
    assert (message["type"], message["id"]) == ("next", key), message
    shown = message["payload"]["data"]["balanceChanged"]
    assert shown["commodity"] == "NOK"
    return str(shown["amount"])


@asynccontextmanager
async def peer_of(host: str, token: str | None) -> AsyncIterator[Peer]:
    async with connect(f"ws://{host}/graphql", subprotocols=["graphql-transport-ws"]) as socket:  # type: ignore[list-item]
        peer = Peer(socket)
        payload = {} if token is None else {"authorization": f"Bearer {token}"}
        await peer.send(type="connection_init", payload=payload)
        yield peer


@asynccontextmanager
async def welcome(host: str, token: str) -> AsyncIterator[Peer]:
    async with peer_of(host, token) as peer:
        assert await peer.receive() == {"type": "connection_ack"}
        yield peer


async def pay(
    office: Office, name: str, minor: int, debit: str = "1000", whose: str = "ada"
) -> None:
    await office.post(name, "2026-03-01", debit, f"1205 {whose}", minor)


async def test_the_balance_at_once_and_after_each_change(desk: Office, host: str) -> None:
    account = await desk.account("1205 ada")
    async with welcome(host, desk.token("operator ada")) as peer:
        assert told(await peer.listen(account)) == "0.00"
        await pay(desk, "a", 100)
        assert await peer.amount() == "-1.00"
        # Of Bo's payment and of one that was rolled back Ada is told nothing: the next is her own.
        await pay(desk, "b", 9_999, whose="bo")
        with pytest.raises(RuntimeError, match="changed my mind"):
            await desk.work(
                _rolled_back(desk, await desk.account_id("1000"), await desk.account_id("1205 ada"))
            )
        await pay(desk, "c", 250)
        assert await peer.amount() == "-3.50"


def _rolled_back(office: Office, debit: Any, credit: Any) -> Any:
    async def work(connection: Any) -> None:
        lines = (PostingDraft(debit, 77_700), PostingDraft(credit, -77_700))
        draft = EntryDraft("payment", date(2026, 3, 1), "", lines)
        (outcome,) = await service.post_entries(connection, office.id, "tre", [draft])
        assert outcome.refusal is None
        raise RuntimeError("changed my mind")

    return work


async def test_one_socket_listens_to_several_and_stops_when_told(desk: Office, host: str) -> None:
    async with welcome(host, desk.token("treasurer")) as peer:
        assert told(await peer.listen(await desk.account("1205 ada"), "a"), "a") == "0.00"
        assert told(await peer.listen(await desk.account("1205 bo"), "b"), "b") == "0.00"
        await peer.send(id="a", type="complete")
        await pay(desk, "x", 100)
        await pay(desk, "y", 200, whose="bo")
        assert await peer.amount("b") == "-2.00"


async def test_postings_through_the_api_wake_listeners_of_the_board(
    desk: Office, host: str
) -> None:
    async with welcome(host, desk.token("board")) as peer:
        assert told(await peer.listen(await desk.account("1000"))) == "0.00"
        payload = await desk.api().order("journalEntryPost", "", **await desk.entry_input("k"))
        assert payload["errors"] == []
        assert await peer.amount() == "10.00"


@pytest.mark.parametrize(
    "person", ["operator bo", "administrator", "grant administrator", "stranger"]
)
async def test_whose_it_is_not_is_told_that_there_is_none(
    desk: Office, host: str, person: str
) -> None:
    account = await desk.account("1205 ada")
    if person == "stranger":
        async with peer_of(host, desk.token(person)) as peer:
            assert await peer.receive() == {"type": "connection_ack"}
            message = await peer.listen(account)
    else:
        async with welcome(host, desk.token(person)) as peer:
            message = await peer.listen(account)
    assert (message["id"], message["type"]) == ("1", "error")
    assert [error["extensions"]["code"] for error in message["payload"]] == ["NOT_FOUND"]


async def test_another_cooperative_is_told_nothing(
    desk: Office, elsewhere: Office, host: str
) -> None:
    async with welcome(host, elsewhere.token("treasurer")) as peer:
        forged = elsewhere.named("Account", await desk.account_id("1205 ada"))
        for number, id_ in enumerate(
            (await desk.account("1205 ada"), forged, desk.node, "x", "\0")
        ):
            message = await peer.listen(id_, str(number))
            assert message["type"] == "error", message
            assert message["payload"][0]["extensions"]["code"] in {"NOT_FOUND", "BAD_USER_INPUT"}


async def test_a_role_that_ended_closes_the_socket(desk: Office, host: str) -> None:
    grant = await desk.town.grant(
        desk.subject("leaver"), Role.OPERATOR, member_id=desk.members["ada"].id
    )
    async with welcome(host, desk.token("leaver")) as peer:
        assert told(await peer.listen(await desk.account("1205 ada"))) == "0.00"
        await desk.town.order(members.end_role, grant.id, date(2026, 1, 2))
        await asyncio.sleep(1.1)  # roles are remembered for a second
        await pay(desk, "late", 100)
        assert await peer.closed() == 4403


async def test_tokens_that_are_none_close_the_socket(desk: Office, host: str) -> None:
    past = utc_now() - timedelta(days=2)
    expired = desk.issuer.mint(desk.subject("treasurer"), "coop", past)
    other = desk.issuer.mint(desk.subject("treasurer"), "elsewhere", utc_now())
    for token in (None, "", "x.y.z", expired, other, desk.token("treasurer") + "x"):
        async with peer_of(host, token) as peer:
            assert await peer.closed() == 4403


async def test_a_token_that_runs_out_meanwhile_closes_the_socket(desk: Office, host: str) -> None:
    # Thirty seconds of leeway for clocks, of which two are left.
    soon = desk.issuer.mint(
        desk.subject("treasurer"), "coop", utc_now() - timedelta(seconds=58), timedelta(seconds=60)
    )
    async with welcome(host, soon) as peer:
        assert told(await peer.listen(await desk.account("1205 ada"))) == "0.00"
        await asyncio.sleep(2.5)
        await pay(desk, "late", 100)
        assert await peer.closed() == 4403


async def test_queries_have_their_own_way(desk: Office, host: str) -> None:
    async with welcome(host, desk.token("treasurer")) as peer:
        await peer.send(id="1", type="subscribe", payload={"query": "{ viewer { subject } }"})
        message = await peer.receive()
        assert message["payload"][0]["extensions"]["code"] == "SUBSCRIPTIONS_ONLY"
