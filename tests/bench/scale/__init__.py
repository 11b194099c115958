"""`make bench-scale`: what a request costs in a house a hundred times as large (docs/decisions/0045-scale.md)."""
