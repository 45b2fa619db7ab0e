"""Roles: what runs as a process, and how a process attaches to the embedded servers.

`servers` is the parent of PostgreSQL and Valkey; `attach` is what every command does to share it;
`place` is what both read and write in the state directory. A role that needs more than one file has
a package: `hub`, `pull`, `scraping`, `demo`; `archive` is what `import` and `replay` share.
"""
