"""How a patch makes a new object from an old one, and who owns which field. Pure: values in, values out.

`merge`, `jsonpatch` and `strategic` are the three patches that know no owners; `typed` merges by schema, `fieldset`
names fields, `managers` keeps owners, which is server-side apply. Nothing in here knows a store or a request.
"""
