"""How settlement grows with the entries of a campaign's books."""
