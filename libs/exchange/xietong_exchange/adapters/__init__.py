"""What the ports of the flow stand on: database, part stores, gRPC."""
