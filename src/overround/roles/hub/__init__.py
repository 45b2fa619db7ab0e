"""The hub: the single writer of the board, its own port, and what is handed to it.

`writer` takes feeds into matching, board, edges and offers; `live` is the process that does so
under a lease; `port` and `workers` let scrapers in; `inbox` and `letters` are what others leave.
"""
