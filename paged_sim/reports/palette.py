"""How things look, in text and in plots alike: accounts, policies, and stand-ins for what a stream cannot show."""

from __future__ import annotations

from paged_sim.result.accounts import TABLE

LOOKS = {account.name: account.look for account in TABLE}

POLICY_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#404040", "#882255")
POLICY_DASHES = ("-", "--", "-.", ":")

ASCII = str.maketrans({"█": "#", "▓": "%", "▒": "=", "░": ":", "·": ".", "─": "-", "━": "=", "±": "~", "…": "."})
"""For streams that cannot show the characters above."""
