"""How often is too often: counting in this process (`meters`), and together with the other processes (`valkey`).

Nothing here knows GraphQL or HTTP; which act counts as what is said in `bff/graphql/budgets.py`.
"""
