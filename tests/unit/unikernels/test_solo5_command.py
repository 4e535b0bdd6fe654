# SPDX-License-Identifier: Apache-2.0
"""The command of Solo5's tenders, as a list of arguments."""

from featherbench.unikernels import solo5_command, tap


def test_a_tender_gets_its_devices_by_name(request_of):
    request = request_of(
        backend="solo5-spt",
        boot="kernel+disk",
        disks=[{"path": "/d.img", "name": "data"}],
        nic={"name": "net0"},
        arguments='--ipv4=198.18.2.2/25 --hello="a b"',
        memory_mib=16,
    )
    assert solo5_command.command(request, request.boot) == [
        "solo5-spt",
        "--mem=16",
        f"--net:net0={tap.name_of('abc')}",
        "--net-mac:net0=52:54:00:01:02:03",
        "--block:data=/d.img",
        "--",
        "/images/kernel",
        "--ipv4=198.18.2.2/25",
        "--hello=a b",
    ]
