"""Pictures and tables drawn from what a run has written."""
