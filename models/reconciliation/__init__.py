"""Our books held against the channels' own statements, day by day (对账)."""
