//! Hashes, and fields that vanish.

use crate::common::redis::Version;
use crate::trial::{Trial, everywhere};
use hitless::{
    Commands, ExpireIf, ExpireTime, Expiry, FieldExpire, FieldPersist, HSetOptions, Result, Ttl,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

const HOUR: Duration = Duration::from_secs(3600);
const RAW: &[u8] = b"\x00\xff\r\n";

#[test]
fn hashes() {
    everywhere("hashes", |t| {
        fields(t);
        some_fields(t);
        if t.has("HSETEX") {
            ends(t);
            values_with_ends(t);
            taken(t);
        } else {
            without_ends(t);
        }
    });
}

fn fields(t: &Trial) {
    says!(t, hset(RAW, RAW, b"\xfe") => true);
    says!(t, hset(RAW, RAW, b"\xfd") => false);
    says!(t, hset_multiple(RAW, [("a", 1), ("b", 2)]) => 2);
    says!(t, hset_nx(RAW, "a", 7) => false);
    says!(t, hset_nx(RAW, "c", 3) => true);
    says!(t, hget(RAW, RAW) => b"\xfd".to_vec());
    says!(t, hget(RAW, "none") => None::<String>);
    says!(t, hmget(RAW, ["c", "none", "a"]) => vec![Some(3), None, Some(1)]);
    says!(t, hmget("none", ["a"]) => vec![None::<i64>]);
    says!(t, hexists(RAW, "a") => true);
    says!(t, hexists(RAW, "none") => false);
    says!(t, hstrlen(RAW, RAW) => 1);
    says!(t, hlen(RAW) => 4);
    says!(t, hlen("none") => 0);
    says!(t, hdel(RAW, [RAW, b"none"]) => 1);
    says!(t, hgetall(RAW) => BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 2), ("c".to_owned(), 3)]));
    says!(t, hgetall("none") => Vec::<(String, i64)>::new());
    says!(t, hkeys(RAW) => BTreeSet::from(['a', 'b', 'c']));
    says!(t, hvals(RAW) => BTreeSet::from([1, 2, 3]));
    says!(t, hincr_by(RAW, "a", -8) => -7);
    says!(t, hincr_by_float(RAW, "a", 0.5) => -6.5);
    refuses!(t, hincr_by(RAW, "a", 1) as i64, "ERR");
    t.client.set("text", 1).unwrap();
    refuses!(t, hget("text", "a") as String, "WRONGTYPE");
}

fn some_fields(t: &Trial) {
    says!(t, hrandfield("none") => None::<String>);
    says!(t, hrandfield_multiple("none", 2) => Vec::<String>::new());
    says!(t, hrandfield_withvalues("none", 2) => Vec::<(String, String)>::new());
    t.client.hset("any", RAW, 1).unwrap();
    says!(t, hrandfield("any") => RAW.to_vec());
    says!(t, hrandfield_multiple("any", -3) => vec![RAW.to_vec(); 3]);
    says!(t, hrandfield_withvalues("any", 3) => vec![(RAW.to_vec(), 1)]);
    says!(t, hrandfield_withvalues("any", -2) => vec![(RAW.to_vec(), 1); 2]);
    t.client.hset("any", "b", 2).unwrap();
    says!(t, hrandfield_withvalues("any", 2) => BTreeMap::from([(RAW.to_vec(), 1), (b"b".to_vec(), 2)]));
}

/// Far ahead, in whole milliseconds.
fn later() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(9_999_999_999_123)
}

/// Whether a field vanishes within the hour.
fn vanishes(t: &Trial, key: &[u8], field: &[u8]) -> bool {
    match got!(t, httl(key, field)).unwrap()[..] {
        [Ttl::Left(left)] => left <= HOUR && !left.is_zero(),
        ref other => panic!("{other:?}"),
    }
}

