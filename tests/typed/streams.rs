//! Streams, the groups that read them, and those of their commands that block.

use crate::common::redis::Version;
use crate::trial::{Trial, everywhere};
use hitless::{Commands, ErrorKind, Result, StreamAutoClaim, StreamDeletion, StreamDeletionPolicy};
use hitless::{StreamEntry, StreamId, StreamTrim, Value, XAddOptions, XClaimOptions};
use hitless::{XGroupCreateOptions, XPendingOptions, XReadOptions};
use std::collections::HashMap;
use std::time::{Duration, SystemTime};

/// Bytes that are no text.
const RAW: &[u8] = b"\x00\xff";

const HOUR: Duration = Duration::from_secs(3600);

const fn id(number: u64) -> StreamId {
    StreamId::new(number, 0)
}

fn ids(entries: &[StreamEntry]) -> Vec<StreamId> {
    entries.iter().map(|entry| entry.id).collect()
}

/// Adds the entries 1 to 5, each with a field of its own number.
fn five(t: &Trial, key: &[u8]) {
    for number in 1..=5 {
        t.client
            .xadd(key, id(number), [("number", number)])
            .unwrap();
    }
}

/// Streams and what was read from each, as keys and IDs.
fn read(got: Result<Vec<(Vec<u8>, Vec<StreamEntry>)>>) -> Vec<(Vec<u8>, Vec<StreamId>)> {
    let streams = got.unwrap().into_iter();
    streams.map(|(key, entries)| (key, ids(&entries))).collect()
}

#[test]
fn streams() {
    everywhere("streams", |t| {
        says!(t, xadd("s", "1-1", [("name", "Ada"), ("city", "London")]) => StreamId::new(1, 1));
        says!(t, xadd("s", "1-*", [(RAW, RAW), (RAW, b"last")]) => StreamId::new(1, 2));
        let given: StreamId = got!(t, xadd("s", "*", HashMap::from([("a", 1)]))).unwrap();
        assert!(given > StreamId::new(1, 2) && given < StreamId::MAX);
        refuses!(t, xadd("s", "1-1", [("a", 1)]) as StreamId, "ERR");
        says!(t, xlen("s") => 3);
        says!(t, xlen("none") => 0);
        let entries: Vec<StreamEntry> = got!(t, xrange_all("s")).unwrap();
        assert_eq!(
            ids(&entries),
            [StreamId::new(1, 1), StreamId::new(1, 2), given]
        );
        fields(&entries);
        says!(t, xdel("s", [given, StreamId::MAX]) => 1);
        ranges(t);
        reads(t);
        trims(t);
        deletions(t);
        infos(t);
    });
}

fn fields(entries: &[StreamEntry]) {
    assert_eq!(entries[0].get("name").unwrap(), Some("Ada".to_owned()));
    assert_eq!(entries[0].get::<String>("age").unwrap(), None);
    let map: HashMap<String, String> = entries[0].fields_as().unwrap();
    assert_eq!(map["city"], "London");
    // The entry is still there when a field does not fit.
    let error = entries[0].get::<i64>("name").unwrap_err();
    assert_eq!(
        error.to_string(),
        "entry 1-1: a bulk string cannot become i64"
    );
    assert_eq!(
        entries[1].fields,
        [
            (RAW.to_vec(), RAW.to_vec()),
            (RAW.to_vec(), b"last".to_vec())
        ]
    );
    assert_eq!(entries[1].get(RAW).unwrap(), Some("last".to_owned()));
    assert!(entries[1].fields_as::<Vec<(String, String)>>().is_err());
    assert_eq!(entries[2].get("a").unwrap(), Some(1));
}

