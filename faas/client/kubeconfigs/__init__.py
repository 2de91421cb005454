"""What kubeconfigs, and Pods inside a cluster, say of API servers and of who asks them.

- `cluster`: an API server and the credentials for it, as values: what the rest of the client knows
- `files`: kubeconfig files, merged as kubectl does; `servers`: their URLs; `users`: their users
- `loading`: the cluster of one of their contexts; `in_cluster`: the one that this process runs in
"""
