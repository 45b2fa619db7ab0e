"""PostgreSQL: pools, migrations, the embedded server, the audit writer and the schema itself.

A connection is reached by `Database.transaction(tenant_id)` or `Database.reading(tenant_id)` and by
nothing else; row security shows it the rows of that tenant alone.
"""

from overround.db.pools import Bulkheads, Connection, Database, PoolFigures, calling
from overround.db.prepared import Prepare, connect

__all__ = [
    "Bulkheads",
    "Connection",
    "Database",
    "PoolFigures",
    "Prepare",
    "calling",
    "connect",
]
