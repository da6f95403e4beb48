"""Generated from protos/xietong/casefile by `make stubs`: do not edit."""
