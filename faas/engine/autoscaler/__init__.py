"""How many instances each revision should have: Knative's KPA as functions of values, and the loop that drives them.

`window` averages, `scaler` decides, `lifecycle` applies (bounds, activation, scale to zero), `decider` holds what one
revision needs between two decisions, `backlog` adds what waiting events ask for, `autoscaler` connects it to the board.
Knows nothing of objects or the API: policy comes with `board.plans`, facts from `board.fleets`, `board.signals` and
`board.trigger_status`, and the answer goes to `board.decisions`.
"""

from faas.engine.autoscaler.autoscaler import Autoscaler

__all__ = ["Autoscaler"]
