"""Generated from protos/xietong by `make stubs`: do not edit."""
