"""The house itself: settings, wiring, the web application, the worker, the command line."""
