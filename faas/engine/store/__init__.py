"""Where objects live: one version counter for all kinds, durable writes, watches from a version.

`contract.storage` says what a store is, `ledger` holds the published state, `memory` is the store without a disk,
`sqlite` the durable one. A store knows keys, versions and mappings; it knows nothing of Kubernetes beyond
`metadata.resourceVersion`, which it writes.
"""

from faas.engine.store.memory import MemoryStore
from faas.engine.store.sqlite import SqliteStore

__all__ = ["MemoryStore", "SqliteStore"]
