"""PyTorch's side of the benchmarks, each job in the fastest ways known for PyTorch on a CPU.

Every function here returns a list of (variant, callable, items per call); compare.py times them. Names of jobs are those
of basin_bench: operation/conv2d/N128_C16_H32_K16_R3_S1, training/resnet20/fp32/128, surface/resnet20/exact/512.
"""
import re

import torch
import torch.nn as nn
import torch.nn.functional as F


def channels_last(t):
    return t.contiguous(memory_format=torch.channels_last)


# ---- networks: units of layer, batch norm, residual, ReLU, so that folding lives in one place
class Unit(nn.Module):
    def __init__(self, layer, norm=True, relu=True):
        super().__init__()
        self.layer, self.relu = layer, relu
        width = layer.weight.shape[0]
        self.norm = (nn.BatchNorm2d(width) if isinstance(layer, nn.Conv2d) else nn.BatchNorm1d(width)) if norm else None

    def forward(self, x, residual=None):
        y = self.layer(x)
        if self.norm is not None:
            y = self.norm(y)
        if residual is not None:
            y = y.add_(residual)
        return F.relu(y, inplace=True) if self.relu else y


def conv(inputs, outputs, kernel=3, stride=1, bias=False, relu=True):
    return Unit(nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=bias), relu=relu)


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.first, self.second = conv(inputs, outputs, 3, stride), conv(outputs, outputs)
        self.shortcut = conv(inputs, outputs, 1, stride, relu=False) if inputs != outputs else nn.Identity()

    def forward(self, x):
        return self.second(self.first(x), self.shortcut(x))


def resnet(depth, width=1):
    layers, blocks = [conv(3, 16)], (depth - 2) // 6
    for inputs, outputs in ((16, 16 * width), (16 * width, 32 * width), (32 * width, 64 * width)):
        layers.append(Block(inputs, outputs, 1 if outputs == 16 * width else 2))
        layers += [Block(outputs, outputs, 1) for _ in range(blocks - 1)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), Unit(nn.Linear(64 * width, 10), False, False))


def vgg9():
    layers, inputs = [], 3
    for width in (64, 64, 0, 128, 128, 0, 256, 256, 256, 0):
        layers.append(conv(inputs, width, bias=True) if width else nn.MaxPool2d(2))
        inputs = width or inputs
    return nn.Sequential(*layers, nn.Flatten(), Unit(nn.Linear(4096, 256)), Unit(nn.Linear(256, 10), False, False))


def vgg16_bn():
    layers, inputs = [], 3
    for count, width in ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)):
        layers += [conv(inputs if i == 0 else width, width, bias=True) for i in range(count)] + [nn.MaxPool2d(2)]
        inputs = width
    return nn.Sequential(*layers, nn.Flatten(), Unit(nn.Linear(512, 10), False, False))


NETWORKS = {"vgg9": vgg9, "vgg16-bn": vgg16_bn}


def network(name):
    torch.manual_seed(0)
    if name in NETWORKS:
        net = NETWORKS[name]()
    else:  # resnet56, wrn56-4
        depth, _, width = name.removeprefix("resnet").removeprefix("wrn").partition("-")
        net = resnet(int(depth), int(width or 1))
    with torch.no_grad():
        net.train()(torch.randn(64, 3, 32, 32))  # statistics for batch norm
    return net.eval()


