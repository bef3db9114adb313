"""Embedding and answering: the answers of the library, by number, by name and by bytes of an image."""

from __future__ import annotations

import base64
import io
import threading

import numpy as np
import pytest
from PIL import Image

import samara
from samara.annotation.exporting import source_of
from samara.annotation.store.store import open_store
from tests.serving.conftest import SIZE_HW, app_of, client_of

POINT = {"points": [[20, 16]]}


@pytest.fixture(scope="module")
def served(tmp_path_factory, small_mini):
    """A client, and the bytes of its first image."""
    folder = tmp_path_factory.mktemp("asked")
    with client_of(app_of(folder, small_mini, max_prompts=5, max_megapixels=0.01)) as client:
        yield client, (folder / "images" / "0000.png").read_bytes()


def answers(client, **body):
    response = client.post("/predict", json=body)
    assert response.status_code == 200, response.text
    return response.json()["answers"]


def rles(shapes):
    return [samara.Rle.from_coco(one["mask"]) for one in shapes]


def test_answers_are_those_of_the_library(served, small_mini):
    client, data = served
    predictor = samara.Predictor(small_mini)
    expected = predictor.predict(predictor.embed(data), **POINT)
    found = answers(client, image=1, **POINT)
    order = np.argsort(-expected.predicted_iou)
    assert rles(found) == [expected.rles[index] for index in order]
    assert [one["predicted_iou"] for one in found] == expected.predicted_iou[order].tolist()
    assert [one["area"] for one in found] == expected.areas[order].tolist()
    assert [one["box"] for one in found] == expected.boxes_xyxy[order].tolist()
    assert len({one["key"] for one in found}) == 3
    boxed = predictor.predict(predictor.embed(data), **POINT, labels=[0], boxes=[2, 3, 30, 30], multimask=False)
    assert rles(answers(client, image=1, **POINT, labels=[0], box=[2, 3, 30, 30])) == list(boxed.rles)
    box = predictor.predict(predictor.embed(data), boxes=[2, 3, 30, 30], multimask=False)
    assert rles(answers(client, image=1, points=[], labels=[], box=[2, 3, 30, 30])) == list(box.rles)


def test_the_best_and_the_one(served):
    client, _ = served
    three = answers(client, image=2, **POINT)
    assert rles(answers(client, image=2, **POINT, answers="best")) == rles(three[:1])
    assert len(answers(client, image=2, **POINT, answers="one")) == 1


def test_an_image_by_its_embedding_and_by_its_bytes(served):
    client, data = served
    known = client.post("/embed", json={"image": 1}).json()
    assert (known["height"], known["width"]) == SIZE_HW
    sent = client.post("/embed/file", content=data).json()
    assert sent["embedding"] == known["embedding"]
    expected = rles(answers(client, image=1, **POINT))
    text = base64.b64encode(data).decode()
    for subject in ({"embedding": known["embedding"]}, {"image_data": text}):
        assert rles(answers(client, **subject, **POINT)) == expected
    assert rles(answers(client, image_data=f"data:image/png;base64,{text}", **POINT)) == expected


def test_embeddings_outlive_the_server(tmp_path, small_mini):
    app = app_of(tmp_path, small_mini)
    with client_of(app) as client:
        key = client.post("/embed", json={"image": 1, "prefetch": True}).json()["embedding"]
        expected = rles(answers(client, image=1, **POINT))
    with client_of(app_of(tmp_path, small_mini)) as client:
        assert rles(answers(client, embedding=key, **POINT)) == expected
        missing = client.post("/predict", json={"embedding": "0" * 64, **POINT})
    assert missing.status_code == 404
    assert "embed the image again" in missing.json()["error"]


def test_an_image_that_was_changed_is_embedded_again(tmp_path, small_mini):
    with client_of(app_of(tmp_path, small_mini)) as client:
        key = client.post("/embed", json={"image": 1}).json()["embedding"]
        images = source_of(open_store(tmp_path / "store")).root
        (images / "0000.png").write_bytes((images / "0001.png").read_bytes())
        assert client.post("/embed", json={"image": 1}).json()["embedding"] != key


