"""Writes what PyTorch computes, for pytorch_test.cpp to compare with.

    pytorch_parity.py logits MODEL FOLDER    weights, images and their eval-mode logits
    pytorch_parity.py training DTYPE BATCH FOLDER
                                             resnet20: weights, batches, the losses of ten steps and the state after them
    pytorch_parity.py statistics BATCH COUNT FOLDER
                                             resnet20: weights, uint8 images, and the state after update_bn

Weights are a state_dict as safetensors, images (..., H, W, C).
"""
import json
import os
import struct
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

from pytorch_models import MODELS

DTYPES = {torch.float32: "F32", torch.float64: "F64", torch.int32: "I32", torch.int64: "I64", torch.uint8: "U8"}


def write_safetensors(path, tensors):
    header, buffer = {}, b""
    for name, tensor in tensors.items():
        data = tensor.detach().contiguous().numpy().tobytes()
        header[name] = {"dtype": DTYPES[tensor.dtype], "shape": list(tensor.shape),
                        "data_offsets": [len(buffer), len(buffer) + len(data)]}
        buffer += data
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + buffer)


def initialize(net, eval_mode):
    """Kaiming-normal convolutions; for eval mode also batch norms and biases that are not 0 and 1."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
        if eval_mode and isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)


def logits(model, folder):
    net = MODELS[model]()
    initialize(net, eval_mode=True)
    net.eval()
    images = torch.randn(4, 3, 32, 32)
    with torch.no_grad():
        result = net(images)
    write_safetensors(os.path.join(folder, "weights.safetensors"), net.state_dict())
    write_safetensors(os.path.join(folder, "expected.safetensors"),
                      {"images": images.permute(0, 2, 3, 1), "logits": result})


def training(dtype, batch, folder, steps=10):
    dtype, batch = getattr(torch, dtype), int(batch)
    net = MODELS["resnet20"]().to(dtype)
    initialize(net, eval_mode=False)
    nn.init.normal_(net.linear.weight, std=1e-3)
    nn.init.zeros_(net.linear.bias)
    write_safetensors(os.path.join(folder, "weights.safetensors"), net.state_dict())
    labels = torch.randint(0, 10, (steps, batch))
    patterns = torch.randn(10, 3, 32, 32)  # one a class, under noise: there is something to learn
    images = (0.5 * patterns[labels] + torch.randn(steps, batch, 3, 32, 32)).to(dtype)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
    losses = []
    net.train()
    for step in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(images[step]), labels[step])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    write_safetensors(os.path.join(folder, "trained.safetensors"), net.state_dict())
    write_safetensors(os.path.join(folder, "expected.safetensors"),
                      {"images": images.permute(0, 1, 3, 4, 2), "labels": labels.int(),
                       "losses": torch.tensor(losses, dtype=torch.float64)})


def statistics(batch, count, folder):
    """In float64, of float32 weights; pixels are normalised to (pixel / 255 - 0.5) / 0.25."""
    net = MODELS["resnet20"]()
    initialize(net, eval_mode=True)
    write_safetensors(os.path.join(folder, "weights.safetensors"), net.state_dict())
    pixels = torch.randint(0, 256, (int(count), 3, 32, 32), dtype=torch.uint8)
    write_safetensors(os.path.join(folder, "expected.safetensors"), {"pixels": pixels.permute(0, 2, 3, 1)})
    images = (pixels.double() / 255 - 0.5) / 0.25
    net.double()
    torch.optim.swa_utils.update_bn(images.split(int(batch)), net)
    write_safetensors(os.path.join(folder, "recomputed.safetensors"), net.state_dict())


if __name__ == "__main__":
    torch.manual_seed(20)
    torch.set_num_threads(min(2, os.cpu_count() or 1))
    {"logits": logits, "training": training, "statistics": statistics}[sys.argv[1]](*sys.argv[2:])
