"""What methods share: generalized cross-correlation, its peaks, and steered response power.

The modules import torch, so only methods import them; nothing that lists methods does.
"""
