from tests.house import house, shared_valkey
from tests.outside import alipay, outside, stage

__all__ = ["alipay", "house", "outside", "shared_valkey", "stage"]
