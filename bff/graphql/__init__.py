"""The GraphQL door: the endpoint, and what it says about errors."""

from pathlib import Path

CLIENTS = Path(__file__).parents[2] / "clients"
"""Folders of the documents that our own clients send, and the manifest of those that are trusted (`plans.documents`)."""