fn ends(t: &Trial) {
    t.client.hset_multiple(RAW, [(RAW, 1), (b"b", 2)]).unwrap();
    let two = [RAW, b"none"];
    says!(t, httl(RAW, two) => vec![Ttl::Forever, Ttl::Absent]);
    says!(t, httl("none", two) => vec![Ttl::Absent; 2]);
    says!(t, hexpire_time(RAW, two) => vec![ExpireTime::Never, ExpireTime::Absent]);
    says!(t, hpersist(RAW, two) => vec![FieldPersist::Forever, FieldPersist::Absent]);
    says!(t, hexpire(RAW, HOUR, two) => vec![FieldExpire::Set, FieldExpire::Absent]);
    assert!(vanishes(t, RAW, RAW));
    says!(t, hexpire_if(RAW, HOUR, [RAW, b"b"], ExpireIf::Forever) => vec![FieldExpire::Unmet, FieldExpire::Set]);
    says!(t, hexpire_at_if(RAW, later(), [RAW, b"b"], ExpireIf::Sooner) => vec![FieldExpire::Unmet; 2]);
    says!(t, hexpire_at_if(RAW, later(), [RAW], ExpireIf::Later) => vec![FieldExpire::Set]);
    says!(t, hexpire_time(RAW, two) => vec![ExpireTime::At(later()), ExpireTime::Absent]);
    says!(t, hpersist(RAW, two) => vec![FieldPersist::Persisted, FieldPersist::Absent]);
    says!(t, hexpire_at(RAW, later(), two) => vec![FieldExpire::Set, FieldExpire::Absent]);
    says!(t, hexpire(RAW, Duration::ZERO, two) => vec![FieldExpire::Removed, FieldExpire::Absent]);
    says!(t, hexists(RAW, RAW) => false);
}

fn values_with_ends(t: &Trial) {
    let options = HSetOptions::new;
    let soon = Expiry::In(HOUR);
    let pairs = [(RAW, b"\xff"), (b"b", b"\xfe")];
    let values = vec![Some(b"\xff".to_vec()), None];
    let two = [RAW, b"none"];
    says!(t, hset_ex("h", &pairs, &options().if_present()) => false);
    says!(t, hset_ex("h", &pairs, &options().if_absent().expiry(soon)) => true);
    says!(t, hset_ex("h", &pairs, &options().if_absent()) => false);
    assert!(vanishes(t, b"h", RAW));
    says!(t, hset_ex("h", &pairs, &options().if_present().keep_ttl()) => true);
    assert!(vanishes(t, b"h", RAW));
    says!(t, hset_ex("h", &pairs, &options()) => true);
    let key = (options().if_key_absent(), options().if_key_present());
    if t.version == Version::Valkey91 {
        says!(t, hset_ex("h", &pairs, &key.0.if_present()) => false);
        says!(t, hset_ex("h", &pairs, &key.1.if_present()) => true);
    } else {
        refuses!(t, hset_ex("h", &pairs, &key.0) as bool, "ERR");
        refuses!(t, hset_ex("h", &pairs, &key.1) as bool, "ERR");
    }
    says!(t, httl("h", RAW) => vec![Ttl::Forever]);
    says!(t, hget_ex("h", two, soon) => values.clone());
    assert!(vanishes(t, b"h", RAW));
    says!(t, hget_ex("h", two, Expiry::At(later())) => values.clone());
    says!(t, hexpire_time("h", RAW) => vec![ExpireTime::At(later())]);
    says!(t, hget_persist("h", two) => values);
    says!(t, httl("h", RAW) => vec![Ttl::Forever]);
}

fn taken(t: &Trial) {
    t.client
        .hset_multiple("taken", [(RAW, "x"), (b"b", "y")])
        .unwrap();
    let two = [RAW, b"none"];
    if !t.has("HGETDEL") {
        refuses!(t, hget_del("taken", two) as Vec<String>, "ERR");
        return;
    }
    // What was taken and does not fit comes back.
    let error: Result<Vec<i64>> = got!(t, hget_del("taken", "b"));
    let reply = error.unwrap_err().reply().cloned().unwrap();
    assert_eq!(reply.as_items().unwrap()[0].as_str(), Some("y"));
    says!(t, hget_del("taken", two) => vec![Some("x".to_owned()), None]);
    says!(t, hget_del("taken", two) => vec![None::<String>; 2]);
}

fn without_ends(t: &Trial) {
    refuses!(t, httl("h", "a") as Vec<Ttl>, "ERR");
    refuses!(
        t,
        hset_ex("h", &[("a", 1)], &HSetOptions::new()) as bool,
        "ERR"
    );
}
