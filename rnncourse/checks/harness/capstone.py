"""What the capstone's checks run in the student's process: see `checks.remote`."""

import tempfile
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from rnncourse.reference.inputs import BOS, PAD

WEIGHTS = "weights.safetensors"  # submitted beside the notebook
MAX_BYTES = 16 << 20


# --- a model, whoever wrote it --------------------------------------------------------------------


def build(translator, V_source, V_target, seed):
    """A model of the student's class in eval mode, with parameters drawn from the seed.

    A model's own parameters may be zeros, which would hide what it reads.
    """
    model = translator(V_source, V_target)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            drawn = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(2 * drawn / max(parameter.shape, default=1) ** 0.5)
    return model.eval()


def rebuilt(translator, V_source, V_target, model):
    """Another model of the class with the saved state of `model`, as after loading a file."""
    other = translator(V_source, V_target)
    other.load_state_dict(model.state_dict())
    return other.eval()


def share_unreached(model, source, mask, target):
    """The share of the model's numbers that belong to parameters without a gradient."""
    model.zero_grad()
    logits = model(source, mask, target)
    weights = torch.randn(logits.shape, generator=torch.Generator().manual_seed(0))
    (logits * weights).sum().backward()
    parameters = list(model.parameters())
    unreached = [p for p in parameters if p.grad is None or not p.grad.any()]
    return sum(p.numel() for p in unreached) / max(1, sum(p.numel() for p in parameters))


# --- a model that needs no training ---------------------------------------------------------------


class WordByWord(nn.Module):
    """Writes for each source word the target word of the same number, and EOS for EOS.

    It depends on what a trained model depends on. Without an EOS at the end of the source it
    repeats the last word for ever; where the mask shows padding, or the decoder does not read BOS
    and then its own words, it writes the last word of the vocabulary; in train mode it writes the
    words from the last to the first. endless: the number of a word after which it never ends.
    """

    def __init__(self, V, endless):
        super().__init__()
        self.V, self.endless, self.asked = V, endless, 0
        self.nothing = nn.Parameter(torch.zeros(()))  # for code that asks for the model's device

    def start(self, source, mask):
        self.asked = 0
        # Where the mask lets padding through, there is no telling where the sentence ends.
        fooled = (mask & (source == PAD)).any(dim=1)
        B = len(source)
        return (
            source,
            mask.sum(dim=1),
            torch.zeros(B, dtype=torch.long),
            torch.full((B,), BOS),
            fooled,
        )

    def step(self, tokens, state):
        self.asked += 1
        if self.asked > 1000:
            raise RuntimeError("the model was asked for more than 1000 words of one sentence")
        source, lengths, place, wrote, fooled = state
        index = torch.minimum(place, lengths - 1)
        if self.training:  # EOS stays the last
            index = torch.where(index < lengths - 1, lengths - 2 - index, index)
        words = source.gather(1, index.clamp(min=0).unsqueeze(1)).squeeze(1)
        words = torch.where(fooled | (tokens != wrote), torch.full_like(words, self.V - 1), words)
        place = torch.where(words == self.endless, place, place + 1)
        logits = 20 * nn.functional.one_hot(words, self.V).float()
        return logits, (source, lengths, place, words, fooled)


# --- the file of weights --------------------------------------------------------------------------


def problem_with(path=WEIGHTS):
    """Why the file of weights cannot be graded, in words; None where it can."""
    file = Path(path)
    if not file.is_file():
        others = sorted(path.name for path in file.parent.glob("*.safetensors"))
        renamed = f" There is {others[0]!r}: rename it." if others else ""
        return (
            f"there is no {path} beside the notebook. Train the model, and submit the file under "
            f"this name with the notebook; at most {MAX_BYTES >> 20} MB are accepted.{renamed}"
        )
    if file.stat().st_size > MAX_BYTES:
        size = file.stat().st_size / (1 << 20)
        return (
            f"{path} has {size:.1f} MB; at most {MAX_BYTES >> 20} MB are "
            "accepted. Make the model smaller, or save its weights in half precision"
        )
    try:
        with safe_open(file, "pt") as content:
            content.keys()
    except (SafetensorError, OSError) as error:
        return (
            f"{path} is damaged, or not a safetensors file ({error}): save it and submit it again"
        )
    return None


def with_other_weights(load, path, sentences):
    """What the student's function makes of the file when the numbers in it are shuffled."""
    with safe_open(path, "pt") as file:
        metadata, tensors = file.metadata(), {}
        for name in file.keys():  # noqa: SIM118
            tensor = file.get_tensor(name)
            shuffled = torch.randperm(tensor.numel(), generator=torch.Generator().manual_seed(0))
            tensors[name] = tensor.flatten()[shuffled].view(tensor.shape).contiguous()
    with tempfile.TemporaryDirectory() as folder:
        other = str(Path(folder) / WEIGHTS)
        save_file(tensors, other, metadata)
        return list(load(other)(sentences))
