"""Views of the kinds of sources: `knative` has Knative's own, the other modules those of its extensions."""
