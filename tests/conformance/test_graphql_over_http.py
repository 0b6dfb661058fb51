"""The GraphQL-over-HTTP audits of npm's graphql-http against the view and the whole application."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import anyio
import pytest

from coop.app import create_app
from coop.config import Settings
from coop.db.engine import Database
from coop.kernel.clock import utc_now
from coop.members.development import development_issuer
from tests.schema.edge.conftest import serving
from tests.schema.edge.demo import World, app_of

pytestmark = pytest.mark.anyio

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def node() -> str:
    """The node that runs the audits, with what they need installed from the lock file."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is None or npm is None:
        pytest.skip("node and npm, which run the audits, are absent")
    if not (HERE / "node_modules" / "graphql-http").exists():
        command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        installed = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
        if installed.returncode:
            pytest.skip(f"npm ci could not install the audits: {installed.stderr[-200:]}")
    return found


async def test_all_sixty_one_audits_pass(node: str) -> None:
    async with serving(app_of(World())) as host:
        await audited(node, host)


async def test_they_pass_against_the_whole_application(
    node: str, settings: Settings, database: Database
) -> None:
    app = create_app(settings, database)
    token = development_issuer(settings.data_dir).mint("nobody", settings.audience, utc_now())
    async with app.router.lifespan_context(app), serving(app) as host:
        await audited(node, host, token)


async def audited(node: str, host: str, *token: str) -> None:
    """Run the audits; all of them pass."""
    command = [node, str(HERE / "audit.mjs"), f"http://{host}/graphql", *token]
    done = await anyio.run_process(command, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout) == {"passed": 61, "failed": []}
