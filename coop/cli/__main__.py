"""`python -m coop.cli`: the same as `coop`."""

from coop.cli import app

if __name__ == "__main__":
    app()
