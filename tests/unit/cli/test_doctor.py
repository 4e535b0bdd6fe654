# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from builders import doctor_report
from featherbench.cli import doctor
from featherbench.errors import ConfigError
from featherbench.inspection.doctor_report import DoctorReport
from featherbench.records.requirement import MissingRequirement


@pytest.mark.parametrize(
    ("missing_requirements", "status"), [((), 0), (({"what": "x", "remedy": "y"},), 1)]
)
def test_the_command_prints_json_and_its_exit_status_tells(
    monkeypatch, capsys, missing_requirements, status
):
    report = doctor_report(
        missing_requirements=tuple(
            MissingRequirement.model_validate(lack) for lack in missing_requirements
        )
    )
    monkeypatch.setattr(doctor, "examine", lambda config, file: report)  # noqa: ARG005
    parser = argparse.ArgumentParser()
    doctor.add_parser(parser.add_subparsers())
    assert doctor.run(parser.parse_args(["doctor", "--json"])) == status
    assert DoctorReport.model_validate_json(capsys.readouterr().out) == report


def test_a_config_file_that_does_not_exist_is_one_message(tmp_path: Path):
    parser = argparse.ArgumentParser()
    doctor.add_parser(parser.add_subparsers())
    with pytest.raises(ConfigError, match="there is no file"):
        doctor.run(parser.parse_args(["doctor", "--config", str(tmp_path / "none.yaml")]))
