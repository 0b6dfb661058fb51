"""A run of many statements: whole files only, resumed where it stopped."""

from __future__ import annotations

import hashlib
import itertools
import os

import pytest

from coop.reports.batch import DrawTask, draw_batch, draw_file, write_whole
from coop.reports.errors import LanguageUnavailable
from coop.reports.statement_pdf import draw_statement
from tests.reports.sample import statement


def _tasks(folder, numbers):
    return [DrawTask(statement(n % 5, number=f"S-{n}"), folder / f"{n}.pdf") for n in numbers]


def test_a_batch_draws_the_same_files_in_order_and_resumes(tmp_path):
    tasks = _tasks(tmp_path, range(12))
    stopped = list(itertools.islice(draw_batch(iter(tasks), processes=2), 5))
    assert [done.path.name for done in stopped] == ["0.pdf", "1.pdf", "2.pdf", "3.pdf", "4.pdf"]
    assert not list(tmp_path.glob(".*.part"))
    finished = list(draw_batch(tasks, processes=2))
    assert all(done.already for done in finished[:5])
    assert {done.path.name for done in finished} == {path.name for path in tmp_path.iterdir()}
    for task, done in zip(tasks, finished, strict=True):
        pdf = draw_statement(task.statement)
        assert task.path.read_bytes() == pdf
        assert (done.sha256, done.size_bytes) == (hashlib.sha256(pdf).hexdigest(), len(pdf))


def test_half_a_file_or_another_statement_is_drawn_again(tmp_path):
    (task,) = _tasks(tmp_path, [3])
    task.path.write_bytes(draw_statement(task.statement)[:-100])
    assert not draw_file(task).already
    task.path.write_bytes(draw_statement(statement(3, number="S-4")))
    assert not draw_file(task).already
    task.path.write_bytes(draw_statement(task.statement, "de"))
    assert not draw_file(task).already
    assert draw_file(task).already


def test_a_refusal_stops_the_run_and_keeps_what_is_finished(tmp_path):
    good, bad = _tasks(tmp_path, [1, 2])
    bad = DrawTask(bad.statement, bad.path, locale="tlh")
    with pytest.raises(LanguageUnavailable):
        list(draw_batch([good, bad], processes=1))
    assert [path.name for path in tmp_path.iterdir()] == ["1.pdf"]


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    target = tmp_path / "a.pdf"
    write_whole(target, b"old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(target, b"new")
    assert target.read_bytes() == b"old"
