"""Mechanisms without a domain: settings, logs, processes and locks, accounts of the machine.

Everything here could serve another product; nothing here knows a bet, a tenant or a price.
"""
