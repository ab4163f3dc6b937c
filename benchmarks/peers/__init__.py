"""Peers: the same jobs done another way, timed on the same requests and required to give the same answers."""
