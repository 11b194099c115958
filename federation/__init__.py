"""Other houses' platforms that we report to."""
