"""Doors that speak plain HTTP, and what stands before every door."""
