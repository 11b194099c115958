"""`make bench-rush`: the rush at ten through the whole house, beside what a bare route could do (docs/decisions, 0028)."""
