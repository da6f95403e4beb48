"""Generated from protos/xietong/exchange by `make stubs`: do not edit."""
