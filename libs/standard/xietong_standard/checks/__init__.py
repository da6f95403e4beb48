"""The checks behind a verdict, one module per matter with its rules beside it."""
