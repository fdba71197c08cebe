//! Cuckoo filters.

use crate::common::redis::Version;
use crate::trial::{Trial, with_modules};
use hitless::CuckooInsertion::{Added, Full, Present};
use hitless::{
    CfInsertOptions, CfReserveOptions, Commands, CuckooInsertion, FilterChunk, Result, cmd,
};

const RAW: &[u8] = b"\x00\xff\r\n";

#[test]
fn cuckoo() {
    with_modules("cuckoo", &Version::ALL, |t| {
        items(t);
        full(t);
        made_as_told(t);
        moved(t);
    });
}

fn each(became: Result<Vec<Result<CuckooInsertion>>>) -> Vec<CuckooInsertion> {
    became.unwrap().into_iter().map(Result::unwrap).collect()
}

fn items(t: &Trial) {
    says!(t, cf_exists(RAW, RAW) => false);
    says!(t, cf_count(RAW, RAW) => 0);
    got!(t, cf_del(RAW, RAW)).unwrap_err();
    says!(t, cf_add(RAW, RAW) => true);
    says!(t, cf_add(RAW, RAW) => true);
    says!(t, cf_add_nx(RAW, RAW) => false);
    says!(t, cf_add_nx(RAW, "b") => true);
    says!(t, cf_count(RAW, RAW) => 2);
    says!(t, cf_exists(RAW, RAW) => true);
    says!(t, cf_mexists(RAW, [RAW, b"none", b"b"]) => vec![true, false, true]);
    assert_eq!(each(got!(t, cf_insert(RAW, [RAW, b"c"]))), [Added, Added]);
    assert_eq!(
        each(got!(t, cf_insert_nx(RAW, [RAW, b"c", b"d"]))),
        [Present, Present, Added]
    );
    says!(t, cf_del(RAW, RAW) => true);
    says!(t, cf_count(RAW, RAW) => 2);
    says!(t, cf_del(RAW, "none") => false);
    t.client.set("text", 1).unwrap();
    refuses!(t, cf_add("text", 1) as bool, "WRONGTYPE");
}

/// Two places for each item, and no more filters.
fn full(t: &Trial) {
    let tiny = CfReserveOptions::new().bucket_size(1).max_iterations(1);
    says!(t, cf_reserve_options("full", 8, &tiny.expansion(0)) => ());
    let three = ["a", "a", "a"];
    assert_eq!(
        each(got!(t, cf_insert("full", three))),
        [Added, Added, Full]
    );
    let error = got!(t, cf_add("full", "a")).unwrap_err();
    assert!(error.to_string().contains("full"), "{error}");
    assert_eq!(each(got!(t, cf_insert_nx("full", ["a"]))), [Present]);
    let info = got!(t, cf_info("full")).unwrap();
    assert_eq!((info.buckets, info.filters, info.items), (8, 1, 2));
    assert_eq!((info.bucket_size, info.max_iterations), (1, 1));
    assert_eq!((info.expansion, info.deleted), (0, 0));
    assert!(info.size > 0);
    // More items than there is room for: those that did not fit are told.
    let became = each(got!(t, cf_insert_nx("full", 0..50)));
    let fit = became.iter().filter(|one| **one == Added).count();
    assert!(fit <= 6 && became.contains(&Full), "{became:?}");
}

fn made_as_told(t: &Trial) {
    says!(t, cf_reserve("made", 1000) => ());
    refuses!(t, cf_reserve("made", 1000) as (), "ERR");
    let options = CfInsertOptions::new();
    let none = options.clone().no_create();
    got!(t, cf_insert_options("new", ["a"], &none)).unwrap_err();
    got!(t, cf_insert_nx_options("new", ["a"], &none)).unwrap_err();
    let small = options.capacity(100);
    let became = each(got!(t, cf_insert_nx_options("new", [RAW, RAW], &small)));
    assert_eq!(became, [Added, Present]);
    assert_eq!(
        each(got!(t, cf_insert_options("new", [RAW], &none))),
        [Added]
    );
    assert!(got!(t, cf_info("new")).unwrap().buckets < 100);
    // A filter that has grown loses what it does not need.
    says!(t, cf_reserve("grown", 4) => ());
    for item in 0..20 {
        t.client.cf_add("grown", item).unwrap();
    }
    assert!(got!(t, cf_info("grown")).unwrap().filters > 1);
    for item in 1..20 {
        assert!(t.client.cf_del("grown", item).unwrap());
    }
    says!(t, cf_compact("grown") => ());
    says!(t, cf_exists("grown", 0) => true);
    assert_eq!(got!(t, cf_info("grown")).unwrap().items, 1);
}

fn moved(t: &Trial) {
    got!(t, cf_insert("from", [RAW, b"b", b"b"])).unwrap();
    let mut chunk: FilterChunk = got!(t, cf_scandump("from", 0)).unwrap();
    let mut parts = 0;
    while chunk.iterator != 0 {
        says!(t, cf_loadchunk("to", &chunk) => ());
        chunk = got!(t, cf_scandump("from", chunk.iterator)).unwrap();
        parts += 1;
    }
    assert!(parts >= 2 && chunk.data.is_empty(), "{chunk:?}");
    says!(t, cf_mexists("to", [RAW, b"b", b"c"]) => vec![true, true, false]);
    says!(t, cf_count("to", "b") => 2);
    refuses!(t, cf_scandump("none", 0) as FilterChunk, "ERR");
    cmd("DEL to").exec(&t.client).unwrap();
}
