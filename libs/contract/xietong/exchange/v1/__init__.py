"""Generated from protos/xietong/exchange/v1 by `make stubs`: do not edit."""
