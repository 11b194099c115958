"""The journey of the house, walked through its public doors only: `make demo`. Imports nothing of the product."""
