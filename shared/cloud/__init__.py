"""The two Azure services the app talks to: storage (blobs and one queue) and the vault."""
