"""What a run measured, as one structure: its JSON as types, the accounts of its ledger, and numbers by their paths."""

from .accounts import ACCOUNTS, Account
from .entry import Document, Entry, ResolvedScenario, Steps, Verdict
from .paths import leaves, mean_share, value_at

__all__ = [
    "ACCOUNTS",
    "Account",
    "Document",
    "Entry",
    "ResolvedScenario",
    "Steps",
    "Verdict",
    "leaves",
    "mean_share",
    "value_at",
]
