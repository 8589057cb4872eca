"""Pieces of text as tokens come."""

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from rag.detokenizer import Detokenizer


def test_indentation_and_characters_of_several_tokens_survive():
    # A tokenizer of Llama 2's kind, which takes a space off the start of whatever it decodes.
    own = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    own.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    own.decoder = decoders.Sequence([*steps, decoders.Strip(" ", 1, 0)])
    text = "def f():\n    return 1\n    # né 🐍"
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=330, special_tokens=["<unk>"])
    own.train_from_iterator(["def f():\n    return 1\n    # "] * 3, trainer)
    own.add_tokens(bytes_)
    words = PreTrainedTokenizerFast(tokenizer_object=own)
    tokens = words("def f():\n    return 1\n    # ")["input_ids"]
    for part in ("n", "é", " ", "🐍"):
        tokens += words.convert_tokens_to_ids([f"<0x{byte:02X}>" for byte in part.encode()])
    stream = Detokenizer(words)
    given = [stream.more([token]) for token in tokens] + [stream.rest()]
    assert "".join(given) == words.decode(tokens) == text
    assert not any("\ufffd" in piece for piece in given)
