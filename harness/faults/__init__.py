"""Changes to a running mesh, each with its own undo. Checks and sabotages are made of them."""