fn ranges(t: &Trial) {
    five(t, RAW);
    let got: Vec<StreamEntry> = got!(t, xrange(RAW, "-", id(2))).unwrap();
    assert_eq!(ids(&got), [id(1), id(2)]);
    let shown = format!("{:?}", got[0]);
    assert_eq!(shown, r#"StreamEntry { id: 1-0, fields: {"number": "1"} }"#);
    let got: Vec<StreamEntry> = got!(t, xrange(RAW, "(4-0", StreamId::MAX)).unwrap();
    assert_eq!(ids(&got), [id(5)]);
    let got: Vec<StreamEntry> = got!(t, xrange_count(RAW, id(2), "+", 2)).unwrap();
    assert_eq!(ids(&got), [id(2), id(3)]);
    let got: Vec<StreamEntry> = got!(t, xrevrange(RAW, id(2), "-")).unwrap();
    assert_eq!(ids(&got), [id(2), id(1)]);
    let got: Vec<StreamEntry> = got!(t, xrevrange_all(RAW)).unwrap();
    assert_eq!(ids(&got), [id(5), id(4), id(3), id(2), id(1)]);
    let got: Vec<StreamEntry> = got!(t, xrevrange_count(RAW, "+", "-", 1)).unwrap();
    assert_eq!(ids(&got), [id(5)]);
    says!(t, xrange_all("none") => Vec::<StreamEntry>::new());
}

fn reads(t: &Trial) {
    let keys = [RAW, b"none"];
    let from_three = [id(3), StreamId::MIN];
    let one = XReadOptions::new().count(1);
    assert_eq!(
        read(got!(t, xread(keys, from_three))),
        [(RAW.to_vec(), vec![id(4), id(5)])]
    );
    assert_eq!(
        read(got!(t, xread_options(keys, from_three, &one))),
        [(RAW.to_vec(), vec![id(4)])]
    );
    says!(t, xread("none", "$") => Vec::<(String, Vec<StreamEntry>)>::new());
    refuses!(
        t,
        xread_options("s", 0, &one.no_ack()) as Vec<((), Vec<StreamEntry>)>,
        "ERR"
    );
}

fn trims(t: &Trial) {
    five(t, b"t");
    let options = XAddOptions::new;
    says!(t, xadd_options("none", "*", [("a", 1)], &options().if_present()) => None);
    let trim = StreamTrim::max_len(3);
    says!(t, xadd_options("t", id(6), [("a", 1)], &options().if_present().trim(trim)) => Some(id(6)));
    says!(t, xlen("t") => 3);
    says!(t, xtrim("t", &StreamTrim::min_id(id(5))) => 1);
    // The one block has more entries than may be removed, so that it stays.
    says!(t, xtrim("t", &StreamTrim::max_len(0).approximate().limit(1)) => 0);
    refuses!(
        t,
        xtrim("t", &StreamTrim::max_len(0).limit(1)) as u64,
        "ERR"
    );
    let removed = StreamTrim::max_len(0).policy(StreamDeletionPolicy::Remove);
    if t.has("XDELEX") {
        says!(t, xadd_options("t", id(7), [("a", 1)], &options().trim(removed.clone())) => Some(id(7)));
        says!(t, xtrim("t", &removed) => 0);
    } else {
        refuses!(t, xtrim("t", &removed) as u64, "ERR");
    }
    says!(t, xsetid("t", id(50)) => ());
    says!(t, xsetid_entries("t", id(60), 70, id(40)) => ());
    let info = t.client.xinfo_stream("t").unwrap();
    assert_eq!(
        (info.last_generated_id, info.entries_added),
        (id(60), Some(70))
    );
    assert_eq!(info.max_deleted_entry_id, Some(id(40)));
}

fn deletions(t: &Trial) {
    five(t, b"d");
    t.client.xgroup_create("d", "g", 0).unwrap();
    let two = XReadOptions::new().count(2);
    let taken = t
        .client
        .xreadgroup_options::<()>("g", "c", "d", ">", &two)
        .unwrap();
    assert_eq!(ids(&taken[0].1), [id(1), id(2)]);
    let (some, policy) = ([id(1), id(99)], StreamDeletionPolicy::Acknowledged);
    if t.has("XDELEX") {
        says!(t, xdel_ex("d", id(1), policy) => vec![StreamDeletion::Kept]);
        let gone = vec![StreamDeletion::Deleted, StreamDeletion::NotFound];
        says!(t, xdel_ex("d", some, StreamDeletionPolicy::Remove) => gone);
        says!(t, xdel_ex("d", id(3), StreamDeletionPolicy::Keep) => vec![StreamDeletion::Deleted]);
        assert_eq!(t.client.xpending("d", "g").unwrap().count, 1);
    } else {
        refuses!(t, xdel_ex("d", some, policy) as Vec<StreamDeletion>, "ERR");
    }
}

fn infos(t: &Trial) {
    five(t, b"i");
    let info = got!(t, xinfo_stream("i")).unwrap();
    assert_eq!(
        (info.length, info.groups, info.last_generated_id),
        (5, 0, id(5))
    );
    assert_eq!(
        info.first_entry.map(|entry: StreamEntry| entry.id),
        Some(id(1))
    );
    assert_eq!(
        info.last_entry.map(|entry: StreamEntry| entry.id),
        Some(id(5))
    );
    assert_eq!(info.recorded_first_entry_id, Some(id(1)));
    assert_eq!(
        (info.entries_added, info.max_deleted_entry_id),
        (Some(5), Some(id(0)))
    );
    assert!(info.radix_tree_keys > 0 && info.radix_tree_nodes > 0);
    refuses!(t, xinfo_stream("none") as hitless::StreamInfo, "ERR");
    t.client.xgroup_create_mkstream("empty", "g", 0).unwrap();
    let info = got!(t, xinfo_stream("empty")).unwrap();
    assert_eq!((info.first_entry, info.last_entry), (None, None));

    t.client.xgroup_create("i", "g", 0).unwrap();
    let before = SystemTime::UNIX_EPOCH + HOUR;
    t.client.xreadgroup::<()>("g", "c", "i", ">").unwrap();
    let info = got!(t, xinfo_stream_full("i", 2)).unwrap();
    assert_eq!(
        (info.length, info.last_generated_id, info.entries_added),
        (5, id(5), Some(5))
    );
    assert_eq!(info.max_deleted_entry_id, Some(id(0)));
    assert_eq!(ids(&info.entries), [id(1), id(2)]);
    let group = &info.groups[0];
    assert_eq!(
        (&*group.name, group.last_delivered_id, group.pending_count),
        (&b"g"[..], id(5), 5)
    );
    assert_eq!((group.entries_read, group.lag), (Some(5), Some(0)));
    let (first, who, at, times) = &group.pending[0];
    assert_eq!((*first, &**who, *times), (id(1), &b"c"[..], 1));
    assert!(*at > before);
    let consumer = &group.consumers[0];
    assert_eq!((&*consumer.name, consumer.pending_count), (&b"c"[..], 5));
    assert!(consumer.seen > before);
    assert_eq!(consumer.active.is_some(), t.version != Version::Redis70);
    assert_eq!((consumer.pending[0].0, consumer.pending[0].2), (id(1), 1));
    assert!(consumer.pending[0].1 > before);
}

#[test]
fn stream_groups() {
    everywhere("stream_groups", |t| {
        five(t, RAW);
        says!(t, xgroup_create(RAW, "g", 0) => ());
        refuses!(t, xgroup_create(RAW, "g", 0) as (), "BUSYGROUP");
        says!(t, xgroup_create_mkstream("made", "g", "$") => ());
        let options = XGroupCreateOptions::new();
        refuses!(
            t,
            xgroup_create_options("none", "g", 0, &options) as (),
            "ERR"
        );
        says!(t, xgroup_create_options("none", "g", 0, &options.make_stream().entries_read(0)) => ());
        says!(t, xgroup_createconsumer(RAW, "g", "idle") => true);
        says!(t, xgroup_createconsumer(RAW, "g", "idle") => false);
        taken(t);
        pending(t);
        claimed(t);
        group_infos(t);
        names_of_any_bytes(t);
        says!(t, xgroup_setid(RAW, "g", 0) => ());
        says!(t, xgroup_setid_entries(RAW, "g", id(3), 3) => ());
        says!(t, xgroup_delconsumer(RAW, "g", "idle") => 0);
        says!(t, xgroup_destroy(RAW, "g") => true);
        says!(t, xgroup_destroy(RAW, "g") => false);
        refuses!(
            t,
            xreadgroup("g", "c", RAW, ">") as Vec<((), Vec<StreamEntry>)>,
            "NOGROUP"
        );
    });
}

/// Entries are taken once, and what was taken is never lost.
fn taken(t: &Trial) {
    let keys = [RAW, b"made"];
    let two = XReadOptions::new().count(2);
    let got = got!(t, xreadgroup_options("g", "ada", keys, [">", ">"], &two));
    assert_eq!(read(got), [(RAW.to_vec(), vec![id(1), id(2)])]);
    // The key is no text: the entries are in the error, and there alone.
    let one = XReadOptions::new().count(1);
    let got: Result<Vec<(String, Vec<StreamEntry>)>> =
        got!(t, xreadgroup_options("g", "ada", RAW, ">", &one));
    let error = got.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Conversion);
    let reply: Value = error.reply().unwrap().clone();
    let reply: Vec<(Vec<u8>, Vec<StreamEntry>)> = hitless::FromValue::from_value(reply).unwrap();
    assert_eq!(ids(&reply[0].1), [id(3)]);
    let at_once = XReadOptions::new().count(1).no_ack();
    let got = got!(t, xreadgroup_options("g", "bob", RAW, ">", &at_once));
    assert_eq!(read(got), [(RAW.to_vec(), vec![id(4)])]);
    assert_eq!(
        read(got!(t, xreadgroup("g", "bob", RAW, ">"))),
        [(RAW.to_vec(), vec![id(5)])]
    );
    let none = Vec::<((), Vec<StreamEntry>)>::new();
    says!(t, xreadgroup("g", "bob", RAW, ">") => none);
    // What is pending comes again.
    assert_eq!(
        read(got!(t, xreadgroup("g", "bob", RAW, 0))),
        [(RAW.to_vec(), vec![id(5)])]
    );
}

