"""What a pool with a prefix cache knows of each page, all in a quarter of a line of the processor's cache."""

from __future__ import annotations

(
    REFERENCES,  # rows that hold it
    FILLED,  # tokens that were entered, 0 for a page that is not in the cache
    LISTED,  # its entries in the index
    PLACE,  # where it is in the order of eviction
) = range(4)
NUM_PAGE_FIELDS = 4
