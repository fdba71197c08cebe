//! Sorted sets, their ranges, and those of their commands that block.

use crate::trial::{Trial, everywhere};
use hitless::{Aggregate, Commands, ErrorKind, LexBound, Result, ScoreBound};
use hitless::{ZAddOptions, ZCombineOptions, ZRange};
use std::time::Duration;

/// Bytes that are no text.
const RAW: &[u8] = b"\x00\xff";

fn scored(pairs: &[(&str, f64)]) -> Vec<(String, f64)> {
    let pairs = pairs.iter();
    pairs
        .map(|(member, score)| ((*member).to_owned(), *score))
        .collect()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn sorted_sets() {
    everywhere("sorted_sets", |t| {
        says!(t, zadd("z", "one", 1) => 1);
        says!(t, zadd("z", "one", 1) => 0);
        says!(t, zadd_multiple("z", &[(2.5, "two"), (f64::INFINITY, "all")]) => 2);
        says!(t, zcard("z") => 3);
        says!(t, zcard("none") => 0);
        says!(t, zscore("z", "two") => Some(2.5));
        says!(t, zscore("z", "all") => Some(f64::INFINITY));
        says!(t, zscore("z", "none") => None);
        says!(t, zscore_multiple("z", ["one", "none", "two"]) => vec![Some(1.0), None, Some(2.5)]);
        says!(t, zincr("z", "one", 0.25) => 1.25);
        says!(t, zincr("z", "minus", -1) => -1.0);
        says!(t, zrank("z", "minus") => Some(0));
        says!(t, zrevrank("z", "minus") => Some(3));
        says!(t, zrank("z", "none") => None);
        says!(t, zrevrank("z", "none") => None);
        says!(t, zcount("z", ScoreBound::Min, ScoreBound::Max) => 4);
        says!(t, zcount("z", ScoreBound::Excluded(1.25), ScoreBound::Included(2.5)) => 1);
        says!(t, zcount("z", 1.25, 2.5) => 2);
        says!(t, zcount("z", "(-1", "+inf") => 3);
        says!(t, zrem("z", ["one", "minus", "none"]) => 2);
        refuses!(t, zcount("z", "one", 2) as u64, "ERR");
        t.client.set("text", 1).unwrap();
        refuses!(t, zadd("text", "a", 1) as u64, "WRONGTYPE");
        options(t);
        bytes(t);
        taken(t);
        chance(t);
        combined(t);
        ranks_with_scores(t);
    });
}

fn options(t: &Trial) {
    let options = ZAddOptions::new;
    says!(t, zadd_options("o", "a", 5, &options().if_present()) => 0);
    says!(t, zscore("o", "a") => None);
    says!(t, zadd_options("o", "a", 5, &options().if_absent()) => 1);
    says!(t, zadd_options("o", "a", 6, &options().if_absent()) => 0);
    says!(t, zadd_options("o", "a", 4, &options().if_greater().count_changed()) => 0);
    says!(t, zadd_options("o", "a", 7, &options().if_greater().count_changed()) => 1);
    let less = options().if_present().if_less().count_changed();
    says!(t, zadd_multiple_options("o", &[(3, "a"), (3, "b")], &less) => 1);
    says!(t, zscore_multiple("o", ["a", "b"]) => vec![Some(3.0), None]);
    says!(t, zadd_incr("o", "a", 1.5, &options()) => Some(4.5));
    says!(t, zadd_incr("o", "a", 1, &options().if_less()) => None);
    says!(t, zadd_incr("o", "b", 1, &options().if_present()) => None);
    refuses!(
        t,
        zadd_options("o", "a", 1, &options().if_absent().if_less()) as u64,
        "ERR"
    );
}

fn bytes(t: &Trial) {
    says!(t, zadd(RAW, RAW, 1) => 1);
    says!(t, zadd(RAW, b"\xfe", 1) => 1);
    says!(t, zscore(RAW, RAW) => Some(1.0));
    says!(t, zlexcount(RAW, LexBound::Min, LexBound::Max) => 2);
    says!(t, zlexcount(RAW, LexBound::included(RAW), LexBound::excluded(b"\xfe")) => 1);
    says!(t, zpopmin(RAW, 1) => vec![(RAW.to_vec(), 1.0)]);
    says!(t, zrandmember(RAW, None) => Some(b"\xfe".to_vec()));
    says!(t, zmpop_max([b"none".as_slice(), RAW], 5) => Some((RAW.to_vec(), vec![(b"\xfe".to_vec(), 1.0)])));
}

/// What was taken comes back in the error.
fn taken(t: &Trial) {
    t.client
        .zadd_multiple("t", &[(1, "a"), (2, "b"), (3, "c"), (4, "d"), (5, "e")])
        .unwrap();
    says!(t, zpopmin("none", 2) => Vec::<(String, f64)>::new());
    says!(t, zpopmin("t", 1) => scored(&[("a", 1.0)]));
    says!(t, zpopmax("t", 2) => scored(&[("e", 5.0), ("d", 4.0)]));
    let lost: Result<Vec<(u32, f64)>> = got!(t, zpopmax("t", 1));
    let lost = lost.unwrap_err();
    assert_eq!(*lost.kind(), ErrorKind::Conversion);
    assert!(lost.reply().is_some(), "{lost:?}");
    says!(t, zmpop_min(["none", "t"], 5) => Some(("t".to_owned(), scored(&[("b", 2.0)]))));
    says!(t, zmpop_min(["none", "t"], 5) => None::<(String, Vec<(String, f64)>)>);
}

fn chance(t: &Trial) {
    t.client.zadd_multiple("c", &[(1, "a"), (2, "b")]).unwrap();
    let mut two: Vec<String> = got!(t, zrandmember("c", Some(5))).unwrap();
    two.sort();
    assert_eq!(two, ["a", "b"]);
    says!(t, zrandmember("none", None) => None::<String>);
    says!(t, zrandmember("none", Some(2)) => Vec::<String>::new());
    let mut two: Vec<(String, f64)> = got!(t, zrandmember_withscores("c", 2)).unwrap();
    two.sort_by(|a, b| a.1.total_cmp(&b.1));
    assert_eq!(two, scored(&[("a", 1.0), ("b", 2.0)]));
    let three: Vec<(String, f64)> = got!(t, zrandmember_withscores("c", -3)).unwrap();
    assert_eq!(three.len(), 3);
}

fn combined(t: &Trial) {
    t.client.zadd_multiple("x", &[(1, "a"), (2, "b")]).unwrap();
    t.client
        .zadd_multiple("y", &[(10, "b"), (20, "c")])
        .unwrap();
    let plain = ZCombineOptions::new();
    let weighted = ZCombineOptions::new()
        .weights([3.0, 0.5])
        .aggregate(Aggregate::Max);
    let least = ZCombineOptions::new().aggregate(Aggregate::Min);
    let keys = ["x", "y"];
    says!(t, zinter(keys) => names(&["b"]));
    says!(t, zinter_withscores(keys, &plain) => scored(&[("b", 12.0)]));
    says!(t, zinter_withscores(keys, &weighted) => scored(&[("b", 6.0)]));
    says!(t, zintercard(keys, 0) => 1);
    says!(t, zintercard(["x", "x"], 1) => 1);
    says!(t, zunion(keys) => names(&["a", "b", "c"]));
    says!(t, zunion_withscores(keys, &least) => scored(&[("a", 1.0), ("b", 2.0), ("c", 20.0)]));
    says!(t, zdiff(keys) => names(&["a"]));
    says!(t, zdiff_withscores(keys) => scored(&[("a", 1.0)]));
    says!(t, zinterstore("to", keys) => 1);
    says!(t, zscore("to", "b") => Some(12.0));
    says!(t, zinterstore_options("to", keys, &weighted) => 1);
    says!(t, zscore("to", "b") => Some(6.0));
    says!(t, zunionstore("to", keys) => 3);
    let sum = ZCombineOptions::new()
        .weights([1, -1])
        .aggregate(Aggregate::Sum);
    says!(t, zunionstore_options("to", keys, &sum) => 3);
    says!(t, zscore("to", "c") => Some(-20.0));
    says!(t, zdiffstore("to", keys) => 1);
    refuses!(
        t,
        zinter_withscores(keys, &ZCombineOptions::new().weights([1])) as Vec<(String, f64)>,
        "ERR"
    );
}

fn ranks_with_scores(t: &Trial) {
    t.client.zadd_multiple("r", &[(1, "a"), (2, "b")]).unwrap();
    if t.version == crate::common::redis::Version::Redis70 {
        refuses!(t, zrank_withscore("r", "b") as Option<(u64, f64)>, "ERR");
        refuses!(t, zrevrank_withscore("r", "b") as Option<(u64, f64)>, "ERR");
    } else {
        says!(t, zrank_withscore("r", "b") => Some((1, 2.0)));
        says!(t, zrank_withscore("r", "none") => None);
        says!(t, zrevrank_withscore("r", "b") => Some((0, 2.0)));
    }
}

#[test]
fn ranges() {
    everywhere("sorted_set_ranges", |t| {
        t.client
            .zadd_multiple("z", &[(1, "a"), (2, "b"), (3, "c"), (4, "d")])
            .unwrap();
        t.client
            .zadd_multiple("lex", &[(0, b"a".as_slice()), (0, b"b"), (0, b"c\xff")])
            .unwrap();
        says!(t, zrange("z", 0, -1) => names(&["a", "b", "c", "d"]));
        says!(t, zrange("none", 0, -1) => Vec::<String>::new());
        says!(t, zrange("lex", -1, -1) => vec![b"c\xff".to_vec()]);
        says!(t, zrange_withscores("z", 0, 1) => scored(&[("a", 1.0), ("b", 2.0)]));
        says!(t, zrevrange("z", 0, 1) => names(&["d", "c"]));
        says!(t, zrevrange_withscores("z", 3, 3) => scored(&[("a", 1.0)]));
        by_options(t);
        by_old_names(t);
        removed(t);
    });
}

fn by_options(t: &Trial) {
    let from_one = || ZRange::score(ScoreBound::Excluded(1.0), ScoreBound::Max);
    says!(t, zrange_by("z", &ZRange::rank(1, 2)) => names(&["b", "c"]));
    says!(t, zrange_by("z", &ZRange::rank(0, 1).reversed()) => names(&["d", "c"]));
    says!(t, zrange_by("z", &from_one()) => names(&["b", "c", "d"]));
    says!(t, zrange_by("z", &from_one().reversed().limit(1, 1)) => names(&["c"]));
    says!(t, zrange_by("z", &ZRange::score(2, 3)) => names(&["b", "c"]));
    let (from, to) = (LexBound::excluded("a"), LexBound::included(b"c\xff"));
    says!(t, zrange_by("lex", &ZRange::lex(from, to)) => vec![b"b".to_vec(), b"c\xff".to_vec()]);
    says!(t, zrange_by("lex", &ZRange::lex(from, to).reversed().limit(1, -1)) => names(&["b"]));
    says!(t, zrange_by_withscores("z", &from_one().limit(0, 1)) => scored(&[("b", 2.0)]));
    says!(t, zrangestore("to", "z", &from_one().reversed().limit(0, 2)) => 2);
    says!(t, zrange("to", 0, -1) => names(&["c", "d"]));
    refuses!(
        t,
        zrange_by("z", &ZRange::rank(0, 1).limit(0, 1)) as Vec<String>,
        "ERR"
    );
}

fn by_old_names(t: &Trial) {
    let above_one = ScoreBound::Excluded(1.0);
    let (min, max) = (ScoreBound::Min, ScoreBound::Max);
    says!(t, zrangebyscore("z", above_one, 3) => names(&["b", "c"]));
    says!(t, zrangebyscore_withscores("z", min, 1) => scored(&[("a", 1.0)]));
    says!(t, zrangebyscore_limit("z", above_one, max, 1, 1) => names(&["c"]));
    says!(t, zrangebyscore_limit_withscores("z", min, max, 3, -1) => scored(&[("d", 4.0)]));
    says!(t, zrevrangebyscore("z", 3, above_one) => names(&["c", "b"]));
    says!(t, zrevrangebyscore_withscores("z", max, 4) => scored(&[("d", 4.0)]));
    says!(t, zrevrangebyscore_limit("z", max, min, 1, 2) => names(&["c", "b"]));
    says!(t, zrevrangebyscore_limit_withscores("z", max, min, 3, 2) => scored(&[("a", 1.0)]));
    let (min, max) = (LexBound::Min, LexBound::excluded("c"));
    says!(t, zrangebylex("lex", min, max) => names(&["a", "b"]));
    says!(t, zrangebylex_limit("lex", min, max, 1, 5) => names(&["b"]));
    says!(t, zrevrangebylex("lex", max, min) => names(&["b", "a"]));
    says!(t, zrevrangebylex_limit("lex", LexBound::Max, min, 0, 1) => vec![b"c\xff".to_vec()]);
}

fn removed(t: &Trial) {
    says!(t, zrembylex("lex", LexBound::excluded("b"), LexBound::Max) => 1);
    says!(t, zremrangebyrank("z", 0, 0) => 1);
    says!(t, zrembyscore("z", ScoreBound::Min, ScoreBound::Excluded(4.0)) => 2);
    says!(t, zrange("z", 0, -1) => names(&["d"]));
}

#[test]
fn blocking_sorted_sets() {
    everywhere("blocking_sorted_sets", |t| {
        // As long as there are members, no wait begins; the hour is what would be seen otherwise.
        let hour = Duration::from_secs(3600);
        let members = [
            (1, b"a".as_slice()),
            (2, b"b"),
            (3, b"c"),
            (4, b"d\xff"),
            (5, b"e"),
        ];
        t.client.zadd_multiple(RAW, &members).unwrap();
        let keys = [b"none".as_slice(), RAW];
        let key = RAW.to_vec();
        says_alone!(t, bzpopmin(keys, hour) => Some((key.clone(), "a".to_owned(), 1.0)));
        says_alone!(t, bzpopmax(keys, hour) => Some((key.clone(), "e".to_owned(), 5.0)));
        let lost = t.client.bzpopmax::<(), String>(keys, hour).unwrap_err();
        assert_eq!(*lost.kind(), ErrorKind::Conversion);
        assert!(lost.reply().is_some(), "{lost:?}");
        says_alone!(t, bzmpop_min(keys, 1, hour) => Some((key.clone(), scored(&[("b", 2.0)]))));
        says_alone!(t, bzmpop_max(keys, 9, hour) => Some((key.clone(), scored(&[("c", 3.0)]))));
        let brief = Duration::from_millis(1);
        says_alone!(t, bzpopmin(keys, brief) => None::<((), String, f64)>);
        says_alone!(t, bzmpop_max(keys, 1, brief) => None::<((), Vec<(String, f64)>)>);
    });
}
