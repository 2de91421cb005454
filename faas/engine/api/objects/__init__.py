"""The API's objects in process, without a wire: what is asked of them, admitted, stored, and what becomes of them.

- `backend` is the API as the engine's own parts call it; `records` reads the store, `writing` and `removing` change it
- between a request and the store stand `admission`, `patching`, `apply` and `deletion`, which are pure
- `selection`: which objects a reader wants, and their changes; `refusals`: what is said to who may not
- `bootstrap` makes what is there from the start; `collector` does what happens to objects by themselves
"""
