"""`python -m webapp.cli`: how the supervisor starts its workers."""

from webapp.cli import main

main(prog_name="winnow")
