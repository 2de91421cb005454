"""Turns what the API's objects want into facts on the board, and what the board knows into the objects' status.

One package a kind: `make` and `status` are functions of values, `reconcile` is the shell around them. `cache`, `queue`,
`reconciler` and `writes` are the framework they share, `means` is what each works with. `controllers` makes that and
runs all of them; `serving` and `eventing` say which change concerns which key. Controllers know the API by
`faas.client.protocol.Client` alone, and the rest of the engine by `contract.board.Board`.
"""

from faas.engine.controllers.controllers import Controllers
from faas.engine.controllers.live_config import LiveConfig

__all__ = ["Controllers", "LiveConfig"]
