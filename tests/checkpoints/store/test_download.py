import collections
import errno
import hashlib
import shutil
import signal
import subprocess
import sys
import time

import pytest

from samara.checkpoints.store.download import Patience, fetch
from samara.checkpoints.store.partial_file import Expected
from samara.errors import ChecksumMismatch, DownloadFailed

CONTENT = bytes(range(256)) * 4096  # 1 MiB
HALF = len(CONTENT) // 2
SHA = Expected(size_bytes=len(CONTENT), digest=("sha256", hashlib.sha256(CONTENT).hexdigest()))
MD5 = Expected(digest=("md5", hashlib.md5(CONTENT).hexdigest()))
GIT = Expected(digest=("git_blob_sha1", hashlib.sha1(b"blob %d\0" % len(CONTENT) + CONTENT).hexdigest()))
NOTHING = Expected()


@pytest.fixture
def waits():
    return []


@pytest.fixture
def patience(waits):
    return Patience(attempts=3, timeout_s=5, sleep=waits.append)


@pytest.fixture
def destination(tmp_path):
    return tmp_path / "new" / "file.bin"


def leave_part(destination, size, *, url=None, content=CONTENT):
    destination.parent.mkdir(parents=True, exist_ok=True)
    destination.with_name("file.bin.part").write_bytes(content[:size])
    if url:
        destination.with_name("file.bin.part.json").write_text(f'{{"url": "{url}", "etag": "\\"v1\\""}}')


