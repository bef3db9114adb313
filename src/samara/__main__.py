"""`python -m samara`."""

from samara.cli.main import run

run()
