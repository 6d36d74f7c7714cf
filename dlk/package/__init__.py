"""Put libraries, scripts and metadata into the output folder."""
