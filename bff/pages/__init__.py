"""Pages that a venue's own people open in a browser: rendered here, no build step, nothing from elsewhere."""
