"""Deletes Revisions that no Route has wanted for long. Source: Knative pkg/reconciler/gc."""
