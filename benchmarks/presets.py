"""Measures presets and writes their results, model cards and sample grids.

    python -m benchmarks.presets publish RUN NAME                      a finished run becomes the preset zoo_configs/NAME
    python -m benchmarks.presets measure NAME... --inception FILE      results.json
    python -m benchmarks.presets card NAME...                          README.md and samples.png

Protocol: 10,000 images of seed 0, quantised to 8 bits, from the shipped weights in float32; FID against the 10,000 test
images of the data set, on the features of the 2015 Inception network (grey repeated to three channels, TF1 bilinear
resizing); digits as the zoo's own classifier sees them, which no generator was trained against.
"""

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

import keras_gan_zoo

ROOT = Path(__file__).parent.parent / "zoo_configs"
N_IMAGES, SEED = 10_000, 0

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__.split("\n")[0])


@app.command()
def publish(run: Path, name: str):
    """Copies the trained model of a run, made by `keras-gan-zoo train`, to zoo_configs/NAME."""
    import shutil

    from keras_gan_zoo.presets import CONFIG, WEIGHTS, WEIGHTS_INFO, find_preset

    source, target = find_preset(run / "preset"), ROOT / name
    if (target / CONFIG).exists():
        from keras_gan_zoo.config import read_recipe

        if read_recipe(target) != read_recipe(source):
            raise typer.BadParameter(f"{run} was trained by another recipe than {target / CONFIG}")
    target.mkdir(parents=True, exist_ok=True)
    for file in (WEIGHTS, WEIGHTS_INFO):
        shutil.copyfile(source / file, target / file)
    (target / "results.json").unlink(missing_ok=True)


@app.command()
def measure(
    names: list[str],
    inception: Annotated[Path, typer.Option(help="Weights of the FID Inception network, .npz.")],
    cache: Annotated[Path, typer.Option(help="Folder for the statistics of real images.")] = Path("runs/statistics"),
):
    """Measures presets and writes their results.json."""
    from keras_gan_zoo.metrics.features.inception import InceptionFeatures

    extractor = InceptionFeatures(inception)
    for name in names:
        gan = keras_gan_zoo.load(name)
        preset = keras_gan_zoo.list_presets(name)[0]
        labels = None if gan.num_classes is None else np.arange(N_IMAGES) % gan.num_classes
        images = gan.generate(N_IMAGES, labels=labels, seed=SEED, dtype="uint8")
        results = judged(gan, images, labels)
        results = {"FID": fid(images, reference(preset.data, extractor, cache), extractor), **results}
        text = json.dumps({key: record.to_dict() for key, record in results.items()}, indent=2)
        (ROOT / name / "results.json").write_text(text + "\n", "utf-8")
        print(name, {key: round(record.value, 4) for key, record in results.items()})


def judged(gan, images, labels):
    """What an independent classifier sees in the images: metric -> record."""
    import dataclasses

    from keras_gan_zoo.metrics.classifier import Classifier
    from keras_gan_zoo.metrics.records import class_histogram, label_agreement

    classifier = Classifier("mnist")
    histogram = class_histogram(images, classifier, seed=SEED)
    rarest = min(histogram.details["shares"])
    records = {"rarest class": dataclasses.replace(histogram, metric="share_of_rarest_class", value=rarest)}
    if gan.takes_labels:
        records["label agreement"] = label_agreement(images, labels, classifier, seed=SEED)
    elif labels is not None:
        seen = classifier.probabilities(images).argmax(axis=1)
        # What a code means is the network's choice, so each code is named by the digit that it shows most often.
        meaning = np.array([np.bincount(seen[labels == code], minlength=10).argmax() for code in range(gan.num_classes)])
        record = label_agreement(images, meaning[labels], classifier, seed=SEED)
        details = {**record.details, "digit_of_code": meaning.tolist()}
        records["code purity"] = dataclasses.replace(record, metric="code_purity", details=details)
    return records


def reference(data, extractor, cache):
    """Statistics of the test images of a data set, computed once for each network and kept in `cache`."""
    from keras_gan_zoo.data import load_images
    from keras_gan_zoo.metrics.frechet import Moments
    from keras_gan_zoo.metrics.records import moments

    path = cache / f"{data}_test_{extractor.name}_{extractor.dtype}_{extractor.sha256[:12]}.npz"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        images = load_images(data, split="test", labels=False).images
        moments(images, extractor, split=f"{data}/test", progress=True).save(path)
    return Moments.load(path)


def fid(images, real, extractor):
    from keras_gan_zoo.metrics.records import frechet_inception_distance

    return frechet_inception_distance(images, real, extractor, seed=SEED, progress=True)


@app.command()
def card(names: list[str]):
    """Writes the model cards and sample grids of presets from their recipes and results."""
    from keras_gan_zoo.callbacks import grid_samples, save_grid

    for name in names:
        save_grid(grid_samples(keras_gan_zoo.load(name), 64, SEED), ROOT / name / "samples.png")
        (ROOT / name / "README.md").write_text(card_text(name), "utf-8")


