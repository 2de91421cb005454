"""Objects as they are, as they were applied last and as they would be, and one of them onto a server.

- `which`: kind and name; `belonging`: which Triggers and sources are a Service's
- `live`: what is there; `applied`: what was applied last; `plan`: the pure diff
- `applying` one object; `conflicts`: fields that others have set; `hidden`: a Secret as anybody may see it
- `namespace` makes one where it is missing
- `comparing`: what a deploy would change
- `gone`: what the code no longer declares; `staying`: what of that a function keeps that is not deleted yet
- `leaving`: what goes when functions or a project are deleted

Knows nothing of functions that start, of traffic, or of the order of a deploy.
"""
