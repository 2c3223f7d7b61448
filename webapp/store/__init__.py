"""All SQL of Winnow: one function a question, plain values in, rows or small dataclasses out. No Flask, no torch."""
