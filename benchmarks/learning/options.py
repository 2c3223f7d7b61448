"""What every script of this folder asks for."""

import argparse
from pathlib import Path


def parser_of(document: str, seeds: int, sets: str = "+") -> argparse.ArgumentParser:
    """For a script with this docstring; seeds: how many runs of each where nothing else is said."""
    parser = argparse.ArgumentParser(description=document.splitlines()[0])
    parser.add_argument("sets", nargs=sets, help="demo, or a NAME.csv.gz of the data folder")
    parser.add_argument("--data", type=Path, help="folder of the files")
    parser.add_argument("--instance", type=Path, default=Path("instance"), help="where the encoders are")
    parser.add_argument("--encoders", default="e5-small,minilm")
    parser.add_argument("--seeds", type=int, default=seeds)
    parser.add_argument("--out", type=Path, required=True)
    return parser
