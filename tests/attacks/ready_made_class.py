"""Hands in torch.nn.LSTM where one is to be written. It is out of reach, under all its names."""

SAFE = True
ANSWERS = {
    "LSTM": """
class LSTM(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.W = nn.Parameter(torch.zeros(D + H, 4 * H))
        self.lstm = nn.LSTM(D, H, batch_first=True, bias=False)

    def forward(self, xs, lengths=None, state=None):
        return self.lstm(xs, state)
""",
    "gru_step": """
from torch.nn.modules.rnn import GRUCell

def gru_step(x, h, *weights):
    return GRUCell(x.shape[1], h.shape[1])(x, h)
""",
}
SHOWS = "(?s)torch.nn.GRUCell is what this exercise asks.*torch.nn.LSTM is what this exercise asks"
