"""Operation logs: what the page pool of an engine did, operation by operation; written, read, compared, replayed."""
