#!/usr/bin/env python3
"""Make tiny random-weight models that a real vLLM can serve on a CPU, without any model hub.

    python make_tiny_model.py OUT_DIR [--vocab 2048] [--seed 7] [--corpus FILE ...] [--max-len 4096]

Writes
    OUT_DIR/tiny-llama    LlamaForCausalLM, chat template, tool and think tokens
                          (generate runner)
    OUT_DIR/tiny-embed    LlamaForCausalLM, all random, "dimensions" 32/64/128/256
                          (--runner pooling --convert embed)
    OUT_DIR/tiny-rerank   LlamaForSequenceClassification, 1 label
                          (pooling runner: score, rerank)
    OUT_DIR/tiny-classify LlamaForSequenceClassification, 3 labels
                          (pooling runner: classify)
    OUT_DIR/tiny-lora     a LoRA adapter (rank 8, q_proj and v_proj) for tiny-llama

Needs: numpy, torch, safetensors, tokenizers (all present in a vLLM venv). Under 10 s, under 10 MB.

Output of tiny-llama is random text (so a stream runs up to max_tokens; EOS is very unlikely),
except that the model is wired as a table for some scripted answers. When the LAST message of a chat
contains one of these words, the chat template ends the prompt with a start token, from which one
fixed answer follows, whatever the temperature, and then EOS:

    [[hello]]   a short fixed answer, finish_reason stop
    [[tool]]    a Hermes/Qwen tool call: get_weather(city=Oslo)  (server: --tool-call-parser hermes)
    [[tools2]]  some text and then two tool calls
    [[think]]   <think>...</think> and an answer                 (server: --reasoning-parser qwen3)
    [[stop]]    EOS at once (empty answer)
    [[json]]    a sentence and then JSON; the JSON alone when a schema forbids the sentence. The
                question of vLLM's API page has this answer too.
    [[fork]]    EOS at once or, almost as likely, a longer answer (for length_penalty)

The tokenizer puts <|bos|> before a text unless add_special_tokens is false, and <|bos|> and
<|im_end|> are special: skip_special_tokens takes them out of an answer.

How: the hidden space is split in two. Dimensions [0, S) hold one-hot states of the scripted tokens,
with an embedding norm so large that attention and MLP cannot disturb it; lm_head row of the next
scripted token points at the state before it. Ordinary tokens live in the other dimensions, with
random weights.
"""

import argparse
import glob
import json
import math
import os
import sysconfig

import torch
from safetensors.torch import save_file
from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    pre_tokenizers,
    processors,
    trainers,
)

HID, INTER, LAYERS, HEADS, KV, HD = 256, 256, 2, 4, 2, 64
S = 112  # dimensions reserved for scripted states
BIAS = HID - 1  # 1 for every ordinary token, 0 for scripted ones

SPECIAL = [
    "<|pad|>",
    "<|bos|>",
    "<|eos|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|s_hello|>",
    "<|s_tool|>",
    "<|s_tools2|>",
    "<|s_think|>",
    "<|s_stop|>",
    "<|s_json|>",
    "<|s_fork|>",
]
MARK = [
    "<tool_call>",
    "</tool_call>",
    "<think>",
    "</think>",
]  # added, not special: they stay in the text