fn pending(t: &Trial) {
    let summary = got!(t, xpending(RAW, "g")).unwrap();
    assert_eq!(
        (summary.count, summary.smallest, summary.greatest),
        (4, Some(id(1)), Some(id(5)))
    );
    assert_eq!(
        summary.consumers,
        [(b"ada".to_vec(), 3), (b"bob".to_vec(), 1)]
    );
    let none = got!(t, xpending("made", "g")).unwrap();
    assert_eq!((none.count, none.smallest, none.greatest), (0, None, None));
    assert!(none.consumers.is_empty());
    let listed = got!(t, xpending_count(RAW, "g", "-", "+", 2)).unwrap();
    assert_eq!(
        listed.iter().map(|entry| entry.id).collect::<Vec<_>>(),
        [id(1), id(2)]
    );
    assert_eq!(
        (&*listed[0].consumer, listed[0].deliveries),
        (&b"ada"[..], 1)
    );
    assert!(listed[0].idle < HOUR);
    let listed = got!(t, xpending_consumer_count(RAW, "g", "-", "+", 9, "bob")).unwrap();
    assert_eq!(
        listed.iter().map(|entry| entry.id).collect::<Vec<_>>(),
        [id(5)]
    );
    // Delivered twice: once anew, and once again.
    assert_eq!(listed[0].deliveries, 2);
    let options = XPendingOptions::new().consumer("bob");
    let listed = got!(t, xpending_options(RAW, "g", id(1), id(5), 9, &options)).unwrap();
    assert_eq!(listed.len(), 1);
    let long = XPendingOptions::new().min_idle(HOUR);
    says!(t, xpending_options(RAW, "g", "-", "+", 9, &long) => vec![]);
    says!(t, xack(RAW, "g", [id(2), id(4)]) => 1);
}

