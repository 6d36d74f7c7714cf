"""Questions, answers, and config files to and from lmnet.settings.Settings."""
