"""What `faas doctor` looks at in a cluster: each module asks about one side of it, and writes nothing."""
