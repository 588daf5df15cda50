"""PyTorch's training steps and surfaces on a GPU, in the fastest ways known: what `compare.py --device cuda` times beside
Basin's.

jobs("training/resnet20/bf16/128") gives (variant, callable, images per call), jobs("surface/resnet20/fast/10000") those of
points per call. The images are on the device, as Basin's are; a call enqueues STEPS steps, or POINTS points, and waits for
the last. A variant that PyTorch cannot make here is reported on stderr and left out.
"""
import contextlib
import sys

import torch
import torch.nn.functional as F

import peer

STEPS, POINTS = 16, 4
BATCHES = 512, 2048  # images at a time in surfaces: the faster one counts
TYPES = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}


class Training:
    """A network, its optimizer and a batch on the device, one way of running them."""

    def __init__(self, model, precision, batch, device, layout, tf32=False):
        torch.backends.cudnn.benchmark = True
        self.tf32 = tf32
        self.device, self.dtype = torch.device(device), TYPES[precision]
        net, images = peer.network(model).train().to(device), torch.randn(batch, 3, 32, 32, device=device)
        if layout == "channels_last":
            net, images = net.to(memory_format=torch.channels_last), peer.channels_last(images)
        self.net, self.images = net, images
        self.labels = torch.arange(batch, device=device) % 10
        on_gpu = self.device.type == "cuda"
        kinds = [dict(fused=True), dict(foreach=True), {}] if on_gpu else [{}]
        self.optimizer = self.make_optimizer(kinds)
        self.scaler = torch.cuda.amp.GradScaler(enabled=precision == "fp16" and on_gpu)
        self.loss = self.forward

    def make_optimizer(self, kinds):
        for kind in kinds:  # the fastest that this version has
            try:
                return torch.optim.SGD(self.net.parameters(), 0.05, momentum=0.9, weight_decay=5e-4, nesterov=True, **kind)
            except (TypeError, RuntimeError):
                pass
        raise RuntimeError("no SGD")

    def forward(self, x, y):
        with torch.autocast(self.device.type, self.dtype or torch.bfloat16, enabled=self.dtype is not None):
            return F.cross_entropy(self.net(x).float(), y)

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(self.loss(self.images, self.labels)).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()

    def wait(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def steps(self, step):
        def run():
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = self.tf32
            for _ in range(STEPS):
                step()
            self.wait()
        return run


def compiled(training):
    training.loss = torch.compile(training.forward, mode="max-autotune")
    return training.step


def captured(training):
    """The whole step captured once. Gradients keep their memory, and loss scaling needs the host: fp32 and bf16 only."""
    if training.scaler.is_enabled():
        raise RuntimeError("GradScaler asks the host at every step")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = training.tf32
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            training.step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    training.optimizer.zero_grad(set_to_none=True)
    with torch.cuda.graph(graph):
        training.loss(training.images, training.labels).backward()
        training.optimizer.step()
    return graph.replay


def variants(precision, device):
    eager = lambda training: training.step
    yield "eager", dict(layout="nchw"), eager
    if precision == "fp32":
        yield "eager tf32", dict(layout="nchw", tf32=True), eager
    yield "channels_last", dict(layout="channels_last"), eager
    if device != "cpu":
        yield "channels_last compiled", dict(layout="channels_last"), compiled
        yield "channels_last graph", dict(layout="channels_last"), captured


class Surface:
    """A network whose weights theta + a d1 + b d2 are views of one buffer, and images in batches, on the device. Batch norm
    stays, or is folded into theta, d1 and d2 beforehand (its parameters do not move)."""

    def __init__(self, model, count, batch, device, dtype, layout, folded, tf32=False):
        torch.backends.cudnn.benchmark = True
        self.tf32, self.device = tf32, torch.device(device)
        last = layout == "channels_last"
        net = peer.network(model).to(device)
        units = [m for m in net.modules() if isinstance(m, peer.Unit)]
        flat = [], [], []
        for u in units:
            w = u.layer.weight.detach().clone()
            tensors = [w, peer.filter_normalized(w), peer.filter_normalized(w)]
            if folded:
                bias = u.layer.bias.detach() if u.layer.bias is not None else torch.zeros(len(w), device=device)
                if u.norm is not None:
                    scale = u.norm.weight.detach() * (u.norm.running_var + u.norm.eps).rsqrt()
                    bias = u.norm.bias.detach() + (bias - u.norm.running_mean) * scale
                    tensors = [t * scale.view(-1, *[1] * (t.dim() - 1)) for t in tensors]
                    u.norm = None
                u.layer.bias = torch.nn.Parameter(bias, requires_grad=False)
            for values, tensor in zip(flat, tensors):
                values.append((tensor.permute(0, 2, 3, 1) if last and w.dim() == 4 else tensor).flatten())
            if u.layer.bias is not None:
                u.layer.bias = torch.nn.Parameter(u.layer.bias.detach().to(dtype), requires_grad=False)
        self.theta, self.d1, self.d2 = (torch.cat(values) for values in flat)
        self.moved = self.theta.to(dtype, copy=True)
        for u, part in zip(units, self.moved.split([u.layer.weight.numel() for u in units])):
            u.layer.weight = torch.nn.Parameter(self.shaped(part, u.layer.weight.shape, last), requires_grad=False)
        self.net, self.units, self.last = net, units, last
        images = torch.randn(count, 3, 32, 32, device=device).to(dtype)
        self.images = [peer.channels_last(x) if last else x for x in images.split(batch)]
        self.labels = (torch.arange(count, device=device) % 10).split(batch)
        self.a, self.b = torch.tensor(0.3, device=device), torch.tensor(-0.2, device=device)
        self.forward = self.net

    @staticmethod
    def shaped(part, shape, last):
        if last and len(shape) == 4:
            o, i, r, s = shape
            return part.unflatten(-1, (o, r, s, i)).movedim(-1, -3)
        return part.unflatten(-1, tuple(shape))

    def losses(self):
        return torch.stack([F.cross_entropy(self.forward(x).float(), y, reduction="sum")
                            for x, y in zip(self.images, self.labels)]).sum()

    @torch.no_grad()
    def point(self):
        self.moved.copy_(torch.addcmul(self.theta, self.d1, self.a).addcmul_(self.d2, self.b))
        return self.losses()

    def points(self, point, each=1):
        def run():
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = self.tf32
            losses = [point() for _ in range(POINTS // each)]
            return [loss.cpu() for loss in losses]  # waits for all
        return run


def graph_of_point(surface):
    """A point, weights and all batches, as one CUDA graph."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(2):
            surface.point()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = surface.point()

    def point():
        graph.replay()
        return loss.clone()
    return surface.points(point)


def compiled_point(surface):
    surface.forward = torch.compile(surface.net, mode="max-autotune-no-cudagraphs")
    surface.point()
    return graph_of_point(surface) if surface.device.type == "cuda" else surface.points(surface.point)


def vmapped_points(surface):
    """Several points in one call of the network: torch.func.vmap over its weights."""
    names = {module: name for name, module in surface.net.named_modules()}
    sizes = [u.layer.weight.numel() for u in surface.units]
    steps = torch.arange(POINTS, device=surface.device).view(-1, 1) * 0.01
    dtype = surface.moved.dtype

    def call(weights, x, y):
        out = torch.func.functional_call(surface.net, weights, (x,))
        return F.cross_entropy(out.float(), y, reduction="sum")

    @torch.no_grad()
    def point():
        moved = (surface.theta + (surface.a + steps) * surface.d1 + surface.b * surface.d2).to(dtype)
        weights = {f"{names[u]}.layer.weight": surface.shaped(part, u.layer.weight.shape, surface.last)
                   for u, part in zip(surface.units, moved.split(sizes, -1))}
        many = torch.func.vmap(call, in_dims=(0, None, None))
        return torch.stack([many(weights, x, y) for x, y in zip(surface.images, surface.labels)]).sum(0)
    return surface.points(point, POINTS)


def surface_variants(precision, device):
    plain, half = dict(dtype=torch.float32), dict(dtype=torch.float16, layout="channels_last")
    if device == "cpu":  # to try the script: its convolutions know no float16
        half = dict(dtype=torch.float32, layout="channels_last")
    eager = lambda surface: surface.points(surface.point)
    yield "eager fp32", dict(plain, layout="nchw", folded=False), eager
    yield "eager tf32", dict(plain, layout="nchw", folded=False, tf32=True), eager
    if precision == "fast":
        yield "fp16 channels_last graph", dict(half, folded=False), graph_of_point
        yield "fp16 folded graph", dict(half, folded=True), graph_of_point
        yield "fp16 folded compiled", dict(half, folded=True), compiled_point
        yield "fp16 folded vmap", dict(half, folded=True), vmapped_points


def surface_jobs(name, device):
    _, model, precision, count = name.split("/")
    result = []
    for variant, how, make in surface_variants(precision, device):
        for batch in BATCHES:
            if batch > int(count) and batch != BATCHES[0]:
                continue
            with reported(name, f"{variant} {batch}"):
                run = make(Surface(model, int(count), batch, device, **how))
                run()
                result.append((f"{variant} {batch}", run, POINTS))
    return result


@contextlib.contextmanager
def reported(name, variant):
    try:
        yield
    except Exception as error:  # another version of PyTorch, too little memory, ...
        print(f"{name}: PyTorch, {variant}: {type(error).__name__}: {str(error).splitlines()[0]}", file=sys.stderr)


def training_jobs(name, device):
    _, model, precision, batch = name.split("/")
    result = []
    for variant, how, make in variants(precision, device):
        with reported(name, variant):
            training = Training(model, precision, int(batch), device, **how)
            run = training.steps(make(training))
            run()
            result.append((variant, run, STEPS * int(batch)))
    return result


def jobs(name, device="cuda"):
    result = {"training": training_jobs, "surface": surface_jobs}[name.split("/")[0]](name, device)
    if not result:
        raise SystemExit(f"error: {name}: no variant of PyTorch runs here")
    return result
