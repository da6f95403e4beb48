"""The pure core: what packages, transfers, deliveries and evidence are. No input or output, no clock of its own."""