def card_text(name):
    """The model card of a preset as Markdown."""
    from keras_gan_zoo.config import read_recipe
    from keras_gan_zoo.models import variant_class

    preset = keras_gan_zoo.list_presets(name)[0]
    recipe = read_recipe(preset.folder)
    gan = keras_gan_zoo.load(name)
    model = variant_class(recipe.variant)
    rows = "\n".join(
        f"| {key} | {r['value']:.4g} | {r['n_fake']:,} generated"
        + (f", {r['n_real']:,} real ({r['reference_split']})" if r["n_real"] else "")
        + f" | {r['extractor']} {r['extractor_sha256'][:12]}, {r['dtype']} | {r['seed']} | {r['commit'][:12]} |"
        for key, r in preset.results.items()
    )
    training = recipe.training
    images = training.rounds * training.batch_size * gan.options.n_critic
    call = ", labels=3" if gan.num_classes else ""
    return f"""# {name}

{recipe.description}

![64 samples, seed {SEED}](samples.png)

```python
import keras_gan_zoo

gan = keras_gan_zoo.load("{name}")
images = gan.generate(64{call}, seed=0)
```

- Model: `keras_gan_zoo.{model.__name__}`, {gan.sampler.count_params():,} parameters in the generator, which is what is
  shipped ({preset.bytes / 1e6:.2f} MB, {json.loads((preset.folder / "weights.json").read_text())["dtype"]}). The
  discriminator is not; `load` gives it fresh weights.
- Data: `{recipe.data.source}`, {recipe.data.split or "train"} split. Licence of the data: {recipe.data.license}.
- Training: {training.rounds:,} rounds of {training.batch_size} images for each gradient step ({images:,} real images seen),
  seed {training.seed}, {training.dtype}. The whole recipe is [config.yaml](config.yaml);
  `keras-gan-zoo train zoo_configs/{name}` repeats it.

## Measured results

| metric | value | images | network | seed | commit |
|---|---|---|---|---|---|
{rows}

`results.json` holds the full records. Written by `python -m benchmarks.presets`.

## Limits

Images of {gan.image_shape[0]} x {gan.image_shape[1]} pixels of the kind in `{recipe.data.source}`, and nothing else. The
figures hold for the protocol in the table; do not compare them with figures of another one. Some samples are no clear
instance of any class; look at the grid above.
"""


@app.command()
def readme():
    """Writes the tables of presets, variants and speed into README.md."""
    path = ROOT.parent / "README.md"
    path.write_text(with_tables(path.read_text("utf-8")), "utf-8")


def with_tables(text):
    """The text with the tables between its markers written anew."""
    for name, table in (("presets", preset_table()), ("variants", variant_table()), ("speed", speed_table())):
        marker = f"<!-- {name}: written by `python -m benchmarks.presets readme` -->"
        before, _, rest = text.partition(f"{marker}\n")
        after = rest.partition(f"<!-- end of {name} -->")[2]
        text = f"{before}{marker}\n\n{table}\n\n<!-- end of {name} -->{after}"
    return text


def preset_table():
    from keras_gan_zoo.cli import summary

    rows = [
        f"| [{p.name}](zoo_configs/{p.name}/README.md) | {p.variant} | {p.data} ({p.license}) | {p.bytes / 1e6:.2f} MB | "
        f"{summary(p.results)} |"
        for p in keras_gan_zoo.list_presets()
    ]
    return "\n".join(["| preset | variant | data (licence) | weights | measured |", "|---|---|---|---|---|", *rows])


def variant_table():
    """Name, class, and the first line of each variant's docstring, which is its title and citation."""
    import sys

    from keras_gan_zoo.models import variant_class, variants

    rows = []
    for name in variants():
        cls = variant_class(name)
        title = sys.modules[cls.__module__].__doc__.split("\n")[0].rstrip(".")
        rows.append(f"| `{name}` | `{cls.__name__}` | {title} |")
    return "\n".join(["| variant | class | paper |", "|---|---|---|", *rows])


def speed_table():
    """DCGAN beside its two baselines, from the record of `benchmarks.throughput`."""
    from benchmarks.throughput import DEFAULT_OUTPUT, spread

    record = json.loads(DEFAULT_OUTPUT.read_text("utf-8"))
    protocol, device = record["protocol"], record["device"]
    side = protocol["image_size"]
    programs = {
        "zoo": "`DCGAN` of the zoo",
        "zoo_float32": "`DCGAN` of the zoo",
        "keras_guide": "the same networks in a `train_step` as the Keras guide has it",
        "torch_loop": "the same networks in a plain PyTorch loop",
    }
    rows = [
        f"| {programs[name]} | {r['dtype']} | {spread(r['training_images_per_second'])} | {spread(r['peak_memory_mb'])} |"
        for name, r in record["dcgan"].items()
    ]
    head = [
        f"{side} x {side} images, batch {protocol['batch_size']}, {device['cpu']} with {device['cores']} cores, commit "
        f"{record['commit'][:12]}; median and range of {protocol['repeats']} processes each, taking turns:",
        "",
        "| program | precision | training, images/s | peak memory, MB |",
        "|---|---|---|---|",
    ]
    return "\n".join([*head, *rows])


if __name__ == "__main__":
    app()
