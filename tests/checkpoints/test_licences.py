"""Licences: every published checkpoint has one that is known, and files' own words are understood."""

from __future__ import annotations

import pytest

from samara.checkpoints.catalogue import CATALOGUE
from samara.checkpoints.licences import LICENCES, UNKNOWN, licence_of, stated_licence


@pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.name)
def test_every_row_has_a_known_licence(row):
    licence = licence_of(row.licence)
    assert licence.identifier == row.licence
    assert (licence.commercial == "unknown") == (row.licence == "LicenseRef-not-stated")
    assert row.is_free_for_commerce == (row.licence in ("Apache-2.0", "CC-BY-4.0"))


@pytest.mark.parametrize("licence", [*LICENCES.values(), UNKNOWN], ids=lambda licence: licence.identifier)
def test_consequences_are_clauses(licence):
    assert licence.consequence[0].islower()
    assert not licence.consequence.endswith(".")


@pytest.mark.parametrize("identifier", [None, "", "Beerware", "apache-2.0"])
def test_what_is_not_known_is_not_free(identifier):
    assert licence_of(identifier) is UNKNOWN
    assert UNKNOWN.commercial == "unknown"


@pytest.mark.parametrize(
    ("text", "identifier"),
    [
        ("AGPL-3.0 License (https://ultralytics.com/license)", "AGPL-3.0-only"),
        ("AGPL-3.0 License", "AGPL-3.0-only"),
        ("AGPL-3.0", "AGPL-3.0-only"),
        ("AGPL-3.0-only", "AGPL-3.0-only"),
        ("Apache-2.0", "Apache-2.0"),
        ("MIT License", "MIT"),
        ("MITRE Licence", None),
        ("Not AGPL-3.0", None),
        ("", None),
        (None, None),
    ],
)
def test_what_files_state(text, identifier):
    assert stated_licence(text) == identifier
