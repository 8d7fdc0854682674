"""What tells photos unlike those of training from photos like them? AUC of scores of the class logits by kind, and how
many the ranges on the checkpoint's card find.

    python -m benchmarks.unlike --like FOLDER [--unlike FOLDER ...] [--checkpoint FILE] [--count 60] [--json FILE]

--like: photos of rooms that the network was not trained on (a folder, or data as for evaluate). From some of them
pictures unlike rooms are made: darkened to 5 %, 24 pixels high and enlarged, stretched to 4:1; noise and pages of text
are made of nothing. --unlike: further folders, outdoors say; each is a kind of its own.

AUC (area under the ROC curve): the chance that a score is on the unlike side of a like photo's, 50 % for a coin; in
brackets, the share below the 1st percentile of the photos like those of training. The second table has the share that
the card's ranges (`mtcp.inference.typical`) find, by each signal and by any of them, and of the like photos, too.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from scipy.stats import rankdata
from tqdm import tqdm

from mtcp.checkpoint.store import DEFAULT_CHECKPOINT
from mtcp.data import find_data
from mtcp.data.sample import evenly_spread
from mtcp.inference.predictor import Predictor
from mtcp.inference.sizes import to_network, usual_size
from mtcp.inference.typical import SIGNALS, Signals, Typical, class_information, signals
from mtcp.io.photo import open_photo, shrink
from mtcp.model import Decoded
from mtcp.tasks import SEMSEG

SIDE = 640
LIKE = "like training"
ANY = "any of them"
Scores = dict[str, float]
"""Name of a score -> its value; all are high for photos like those of training."""


def scores(decoded: Decoded) -> Scores:
    """The candidates, of one photo: beside the one in use the energy score of Liu et al. (NeurIPS 2020), the largest
    probability (Hendrycks and Gimpel, ICLR 2017) and others.
    """
    logits = decoded.last[SEMSEG].float()
    p = logits.softmax(1)
    found = {
        "class information": class_information(logits),
        "energy": float(logits.logsumexp(1).mean()),
        "largest logit": float(logits.amax(1).mean()),
        "largest probability": float(p.amax(1).mean()),
        "entropy": -float(torch.special.entr(p).sum(1).mean()),
    }
    if decoded.refined:
        same = decoded.initial[SEMSEG].argmax(1) == decoded.refined[SEMSEG].argmax(1)
        found["initial agrees with refined"] = float(same.float().mean())
    return found


def dark(photo: np.ndarray) -> np.ndarray:
    """A twentieth of the light, in 8 bits."""
    return np.round(photo * 0.05).astype(np.uint8)


def tiny(photo: np.ndarray) -> np.ndarray:
    """24 pixels high, enlarged again."""
    height, width = photo.shape[:2]
    small = Image.fromarray(photo).resize((max(1, round(24 * width / height)), 24), Image.Resampling.BILINEAR)
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))


def stretched(photo: np.ndarray) -> np.ndarray:
    """Four times as wide as high, as a panorama."""
    return np.asarray(Image.fromarray(photo).resize((1280, 320), Image.Resampling.BILINEAR))


def noise(seed: int) -> np.ndarray:
    """Every pixel for itself."""
    return np.random.default_rng(seed).integers(0, 256, (480, SIDE, 3), dtype=np.uint8)


def page(seed: int) -> np.ndarray:
    """A page of words without meaning."""
    rng = np.random.default_rng(seed)
    picture = Image.new("RGB", (SIDE, 480), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(float(rng.choice([14, 20, 30])))
    for y in range(8, 460, int(rng.integers(22, 44))):
        words = ("".join(map(chr, rng.integers(97, 123, rng.integers(2, 9)))) for _ in range(14))
        draw.text((8, y), " ".join(words), fill="black", font=font)
    return np.asarray(picture)


MADE_OF_PHOTOS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "dark": dark,
    "tiny": tiny,
    "stretched": stretched,
}
MADE_OF_NOTHING: dict[str, Callable[[int], np.ndarray]] = {"noise": noise, "page of text": page}


def photos_of(source: str, count: int) -> list[np.ndarray]:
    """At most `count` photos of a data set (split val) or folder, spread evenly, shrunk."""
    if (Path(source) / "gt_sets").is_dir() or source.startswith("rooms"):
        data = find_data(source).open("val", ())
        return [data[i]["image"].permute(1, 2, 0).numpy() for i in evenly_spread(len(data), count)]
    files = sorted(
        path for path in Path(source).rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png")
    )
    return [shrink(open_photo(files[i])[0], SIDE) for i in evenly_spread(len(files), count)]


@dataclass(frozen=True)
class Seen:
    """What a network makes of one picture."""

    scores: Scores
    signals: Signals


def measure(predictor: Predictor, kinds: dict[str, list[np.ndarray]]) -> dict[str, list[Seen]]:
    """What the network makes of every picture, by kind."""
    found: dict[str, list[Seen]] = {}
    bar = tqdm(total=sum(map(len, kinds.values())))
    for kind, pictures in kinds.items():
        found[kind] = []
        for picture in pictures:
            size = usual_size(predictor.model.config, (picture.shape[0], picture.shape[1]))
            image = to_network(torch.from_numpy(picture.copy()).to(predictor.device).permute(2, 0, 1), size)
            with torch.inference_mode():
                decoded = predictor.model.inspect(image)
            found[kind].append(Seen(scores(decoded), signals(image, decoded)))
            bar.update()
    return found


def auc_pct(like: np.ndarray, unlike: np.ndarray) -> float:
    """Chance (%) that a photo like those of training has the higher score; ties count half."""
    ranks = rankdata(np.concatenate((like, unlike)))[: len(like)]
    return 100.0 * float(ranks.sum() - len(like) * (len(like) + 1) / 2) / (len(like) * len(unlike))


def summary(found: dict[str, list[Seen]]) -> dict[str, dict[str, dict[str, float]]]:
    """Score -> kind -> {"auc_pct", "found_pct"}."""
    result: dict[str, dict[str, dict[str, float]]] = {}
    for name in found[LIKE][0].scores:
        values = {kind: np.array([one.scores[name] for one in rows]) for kind, rows in found.items()}
        low = np.percentile(values[LIKE], 1)
        result[name] = {
            kind: {"auc_pct": auc_pct(values[LIKE], of), "found_pct": 100.0 * float((of < low).mean())}
            for kind, of in values.items()
            if kind != LIKE
        }
    return result


def flagged_pct(found: dict[str, list[Seen]], typical: Typical) -> dict[str, dict[str, float]]:
    """Signal, or `ANY`, -> kind -> share (%) of its pictures outside the range on the checkpoint's card."""
    outside = {kind: [typical.outside(one.signals) for one in rows] for kind, rows in found.items()}
    return {
        name: {
            kind: 100.0 * float(np.mean([bool(one) if name == ANY else name in one for one in flagged]))
            for kind, flagged in outside.items()
        }
        for name in (*(name for name in SIGNALS if name in typical.ranges), ANY)
    }


