"""Bet365's page of one match, with its whole Asian ladders: a column a side, a row a line.

Read by `odds.feeds.browser` with selectors.yaml; tried on a page that was saved
(test: the saved pages of two books are read whole).
"""
