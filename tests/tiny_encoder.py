"""A tiny random BERT as an encoder folder, made in a second: `python tests/tiny_encoder.py FOLDER`.

Its weights are random, yet a bag of words survives mean pooling, so that simple sentiment can be learned from
its features. It knows the words of `WORDS`, single letters and some Chinese characters.
"""

import sys
from pathlib import Path
from typing import Any

WORDS = (
    "the a it is was this i my and but not very too so for with product quality price great good love loved "
    "excellent perfect nice happy fine best bad terrible awful hate hated broke broken worst poor sad useless waste "
    "ok okay average so so works work day two size colour battery screen sound story book shirt phone delivery slow "
    "fast cheap recommend return money again never always"
)
CHARACTERS = "好坏很不棒差一般可以买质量快慢喜欢电池用两天的了"
HIDDEN, LAYERS = 32, 3


def build(folder: Path) -> Path:
    """Write the encoder into `folder` (made if need be) and return it."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,!?'"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    vocabulary = {
        piece: row for row, piece in enumerate(dict.fromkeys([*pieces, *WORDS.split(), *CHARACTERS]))
    }
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(
        ("[SEP]", vocabulary["[SEP]"]), ("[CLS]", vocabulary["[CLS]"])
    )
    fast: Any = PreTrainedTokenizerFast  # transformers leaves it untyped
    fast(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=64,
        model_input_names=["input_ids", "attention_mask"],
    ).save_pretrained(folder)
    generator = torch.random.get_rng_state()
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=2,
        intermediate_size=2 * HIDDEN,
        max_position_embeddings=64,
        pad_token_id=0,
        # Far above BERT's own 0.02: random words must differ for their sum to tell anything.
        initializer_range=0.15,
    )
    BertModel(config).save_pretrained(folder)
    torch.random.set_rng_state(generator)
    return folder


if __name__ == "__main__":
    build(Path(sys.argv[1]))
