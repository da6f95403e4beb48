"""The stages of a package in the order it travels, and the ports through which they reach the world."""
