"""Generated from protos/xietong/supervision/v1 by `make stubs`: do not edit."""
