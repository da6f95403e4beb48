"""The engine that moves case packages from node to node and proves what happened to them."""
