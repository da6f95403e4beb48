"""gRPC at the edge of the engine: who may call, how errors look on the wire and how they are read again.

One interceptor stands before all services of a node (`ExchangeServerInterceptor`); calls to other nodes go
through `client`.
"""
