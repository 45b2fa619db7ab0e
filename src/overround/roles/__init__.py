"""Roles: one file per process kind, and how a process attaches to the embedded servers.

`servers` is the parent of PostgreSQL and Valkey; `attach` is what every command does to share it;
`place` is what both read and write in the state directory.
"""