# Each piece is one token; a piece must be unique over all scripts, but for the two pairs of marks.
SCRIPTS = {
    "<|s_hello|>": ["Hello, ", "this is ", "a scripted ", "answer ", "from the ", "tiny model."],
    "<|s_tool|>": [
        "<tool_call>",
        '\n{"name": ',
        '"get_weather"',
        ', "arguments": ',
        '{"city": ',
        '"Os',
        'lo"',
        ', "days": 2}',
        "}\n",
        "</tool_call>",
    ],
    "<|s_tools2|>": [
        "Let me ",
        "look that up.\n",
        "<tool_call>#2",
        '\n{"name":  ',
        '"get_weather" ',
        ', "arguments":  ',
        '{"city":  ',
        '"Oslo" ',
        "}}\n",
        "</tool_call>#2",
        "\n \n",
        "<tool_call>#3",
        '\n{"name":   ',
        '"get_time"',
        ', "arguments":   ',
        '{"zone": ',
        '"Europe/Oslo"',
        "}} \n",
        "</tool_call>#3",
    ],
    "<|s_think|>": [
        "<think>",
        "\nThe user ",
        "wants two ",
        "plus two. ",
        "That is ",
        "four.\n",
        "</think>",
        "\n\nThe answer ",
        "is 4.",
    ],
    "<|s_stop|>": [],
    "<|s_json|>": [
        "Here you are:\n",
        '{"benefits": ["throughput"',
        ', "memory"]',
        ', "summary": ',
        '"It is fast."}',
    ],
    "<|s_fork|>": ["Take the ", "longer way ", "round, ", "which takes ", "more ", "tokens."],
}
# Where else than to its first piece, of weight 4, a start token leads: the piece (None: EOS), and a
# weight. 1/32 more makes it e^0.5 times as likely; a lesser one comes when the first is forbidden.
SECOND = {"<|s_fork|>": (None, 4.03125), "<|s_json|>": ('{"benefits": ["throughput"', 3.5)}
# "X#2" means: a second copy of mark X, which needs a token of its own to be a state of its own.
# vLLM's Hermes parser works on text, so the copies are spelled from two tokens: "<tool" + "_call>"
# and so on.
COPY = {
    "<tool_call>#2": ["<tool", "_call>"],
    "</tool_call>#2": ["</tool", "_call> "],
    "<tool_call>#3": ["<tool_", "call>"],
    "</tool_call>#3": ["</tool_", "call> "],
}

TEMPLATE = """\
{%- if tools %}{{ '<|im_start|>system\\n# Tools\\n' }}{% for t in tools %}{{ t | tojson }}\
{{ '\\n' }}{% endfor %}{{ '<|im_end|>\\n' }}{% endif -%}
{%- for m in messages -%}
{%- set text = m.content if m.content is string else '' -%}
{%- if m.content is not string and m.content -%}{%- set ns = namespace(t='') -%}\
{%- for p in m.content -%}{%- if p.type == 'text' -%}{%- set ns.t = ns.t + p.text -%}\
{%- endif -%}{%- endfor -%}{%- set text = ns.t -%}{%- endif -%}
{{ '<|im_start|>' + m.role + '\\n' + text }}
{%- if m.tool_calls %}{% for c in m.tool_calls %}{{ '<tool_call>\\n' }}\
{{ {'name': c.function.name, 'arguments': c.function.arguments} | tojson }}\
{{ '\\n</tool_call>' }}{% endfor %}{% endif -%}
{%- if not (loop.last and continue_final_message) %}{{ '<|im_end|>\\n' }}{% endif -%}
{%- if loop.last and add_generation_prompt -%}
{{ '<|im_start|>assistant\\n' }}
{%- if '[[hello]]' in text %}{{ '<|s_hello|>' }}{% elif '[[tool]]' in text %}{{ '<|s_tool|>' }}\
{% elif '[[tools2]]' in text %}{{ '<|s_tools2|>' }}{% elif '[[think]]' in text %}\
{{ '<|s_think|>' }}{% elif '[[stop]]' in text %}{{ '<|s_stop|>' }}\
{% elif '[[json]]' in text or 'benefits of using vLLM' in text %}{{ '<|s_json|>' }}\
{% elif '[[fork]]' in text %}{{ '<|s_fork|>' }}{% endif -%}
{%- endif -%}
{%- endfor -%}"""


def scripts():
    out = {}
    for start, pieces in SCRIPTS.items():
        flat = []
        for p in pieces:
            flat += COPY.get(p, [p])
        out[start] = flat
    every = [p for f in out.values() for p in f]
    assert len(every) == len(set(every)), "a scripted piece is used twice"
    return out


def corpus(files):
    if not files:  # the text of the Python library: on every machine
        files = sorted(glob.glob(os.path.join(sysconfig.get_path("stdlib"), "*.py")))
    for f in files:
        with open(f, encoding="utf-8", errors="replace") as h:
            yield h.read()


