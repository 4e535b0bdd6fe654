# SPDX-License-Identifier: Apache-2.0
import pandas as pd

from builders import METRICS
from featherbench.report.sentences.conclusions import first_packet_sentences
from featherbench.report.table_groups import GROUPS
from featherbench.statistics.time_to_first_packet import crossing_bandwidths
from studies import first_packets


def sentences(samples):
    return first_packet_sentences(samples, METRICS)


def samples_of(platforms):
    return first_packets(platforms, services=("kv",))


def test_the_first_platform_is_given_from_slow_links_to_fast_ones():
    samples = samples_of({"docker-native": (1.0, 100.0), "osv-kvm": (3.0, 20.0)})
    (said,) = sentences(samples)
    assert said.startswith("kv image: osv-kvm is first on the slowest links, from 40 Mbit/s on (95")
    assert said.endswith(") it is docker-native")


def test_a_plain_process_is_mentioned_and_not_compared():
    (said,) = sentences(
        samples_of({"linux-native": (0.01, 5), "docker-native": (1, 90), "osv-kvm": (3, 20)})
    )
    assert "without linux-native, which does not isolate" in said
    assert "linux-native is first" not in said


def test_a_platform_that_is_always_first_has_one_sentence():
    assert sentences(samples_of({"docker-native": (1.0, 10.0), "osv-kvm": (3.0, 20.0)})) == (
        "kv image: docker-native is first at any bandwidth",
    )


def test_what_has_no_interval_is_given_without_one():
    platforms = {"docker-native": (1.0, 100.0), "osv-kvm": (3.0, 20.0)}
    samples = samples_of(platforms)
    (said,) = sentences(samples[samples["deployment"] == 1])
    assert "interval" not in said
    assert "Mbit/s on it is docker-native" in said


def test_every_pair_is_in_the_table(make):
    samples = samples_of({"linux-native": (0.01, 5), "docker-native": (1, 90), "osv-kvm": (3, 20)})
    run = make.tables(provisioning=crossing_bandwidths(samples, METRICS))
    (group,) = [one for one in GROUPS if one.file == "provisioning"]
    assert [made.n_rows for made in group.tables(run)] == [3]
    assert group.tables(make.tables()) == []


def test_without_two_platforms_there_is_no_sentence():
    for samples in (pd.DataFrame(), samples_of({"docker-native": (1.0, 10.0)})):
        assert sentences(samples) == ()


def test_platforms_that_do_not_differ_from_the_first_are_listed_with_it():
    platforms = {
        "docker-native": (1.000, 10.0),
        "docker-native+host": (1.001, 10.0),
        "docker-native+slow": (2.0, 10.0),
    }
    (sentence,) = sentences(samples_of(platforms))
    assert sentence == (
        "kv image: docker-native (inconclusive against docker-native+host) is first at any "
        "bandwidth"
    )
