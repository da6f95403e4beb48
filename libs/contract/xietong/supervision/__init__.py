"""Generated from protos/xietong/supervision by `make stubs`: do not edit."""
