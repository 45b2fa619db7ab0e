"""`python -m overround.cli`: the command, for whoever has the interpreter and not the script."""

from overround.cli.main import run

if __name__ == "__main__":
    run()
