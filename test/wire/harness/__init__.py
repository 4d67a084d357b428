"""What the wire tests share: the gateway as a process, scripted backends, raw clients."""
