from tests.factories.names import authority, authority_folder
from tests.outside import outside, stage

__all__ = ["authority", "authority_folder", "outside", "stage"]
