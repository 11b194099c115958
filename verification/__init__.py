"""Those outside who can tell that a person is who they say: an SMS gateway, and the authority on names."""
