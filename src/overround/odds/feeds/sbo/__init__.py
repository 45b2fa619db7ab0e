"""SBO as a page: a table, Malay odds, and an unsigned line beside the side that gives it.

The folder is data for `odds.feeds.browser`: where things stand is selectors.yaml, and
samples/board.html is a small board in this markup.
"""
