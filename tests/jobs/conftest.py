from tests.house import house, shared_valkey
from tests.outside import outside, stage

__all__ = ["house", "outside", "shared_valkey", "stage"]
