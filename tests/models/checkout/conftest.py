from tests.outside import alipay, outside, stage

__all__ = ["alipay", "outside", "stage"]
