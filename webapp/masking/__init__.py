"""Mask what tells who somebody is, as far as patterns can: best effort, and never to be called anonymous."""

from webapp.masking.masker import Masked, MaskedRow, Masker, Masking, rules_named
from webapp.masking.rules import RULES, Rule

__all__ = ["RULES", "Masked", "MaskedRow", "Masker", "Masking", "Rule", "rules_named"]
