"""Made-up briefs with copy, and a base model small enough to train in a second."""

from __future__ import annotations

import csv
import random
from pathlib import Path

BRANDS = ["Alder", "Birkdale", "Corvane", "Dunmore", "Elvira", "Fenwick", "Galton", "Harrow", "Ilmen", "Jura"]
GOODS = {
    "running shoes": ["run further than you planned", "light on your feet all day", "the road feels shorter today"],
    "coffee": ["wake up to a fresh roast", "slow mornings in a small cup", "the roast your kitchen waits for"],
    "garden tools": ["grow more with less digging", "dig in before spring does", "a sharper spade for softer soil"],
    "travel bags": ["pack once and wander on", "room for one more weekend", "every zip holds for years"],
    "soap": ["clean hands and a calm mind", "a lather that smells of home", "soft skin without the fuss"],
}
WAYS = ["{brand}: {line}.", "{line}. {brand}.", "{line}, with {brand}.", "With {brand}, {line}."]


def pairs(count: int = 200, seed: int = 1) -> list[dict[str, str]]:
    """`count` different rows of brief and copy."""
    dice, made = random.Random(seed), {}
    while len(made) < count:
        place, good = len(made), dice.choice(list(GOODS))
        brand = f"{dice.choice(BRANDS)} {dice.choice(BRANDS)} {place}"
        line = dice.choice(GOODS[good])
        copy = dice.choice(WAYS).format(brand=brand, line=line)
        made[f"{brand}, {good} for town number {place}"] = copy[0].upper() + copy[1:]
    return [{"brief": brief, "copy": copy} for brief, copy in made.items()]


def file(folder: Path, rows: list[dict[str, str]] | None = None, name: str = "pairs.csv") -> Path:
    """Rows as a CSV file."""
    rows = rows or pairs()
    with (folder / name).open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, list(dict.fromkeys(key for row in rows for key in row)))
        writer.writeheader()
        writer.writerows(rows)
    return folder / name


def base(folder: Path, **shape: int) -> Path:
    """An untrained llama of two layers with a tokenizer of its own, saved as base models are."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM

    tokens = Tokenizer(models.BPE())
    tokens.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokens.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=["<end>"], initial_alphabet=alphabet, show_progress=False
    )
    tokens.train_from_iterator([f"{row['brief']}\n{row['copy']}" for row in pairs()], trainer)
    torch.manual_seed(0)
    shape = {"hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4} | shape
    config = LlamaConfig(
        vocab_size=tokens.get_vocab_size(), **shape, num_key_value_heads=2, eos_token_id=0, bos_token_id=0,
        tie_word_embeddings=True, max_position_embeddings=2048,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    tokens.save(str(folder / "tokenizer.json"))
    return folder
