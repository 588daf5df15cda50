"""The networks in plain PyTorch, written for the tests: what the reference tool and its relatives define."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class Block(nn.Module):
    def __init__(self, channels, width, stride, add):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.add = add
        if add:
            self.shortcut = nn.Sequential()
            if stride != 1 or channels != width:
                self.shortcut = nn.Sequential(
                    nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x) if self.add else y)


class Bottleneck(nn.Module):
    def __init__(self, channels, width, stride, add):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.add = add
        if add:
            self.shortcut = nn.Sequential()
            if stride != 1 or channels != 4 * width:
                self.shortcut = nn.Sequential(
                    nn.Conv2d(channels, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return F.relu(y + self.shortcut(x) if self.add else y)


class ResNet(nn.Module):
    def __init__(self, block, counts, widths, expansion=1, add=True):
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        channels = widths[0]
        self.stages = len(counts)
        for stage, (count, width) in enumerate(zip(counts, widths)):
            blocks = []
            for i in range(count):
                blocks.append(block(channels, width, 2 if stage > 0 and i == 0 else 1, add))
                channels = expansion * width
            setattr(self, "layer%d" % (stage + 1), nn.Sequential(*blocks))
        self.linear = nn.Linear(channels, 10)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        for stage in range(self.stages):
            y = getattr(self, "layer%d" % (stage + 1))(y)
        return self.linear(torch.flatten(F.avg_pool2d(y, y.shape[2]), 1))


class Vgg(nn.Module):
    def __init__(self, plan, batch_norm, hidden):
        super().__init__()
        layers, channels, extent = [], 3, 32
        for width in plan:
            if width == "M":
                layers.append(nn.MaxPool2d(2))
                extent //= 2
                continue
            layers.append(nn.Conv2d(channels, width, 3, padding=1))
            layers += [nn.BatchNorm2d(width)] if batch_norm else []
            layers.append(nn.ReLU())
            channels = width
        self.features = nn.Sequential(*layers)
        self.fc = None
        features = channels * extent * extent
        if hidden:
            self.fc = nn.Sequential(nn.Linear(features, hidden), nn.BatchNorm1d(hidden), nn.ReLU())
            features = hidden
        self.classifier = nn.Linear(features, 10)

    def forward(self, x):
        y = torch.flatten(self.features(x), 1)
        return self.classifier(self.fc(y) if self.fc is not None else y)


class DenseLayer(nn.Module):
    def __init__(self, channels, growth):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, 4 * growth, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(4 * growth)
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x):
        y = self.conv1(F.relu(self.bn1(x)))
        y = self.conv2(F.relu(self.bn2(y)))
        return torch.cat([y, x], 1)


class Transition(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.bn = nn.BatchNorm2d(channels)
        self.conv = nn.Conv2d(channels, channels // 2, 1, bias=False)

    def forward(self, x):
        return F.avg_pool2d(self.conv(F.relu(self.bn(x))), 2)


class DenseNet(nn.Module):
    def __init__(self, counts=(6, 12, 24, 16), growth=32):
        super().__init__()
        channels = 2 * growth
        self.conv1 = nn.Conv2d(3, channels, 3, padding=1, bias=False)
        self.blocks = len(counts)
        for block, count in enumerate(counts):
            if block > 0:
                setattr(self, "trans%d" % block, Transition(channels))
                channels //= 2
            layers = [DenseLayer(channels + i * growth, growth) for i in range(count)]
            setattr(self, "dense%d" % (block + 1), nn.Sequential(*layers))
            channels += count * growth
        self.bn = nn.BatchNorm2d(channels)
        self.linear = nn.Linear(channels, 10)

    def forward(self, x):
        y = self.conv1(x)
        for block in range(self.blocks):
            if block > 0:
                y = getattr(self, "trans%d" % block)(y)
            y = getattr(self, "dense%d" % (block + 1))(y)
        y = F.relu(self.bn(y))
        return self.linear(torch.flatten(F.avg_pool2d(y, y.shape[2]), 1))


def small_resnet(depth, widen=1, add=True):
    return ResNet(Block, [(depth - 2) // 6] * 3, [16 * widen, 32 * widen, 64 * widen], add=add)


MODELS = {
    "resnet20": lambda: small_resnet(20),
    "resnet56-noshort": lambda: small_resnet(56, add=False),
    "wrn56-2": lambda: small_resnet(56, widen=2),
    "resnet50": lambda: ResNet(Bottleneck, [3, 4, 6, 3], [64, 128, 256, 512], expansion=4),
    "vgg9": lambda: Vgg([64, 64, "M", 128, 128, "M", 256, 256, 256, "M"], True, 256),
    "vgg16-bn": lambda: Vgg([64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"],
                            True, None),
    "densenet121": lambda: DenseNet(),
}
