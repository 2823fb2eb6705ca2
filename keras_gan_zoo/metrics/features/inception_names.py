"""What the convolutions of the FID Inception network are called: by us, in PyTorch's files, and in Google's graph."""

import re


def _layers():
    """Our name of each convolution -> its name in PyTorch's files."""
    stem = ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3")
    names = {f"conv_{i}" if i else "conv": name for i, name in enumerate(stem)}

    def chain(ours, theirs, count, first=1):
        return {f"{ours}_{i}" if i else ours: f"{theirs}_{first + i}" for i in range(count)}

    def block(ours, theirs, branches):
        names.update({f"{ours}.{key}": f"{theirs}.{value}" for key, value in branches.items()})

    ends = {"conv": "branch1x1", "tower_2.conv": "branch_pool"}
    for ours, theirs in zip(("mixed", "mixed_1", "mixed_2"), "bcd", strict=True):
        towers = chain("tower.conv", "branch5x5", 2) | chain("tower_1.conv", "branch3x3dbl", 3)
        block(ours, f"Mixed_5{theirs}", ends | towers)
    block("mixed_3", "Mixed_6a", {"conv": "branch3x3"} | chain("tower.conv", "branch3x3dbl", 3))
    for ours, theirs in zip(("mixed_4", "mixed_5", "mixed_6", "mixed_7"), "bcde", strict=True):
        towers = chain("tower.conv", "branch7x7", 3) | chain("tower_1.conv", "branch7x7dbl", 5)
        block(ours, f"Mixed_6{theirs}", ends | towers)
    block("mixed_8", "Mixed_7a", chain("tower.conv", "branch3x3", 2) | chain("tower_1.conv", "branch7x7x3", 4))
    forks = {
        "conv": "branch1x1",
        "tower_conv": "branch3x3_1",
        "tower_mixed_conv": "branch3x3_2a",
        "tower_mixed_conv_1": "branch3x3_2b",
        "tower_1_conv": "branch3x3dbl_1",
        "tower_1_conv_1": "branch3x3dbl_2",
        "tower_1_mixed_conv": "branch3x3dbl_3a",
        "tower_1_mixed_conv_1": "branch3x3dbl_3b",
        "tower_2_conv": "branch_pool",
    }
    for ours, theirs in zip(("mixed_9", "mixed_10"), "bc", strict=True):
        block(ours, f"Mixed_7{theirs}", forks)
    return names


LAYERS = _layers()


def graph_name(layer: str) -> str:
    """Name of a layer in the graph: slashes for dots, and for what joins towers and convolutions in the last blocks."""
    block, _, rest = layer.partition(".")
    if block in ("mixed_9", "mixed_10"):
        rest = re.sub(r"_(mixed_)?conv", lambda found: "/mixed/conv" if found[1] else "/conv", rest)
    return "/".join(filter(None, [block, rest.replace(".", "/")]))
