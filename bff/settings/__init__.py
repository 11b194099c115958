"""The environment, read once into one frozen `Settings`; nothing else in the house looks at the environment.

Development fills in what it can: SQLite and its own secrets in DATA_DIR. Production refuses to start on any of
that, and says everything that is wrong at once. `.env.example` explains each variable.
"""

from bff.settings.addresses import origin_of
from bff.settings.development import KEY_VARIABLES, read_env_file
from bff.settings.fields import Network, Settings
from bff.settings.reading import SettingsRefused, read_settings

__all__ = [
    "KEY_VARIABLES",
    "Network",
    "Settings",
    "SettingsRefused",
    "origin_of",
    "read_env_file",
    "read_settings",
]
