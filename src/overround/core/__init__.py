"""The words and numbers of the product: pure; nothing here reads a clock, file or socket.

Everything above imports the modules by name (`from overround.core import price`), so that a reader
sees which word is meant.
"""