def test_an_earlier_answer_is_refined(served, small_mini):
    client, data = served
    first = answers(client, image=1, **POINT)[0]
    more = {"points": [[20, 16], [4, 4]], "labels": [1, 0]}
    predictor = samara.Predictor(small_mini)
    seen = predictor.embed(data)
    best = predictor.predict(seen, **POINT).best()
    expected = predictor.predict(seen, **more, mask_logits=best.low_res_logits, multimask=False)
    assert rles(answers(client, image=1, **more, previous=first["key"])) == list(expected.rles)
    elsewhere = client.post("/predict", json={"image": 2, **more, "previous": first["key"]})
    assert elsewhere.status_code == 404
    assert "no longer known" in elsewhere.json()["error"]


def test_everything_with_low_thresholds(served, small_mini):
    client, data = served
    found = client.post("/everything", json={"image": 1, "points_per_side": 4}).json()["proposals"]
    low = samara.AutomaticSettings(
        points_per_side=4,
        pred_iou_thresh=small_mini.pred_iou_thresh / 2,
        stability_score_thresh=small_mini.stability_score_thresh / 2,
    )
    expected = samara.AutomaticMaskGenerator(small_mini, low).generate(data)
    assert rles(found) == list(expected.rles)
    assert [one["stability"] for one in found] == pytest.approx(expected.stability_score.tolist())


def test_clicks_of_many_clients_get_their_own_answers(served):
    client, _ = served
    places = [(image, [[x, y]]) for image in (1, 2, 3) for x in (5, 15, 25, 35) for y in (6, 26)]
    alone = [rles(answers(client, image=image, points=points)) for image, points in places]
    together = [None] * len(places)

    def ask(index):
        image, points = places[index]
        together[index] = rles(answers(client, image=image, points=points))

    threads = [threading.Thread(target=ask, args=(index,)) for index in range(len(places))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pairs = [pair for one, other in zip(alone, together, strict=True) for pair in zip(one, other, strict=True)]
    # The last bits depend on the prompts that share a pass.
    assert all((one.decode() ^ other.decode()).mean() < 0.02 for one, other in pairs)
    assert len({tuple(rle.counts for rle in one) for one in together}) > len(places) // 2


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"image": 1}, 422, "prompt is empty"),
        (POINT, 422, "say which image"),
        ({"image": 1, "embedding": "0" * 64, **POINT}, 422, "say which image"),
        ({"image": 7, **POINT}, 404, "no image 7"),
        ({"image": -1, **POINT}, 404, "no image -1"),
        ({"image": 1, "points": [[41, 400]]}, 422, "outside the image"),
        ({"image": 1, "points": [[1, 2]] * 6}, 422, "6 points"),
        ({"image": 1, "box": [5, 5, 5, 9]}, 422, "box"),
        ({"image": 1, **POINT, "labels": [1, 1]}, 422, "labels"),
        ({"image": 1, **POINT, "labels": [2]}, 422, "labels"),
        ({"image": 1, **POINT, "labels": []}, 422, "labels"),
        ({"image": 1, **POINT, "checkpoint": "vit_h"}, 404, "samara_mini"),
        ({"image": 1, "point": [[1, 2]]}, 422, "point"),
        ({"image": "1", **POINT}, 422, "image"),
        ({"image": True, **POINT}, 422, "image"),
        ({"image_data": "no base64!", **POINT}, 422, "Base64"),
        ({"image_data": "data:text/plain,hello", **POINT}, 422, "Base64"),
        ({"image_data": "aGVsbG8=", **POINT}, 422, "data of 5 bytes"),
    ],
)
def test_wrong_requests_are_told_what_is_wrong(served, body, status, words):
    client, _ = served
    response = client.post("/predict", json=body)
    assert response.status_code == status, response.text
    assert words in response.json()["error"]


@pytest.mark.parametrize("text", ["{", "", "[1]", '{"image": NaN}', '{"image": 1e999}', "[" * 5000, '"\\ud800"'])
def test_malformed_json_is_refused(served, text):
    client, _ = served
    response = client.post("/predict", content=text, headers={"Content-Type": "application/json"})
    assert response.status_code in (400, 422)
    assert list(response.json()) == ["error"]


def test_large_images_are_refused_before_they_are_decoded(served):
    client, _ = served
    file = io.BytesIO()
    Image.new("RGB", (200, 100)).save(file, "PNG")
    response = client.post("/embed/file", content=file.getvalue())
    assert response.status_code == 413
    assert "200 x 100" in response.json()["error"]
