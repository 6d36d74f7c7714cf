"""The JSON of predictions."""

from __future__ import annotations

import base64
import io
import json
from datetime import datetime

import numpy as np
from PIL import Image

from lmnet.processors.prediction import prediction_json, segmentation_result


def test_document_has_the_keys_and_masks_of_version_0_2() -> None:
    classes = np.array([[0, 1], [1, 1]], np.uint8)
    names = ("sky", "road")
    result = segmentation_result("images/a.png", classes, names, (4, 8))
    text = json.dumps(prediction_json("IMAGE.SEMANTIC_SEGMENTATION", names, [result], {"trials": 3}))
    document = json.loads(text)
    assert set(document) == {"version", "task", "classes", "date", "results", "benchmark"}
    assert document["version"] == 0.2
    assert document["classes"] == [{"id": 0, "name": "sky"}, {"id": 1, "name": "road"}]
    assert datetime.fromisoformat(document["date"]).tzinfo is not None
    assert document["benchmark"] == {"trials": 3}
    (entry,) = document["results"]
    assert entry["file_path"] == "images/a.png"
    masks = []
    for i, item in enumerate(entry["prediction"]):
        assert item["class"] == {"id": i, "name": names[i]}
        picture = Image.open(io.BytesIO(base64.b64decode(item["mask"])))
        assert (picture.format, picture.mode, picture.size) == ("PNG", "L", (8, 4))
        masks.append(np.asarray(picture))
    assert masks[0].tolist() == [[255] * 4 + [0] * 4] * 2 + [[0] * 8] * 2
    assert np.array_equal(masks[0] + masks[1], np.full((4, 8), 255))
