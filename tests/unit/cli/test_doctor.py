# SPDX-License-Identifier: Apache-2.0
import argparse

import pytest

from builders import doctor_report
from featherbench.cli import doctor
from featherbench.errors import ConfigError
from featherbench.inspection.doctor_report import DoctorReport
from featherbench.records.requirement import MissingRequirement

LACK = MissingRequirement(what="x", remedy="y")


@pytest.mark.parametrize(("lacking", "status"), [((), 0), ((LACK,), 1)])
def test_the_command_prints_json_and_its_exit_status_tells(monkeypatch, capsys, lacking, status):
    report = doctor_report(missing_requirements=lacking)
    monkeypatch.setattr(doctor, "examine", lambda config, file: report)  # noqa: ARG005
    parser = argparse.ArgumentParser()
    doctor.add_parser(parser.add_subparsers())
    assert doctor.run(parser.parse_args(["doctor", "--json"])) == status
    assert DoctorReport.model_validate_json(capsys.readouterr().out) == report


def test_a_config_file_that_does_not_exist_is_one_message(tmp_path):
    parser = argparse.ArgumentParser()
    doctor.add_parser(parser.add_subparsers())
    with pytest.raises(ConfigError, match="there is no file"):
        doctor.run(parser.parse_args(["doctor", "--config", str(tmp_path / "none.yaml")]))
