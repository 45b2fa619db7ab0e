"""Scraping: one browser at one site, and its connection to the hub."""
