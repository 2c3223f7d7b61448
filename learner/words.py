"""Words for people that are no whole sentence, marked so that translators find them."""


def spoken(words: str) -> str:
    """The words as they are. Whole sentences, and what is raised, need no mark (webapp/words/sentences.py)."""
    return words
