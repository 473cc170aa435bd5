"""Flow matching: identities that hold whatever the model."""

import torch
from torch import nn

from acestep.flow import sample_timesteps, velocity_loss


class Velocity(nn.Module):
    """A model that answers with a velocity fixed beforehand."""

    def __init__(self, velocity):
        super().__init__()
        self.velocity = velocity

    def forward(self, **inputs):
        return (self.velocity,)


def loss_of(velocity, mask, x_0, noise):
    return velocity_loss(Velocity(velocity), x_0, None, None, mask, torch.tensor([0.2, 0.7]), noise)


def test_the_true_velocity_costs_nothing_and_padding_does_not_count():
    torch.manual_seed(0)
    x_0, noise = torch.randn(2, 10, 4), torch.randn(2, 10, 4)
    mask = torch.ones(2, 10)
    mask[1, 6:] = 0
    wrong_in_the_padding = noise - x_0
    wrong_in_the_padding[1, 6:] += 100
    assert loss_of(wrong_in_the_padding, mask, x_0, noise) == 0
    off_by_two = noise - x_0 + 2
    torch.testing.assert_close(loss_of(off_by_two, mask, x_0, noise), torch.tensor(4.0))


def test_timesteps_are_logit_normal_about_mu():
    t = sample_timesteps(20_000, mu=0.4, generator=torch.Generator().manual_seed(0))
    logits = torch.logit(t)
    assert abs(logits.mean() - 0.4) < 0.03
    assert abs(logits.std() - 1.0) < 0.03
