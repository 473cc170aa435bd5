"""The rows of each study: what is trained, and how it is asked."""

from __future__ import annotations

from benchmarks.structure import paths
from benchmarks.structure.lessons import near_boundaries, pushed, shuffled
from benchmarks.structure.trial import NO_EVENTS, Ask, Trial

RECIPE = Trial("recipe")
CONTROLS = [
    Trial("baseline LoRA, told order by section tags", settings={"events": False}),
    Trial("events of other songs", lesson=shuffled),
]

SONGS = [Trial(f"{count} songs", songs=count) for count in (2, 4, 8, 16, 32)]
STEPS = [Trial(f"{count} steps", settings={"max_steps": count}) for count in (50, 100, 200, 400, 800, 2000)]
ASKS = [
    *(Ask(1.0, strength=strength) for strength in (1.0, 1.4, 1.8)),
    *(Ask(scale, strength=1.0) for scale in (2.0, 3.0, 5.0, 8.0)),
    *(Ask(3.0, interval, strength=1.0) for interval in ((0.0, 1.0), (0.5, 1.0), (0.2, 1.0), (0.5, 0.9))),
    *(Ask(scale, strength=1.4) for scale in (2.0, 3.0, 5.0)),
]

CONFIRM: list[Trial] = [
    Trial("600 steps, mu +1", settings={"quieter_db": 0.0, "rearrange": 0.0}),
    Trial("sections also quieter, to 6 dB", settings={"quieter_db": 6.0, "rearrange": 0.0}),
    Trial("rearranged 0.5", settings={"quieter_db": 0.0, "rearrange": 0.5}),
    Trial("both", settings={"quieter_db": 6.0, "rearrange": 0.5}),
]
CONFIRM_ASKS = [
    *(Ask(1.0, strength=strength) for strength in (1.0, 1.4)),
    *(Ask(scale, strength=strength) for scale, strength in ((5.0, 1.0), (3.0, 1.4))),
    NO_EVENTS,
]

SCREEN: list[Trial] = [
    RECIPE,
    # where events enter, and through what
    Trial("patch embedding only", encoder=paths.residual(n_blocks=1)),
    Trial("first half of the blocks", encoder=paths.residual(n_blocks=3)),
    Trial("all blocks", encoder=paths.residual(n_blocks=6)),
    Trial("inner width 48 instead of 192", encoder=paths.residual(hidden=48)),
    Trial("inner width 384", encoder=paths.residual(hidden=384)),
    Trial("inner width 48, four times the gain", encoder=paths.residual(hidden=48, gain=4.0)),
    Trial("four times the gain", encoder=paths.residual(gain=4.0)),
    Trial("inner width 384, eight times the gain", encoder=paths.residual(hidden=384, gain=8.0)),
    Trial("gains and shifts (AdaLN)", encoder=paths.modulation),
    Trial("cross-attention, rotary", encoder=paths.attention),
    # what the plan says
    Trial("no boundary proximity", encoder=paths.without(["since 0.1 s", "since 0.5 s", "until 0.1 s", "until 0.5 s"])),
    Trial("no progress", encoder=paths.without(["progress"])),
    # what is learned at which noise
    Trial("timesteps mu -0.4", settings={"timestep_mu": -0.4}),
    Trial("timesteps mu 0", settings={"timestep_mu": 0.0}),
    Trial("timesteps mu +0.4", settings={"timestep_mu": 0.4}),
    # dropping, weighting, pushing
    Trial("event dropout 0", settings={"event_dropout": 0.0}),
    Trial("event dropout 0.3", settings={"event_dropout": 0.3}),
    Trial("boundaries count 3 times", lesson=near_boundaries(3.0)),
    Trial("pushed by guidance 2", lesson=pushed(2.0)),
    Trial("pushed by guidance 3", lesson=pushed(3.0)),
    Trial("pushed from a neighbour's plan, 2", lesson=pushed(2.0, swapped=True)),
    # how fast, and what else learns
    Trial("event rate x 1", settings={"event_lr_scale": 1.0}),
    Trial("event rate x 8", settings={"event_lr_scale": 8.0}),
    Trial("rate 2e-3", settings={"learning_rate": 2e-3}),
    Trial("rate 5e-4", settings={"learning_rate": 5e-4}),
    Trial("moving average 0.98", settings={"ema_decay": 0.98}),
    Trial("rearranged 0.5", settings={"rearrange": 0.5}),
    Trial("sections at their own level", settings={"quieter_db": 0.0}),
    Trial("LoRA in the feed-forward layers too", settings={"lora_targets": "self,cross,mlp"}),
    Trial("LoRA rank 4", settings={"lora_rank": 4, "lora_alpha": 4}),
    Trial("crops of 8 to 12 s, 14 of them", settings={"crop_min_sec": 8.0, "crop_max_sec": 12.0, "batch_size": 14}),
]
