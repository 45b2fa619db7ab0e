"""IBC as a page: boxes behind a login, signed lines, and prices in whatever format the session is.

The page says how it writes prices, and a new session may write them in another way, so the word is
read with every look. Data for `odds.feeds.browser`, in selectors.yaml.
"""