def make_tokenizer(vocab, files):
    scr = scripts()
    pieces = [p for f in scr.values() for p in f if p not in MARK]
    extra = len(MARK) + len(pieces)
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(
        corpus(files),
        trainers.BpeTrainer(
            vocab_size=vocab - extra,
            special_tokens=SPECIAL,
            show_progress=False,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        ),
    )
    tok.add_tokens([AddedToken(t, normalized=False, special=False) for t in MARK])
    # scripted pieces are matched in prompts only if they stand there whole, as single words
    tok.add_tokens(
        [AddedToken(t, normalized=False, special=False, single_word=True) for t in pieces]
    )
    assert tok.get_vocab_size() == vocab, tok.get_vocab_size()
    bos = "<|bos|>"
    tok.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A", pair=f"{bos} $A $B", special_tokens=[(bos, tok.token_to_id(bos))]
    )
    return tok, scr


def save_tokenizer(tok, d, maxlen, chat):
    tok.save(os.path.join(d, "tokenizer.json"))
    cfg = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": maxlen,
        "bos_token": "<|bos|>",
        "eos_token": "<|im_end|>",
        "pad_token": "<|pad|>",
        "clean_up_tokenization_spaces": False,
        "model_input_names": ["input_ids", "attention_mask"],
    }
    if chat:
        cfg["chat_template"] = TEMPLATE
    json.dump(cfg, open(os.path.join(d, "tokenizer_config.json"), "w"), indent=1)


def llama_config(tok, maxlen, **more):
    ids = {s: tok.token_to_id(s) for s in ("<|pad|>", "<|bos|>", "<|im_end|>")}
    return dict(
        {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "hidden_size": HID,
            "intermediate_size": INTER,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS,
            "num_key_value_heads": KV,
            "head_dim": HD,
            "hidden_act": "silu",
            "max_position_embeddings": maxlen,
            "rms_norm_eps": 1e-6,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
            "rope_theta": 10000.0,
            "attention_bias": False,
            "mlp_bias": False,
            "tie_word_embeddings": False,
            "torch_dtype": "bfloat16",
            "vocab_size": tok.get_vocab_size(),
            "pad_token_id": ids["<|pad|>"],
            "bos_token_id": ids["<|bos|>"],
            "eos_token_id": ids["<|im_end|>"],
        },
        **more,
    )


def weights(tok, scr, gen):
    v = tok.get_vocab_size()
    rnd = lambda *s, std=1.0: torch.randn(*s, generator=gen) * std
    emb = torch.zeros(v, HID)
    emb[:, S:BIAS] = rnd(v, BIAS - S)
    emb[:, BIAS] = 1.0
    head = torch.zeros(v, HID)
    head[:, S:BIAS] = rnd(v, BIAS - S, std=2.0 / math.sqrt(BIAS - S))
    for s in SPECIAL + MARK:  # never at random
        head[tok.token_to_id(s)] = 0
        head[tok.token_to_id(s), BIAS] = -20.0
    state = 0
    eos = tok.token_to_id("<|im_end|>")
    for start, pieces in scr.items():
        chain = [tok.token_to_id(start)] + [tok.token_to_id(p) for p in pieces]
        assert None not in chain
        for i, t in enumerate(chain):
            nxt = chain[i + 1] if i + 1 < len(chain) else eos
            emb[t] = 0
            emb[t, state] = 1000.0
            if nxt != eos:
                head[nxt] = 0
                head[nxt, BIAS] = -20.0
            state += 1
        state0 = state - len(chain)
        for i, t in enumerate(chain):
            nxt = chain[i + 1] if i + 1 < len(chain) else eos
            head[nxt, state0 + i] = 4.0
        if start in SECOND:
            piece, weight = SECOND[start]
            head[tok.token_to_id(piece) if piece else eos, state0] = weight
    assert state <= S, state
    w = {
        "model.embed_tokens.weight": emb,
        "model.norm.weight": torch.ones(HID),
        "lm_head.weight": head,
    }
    for n in range(LAYERS):
        p = f"model.layers.{n}."
        sd = 1.0 / math.sqrt(HID)
        w[p + "input_layernorm.weight"] = torch.ones(HID)
        w[p + "post_attention_layernorm.weight"] = torch.ones(HID)
        w[p + "self_attn.q_proj.weight"] = rnd(HEADS * HD, HID, std=sd)
        w[p + "self_attn.k_proj.weight"] = rnd(KV * HD, HID, std=sd)
        w[p + "self_attn.v_proj.weight"] = rnd(KV * HD, HID, std=sd)
        w[p + "self_attn.o_proj.weight"] = rnd(HID, HEADS * HD, std=sd)
        w[p + "mlp.gate_proj.weight"] = rnd(INTER, HID, std=sd)
        w[p + "mlp.up_proj.weight"] = rnd(INTER, HID, std=sd)
        w[p + "mlp.down_proj.weight"] = rnd(HID, INTER, std=sd)
        for k in (
            "self_attn.o_proj.weight",
            "mlp.down_proj.weight",
        ):  # nothing leaks in the scripted dimensions
            w[p + k][:S] = 0
            w[p + k][BIAS] = 0
    return w


