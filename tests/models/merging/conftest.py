from tests.outside import outside, stage

__all__ = ["outside", "stage"]
