"""What runs: instances of Revisions as processes of this machine, in the numbers that the autoscaler decides.

`manager.Instances` is the component. It reads plans and decisions from the board, and leaves endpoints and fleets
there; `driver.Driver` is the seam to what an instance really is. It knows nothing of routes, of requests, or of
how many instances there should be.
"""

from faas.engine.instances.driver import Driver
from faas.engine.instances.logs import LogLine, LogStore
from faas.engine.instances.manager import Instances

__all__ = ["Driver", "Instances", "LogLine", "LogStore"]
