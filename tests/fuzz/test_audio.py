"""The doors for audio, with real recordings that were damaged in every way."""

import random
from collections import Counter

import httpx2
import numpy as np

from app.measure.sample.encoding import CONTAINERS, encode
from tests.fuzz.conftest import CASES, Target
from tests.support.depth import DEEP
from tests.support.recordings import chirp

pytestmark = DEEP

MUTATIONS = 10 * CASES
CHANNELS = np.stack([chirp(1.2, 44_100)] * 2)


def mutate(content: bytes, chance: random.Random) -> bytes:
    """Flip, drop, repeat or exchange a part; headers, which are in front, more often than the rest."""
    data = bytearray(content)
    for _ in range(chance.randint(1, 6)):
        reach = chance.choice((64, 512, len(data)))
        start = chance.randrange(min(reach, len(data)))
        length = chance.choice((1, 4, 64, 1024))
        part = data[start : start + length]
        match chance.randrange(5):
            case 0:
                data[start] ^= 1 << chance.randrange(8)
            case 1:
                data[start : start + length] = chance.randbytes(len(part))
            case 2:
                del data[start : start + length]
            case 3:
                data[start:start] = part * chance.randint(1, 8)
            case _:
                data[start : start + 4] = chance.choice((b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff"))
        if not data:
            return b"\0"
    return bytes(data)


def test_a_damaged_recording_is_taken_or_refused(target: Target) -> None:
    """Never with a mistake of the server, and what it stores can be listened to again."""
    files = [encode(CHANNELS, file_type) for file_type in CONTAINERS]
    chance = random.Random(7)  # noqa: S311 - decides what is damaged
    statuses: Counter[int] = Counter()
    headers = {"authorization": f"Bearer {target.token}"}
    with httpx2.Client(base_url=target.address, timeout=120) as client:
        for number in range(MUTATIONS):
            content = mutate(chance.choice(files), chance)
            if number % 2:
                answer = client.post("/search/by-audio", files={"file": ("a", content)})
            else:
                answer = client.post("/tracks", data={"title": "A"}, files={"audio": ("a", content)}, headers=headers)
            statuses[answer.status_code] += 1
            if answer.status_code == 422:
                assert answer.json()["detail"][0]["msg"]
        assert client.get("/healthz").status_code == 200
    print(dict(statuses))  # noqa: T201 - `make fuzz` shows it
    assert set(statuses) <= {200, 201, 422}
    assert statuses[422] > MUTATIONS // 20, "what is damaged is mostly refused"
    assert statuses[200] + statuses[201] > MUTATIONS // 20, "and some of it is not"