fn claimed(t: &Trial) {
    let now = Duration::ZERO;
    says!(t, xclaim(RAW, "g", "bob", HOUR, id(1)) => Vec::<StreamEntry>::new());
    let claimed: Vec<StreamEntry> = got!(t, xclaim(RAW, "g", "bob", now, [id(1), id(2)])).unwrap();
    assert_eq!(ids(&claimed), [id(1)]);
    assert_eq!(claimed[0].get("number").unwrap(), Some(1));
    let options = XClaimOptions::new()
        .idle(HOUR)
        .deliveries(7)
        .force()
        .last_id(id(5));
    let claimed: Vec<StreamEntry> = got!(
        t,
        xclaim_options(RAW, "g", "eve", now, [id(1), id(2)], &options)
    )
    .unwrap();
    assert_eq!(ids(&claimed), [id(1), id(2)]);
    let of_eve = t
        .client
        .xpending_consumer_count(RAW, "g", "-", "+", 9, "eve")
        .unwrap();
    assert!(
        of_eve.len() == 2
            && of_eve
                .iter()
                .all(|entry| entry.deliveries == 7 && entry.idle >= HOUR)
    );
    // By now they have been idle for an hour.
    let later = XClaimOptions::new().delivered_at(SystemTime::UNIX_EPOCH + HOUR);
    says!(t, xclaim_just_id(RAW, "g", "bob", HOUR, [id(1), id(3)], &later) => vec![id(1)]);

    let first: StreamAutoClaim<StreamEntry> =
        got!(t, xautoclaim(RAW, "g", "ada", HOUR, StreamId::MIN, Some(1))).unwrap();
    assert_eq!((ids(&first.claimed), first.next), (vec![id(1)], id(2)));
    t.client.xdel(RAW, id(2)).unwrap();
    let rest: StreamAutoClaim<StreamId> = got!(
        t,
        xautoclaim_just_id(RAW, "g", "ada", now, first.next, None)
    )
    .unwrap();
    assert_eq!(rest.next, StreamId::MIN);
    assert_eq!(
        (rest.claimed, rest.deleted),
        (vec![id(3), id(5)], vec![id(2)])
    );
    // Deleted, and still pending: no fields.
    t.client.xdel(RAW, id(3)).unwrap();
    let mine = t.client.xreadgroup::<()>("g", "ada", RAW, id(1)).unwrap();
    assert_eq!(ids(&mine[0].1), [id(3), id(5)]);
    assert!(mine[0].1[0].fields.is_empty() && !mine[0].1[1].fields.is_empty());
    let policy = StreamDeletionPolicy::Remove;
    if t.has("XACKDEL") {
        let gone = vec![StreamDeletion::Deleted, StreamDeletion::NotFound];
        says!(t, xack_del(RAW, "g", [id(5), id(99)], policy) => gone);
    } else {
        refuses!(
            t,
            xack_del(RAW, "g", id(5), policy) as Vec<StreamDeletion>,
            "ERR"
        );
    }
}

