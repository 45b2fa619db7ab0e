"""Pinnacle's page of one match: a button a price, whose id says which.

The feed of the same book is `odds.feeds.pinnacle`. Read by `odds.feeds.browser` with
selectors.yaml; tried on a page that was saved
(test: the saved pages of two books are read whole).
"""
