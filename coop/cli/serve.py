"""`coop serve`: GraphQL over HTTP, one process."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from coop.cli.errors import AddressUnavailable
from coop.cli.running import House, run

_STOPS = (signal.SIGINT, signal.SIGTERM)
Host = Annotated[
    str, typer.Option(help="Where to listen; development tokens are accepted on loopback only.")
]
Port = Annotated[int, typer.Option(min=1, max=65_535, help="Port to listen on.")]


def serve(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    log_json: Annotated[
        bool, typer.Option("--log-json", help="Log lines as JSON, for machines.")
    ] = False,
) -> None:
    """Serve GraphQL at /graphql and a page to try it at /graphiql until interrupted.

    Example: COOP_DEVELOPMENT=0 COOP_ISSUER=… COOP_JWKS_URL=… coop serve --host 0.0.0.0
    """
    run(lambda house: serve_house(house, host, port, log_json=log_json))


async def serve_house(house: House, host: str, port: int, *, log_json: bool = False) -> None:
    """Serve an open installation until interrupted: one worker, for the data directory is one."""
    # Imported here, for it takes a second that no other command should wait for.
    import uvicorn  # noqa: PLC0415

    from coop.app import create_app  # noqa: PLC0415
    from coop.observing import configure_logging  # noqa: PLC0415

    configure_logging(json=log_json)
    app = create_app(house.settings, house.database, host=host, port=port)
    config = uvicorn.Config(
        app, host=host, port=port, log_level="warning", access_log=False,
        timeout_graceful_shutdown=5,
    )  # fmt: skip

    class Server(uvicorn.Server):
        """Stops on a signal and returns; uvicorn would raise it again and skip what tidies up."""

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            loop = asyncio.get_running_loop()
            for number in _STOPS:
                loop.add_signal_handler(number, self.handle_exit, number, None)
            try:
                yield
            finally:
                for number in _STOPS:
                    loop.remove_signal_handler(number)

    with _listening(host, port) as listener:
        await Server(config).serve(sockets=[listener])


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens there. Refuses ADDRESS_UNAVAILABLE."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        why = f"{host}:{port} cannot be listened on: {os.strerror(error.errno or 0)}."
        raise AddressUnavailable(why, ("port",)) from None
