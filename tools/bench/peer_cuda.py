"""PyTorch's training steps on a GPU, in the fastest ways known: what `compare.py --device cuda` times beside Basin's.

jobs("training/resnet20/bf16/128") gives (variant, callable, images per call). The images are on the device, as Basin's
are; a call enqueues STEPS steps and waits for the last. A variant that PyTorch cannot make here is reported on stderr and
left out.
"""
import sys

import torch
import torch.nn.functional as F

import peer

STEPS = 16
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


def jobs(name, device="cuda"):
    _, model, precision, batch = name.split("/")
    result = []
    for variant, how, make in variants(precision, device):
        try:
            training = Training(model, precision, int(batch), device, **how)
            run = training.steps(make(training))
            run()
            result.append((variant, run, STEPS * int(batch)))
        except Exception as error:  # another version of PyTorch, too little memory, ...
            print(f"{name}: PyTorch, {variant}: {type(error).__name__}: {str(error).splitlines()[0]}", file=sys.stderr)
    if not result:
        raise SystemExit(f"error: {name}: no variant of PyTorch runs here")
    return result
