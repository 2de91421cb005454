"""Sources: what each kind asks of an adapter (`make`), who runs it and where its events go (`plan`), how it is."""
