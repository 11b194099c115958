"""A clerk's time at a drawer: what was taken by hand and handed out, counted at the end (交接班)."""
