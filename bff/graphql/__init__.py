"""The GraphQL door: the endpoint, its limits, and what it says about errors."""
