"""`make bench`: every figure beside a peer's, measured in the same run, printed as ratios."""
