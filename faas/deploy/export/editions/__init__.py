"""What is exported: all objects of a project in one place, as somebody would have written them.

- `edition`: the objects, in the order in which they are applied, and what Secrets they need
- `cleaning`: one of them, without what servers and deploys keep for themselves; `serving`: a Service as it serves
- `reading`: an edition of what is deployed; `of_project`: those of a project that may be deployed nowhere
"""
