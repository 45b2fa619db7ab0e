"""Three small books of our own, each with a page like an Asian book's: what scrapers are tested on.

    .venv/bin/python -m tests.replicas --port 8110     # http://127.0.0.1:8110/

`market` moves the prices and knows every planted arbitrage, `pages` writes them in each book's
markup and odds format, `app` serves them with the faults that are asked for.
"""
