//! Strings and counters.

use crate::trial::{Trial, everywhere};
use hitless::{Commands, Expiry, SetOptions, cmd};
use std::time::{Duration, SystemTime};

const HOUR: Duration = Duration::from_secs(3600);

/// Whether a key vanishes within the hour.
fn vanishes(trial: &Trial, key: &str) -> bool {
    let left: i64 = trial.client.query(&cmd("PTTL").arg(key)).unwrap();
    (1..=3_600_000).contains(&left)
}

#[test]
fn strings() {
    everywhere("strings", |t| {
        says!(t, get("key") => None::<String>);
        says!(t, set("key", "value") => ());
        says!(t, get("key") => Some("value".to_owned()));
        says!(t, set(b"\x00\xff", b"\r\n\xfe") => ());
        says!(t, get(b"\x00\xff") => b"\r\n\xfe".to_vec());
        says!(t, set_nx("key", "other") => false);
        says!(t, set_nx("new", "other") => true);
        says!(t, getset("new", 7) => "other".to_owned());
        says!(t, get_del("new") => Some(7));
        says!(t, get_del("new") => None::<i64>);
        says!(t, strlen("key") => 5);
        says!(t, append("key", b"\xff!") => 7);
        says!(t, getrange("key", -2, -1) => b"\xff!".to_vec());
        says!(t, setrange("key", 5, "s.") => 7);
        says!(t, get("key") => "values.".to_owned());
        says!(t, mset([("one", 1), ("two", 2)]) => ());
        says!(t, mget(["one", "none", "two"]) => vec![Some(1), None, Some(2)]);
        says!(t, mset_nx([("two", 3), ("three", 3)]) => false);
        says!(t, mset_nx([("three", 3), ("four", 4)]) => true);
        t.client.lpush("list", 1).unwrap();
        refuses!(t, get("list") as String, "WRONGTYPE");
        refuses!(t, append("list", 1) as u64, "WRONGTYPE");
        counters(t);
        expiries(t);
        comparisons(t);
    });
}

fn counters(t: &Trial) {
    says!(t, incr("n") => 1);
    says!(t, incr_by("n", 41) => 42);
    says!(t, decr("n") => 41);
    says!(t, decr_by("n", 40) => 1);
    says!(t, incr_by_float("n", 0.5) => 1.5);
    refuses!(t, incr("n") as i64, "ERR");
}

fn expiries(t: &Trial) {
    let soon = Expiry::In(HOUR);
    let options = SetOptions::new;
    says!(t, set_ex("session", "anna", HOUR) => ());
    assert!(vanishes(t, "session"));
    says!(t, get_persist("session") => "anna".to_owned());
    assert!(!vanishes(t, "session"));
    says!(t, get_ex("session", soon) => "anna".to_owned());
    assert!(vanishes(t, "session"));
    says!(t, set_options("session", "berta", &options().keep_ttl()) => true);
    assert!(vanishes(t, "session"));
    says!(t, set_options("session", 1, &options().if_absent()) => false);
    says!(t, set_options("session", 1, &options().if_present()) => true);
    assert!(!vanishes(t, "session"));
    let at = Expiry::At(SystemTime::now() + HOUR);
    says!(t, set_get("session", 2, &options().expiry(at)) => Some(1));
    assert!(vanishes(t, "session"));
    says!(t, set_get("fresh", 2, &options()) => None::<i64>);
    refuses!(t, set_ex("session", 1, Duration::ZERO) as (), "ERR");
    // The past: the key is gone at once.
    let past = Expiry::At(SystemTime::UNIX_EPOCH + HOUR);
    says!(t, get_ex("session", past) => 2);
    says!(t, get("session") => None::<i64>);

    let pairs = [("a", 1), ("b", 2)];
    let options = options().if_absent().expiry(soon);
    if t.has("MSETEX") {
        says!(t, mset_ex(&pairs, &options) => true);
        says!(t, mset_ex(&pairs, &options) => false);
        assert!(vanishes(t, "a") && vanishes(t, "b"));
    } else {
        refuses!(t, mset_ex(&pairs, &options) as bool, "ERR");
    }
}

fn comparisons(t: &Trial) {
    says!(t, set("lock", b"\xff\x00") => ());
    if t.has("DELIFEQ") {
        let mine = SetOptions::new().if_equal(b"\xff\x00");
        says!(t, set_options("lock", b"\xfe", &mine) => true);
        says!(t, set_options("lock", b"\xfd", &mine) => false);
        says!(t, del_if_eq("lock", b"\xff\x00") => false);
        says!(t, del_if_eq("lock", b"\xfe") => true);
    } else {
        refuses!(t, del_if_eq("lock", 1) as bool, "ERR");
    }
    says!(t, mset([("one", "ohmytext"), ("other", "mynewtext")]) => ());
    says!(t, lcs("one", "other") => "mytext".to_owned());
    says!(t, lcs_len("one", "other") => 6);
    let matches = got!(t, lcs_matches("one", "other", 4)).unwrap();
    assert_eq!(matches.length, 6);
    let parts: Vec<_> = (matches.matches.iter())
        .map(|part| (part.one.clone(), part.other.clone()))
        .collect();
    assert_eq!(parts, [(4..=7, 5..=8)]);
}
