"""The command line: one file per family of commands, `main` registers them.

A command imports what it runs inside its function, so that `overround --help` stays quick.
"""
