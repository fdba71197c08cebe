//! Bloom filters.

use crate::common::redis::Version;
use crate::trial::{Trial, with_modules};
use hitless::{BfInsertOptions, BfReserveOptions, BloomInfoType, Commands, FilterChunk, Result};

const RAW: &[u8] = b"\x00\xff\r\n";

#[test]
fn bloom() {
    with_modules("bloom", &Version::ALL, |t| {
        items(t);
        full(t);
        made_as_told(t);
        moved(t);
    });
}

/// What became of each item; `None` is an error of the server.
fn each(became: Result<Vec<Result<bool>>>) -> Vec<Option<bool>> {
    let each = became.unwrap().into_iter();
    each.map(|one| match one {
        Ok(added) => Some(added),
        Err(error) => {
            assert!(error.to_string().contains("full"), "{error}");
            None
        }
    })
    .collect()
}

fn items(t: &Trial) {
    says!(t, bf_exists(RAW, RAW) => false);
    says!(t, bf_mexists(RAW, [RAW, b"b"]) => vec![false, false]);
    says!(t, bf_card(RAW) => 0);
    says!(t, bf_add(RAW, RAW) => true);
    says!(t, bf_add(RAW, RAW) => false);
    says!(t, bf_exists(RAW, RAW) => true);
    let got = got!(t, bf_madd(RAW, [RAW, b"b", b"\xfe"]));
    assert_eq!(each(got), [Some(false), Some(true), Some(true)]);
    let got = got!(t, bf_insert(RAW, [RAW, b"c"]));
    assert_eq!(each(got), [Some(false), Some(true)]);
    says!(t, bf_mexists(RAW, [RAW, b"none", b"c"]) => vec![true, false, true]);
    says!(t, bf_card(RAW) => 4);
    t.client.set("text", 1).unwrap();
    refuses!(t, bf_add("text", 1) as bool, "WRONGTYPE");
    refuses!(t, bf_card("text") as u64, "WRONGTYPE");
}

fn full(t: &Trial) {
    says!(t, bf_reserve_options("full", 0.01, 2, &BfReserveOptions::new().expansion(3).non_scaling()) => ());
    // Those that were added are told, and the list ends with the one that did not fit.
    let got = got!(t, bf_madd("full", ["a", "a", "b", "c", "d"]));
    assert_eq!(each(got), [Some(true), Some(false), Some(true), None]);
    let got = got!(t, bf_insert("full", ["a", "c"]));
    assert_eq!(each(got), [Some(false), None]);
    refuses!(t, bf_add("full", "c") as bool, "ERR");
    says!(t, bf_card("full") => 2);
    let info = got!(t, bf_info("full")).unwrap();
    assert_eq!((info.capacity, info.filters, info.items), (2, 1, 2));
    assert_eq!((info.expansion, info.error_rate), (None, None));
    assert!(info.size > 0);
    let expansion = got!(t, bf_info_type("full", BloomInfoType::Expansion)).unwrap();
    assert_eq!(expansion.number, None);
}

fn made_as_told(t: &Trial) {
    says!(t, bf_reserve("made", 0.001, 50) => ());
    refuses!(t, bf_reserve("made", 0.001, 50) as (), "ERR");
    says!(t, bf_reserve_options("grows", 0.01, 2, &BfReserveOptions::new().non_scaling().expansion(3)) => ());
    let got = got!(t, bf_madd("grows", ["a", "b", "c"]));
    assert_eq!(each(got), [Some(true); 3]);
    let info = got!(t, bf_info("grows")).unwrap();
    assert_eq!(
        (info.capacity, info.filters, info.expansion),
        (8, 2, Some(3))
    );
    let facts = [
        (BloomInfoType::Capacity, 8.0),
        (BloomInfoType::Filters, 2.0),
        (BloomInfoType::Items, 3.0),
        (BloomInfoType::Expansion, 3.0),
    ];
    for (field, number) in facts {
        let told = got!(t, bf_info_type("grows", field)).unwrap();
        assert_eq!(told.number, Some(number), "{field:?}");
    }
    let size = got!(t, bf_info_type("grows", BloomInfoType::Size)).unwrap();
    #[allow(clippy::cast_precision_loss, reason = "it is small")]
    let expected = info.size as f64;
    assert_eq!(size.number, Some(expected));
    // Valkey's module alone has these.
    for field in [
        BloomInfoType::ErrorRate,
        BloomInfoType::TighteningRatio,
        BloomInfoType::MaxScaledCapacity,
    ] {
        got!(t, bf_info_type("grows", field)).unwrap_err();
    }
    let options = BfInsertOptions::new();
    got!(
        t,
        bf_insert_options("new", ["a"], &options.clone().no_create())
    )
    .unwrap_err();
    let tiny = options.capacity(2).error_rate(0.1).non_scaling();
    let got = got!(t, bf_insert_options("new", ["a", "b", "c"], &tiny));
    assert_eq!(each(got), [Some(true), Some(true), None]);
    let grows = BfInsertOptions::new().capacity(1).expansion(4);
    let got = got!(t, bf_insert_options("newer", [RAW, b"b"], &grows));
    assert_eq!(each(got), [Some(true); 2]);
    assert_eq!(got!(t, bf_info("newer")).unwrap().expansion, Some(4));
}

fn moved(t: &Trial) {
    got!(t, bf_madd("from", [RAW, b"b"])).unwrap();
    let mut chunk: FilterChunk = got!(t, bf_scandump("from", 0)).unwrap();
    let mut parts = 0;
    while chunk.iterator != 0 {
        assert!(!chunk.data.is_empty());
        let kept = FilterChunk::new(chunk.iterator, chunk.data.clone());
        says!(t, bf_loadchunk("to", &kept) => ());
        chunk = got!(t, bf_scandump("from", chunk.iterator)).unwrap();
        parts += 1;
    }
    assert!(parts >= 2 && chunk.data.is_empty(), "{chunk:?}");
    says!(t, bf_mexists("to", [RAW, b"b", b"c"]) => vec![true, true, false]);
    refuses!(t, bf_scandump("none", 0) as FilterChunk, "ERR");
    got!(t, bf_loadchunk("to", &FilterChunk::new(1, "no filter"))).unwrap_err();
}