# ---- operations
def operation_jobs(name):
    _, operation, shape = name.split("/")
    field = {k: int(v) for k, v in re.findall(r"([A-Z])(\d+)", shape)}
    n, h, c = field["N"], field["H"], field["C"]
    x = channels_last(torch.randn(n, c, h, h))
    if operation.startswith("batch_norm_relu"):
        norm = nn.BatchNorm2d(c)
        if operation == "batch_norm_relu":
            with torch.no_grad():
                return [("channels_last", lambda: F.relu(norm(x), inplace=True), 1)]
        x.requires_grad_()
        y, grad = F.relu(norm(x)), channels_last(torch.randn(n, c, h, h))
        inputs = [x, norm.weight, norm.bias]
        return [("channels_last", lambda: torch.autograd.grad(y, inputs, grad, retain_graph=True), 1)]
    k, r, s = field["K"], field["R"], field["S"]
    w = channels_last(torch.randn(k, c, r, r))
    y = F.conv2d(x, w, stride=s, padding=r // 2)
    grad = channels_last(torch.randn_like(y))
    if operation == "conv2d":
        return [("channels_last", lambda: F.conv2d(x, w, stride=s, padding=r // 2), 1)]
    mask = [operation == "conv2d_input_gradient", operation == "conv2d_weight_gradient", False]
    backward = torch.ops.aten.convolution_backward
    pad = [r // 2, r // 2]
    return [("channels_last", lambda: backward(grad, x, w, None, [s, s], pad, [1, 1], False, [0, 0], 1, mask), 1)]


# ---- training
def training_jobs(name):
    _, model, precision, batch = name.split("/")
    batch = int(batch)
    images, labels = torch.randn(batch, 3, 32, 32), torch.arange(batch) % 10
    jobs = []
    for layout in ("nchw", "channels_last"):
        net, x = network(model).train(), images
        if layout == "channels_last":
            net, x = net.to(memory_format=torch.channels_last), channels_last(images)
        optimizer = torch.optim.SGD(net.parameters(), 0.05, momentum=0.9, weight_decay=5e-4, nesterov=True)

        def step(net=net, x=x, optimizer=optimizer):
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
                loss = F.cross_entropy(net(x).float(), labels)
            loss.backward()
            optimizer.step()

        jobs.append((layout, step, batch))
    return jobs


# ---- surfaces
def filter_normalized(w):
    d = torch.randn_like(w)
    norm = lambda t: t.flatten(1).norm(dim=1).view(-1, *[1] * (t.dim() - 1))
    return d * norm(w) / (norm(d) + 1e-10)


class Plane:
    """theta + a d1 + b d2 in one buffer that the weights of a net are views of; its batch norm is folded beforehand."""

    def __init__(self, net, layout, dtype=torch.float32):
        units = [m for m in net.modules() if isinstance(m, Unit)]
        weights, flat = [], [[], [], []]
        for u in units:
            w = u.layer.weight.detach().clone()
            bias = u.layer.bias.detach().clone() if u.layer.bias is not None else torch.zeros(w.shape[0])
            scale = torch.ones(w.shape[0])
            if u.norm is not None:
                scale = u.norm.weight.detach() * (u.norm.running_var + u.norm.eps).rsqrt()
                bias = u.norm.bias.detach() + (bias - u.norm.running_mean) * scale
            u.norm = None
            u.layer.bias = nn.Parameter(bias.to(dtype), requires_grad=False)
            for values, tensor in zip(flat, (w, filter_normalized(w), filter_normalized(w))):
                tensor = tensor * scale.view(-1, *[1] * (w.dim() - 1))
                if layout == "channels_last" and w.dim() == 4:
                    tensor = tensor.permute(0, 2, 3, 1)
                values.append(tensor.flatten())
        self.center, self.d1, self.d2 = (torch.cat(values) for values in flat)
        self.moved = torch.empty_like(self.center, dtype=dtype)
        for u, part in zip(units, self.moved.split([u.layer.weight.numel() for u in units])):
            o, *rest = u.layer.weight.shape
            if layout == "channels_last" and rest[1:]:
                part = part.view(o, *rest[1:], rest[0]).permute(0, 3, 1, 2)
            else:
                part = part.view(o, *rest)
            u.layer.weight = nn.Parameter(part, requires_grad=False)

    def move(self, a, b):
        self.moved.copy_(torch.add(self.center, self.d1, alpha=a).add_(self.d2, alpha=b))


def surface_jobs(name):
    """`exact` is compared with float32, `fast` with bfloat16."""
    _, model, precision, count = name.split("/")
    count, batch = int(count), 128
    dtype = {"exact": torch.float32, "fast": torch.bfloat16}[precision]
    images, labels = torch.randn(count, 3, 32, 32), torch.arange(count) % 10
    y, jobs = labels.split(batch), []

    def job(variant, net, plane, x, forward):
        def point():
            with torch.no_grad():
                plane.move(0.3, -0.2)
                return sum(F.cross_entropy(forward(net, xs).float(), ys, reduction="sum").item()
                           for xs, ys in zip(x, y)) / count
        jobs.append((variant, point, 1))

    def autocast(net, x):
        with torch.autocast("cpu", torch.bfloat16):
            return net(x)

    with torch.no_grad():
        for layout in ("nchw", "channels_last"):
            x = [channels_last(t) if layout == "channels_last" else t for t in images.to(dtype).split(batch)]
            net = network(model)
            job(f"{layout} folded", net, Plane(net, layout, dtype), x, lambda net, x: net(x))
            if precision == "fast":
                net = network(model)
                job(f"{layout} folded autocast", net, Plane(net, layout), [t.float() for t in x], autocast)
        net = network(model)
        x = [t.to_mkldnn(dtype) for t in images.split(batch)]
        job("mkldnn folded", net, Plane(net, "nchw"), x, mkldnn_forward)
    return jobs


# ---- Hessians
def hessian_jobs(name):
    """Gradient, and Hessian-vector products as PyHessian computes them: over several batches the graph is made anew for
    each product, on one batch it is kept; and a kept graph for every batch, which PyHessian does not offer."""
    _, model, work, count = name.split("/")
    count, batch, jobs = int(count), 128, []
    images, labels = torch.randn(count, 3, 32, 32), torch.arange(count) % 10
    for layout in ("nchw", "channels_last"):
        net = network(model)
        if layout == "channels_last":
            net = net.to(memory_format=torch.channels_last)
        weights = [p for p in net.parameters() if p.dim() > 1]
        batches = [(channels_last(x) if layout == "channels_last" else x, y)
                   for x, y in zip(images.split(batch), labels.split(batch))]
        v = [torch.randn_like(w) for w in weights]

        def gradients(x, y, net=net, weights=weights, create_graph=False):
            loss = F.cross_entropy(net(x), y, reduction="sum") / count
            return torch.autograd.grad(loss, weights, create_graph=create_graph)

        def total(parts):
            return [sum(p) for p in zip(*parts)]

        def gradient(batches=batches, gradients=gradients):
            return total(gradients(x, y) for x, y in batches)

        def product(batches=batches, gradients=gradients, weights=weights, v=v):
            return total(torch.autograd.grad(gradients(x, y, create_graph=True), weights, v) for x, y in batches)

        if work == "gradient":
            jobs.append((layout, gradient, 1))
            continue
        jobs.append((f"{layout} graph made anew", product, 1))
        if work != "first_product":
            graphs = [gradients(x, y, create_graph=True) for x, y in batches]

            def kept(graphs=graphs, weights=weights, v=v):
                return total(torch.autograd.grad(g, weights, v, retain_graph=True) for g in graphs)

            jobs.append((f"{layout} graph kept", kept, 1))
    if work == "lanczos_step":
        jobs = [(variant, lanczos(call, sum(p.numel() for p in weights)), LANCZOS_STEPS) for variant, call, _ in jobs]
    return jobs


LANCZOS_STEPS = 20


def lanczos(product, size):
    """The steps' own work, as PyHessian does it for its density: each new vector is orthogonalised against all earlier
    ones, one after the other. The product's argument is a fixed vector: its cost does not depend on it."""
    def run():
        basis = [torch.randn(size)]
        for _ in range(LANCZOS_STEPS):
            w = torch.cat([p.flatten() for p in product()])
            for q in basis:
                w = w - q * torch.dot(q, w)
            basis.append(w / w.norm())
    return run


def mkldnn_forward(module, x, residual=None):
    """The folded net on oneDNN's blocked tensors, weights re-ordered as the point changed them."""
    if isinstance(module, Unit):
        w, b = module.layer.weight, module.layer.bias
        if isinstance(module.layer, nn.Conv2d):
            layer = module.layer
            dtype = torch.bfloat16 if x.dtype == torch.bfloat16 else torch.float32
            packed = torch._C._nn.mkldnn_reorder_conv2d_weight(
                w.to_mkldnn(dtype), layer.padding, layer.stride, layer.dilation, 1)
            y = torch.mkldnn_convolution(x, packed, b.to_mkldnn(), layer.padding, layer.stride, layer.dilation, 1)
        else:
            y = F.linear((x.to_dense() if x.is_mkldnn else x).float(), w, b)
        if residual is not None:
            y = y + residual
        return F.relu(y) if module.relu else y
    if isinstance(module, Block):
        shortcut = x if isinstance(module.shortcut, nn.Identity) else mkldnn_forward(module.shortcut, x)
        return mkldnn_forward(module.second, mkldnn_forward(module.first, x), shortcut)
    if isinstance(module, nn.Sequential):
        for layer in module:
            x = mkldnn_forward(layer, x)
        return x
    if isinstance(module, nn.AdaptiveAvgPool2d):
        return x.to_dense().mean((2, 3))
    if isinstance(module, nn.Flatten):
        return (x.to_dense() if x.is_mkldnn else x).flatten(1)
    return module(x)


def jobs(name):
    return {"operation": operation_jobs, "training": training_jobs, "surface": surface_jobs, "hessian": hessian_jobs}[name.split("/")[0]](name)
