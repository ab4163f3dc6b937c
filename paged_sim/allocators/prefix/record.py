"""What is known of each page, all in a quarter of a line of the processor's cache."""

from __future__ import annotations

NONE = -1

(
    REFERENCES,  # rows that hold it
    FILLED,  # tokens that can be found, 0 for a page that is not in the cache
    LISTED,  # its entries in the index
    PLACE,  # where it waits to be evicted, NONE or below if it does not
) = range(4)
NUM_PAGE_FIELDS = 4