def resumed_from(server):
    """Where the last request begins; 0 is the whole file."""
    return int(server.behaviour.requests[-1].get("range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))


def left_over(destination):
    return sorted(path.name for path in destination.parent.iterdir() if not path.name.endswith(".lock"))


@pytest.mark.parametrize("expected", [SHA, MD5, GIT, NOTHING])
def test_a_file_is_fetched_and_checked_by_what_is_known(serve, destination, patience, expected):
    told = []
    fetch(
        serve(CONTENT).url,
        destination,
        expected=expected,
        patience=patience,
        progress=lambda *step: told.append(step),
    )
    assert destination.read_bytes() == CONTENT
    assert left_over(destination) == ["file.bin"]
    assert told[-1] == (destination.name, len(CONTENT), len(CONTENT))
    assert told == sorted(told)


def test_a_server_that_tells_no_length(serve, destination, patience):
    told = []
    server = serve(CONTENT, tells_length=False)
    fetch(server.url, destination, expected=MD5, patience=patience, progress=lambda *step: told.append(step))
    assert destination.read_bytes() == CONTENT
    assert told[-1] == (destination.name, len(CONTENT), 0)


def test_a_server_that_tells_no_length_and_stops_early_is_asked_for_the_rest(serve, destination, patience):
    server = serve(CONTENT, tells_length=False, drop_after=[HALF])
    fetch(server.url, destination, expected=SHA, patience=patience)
    assert len(server.behaviour.requests) == 2
    assert destination.read_bytes() == CONTENT


def test_a_dropped_connection_is_resumed(serve, destination, patience, waits):
    server = serve(CONTENT, drop_after=[HALF, HALF // 2])
    fetch(server.url, destination, expected=SHA, patience=patience)
    assert destination.read_bytes() == CONTENT
    assert [request.get("range") for request in server.behaviour.requests] == [
        None,
        f"bytes={HALF}-",
        f"bytes={HALF + HALF // 2}-",
    ]
    assert server.behaviour.requests[1]["if-range"] == '"v1"'
    assert len(waits) == 2
    assert 0.75 <= waits[0] <= 1.25
    assert 1.5 <= waits[1] <= 2.5


def test_trying_again_is_told(serve, destination, patience, caplog):
    with caplog.at_level("WARNING", "samara"):
        fetch(serve(CONTENT, statuses=[503], drop_after=[HALF]).url, destination, expected=SHA, patience=patience)
    first, second = (record.getMessage() for record in caplog.records)
    assert first == "the server answers 503; trying again, attempt 2 of 3"
    assert second.endswith("; trying again, attempt 3 of 3")


def test_a_server_that_keeps_dropping_is_given_up_and_what_came_is_kept(serve, destination, patience, waits):
    server = serve(CONTENT, drop_after=[1000, 0, 0])
    with pytest.raises(DownloadFailed, match=r"in 3 attempts.*1,000 bytes are kept: run again to resume"):
        fetch(server.url, destination, expected=SHA, patience=patience)
    assert len(waits) == 2
    assert not destination.exists()
    fetch(server.url, destination, expected=SHA, patience=patience)
    assert resumed_from(server) == 1000
    assert destination.read_bytes() == CONTENT


def test_busy_servers_are_asked_again(serve, destination, patience):
    server = serve(CONTENT, statuses=[503, 429])
    fetch(server.url, destination, expected=SHA, patience=patience)
    assert len(server.behaviour.requests) == 3


def test_a_server_that_stays_busy_is_given_up(serve, destination, patience):
    with pytest.raises(DownloadFailed, match="answers 503"):
        fetch(serve(CONTENT, statuses=[503] * 3).url, destination, expected=SHA, patience=patience)


def test_progress_starts_the_count_of_failures_again(serve, destination, patience, monkeypatch):
    monkeypatch.setattr("samara.checkpoints.store.download._PROGRESS_BYTES", 1000)
    server = serve(CONTENT, drop_after=[2000] * 12)
    fetch(server.url, destination, expected=SHA, patience=patience)
    assert len(server.behaviour.requests) == 13


def test_silence_counts_as_a_dropped_connection(serve, destination, waits):
    server = serve(CONTENT, pause_s=0.6)
    with pytest.raises(DownloadFailed, match="attempts"):
        fetch(
            server.url,
            destination,
            expected=SHA,
            patience=Patience(attempts=2, timeout_s=0.1, sleep=waits.append),
        )


def test_nobody_listening(destination, patience):
    with pytest.raises(DownloadFailed, match="could not be downloaded in 3 attempts"):
        fetch("http://127.0.0.1:9/file.bin", destination, patience=patience)


def test_a_server_that_ignores_ranges_starts_the_file_over(serve, destination, patience):
    leave_part(destination, HALF, content=b"x" * len(CONTENT))
    fetch(serve(CONTENT, ignores_ranges=True).url, destination, expected=SHA, patience=patience)
    assert destination.read_bytes() == CONTENT


def test_another_version_at_the_server_starts_the_file_over(serve, destination, patience):
    server = serve(CONTENT, etag='"v2"')
    leave_part(destination, HALF, url=server.url, content=b"x" * len(CONTENT))
    fetch(server.url, destination, patience=patience)
    assert destination.read_bytes() == CONTENT


def test_without_digest_and_tag_nothing_is_resumed(serve, destination, patience):
    leave_part(destination, HALF)
    server = serve(CONTENT)
    fetch(server.url, destination, patience=patience)
    assert resumed_from(server) == 0
    assert "range" not in server.behaviour.requests[0]


def test_with_a_tag_the_file_is_resumed_although_no_digest_is_known(serve, destination, patience):
    server = serve(CONTENT)
    leave_part(destination, HALF, url=server.url)
    fetch(server.url, destination, patience=patience)
    assert resumed_from(server) == HALF
    assert destination.read_bytes() == CONTENT


def test_the_tag_of_another_address_is_not_used(serve, destination, patience):
    leave_part(destination, HALF, url="http://127.0.0.1/other")
    server = serve(CONTENT)
    fetch(server.url, destination, patience=patience)
    assert resumed_from(server) == 0


def test_weak_tags_are_not_used(serve, destination, patience):
    server = serve(CONTENT, etag='W/"v1"', drop_after=[HALF])
    fetch(server.url, destination, expected=SHA, patience=patience)
    assert "if-range" not in server.behaviour.requests[1]


@pytest.mark.parametrize("damage", ["not json", "[]", '{"url": 3}'])
def test_a_damaged_tag_file_is_ignored(serve, destination, patience, damage):
    leave_part(destination, HALF)
    destination.with_name("file.bin.part.json").write_text(damage)
    server = serve(CONTENT)
    fetch(server.url, destination, patience=patience)
    assert resumed_from(server) == 0


def test_a_refused_range_with_everything_there_is_success(serve, destination, patience):
    leave_part(destination, len(CONTENT))
    fetch(serve(CONTENT).url, destination, expected=MD5, patience=patience)
    assert destination.read_bytes() == CONTENT


def test_a_complete_part_needs_no_server(destination, patience):
    leave_part(destination, len(CONTENT))
    fetch("http://127.0.0.1:9/file.bin", destination, expected=SHA, patience=patience)
    assert destination.read_bytes() == CONTENT


def test_a_refused_range_otherwise_starts_over(serve, destination, patience):
    leave_part(destination, HALF)
    fetch(serve(CONTENT, refuses_ranges=True).url, destination, expected=SHA, patience=patience)
    assert destination.read_bytes() == CONTENT


def test_a_part_that_does_not_belong_starts_over(serve, destination, patience):
    leave_part(destination, HALF)
    server = serve(CONTENT, shifts_ranges=5)
    fetch(server.url, destination, expected=SHA, patience=patience)
    assert destination.read_bytes() == CONTENT
    assert len(server.behaviour.requests) == 2


def test_a_part_that_is_too_long_starts_over(serve, destination, patience):
    leave_part(destination, None, content=CONTENT + b"more")
    server = serve(CONTENT)
    fetch(server.url, destination, expected=SHA, patience=patience)
    assert resumed_from(server) == 0


def test_a_wrong_digest_leaves_nothing(serve, destination, patience):
    wrong = b"x" + CONTENT[1:]
    with pytest.raises(ChecksumMismatch, match=f"sha256 {hashlib.sha256(wrong).hexdigest()}.*deleted"):
        fetch(serve(wrong).url, destination, expected=SHA, patience=patience)
    assert left_over(destination) == []


def test_a_resumed_file_of_another_version_is_noticed(serve, destination, patience):
    leave_part(destination, HALF, content=b"x" * len(CONTENT))
    with pytest.raises(ChecksumMismatch):
        fetch(serve(CONTENT).url, destination, expected=SHA, patience=patience)
    assert left_over(destination) == []


@pytest.mark.parametrize("length", [0, 100, len(CONTENT) - 1, len(CONTENT) + 1])
def test_another_length_is_refused_before_it_is_fetched(serve, destination, patience, length):
    told = []
    server = serve((CONTENT * 2)[:length])
    with pytest.raises(ChecksumMismatch, match=f"offers {length:,} bytes, but the catalogue states 1,048,576"):
        fetch(server.url, destination, expected=SHA, patience=patience, progress=lambda *step: told.append(step))
    assert told == []
    assert left_over(destination) == []


def test_too_much_without_a_stated_length_is_refused(serve, destination, patience):
    with pytest.raises(ChecksumMismatch, match="sends more than the catalogue's 1,048,576 bytes"):
        fetch(serve(CONTENT * 3, tells_length=False).url, destination, expected=SHA, patience=patience)
    assert left_over(destination) == []


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ({"statuses": [404]}, "answers 404 instead of the file; download the file with a browser and save it as"),
        ({"statuses": [410]}, "answers 410"),
        ({"statuses": [401]}, "requires an account"),
        ({"statuses": [403]}, "requires an account"),
        ({"content_type": "text/html; charset=utf-8"}, "answers with a web page"),
        ({"content_encoding": "gzip"}, "compressed despite the request header"),
    ],
)
def test_other_answers_end_at_once_in_a_sentence(serve, destination, patience, waits, behaviour, reason):
    with pytest.raises(DownloadFailed, match=reason):
        fetch(serve(CONTENT, **behaviour).url, destination, expected=SHA, patience=patience)
    assert waits == []
    assert left_over(destination) == []


def test_redirects_are_followed(serve, destination, patience):
    fetch(serve(CONTENT, redirect_to="/moved").url, destination, expected=SHA, patience=patience)
    assert destination.read_bytes() == CONTENT


def test_redirects_in_a_circle_end(serve, destination, patience):
    with pytest.raises(DownloadFailed, match="in a loop"):
        fetch(serve(CONTENT, redirect_to="/again").url, destination, expected=SHA, patience=patience)


@pytest.mark.parametrize("address", ["http://example.org/file.bin", "ftp://example.org/x", "file:///etc/passwd", "x"])
def test_only_https_is_fetched(serve, destination, patience, address):
    with pytest.raises(DownloadFailed, match="not an https address"):
        fetch(address, destination, patience=patience)
    with pytest.raises(DownloadFailed, match="not an https address"):
        fetch(serve(CONTENT, redirect_to=address).url, destination, patience=patience) if "://" in address else fetch(
            address, destination
        )


def test_a_file_that_is_there_is_not_fetched(serve, destination, patience):
    destination.parent.mkdir()
    destination.write_bytes(CONTENT)
    server = serve(CONTENT)
    fetch(server.url, destination, expected=SHA, patience=patience)
    assert server.behaviour.requests == []


@pytest.mark.parametrize("wrong", [CONTENT[:HALF], b"x" + CONTENT[1:]])
def test_a_wrong_file_that_is_there_is_replaced(serve, destination, patience, wrong):
    destination.parent.mkdir()
    destination.write_bytes(wrong)
    fetch(serve(CONTENT).url, destination, expected=SHA, patience=patience)
    assert destination.read_bytes() == CONTENT


def test_a_full_disk_is_noticed_before(serve, destination, patience, monkeypatch):
    usage = collections.namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**6, 0, HALF))
    with pytest.raises(DownloadFailed, match=r"disk is full: file\.bin does not fit"):
        fetch(serve(CONTENT).url, destination, expected=SHA, patience=patience)
    leave_part(destination, HALF)
    fetch(serve(CONTENT).url, destination, expected=SHA, patience=patience)
    assert destination.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("number", "reason"), [(errno.ENOSPC, "disk is full"), (errno.EIO, "cannot be written: Input")]
)
def test_trouble_with_the_disk_is_told(serve, destination, patience, monkeypatch, number, reason):
    def fail(descriptor):
        raise OSError(number, "Input/output error")

    monkeypatch.setattr("samara.checkpoints.store.partial_file.os.fsync", fail)
    with pytest.raises(DownloadFailed, match=reason):
        fetch(serve(CONTENT).url, destination, expected=SHA, patience=patience)
    assert not destination.exists()


