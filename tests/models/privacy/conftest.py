from tests.factories.names import authority, authority_folder

__all__ = ["authority", "authority_folder"]