def markdown(result: dict[str, dict[str, dict[str, float]]]) -> str:
    """A row for each score, a column for each kind: AUC, and in brackets what is found. The mean AUC comes last."""
    kinds = list(next(iter(result.values())))
    lines = [f"| score | {' | '.join(kinds)} | mean AUC |", "| --- " * (len(kinds) + 2) + "|"]
    for name, of in result.items():
        cells = " | ".join(f"{of[kind]['auc_pct']:.1f} ({of[kind]['found_pct']:.0f})" for kind in kinds)
        lines.append(f"| {name} | {cells} | {np.mean([of[kind]['auc_pct'] for kind in kinds]):.1f} |")
    return "\n".join(lines)


def flagged_table(flagged: dict[str, dict[str, float]]) -> str:
    """A row for each signal, a column for each kind: what `flagged_pct` found."""
    kinds = list(flagged[ANY])
    lines = [f"| outside the card's range, % | {' | '.join(kinds)} |", "| --- " * (len(kinds) + 1) + "|"]
    return "\n".join(
        lines
        + [f"| {name} | {' | '.join(f'{of[kind]:.0f}' for kind in kinds)} |" for name, of in flagged.items()]
    )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Scores of photos unlike those of training.")
    parser.add_argument(
        "--like", required=True, help="photos of rooms: a folder, or data as for evaluate (its val)"
    )
    parser.add_argument("--unlike", nargs="*", default=[], help="further folders of photos unlike rooms")
    parser.add_argument(
        "--checkpoint", type=Path, default=DEFAULT_CHECKPOINT, help="default: the shipped one"
    )
    parser.add_argument("--count", type=int, default=60, help="photos of each folder (default: %(default)s)")
    parser.add_argument(
        "--made", type=int, default=20, help="pictures of each kind that is made (default: %(default)s)"
    )
    parser.add_argument("--json", type=Path, help="write the numbers here too")
    args = parser.parse_args(arguments)
    like = photos_of(args.like, args.count)
    kinds = {LIKE: like}
    kinds |= {kind: [make(photo) for photo in like[: args.made]] for kind, make in MADE_OF_PHOTOS.items()}
    kinds |= {kind: [make(seed) for seed in range(args.made)] for kind, make in MADE_OF_NOTHING.items()}
    kinds |= {Path(folder).name: photos_of(folder, args.count) for folder in args.unlike}
    predictor = Predictor(args.checkpoint)
    found = measure(predictor, kinds)
    result = summary(found)
    print(markdown(result))
    flagged = {} if predictor.typical is None else flagged_pct(found, predictor.typical)
    if flagged:
        print(f"\n{flagged_table(flagged)}")
    if args.json:
        args.json.write_text(
            json.dumps(
                {"checkpoint": args.checkpoint.name, "scores": result, "flagged_pct": flagged}, indent=1
            )
            + "\n"
        )


if __name__ == "__main__":
    main()