def test_a_directory_that_cannot_be_made_is_told(serve, tmp_path, patience):
    (tmp_path / "file").touch()
    with pytest.raises(DownloadFailed, match="cannot be written"):
        fetch(serve(CONTENT).url, tmp_path / "file" / "x", expected=SHA, patience=patience)


PROCESS = """
import sys, pathlib
from samara.checkpoints.store.download import fetch
from samara.checkpoints.store.partial_file import Expected
url, path, size, digest = sys.argv[1:]
fetch(url, pathlib.Path(path), expected=Expected(size_bytes=int(size), digest=("sha256", digest)))
"""


def start_process(url, destination):
    arguments = [url, str(destination), str(len(CONTENT)), SHA.digest[1]]
    return subprocess.Popen([sys.executable, "-c", PROCESS, *arguments])


def test_two_processes_fetch_a_file_once(serve, destination):
    server = serve(CONTENT, pause_s=1.0)
    processes = [start_process(server.url, destination) for _ in range(2)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0]
    assert len(server.behaviour.requests) == 1
    assert destination.read_bytes() == CONTENT


@pytest.mark.skipif(sys.platform == "win32", reason="kills with a signal")
def test_a_killed_process_leaves_a_part_that_is_resumed(serve, destination, patience):
    server = serve(CONTENT, drop_after=[HALF])
    part = destination.with_name("file.bin.part")
    process = start_process(server.url, destination)
    deadline = time.monotonic() + 30
    # The connection dropped: the process sleeps for a second before it tries again, and there it is killed.
    while not (part.is_file() and part.stat().st_size == HALF) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not destination.exists()
    fetch(server.url, destination, expected=SHA, patience=patience)
    assert resumed_from(server) == HALF
    assert destination.read_bytes() == CONTENT
