"""How to use an adapter, for its model card: as Python, as commands, and in a pipeline that knows nothing of events."""

import json
import shlex

from acestep.adapter import LORA_FILE
from structure.markdown import one_line

_PYTHON = """As Python, beside Structure Studio, with this repository in `FOLDER`
(`hf download OWNER/NAME --local-dir FOLDER`):

```python
import soundfile
from acestep.loading import load_pipeline
from acestep.pipeline import SongRequest
from structure.language import parse_structure

pipeline = load_pipeline({base})
pipeline.load_adapter("FOLDER")
request = SongRequest({events}, prompt="upbeat pop", duration=20)
song = pipeline.generate(request)
soundfile.write("song.wav", song.samples, song.sample_rate)
```"""
_COMMAND = """By hand:

```
python -m generation make {structure} --caption "upbeat pop" --model {base} --adapter FOLDER --output song.wav
```"""
_DIFFUSERS = """In any diffusers pipeline, without times:

```python
from diffusers import AceStepPipeline

pipe = AceStepPipeline.from_pretrained({base})
pipe.load_lora_weights("FOLDER", weight_name="{lora}", use_safetensors=True)
```"""
_NO_DIFFUSERS = (
    "A plain diffusers pipeline cannot load the starter, whose codec is a class of Structure Studio; once it is loaded "
    "there, `pipe.load_lora_weights` takes this LoRA."
)

_LOKR = (
    "This is a LoKr in peft's own format: `pipe.load_lora_weights` takes none, `peft.PeftModel.from_pretrained` does."
)


def usage(base: str, events: bool, kind: str = "lora") -> str:
    """The section of a card.

    Args:
        base: `starter`, a hub id, or the name of a folder.
        events: whether the adapter was taught timed events.
        kind: lora or lokr.
    """
    base = one_line(base)
    quoted = json.dumps(base, ensure_ascii=False)
    structure = "intro 0-4, verse 4-12, chorus 12-20"
    alone = _NO_DIFFUSERS if base == "starter" else _DIFFUSERS.format(base=quoted, lora=LORA_FILE)
    parts = [
        _PYTHON.format(base=quoted, events=f'events=parse_structure("{structure}")' if events else "use_events=False"),
        _COMMAND.format(base=shlex.quote(base), structure=f'"{structure}"' if events else "--no-events --duration 20"),
        _LOKR if kind == "lokr" else alone,
    ]
    return "\n\n".join(parts)
