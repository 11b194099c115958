"""Where things are: coordinate systems, distances, and where a venue stands when nobody surveyed it."""
