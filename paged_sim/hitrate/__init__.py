"""Hit rates of a prefix cache over its capacity: block references of a trace, eviction policies, the curve."""
