"""The engine: continuous batching over an allocator, step by step, recorded for an arena and booked in a ledger."""
