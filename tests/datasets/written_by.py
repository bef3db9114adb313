"""Small data sets as annotation programs write them, with their own habits, around two images of 40 x 30 pixels."""

from __future__ import annotations

import json

from PIL import Image

WIDTH, HEIGHT = 40, 30
SQUARE = [10.0, 10.0, 20.0, 10.0, 20.0, 20.0, 10.0, 20.0]
BOX = [10.0, 10.0, 10.0, 10.0]
# Column order: the square's 10 columns of 10 pixels.
RUNS = [10 * HEIGHT + 10, *[10, 20] * 9, 10, 20 * HEIGHT + 10]
SQUARE_LINE = "0 0.25 0.333333 0.5 0.333333 0.5 0.666667 0.25 0.666667\n"


def draw(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (WIDTH, HEIGHT), (90, 20, 60)).save(path)
    return path


def coco(path, images, annotations, categories=({"id": 1, "name": "cat", "supercategory": ""},), **more):
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"images": images, "annotations": annotations, "categories": categories, **more}
    path.write_text(json.dumps(document))
    return path


def image(number=1, name="a.png", **more):
    return {"id": number, "width": WIDTH, "height": HEIGHT, "file_name": name} | more


def annotation(number=1, image_id=1, **more):
    shape = {"segmentation": [SQUARE], "bbox": BOX, "area": 100.0, "iscrowd": 0}
    return {"id": number, "image_id": image_id, "category_id": 1} | shape | more


def cvat(folder, masks=True):
    """CVAT's COCO 1.0: masks are run lengths with iscrowd 1, polygons are not."""
    draw(folder / "images" / "default" / "a.png")
    shape = {"segmentation": {"counts": RUNS, "size": [HEIGHT, WIDTH]}, "iscrowd": 1} if masks else {}
    rows = [annotation(n, attributes={"occluded": False}, **shape) for n in (1, 2)]
    rows[1]["bbox"] = [10.0, 10.0, 9.0, 10.0]
    listed = [image(license=0, flickr_url="", coco_url="", date_captured=0)]
    path = folder / "annotations" / "instances_default.json"
    return coco(path, listed, rows, licenses=[{"name": "", "id": 0, "url": ""}])


def roboflow_coco(folder):
    """Roboflow's COCO: images beside the file, ids from 0, a super-category among the categories."""
    name = "a_png.rf.0123456789abcdef.png"
    draw(folder / "train" / name)
    names = [{"id": 0, "name": "pets", "supercategory": "none"}, {"id": 1, "name": "cat", "supercategory": "pets"}]
    listed = [image(0, name, license=1, date_captured="2024-03-01T10:00:00+00:00")]
    return coco(folder / "train" / "_annotations.coco.json", listed, [annotation(0, 0)], names)


def roboflow_yolo(folder):
    """Roboflow's YOLO: ../train/images is meant as train/images, and test may not be there."""
    for part in ("train", "valid"):
        draw(folder / part / "images" / f"{part}.png")
        label = folder / part / "labels" / f"{part}.txt"
        label.parent.mkdir()
        label.write_text(SQUARE_LINE)
    (folder / "README.dataset.txt").write_text("# pets\n")
    (folder / "data.yaml").write_text(
        "train: ../train/images\nval: ../valid/images\ntest: ../test/images\n\nnc: 2\nnames: ['men''s shoe', 'C#']\n\n"
        "roboflow:\n  workspace: w\n  project: pets\n  version: 1\n  license: CC BY 4.0\n  url: https://x.example/1\n"
    )
    return folder / "data.yaml"


def ultralytics(folder, name="coco8-seg"):
    """coco8-seg.yaml: the yaml beside the folder that it names, and the address of a download."""
    for part, year in (("train", "train2017"), ("val", "val2017")):
        draw(folder / name / "images" / year / f"{part}.png")
        label = folder / name / "labels" / year / f"{part}.txt"
        label.parent.mkdir(parents=True)
        label.write_text(SQUARE_LINE)
    path = folder / f"{name}.yaml"
    path.write_text(
        f"# Ultralytics\npath: {name} # dataset root dir\ntrain: images/train2017 # train images\n"
        "val: images/val2017 # val images\ntest: # test images (optional)\n\n# Classes\nnames:\n  0: person\n"
        "  1: bicycle\n\n# Download script/URL (optional)\ndownload: https://x.example/coco8-seg.zip\n"
    )
    return path


def label_studio_coco(folder):
    """Label Studio's COCO: ids from 0, `ignore`, names below images/."""
    draw(folder / "images" / "1a2b3c-a.png")
    listed = [image(0, "images/1a2b3c-a.png")]
    row = annotation(0, 0, category_id=0, ignore=0)
    return coco(folder / "result.json", listed, [row], [{"id": 0, "name": "cat"}], info={"contributor": "Label Studio"})


def label_studio_yolo(folder):
    """Label Studio's YOLO: classes.txt and notes.json instead of a yaml."""
    draw(folder / "images" / "1a2b3c-a.png")
    (folder / "labels").mkdir()
    (folder / "labels" / "1a2b3c-a.txt").write_text(SQUARE_LINE)
    (folder / "classes.txt").write_text("men's shoe\nC#\n")
    (folder / "notes.json").write_text('{"categories": [{"id": 0, "name": "men\'s shoe"}], "info": {}}')
    return folder


def labelme2coco(folder):
    """labelme2coco: sizes and areas as floats, images in JPEGImages."""
    draw(folder / "JPEGImages" / "a.png")
    listed = [image(0, "JPEGImages/a.png", width=40.0, height=30.0, url=None, license=0, date_captured=None)]
    row = annotation(0, 0.0, category_id=1.0, area=100.0)
    names = [{"supercategory": None, "id": 0, "name": "_background_"}, {"supercategory": None, "id": 1, "name": "cat"}]
    return coco(folder / "annotations.json", listed, [row], names)


def fiftyone(folder):
    """FiftyOne's COCODetectionDataset: labels.json beside data/."""
    draw(folder / "data" / "000001.png")
    names = [{"id": 0, "name": "cat", "supercategory": None}]
    row = annotation(1, category_id=0, score=None, supercategory=None)
    return coco(folder / "labels.json", [image(name="000001.png", license=None, coco_url=None)], [row], names)


def sa1b(folder, *names):
    """SA-1B: a file for each image."""
    for number, name in enumerate(names or ("sa_1", "sa_2"), start=1):
        draw(folder / f"{name}.png")
        about = {"image_id": number, "width": WIDTH, "height": HEIGHT, "file_name": f"{name}.png"}
        row = {
            "id": 532,
            "segmentation": {"size": [HEIGHT, WIDTH], "counts": RUNS},
            "bbox": BOX,
            "area": 100,
            "predicted_iou": 0.98,
            "stability_score": 0.97,
            "point_coords": [[15.0, 15.0]],
            "crop_box": [0, 0, WIDTH, HEIGHT],
        }
        (folder / f"{name}.json").write_text(json.dumps({"image": about, "annotations": [row]}))
    return folder
