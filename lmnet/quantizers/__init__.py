"""Weight and activation quantizers, each with its numpy twin."""
