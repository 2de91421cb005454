"""How many instances each revision should have: Knative's KPA as functions of values, and the loop that drives them.

`window` averages, `scaler` decides, `lifecycle` applies (bounds, activation, scale to zero), `decider` holds what one
revision needs between two decisions, `autoscaler` connects it to the board. Knows nothing of objects or the API: policy
comes with `board.plans`, facts from `board.fleets` and `board.signals`, and the answer goes to `board.decisions`.
"""

from faas.engine.autoscaler.autoscaler import Autoscaler

__all__ = ["Autoscaler"]