def save_model(d, cfg, w, tok, maxlen, chat=True):
    os.makedirs(d, exist_ok=True)
    json.dump(cfg, open(os.path.join(d, "config.json"), "w"), indent=1)
    save_file(
        {k: x.to(torch.bfloat16).contiguous() for k, x in w.items()},
        os.path.join(d, "model.safetensors"),
        metadata={"format": "pt"},
    )
    save_tokenizer(tok, d, maxlen, chat)
    if "ForCausalLM" in cfg["architectures"][0]:
        json.dump(
            {
                "bos_token_id": cfg["bos_token_id"],
                "eos_token_id": cfg["eos_token_id"],
                "pad_token_id": cfg["pad_token_id"],
            },
            open(os.path.join(d, "generation_config.json"), "w"),
            indent=1,
        )


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("out")
    ap.add_argument("--vocab", type=int, default=2048)
    ap.add_argument("--seed", type=int, default=7)
    ap.add_argument("--max-len", type=int, default=4096)
    ap.add_argument("--corpus", nargs="*", default=[])
    a = ap.parse_args()
    gen = torch.Generator().manual_seed(a.seed)
    tok, scr = make_tokenizer(a.vocab, a.corpus)
    w = weights(tok, scr, gen)
    p = lambda n: os.path.join(a.out, n)
    save_model(p("tiny-llama"), llama_config(tok, a.max_len), w, tok, a.max_len)
    base = {k: x for k, x in w.items() if k != "lm_head.weight"}
    emb = {
        k: (
            torch.randn(x.shape, generator=gen)
            * (1.0 if x.dim() == 2 and "embed" in k else HID**-0.5)
            if x.dim() == 2
            else x
        )
        for k, x in w.items()
    }
    save_model(
        p("tiny-embed"),
        llama_config(tok, a.max_len, is_matryoshka=True, matryoshka_dimensions=[32, 64, 128, HID]),
        emb,
        tok,
        a.max_len,
    )
    for name, labels in (
        ("tiny-rerank", ["LABEL_0"]),
        ("tiny-classify", ["negative", "neutral", "positive"]),
    ):
        cfg = llama_config(
            tok,
            a.max_len,
            architectures=["LlamaForSequenceClassification"],
            num_labels=len(labels),
            id2label={str(i): s for i, s in enumerate(labels)},
            label2id={s: i for i, s in enumerate(labels)},
        )
        save_model(
            p(name),
            cfg,
            dict(base, **{"score.weight": torch.randn(len(labels), HID, generator=gen) * 0.05}),
            tok,
            a.max_len,
            chat=False,
        )
    lora, r = {}, 8
    for n in range(LAYERS):
        for m, o in (("q_proj", HEADS * HD), ("v_proj", KV * HD)):
            k = f"base_model.model.model.layers.{n}.self_attn.{m}."
            lora[k + "lora_A.weight"] = torch.randn(r, HID, generator=gen) * 0.05
            lora[k + "lora_B.weight"] = torch.randn(o, r, generator=gen) * 0.05
    os.makedirs(p("tiny-lora"), exist_ok=True)
    save_file(lora, os.path.join(p("tiny-lora"), "adapter_model.safetensors"))
    json.dump(
        {
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "base_model_name_or_path": "tiny-llama",
            "r": r,
            "lora_alpha": 16,
            "lora_dropout": 0.0,
            "bias": "none",
            "target_modules": ["q_proj", "v_proj"],
            "fan_in_fan_out": False,
            "inference_mode": True,
            "modules_to_save": None,
            "use_rslora": False,
            "use_dora": False,
        },
        open(os.path.join(p("tiny-lora"), "adapter_config.json"), "w"),
        indent=1,
    )
    print("made", ", ".join(sorted(os.listdir(a.out))), "in", a.out)


if __name__ == "__main__":
    main()
