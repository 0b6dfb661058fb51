"""`python -m coop.cli`: the same as `coop`."""

from coop.cli import app

app()
