"""What the capstone's checks have made and done beside the student's code: see `checks.remote`."""

import tempfile
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from rnncourse.reference.inputs import BOS, PAD

WEIGHTS = "weights.safetensors"  # what is handed in beside the notebook
MOST = 16 << 20  # bytes of it


# --- a model, whoever wrote it --------------------------------------------------------------------


def build(translator, V_source, V_target, seed):
    """A model of the student's class in eval mode, its parameters drawn from the seed.

    Drawn, because a model may begin with zeros, which would hide what it reads.
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
    """How many of the model's numbers, from 0 to 1, belong to parameters without a gradient."""
    model.zero_grad()
    logits = model(source, mask, target)
    weights = torch.randn(logits.shape, generator=torch.Generator().manual_seed(0))
    (logits * weights).sum().backward()
    parameters = list(model.parameters())
    dead = [one for one in parameters if one.grad is None or not one.grad.any()]
    return sum(one.numel() for one in dead) / max(1, sum(one.numel() for one in parameters))


# --- a model that needs no training ---------------------------------------------------------------


class WordByWord(nn.Module):
    """Writes for each source word the target word of the same number, and EOS for EOS.

    It minds what a trained model minds: that the source ends with EOS (else it goes on with the
    last word for ever), that the mask hides the padding, that it reads BOS first and then what it
    wrote, and the mode: while it trains it writes the words from the last to the first.
    endless: the number of a word after which it never ends.
    """

    def __init__(self, V, endless):
        super().__init__()
        self.V, self.endless, self.asked = V, endless, 0
        self.nothing = nn.Parameter(torch.zeros(()))  # for whoever asks where the model is

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
        here = torch.minimum(place, lengths - 1)
        if self.training:  # EOS stays the last
            here = torch.where(here < lengths - 1, lengths - 2 - here, here)
        words = source.gather(1, here.clamp(min=0).unsqueeze(1)).squeeze(1)
        words = torch.where(fooled | (tokens != wrote), torch.full_like(words, self.V - 1), words)
        place = torch.where(words == self.endless, place, place + 1)
        logits = 20 * nn.functional.one_hot(words, self.V).float()
        return logits, (source, lengths, place, words, fooled)


# --- the file of weights --------------------------------------------------------------------------


def problem_with(path=WEIGHTS):
    """Why the file of weights cannot be graded, in words; None where it can."""
    file = Path(path)
    if not file.is_file():
        others = sorted(one.name for one in file.parent.glob("*.safetensors"))
        renamed = f" There is {others[0]!r}: rename it." if others else ""
        return (
            f"there is no {path} beside the notebook. Train the model, and hand the file in under "
            f"this name with the notebook; at most {MOST >> 20} MB are accepted.{renamed}"
        )
    if file.stat().st_size > MOST:
        return (
            f"{path} has {file.stat().st_size / (1 << 20):.1f} MB; at most {MOST >> 20} MB are "
            "accepted. Make the model smaller, or save its weights in half precision"
        )
    try:
        with safe_open(file, "pt") as content:
            content.keys()
    except (SafetensorError, OSError) as error:
        return f"{path} is damaged, or no safetensors file ({error}): save it and hand it in again"
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
