"""Generated from protos/xietong/casefile/v1 by `make stubs`: do not edit."""
