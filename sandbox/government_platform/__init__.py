"""The government platform, on a wire of our own: the specification's text is not public."""

from sandbox.government_platform.app import create_app

__all__ = ["create_app"]
