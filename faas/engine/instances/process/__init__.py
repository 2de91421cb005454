"""Instances as processes of this machine, forked from zygotes: interpreters that have imported a function already.

- `root`: an interpreter that has imported the runtime; `member`: its fork that has imported one Revision's function;
  `zygotes`: all of them, and which of them makes an instance
- `run`: one instance from the order for it to its end; `capture`: what it prints; `records`: what the next engine has
  to know of it
- `memory`: what processes account for; `driver` puts the rest together
"""

from faas.engine.instances.process.driver import ProcessDriver

__all__ = ["ProcessDriver"]
