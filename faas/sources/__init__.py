"""Adapters: programs that turn the outside into CloudEvents and send them to K_SINK. `python -m faas.sources mqtt`.

They acknowledge upstream only after the sink has taken the event. On one machine the engine runs them as processes, in
a cluster a ContainerSource does; they know neither. An adapter is one module of `adapters/`: a struct `Options` and
`async def run(source)`. What all of them need is here:

- `environment`, `config`: what the environment says, read once;
- `sink`, `delivery`, `lane`: events leave, in order, until they are taken;
- `upstream`: connect, say so, come back with patience; `ledger`: what was already seen, across restarts;
- `listening`, `signatures`, `replays`: for adapters that are called instead of calling;
- `reports`: the state, told to whoever runs the program.
"""
