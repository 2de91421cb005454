"""What is told with an image: what it was made of (SBOM) and how (provenance), attached to it as referrers.

- `ingredients`: the facts, from `distributions` (an `inventory` of them) and `version_control`
- `sbom`, `provenance`: the documents, as functions of the ingredients; `attesting` attaches both

It knows the store and no builder: whoever has made an image gives it the ingredients.
"""