fn group_infos(t: &Trial) {
    let groups = got!(t, xinfo_groups("made")).unwrap();
    assert_eq!(groups.len(), 1);
    let group = &groups[0];
    // A reader that got nothing counts as a consumer of some servers.
    assert!(group.consumers <= 1);
    assert_eq!((&*group.name, group.pending), (&b"g"[..], 0));
    assert_eq!(
        (group.last_delivered_id, group.lag),
        (StreamId::MIN, Some(0))
    );
    assert!(matches!(group.entries_read, None | Some(0)));
    let consumers = got!(t, xinfo_consumers(RAW, "g")).unwrap();
    let named = |name: &str| {
        consumers
            .iter()
            .find(|consumer| consumer.name == name.as_bytes())
            .unwrap()
    };
    assert_eq!(consumers.len(), 4);
    assert!(named("ada").pending > 0 && named("ada").idle < HOUR);
    assert_eq!(
        named("ada").inactive.is_some(),
        t.version != Version::Redis70
    );
    // It was made, and has never read.
    assert_eq!((named("idle").pending, named("idle").inactive), (0, None));
}

/// What is listed can be named again, whatever it is called.
fn names_of_any_bytes(t: &Trial) {
    let key: &[u8] = b"names\xff";
    five(t, key);
    let (group, ada): (&[u8], &[u8]) = (b"\xffg", b"\x80ada");
    t.client.xgroup_create(key, group, 0).unwrap();
    t.client.xreadgroup::<()>(group, ada, key, ">").unwrap();
    let groups = got!(t, xinfo_groups(key)).unwrap();
    assert!(groups.iter().any(|one| one.name == group));
    assert_eq!(got!(t, xinfo_consumers(key, group)).unwrap()[0].name, ada);
    let summary = got!(t, xpending(key, group)).unwrap();
    assert_eq!(summary.consumers, [(ada.to_vec(), 5)]);
    let listed = got!(t, xpending_count(key, group, "-", "+", 9)).unwrap();
    assert!(listed.len() == 5 && listed.iter().all(|one| one.consumer == ada));
    let shown = [format!("{:?}", listed[0]), format!("{groups:?}")];
    assert!(shown[0].contains(r#"consumer: "\x80ada""#), "{shown:?}");
    assert!(shown[1].contains(r#"name: "\xffg""#), "{shown:?}");
    let full = got!(t, xinfo_stream_full(key, 0)).unwrap();
    let full = full.groups.iter().find(|one| one.name == group).unwrap();
    assert_eq!((&*full.pending[0].1, &*full.consumers[0].name), (ada, ada));
    says!(t, xgroup_delconsumer(key, group, &listed[0].consumer) => 5);
    says!(t, xgroup_destroy(key, group) => true);
}

#[test]
fn blocking_streams() {
    everywhere("blocking_streams", |t| {
        // As long as there are entries, no wait begins; the hour is what would be seen otherwise.
        five(t, RAW);
        t.client.xgroup_create(RAW, "g", 0).unwrap();
        let (all, two) = (XReadOptions::new(), XReadOptions::new().count(2));
        t.note("xread_block");
        t.note("xreadgroup_block");
        let got = t
            .client
            .xread_block([RAW, b"none"], [id(3), id(0)], HOUR, &all);
        assert_eq!(read(got), [(RAW.to_vec(), vec![id(4), id(5)])]);
        let got = t.client.xreadgroup_block("g", "c", RAW, ">", HOUR, &two);
        assert_eq!(read(got), [(RAW.to_vec(), vec![id(1), id(2)])]);
        let lost = t
            .client
            .xreadgroup_block::<String>("g", "c", RAW, ">", HOUR, &two)
            .unwrap_err();
        assert_eq!(*lost.kind(), ErrorKind::Conversion);
        assert!(lost.reply().is_some(), "{lost:?}");
        let no_ack = all.clone().no_ack();
        let got = t.client.xreadgroup_block("g", "c", RAW, ">", HOUR, &no_ack);
        assert_eq!(read(got), [(RAW.to_vec(), vec![id(5)])]);
        // Less than 1 ms is not for ever.
        let brief = Duration::from_nanos(1);
        assert!(read(t.client.xread_block(RAW, "$", brief, &all)).is_empty());
        assert!(read(t.client.xreadgroup_block("g", "c", RAW, ">", brief, &all)).is_empty());
    });
}
