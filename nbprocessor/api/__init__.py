"""OGC API - Processes; the only room that knows pygeoapi."""
