"""The pages: one module each, on what they share."""
