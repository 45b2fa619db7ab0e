"""Counting: cells of one process (`cells`), what all processes of a state directory counted
(`files`), and how that is written for a scraper (`text`). What is counted is `kit.metrics`.
"""
