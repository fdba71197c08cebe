//! T-digests.

use crate::common::redis::Version;
use crate::trial::{Trial, with_modules};
use hitless::{Commands, TDigestMergeOptions};

const RAW: &[u8] = b"\x00\xff\r\n";

#[test]
fn digests() {
    with_modules("digests", &Version::ALL, |t| {
        nothing(t);
        numbers(t);
        merged(t);
    });
}

/// What is no number, in both protocols.
fn nothing(t: &Trial) {
    says!(t, tdigest_create("empty") => ());
    refuses!(t, tdigest_create("empty") as (), "ERR");
    assert!(got!(t, tdigest_min("empty")).unwrap().is_nan());
    assert!(got!(t, tdigest_max("empty")).unwrap().is_nan());
    assert!(
        got!(t, tdigest_trimmed_mean("empty", 0.1, 0.9))
            .unwrap()
            .is_nan()
    );
    let all = [
        got!(t, tdigest_quantile("empty", [0.5, 1.0])).unwrap(),
        got!(t, tdigest_cdf("empty", [1, 2])).unwrap(),
        got!(t, tdigest_byrank("empty", [0, 1])).unwrap(),
        got!(t, tdigest_byrevrank("empty", [0, 1])).unwrap(),
    ];
    for two in all {
        assert!(two.len() == 2 && two.iter().all(|number| number.is_nan()));
    }
    says!(t, tdigest_rank("empty", [1]) => vec![-2]);
    says!(t, tdigest_revrank("empty", [1]) => vec![-2]);
    refuses!(t, tdigest_add("empty", [f64::INFINITY]) as (), "ERR");
    refuses!(t, tdigest_min("none") as f64, "ERR");
    t.client.set("text", 1).unwrap();
    refuses!(t, tdigest_add("text", 1) as (), "WRONGTYPE");
}

fn numbers(t: &Trial) {
    says!(t, tdigest_create_compression(RAW, 200) => ());
    says!(t, tdigest_add(RAW, [1.0, 2.0, 3.0, 4.0, 5.0, 6.5]) => ());
    says!(t, tdigest_min(RAW) => 1.0);
    says!(t, tdigest_max(RAW) => 6.5);
    says!(t, tdigest_quantile(RAW, [0.0, 0.5, 1.0]) => vec![1.0, 4.0, 6.5]);
    says!(t, tdigest_cdf(RAW, [0.5, 2.0, 7.0]) => vec![0.0, 0.25, 1.0]);
    says!(t, tdigest_rank(RAW, [0, 1, 100]) => vec![-1, 0, 6]);
    says!(t, tdigest_revrank(RAW, [0, 1, 100]) => vec![6, 5, -1]);
    says!(t, tdigest_byrank(RAW, [0, 1, 100]) => vec![1.0, 2.0, f64::INFINITY]);
    says!(t, tdigest_byrevrank(RAW, [0, 1, 100]) => vec![6.5, 5.0, f64::NEG_INFINITY]);
    says!(t, tdigest_trimmed_mean(RAW, 0.0, 1.0) => 21.5 / 6.0);
    refuses!(t, tdigest_quantile(RAW, [2]) as Vec<f64>, "ERR");
    let info = got!(t, tdigest_info(RAW)).unwrap();
    assert_eq!((info.compression, info.observations), (200, 6));
    assert_eq!(info.merged_weight + info.unmerged_weight, 6);
    assert_eq!(info.merged_nodes + info.unmerged_nodes, 6);
    assert!(info.capacity > 200 && info.memory_usage > 0 && info.total_compressions > 0);
    says!(t, tdigest_reset(RAW) => ());
    assert_eq!(got!(t, tdigest_info(RAW)).unwrap().observations, 0);
}

fn merged(t: &Trial) {
    for (key, number) in [("a", 1), ("b", 9)] {
        t.client.tdigest_create(key).unwrap();
        t.client.tdigest_add(key, number).unwrap();
    }
    says!(t, tdigest_merge("all", ["a", "b"]) => ());
    says!(t, tdigest_merge("all", "a") => ());
    let count = || t.client.tdigest_info("all").unwrap().observations;
    assert_eq!(count(), 3);
    let options = TDigestMergeOptions::new().compression(300);
    says!(t, tdigest_merge_options("all", ["a", "b"], &options) => ());
    assert_eq!(count(), 5);
    says!(t, tdigest_merge_options("all", "b", &options.replace()) => ());
    let info = t.client.tdigest_info("all").unwrap();
    assert_eq!((info.observations, info.compression), (1, 300));
    refuses!(t, tdigest_merge("all", "none") as (), "ERR");
}
