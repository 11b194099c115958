"""GraphQL operations turned into plans: checked once, compiled once, run often. Knows nothing of this house.

See README.md beside this file.
"""
