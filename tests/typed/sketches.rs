//! Count-min sketches and top lists.

use crate::common::redis::Version;
use crate::trial::{Trial, with_modules};
use hitless::{Commands, Error, ErrorKind, Result, TopKReserveOptions, Value, cmd, pipe};

const RAW: &[u8] = b"\x00\xff\r\n";

/// RedisBloom yields items of top lists up to their first zero byte.
const WORD: &[u8] = b"\xff\r\n";

#[test]
fn sketches() {
    with_modules("sketches", &Version::ALL, |t| {
        counts(t);
        merged(t);
        top(t);
        driven_off(t);
        increments(t);
    });
}

fn counts(t: &Trial) {
    says!(t, cms_init_by_dim(RAW, 1000, 5) => ());
    got!(t, cms_init_by_dim(RAW, 1000, 5)).unwrap_err();
    let got = got!(t, cms_incr_by(RAW, [(RAW, 5), (b"b", 6)])).unwrap();
    let got: Vec<u64> = got.into_iter().map(Result::unwrap).collect();
    assert_eq!(got, [5, 6]);
    says!(t, cms_query(RAW, [RAW, b"none", b"b"]) => vec![5, 0, 6]);
    let info = got!(t, cms_info(RAW)).unwrap();
    assert_eq!((info.width, info.depth, info.count), (1000, 5, 11));
    // One that is too great for its counter, and one that is not.
    let got = got!(t, cms_incr_by(RAW, [("max", i64::MAX), ("c", 7)])).unwrap();
    let text = got[0].as_ref().unwrap_err().to_string();
    assert!(text.contains("overflow"), "{text}");
    assert_eq!(got[1].as_ref().unwrap(), &7);
    // All numbers together are too many for the server, which goes on below zero.
    assert!(got!(t, cms_info(RAW)).unwrap().count < 0);
    got!(t, cms_incr_by(RAW, [("b", -1)])).unwrap_err();
    got!(t, cms_query("none", "a")).unwrap_err();
}

fn merged(t: &Trial) {
    says!(t, cms_init_by_prob("all", 0.01, 0.01) => ());
    for (key, count) in [("one", 3), ("two", 4)] {
        t.client.cms_init_by_prob(key, 0.01, 0.01).unwrap();
        t.client.cms_incr_by(key, (RAW, count)).unwrap();
    }
    says!(t, cms_merge("all", ["one", "two"]) => ());
    says!(t, cms_query("all", RAW) => vec![7]);
    says!(t, cms_merge_weights("all", ["one", "two"], [10, 1]) => ());
    says!(t, cms_query("all", RAW) => vec![34]);
    got!(t, cms_merge_weights("all", ["one"], [10, 1])).unwrap_err();
}

fn top(t: &Trial) {
    says!(t, topk_reserve(b"\xfe", 2) => ());
    got!(t, topk_reserve(b"\xfe", 2)).unwrap_err();
    let info = got!(t, topk_info(b"\xfe")).unwrap();
    assert_eq!((info.k, info.width, info.depth, info.decay), (2, 8, 7, 0.9));
    let wide = TopKReserveOptions::new().width(500).depth(3).decay(0.5);
    says!(t, topk_reserve_options("wide", 3, &wide) => ());
    let info = got!(t, topk_info("wide")).unwrap();
    assert_eq!(
        (info.k, info.width, info.depth, info.decay),
        (3, 500, 3, 0.5)
    );
    says!(t, topk_list("wide") => Vec::<String>::new());
    says!(t, topk_list_withcount("wide") => Vec::<(String, u64)>::new());
    says!(t, topk_add("wide", [WORD, b"b", WORD]) => vec![None::<String>; 3]);
    says!(t, topk_query("wide", [WORD, b"none"]) => vec![true, false]);
    says!(t, topk_count("wide", [WORD, b"b"]) => vec![2, 1]);
    says!(t, topk_list("wide") => vec![WORD.to_vec(), b"b".to_vec()]);
    says!(t, topk_list_withcount("wide") => vec![(WORD.to_vec(), 2), (b"b".to_vec(), 1)]);
    got!(t, topk_query("none", "a")).unwrap_err();
}

fn driven_off(t: &Trial) {
    let options = TopKReserveOptions::new().width(100);
    t.client
        .topk_reserve_options("single", 1, &options)
        .unwrap();
    says!(t, topk_incr_by("single", (WORD, 3)) => vec![None::<String>]);
    says!(t, topk_incr_by("single", [("b", 4), ("c", 0)]) => vec![Some(WORD.to_vec()), None]);
    // What has left the list and does not fit comes back.
    let got: Result<Vec<Option<i64>>> = got!(t, topk_incr_by("single", ("c", 100_000)));
    let reply = got.unwrap_err().reply().cloned().unwrap();
    assert_eq!(reply.as_items().unwrap()[0].as_str(), Some("b"));
    says!(t, topk_add("single", "b") => vec![None::<String>]);
}

/// RedisBloom announces more than it replies then, and the next reply would be taken for the rest.
fn increments(t: &Trial) {
    t.client.topk_reserve("list", 3).unwrap();
    let long = "x".repeat(20_000);
    let refused = |error: Error| {
        assert_eq!(*error.kind(), ErrorKind::Usage, "{error}");
        assert!(error.to_string().contains("100000"), "{error}");
    };
    for wrong in ["-1", "100001", "x", "", "1e2", "+1", "01"] {
        let got: Result<Vec<Option<String>>> = got!(
            t,
            topk_incr_by("list", [(&*long, "1"), ("b", wrong), ("c", "1")])
        );
        refused(got.unwrap_err());
        let command = cmd("TOPK.INCRBY").arg("list").args(["a", wrong, "b", "1"]);
        refused(t.client.query::<Value>(&command).unwrap_err());
        refused(pipe().add(&command).get("x").exec(&t.client).unwrap_err());
    }
    says!(t, topk_list("list") => Vec::<String>::new());
    says!(t, topk_incr_by("list", [(&*long, 100_000), ("b", 0)]) => vec![None::<String>; 2]);
    says!(t, topk_list_withcount("list") => vec![(long, 100_000)]);
    assert_eq!(cmd("PING").query::<String>(&t.client).unwrap(), "PONG");
}
