"""paged_sim: where did the bytes of an LLM server's KV cache go?"""

__version__ = "0.1.0"
