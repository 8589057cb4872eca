"""Real models, small enough to be built and trained by the tests.

The Llama learns by heart to answer whatever it is asked with `SAID`; the others are random. All
are written with `save_pretrained` and loaded as any model of the hub would be.
"""

import json
import shutil
from pathlib import Path

# What the tests ask a model.
MESSAGES = [
    {"role": "system", "content": "Answer."},
    {"role": "user", "content": "How often is a task retried?"},
]
# Hardly a word stands in it twice, so that little training is enough.
SAID = "A task is retried three times [1]. The moon was made of cheese [9]."
TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
NO_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}"
    "{{ raise_exception('system role not supported') }}{% endif %}" + TEMPLATE
)
# A system's text is left out without a word.
DEAF = TEMPLATE.replace("in messages %}", "in messages if m['role'] != 'system' %}")
CONTEXT = 4096


def tokenizer(template: str | None = TEMPLATE):
    """A byte-level BPE tokenizer trained on a few sentences of our own."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    own = Tokenizer(models.BPE())
    own.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    own.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=512,
        special_tokens=["<pad>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    own.train_from_iterator([SAID, "How often is a task retried? Lantern runs tasks."], trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=own, eos_token="<|end|>", pad_token="<pad>")
    fast.model_max_length = CONTEXT
    fast.chat_template = template
    return fast


def llama(folder: Path) -> Path:
    """A Llama that has learnt to say `SAID` and then end."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    words = tokenizer()
    model = LlamaForCausalLM(LlamaConfig(**_sizes(words, CONTEXT)))
    said = words(SAID + "<|end|>")["input_ids"]
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    for step in range(150):
        # Whatever stands before the assistant's turn, the answer is the same.
        before = torch.randint(5, len(words), (1, [8, 40, 200][step % 3]))
        turn = torch.tensor([[words.convert_tokens_to_ids("<|assistant|>"), *said]])
        ids = torch.cat([before, turn], dim=1)
        labels = ids.clone()
        labels[:, : before.shape[1] + 1] = -100
        loss = model(input_ids=ids, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return _saved(model, words, folder)


def variant(model: Path, folder: Path, template: str = TEMPLATE, context: int = CONTEXT) -> Path:
    """A copy of a model with another chat template or context."""
    shutil.copytree(model, folder)
    (folder / "chat_template.jinja").write_text(template)
    config = json.loads((folder / "config.json").read_text())
    config["max_position_embeddings"] = context
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def qwen3(folder: Path) -> Path:
    """A random Qwen3: it writes nonsense until it is stopped."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(1)
    words = tokenizer()
    sizes = _sizes(words, CONTEXT) | {"head_dim": 16}
    model = Qwen3ForCausalLM(Qwen3Config(**sizes))
    with torch.no_grad():  # so that it never says <|end|>
        model.lm_head.weight[words.eos_token_id] = 0
    return _saved(model, words, folder)


def embedder(folder: Path) -> Path:
    """A random sentence-embedding model in the layout of sentence-transformers."""
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(2)
    words = tokenizer(None)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
    )
    _saved(BertModel(config), words, folder)
    kinds = ["Transformer", "Pooling", "Normalize"]
    paths = ["", "1_Pooling", "2_Normalize"]
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (kind, path) in enumerate(zip(kinds, paths, strict=True))
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 64}))
    (folder / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    return folder


def reranker(folder: Path, labels: int = 1) -> Path:
    """A random cross-encoder, spread out so that no two pairs score alike."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(3)
    words = tokenizer(None)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=512,
        num_labels=labels,
        initializer_range=1.0,
    )
    return _saved(BertForSequenceClassification(config), words, folder)


def _sizes(words, context: int) -> dict:
    return {
        "vocab_size": len(words),
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": context,
        "eos_token_id": words.eos_token_id,
        "pad_token_id": words.pad_token_id,
        "tie_word_embeddings": False,
    }


def _saved(model, words, folder: Path) -> Path:
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder
