"""The web processes of a bench that are not ours. Each is one process and keeps as many connections."""

CONNECTIONS = 8
