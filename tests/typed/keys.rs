//! Keys, whatever their values are.

use crate::common::redis::{Redis, Version};
use crate::trial::{Form, Trial, everywhere, on};
use hitless::{
    Client, Commands, CopyOptions, ErrorKind, ExpireIf, ExpireTime, Expiry, KeyType,
    MigrateOptions, Migrated, Options, RestoreOptions, Result, SortOptions, Ttl, cmd, pipe,
};
use std::time::{Duration, SystemTime};

const HOUR: Duration = Duration::from_secs(3600);
const RAW: &[u8] = b"\x00\xff\r\n";

/// Far ahead, in whole milliseconds.
fn later() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(9_999_999_999_123)
}

/// Whether a key vanishes within the hour.
fn vanishes(t: &Trial, key: &str) -> bool {
    match got!(t, ttl(key)).unwrap() {
        Ttl::Left(left) => left <= HOUR && !left.is_zero(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn keys() {
    let secret = ["--requirepass", "secret"];
    let targets = Version::ALL.map(|version| (version, Redis::of(version, &secret)));
    everywhere("keys", |t| {
        names(t);
        ends(t);
        copies(t);
        objects(t);
        sorted(t);
        let target = targets.iter().find(|(version, _)| *version == t.version);
        moves(t, &target.unwrap().1);
    });
}

fn names(t: &Trial) {
    says!(t, random_key() => None::<String>);
    t.client.set(RAW, "value").unwrap();
    says!(t, random_key() => Some(RAW.to_vec()));
    says!(t, keys("*") => vec![RAW.to_vec()]);
    says!(t, keys("none*") => Vec::<String>::new());
    says!(t, exists([RAW, b"none", RAW]) => 2);
    says!(t, touch([RAW, b"none"]) => 1);
    says!(t, rename(RAW, b"\xfe") => ());
    refuses!(t, rename(RAW, b"\xfe") as (), "ERR");
    t.client.set("other", "value").unwrap();
    says!(t, rename_nx("other", b"\xfe") => false);
    says!(t, rename_nx("other", RAW) => true);
    says!(t, move_key(RAW, 9) => true);
    says!(t, move_key(RAW, 9) => false);
    says!(t, del([b"\xfe", b"\xfd"]) => 1);
    says!(t, key_type("none") => KeyType::Absent);
    let made = pipe()
        .set("string", 1)
        .rpush("list", 1)
        .sadd("set", 1)
        .cmd(cmd("ZADD").arg("zset").arg(1).arg("a"))
        .hset("hash", "a", 1)
        .cmd(cmd("XADD").arg("stream").arg("*").arg("a").arg(1))
        .exec(&t.client);
    made.unwrap();
    says!(t, key_type("string") => KeyType::String);
    says!(t, key_type("list") => KeyType::List);
    says!(t, key_type("set") => KeyType::Set);
    says!(t, key_type("zset") => KeyType::SortedSet);
    says!(t, key_type("hash") => KeyType::Hash);
    says!(t, key_type("stream") => KeyType::Stream);
    says!(t, unlink(["string", "list", "set", "zset", "hash", "stream", "none"]) => 6);
}

fn ends(t: &Trial) {
    t.client.set("key", 1).unwrap();
    says!(t, ttl("none") => Ttl::Absent);
    says!(t, ttl("key") => Ttl::Forever);
    says!(t, expire_time("none") => ExpireTime::Absent);
    says!(t, expire_time("key") => ExpireTime::Never);
    says!(t, persist("key") => false);
    says!(t, expire("none", HOUR) => false);
    says!(t, expire_if("key", HOUR, ExpireIf::Ending) => false);
    says!(t, expire_if("key", HOUR, ExpireIf::Later) => false);
    says!(t, expire_if("key", HOUR * 3, ExpireIf::Forever) => true);
    says!(t, expire_if("key", HOUR * 2, ExpireIf::Sooner) => true);
    says!(t, expire("key", HOUR) => true);
    assert!(vanishes(t, "key"));
    says!(t, expire_at_if("key", later(), ExpireIf::Sooner) => false);
    says!(t, expire_at_if("key", later(), ExpireIf::Later) => true);
    says!(t, expire_time("key") => ExpireTime::At(later()));
    says!(t, persist("key") => true);
    says!(t, expire_at("key", later()) => true);
    says!(t, expire_time("key") => ExpireTime::At(later()));
    // The past: the key is gone at once.
    says!(t, expire_at("key", SystemTime::UNIX_EPOCH + HOUR) => true);
    says!(t, ttl("key") => Ttl::Absent);
    says!(t, expire_at("key", later()) => false);
}

fn copies(t: &Trial) {
    t.client.set(RAW, b"\xff\x00").unwrap();
    says!(t, copy(RAW, "copy") => true);
    says!(t, copy(RAW, "copy") => false);
    says!(t, copy("none", "copy") => false);
    says!(t, copy_options(RAW, "copy", &CopyOptions::new().replace()) => true);
    says!(t, copy_options(RAW, "copy", &CopyOptions::new().database(8)) => true);
    says!(t, copy_options(RAW, "copy", &CopyOptions::new().database(8)) => false);
    says!(t, dump("none") => None);
    let dump = got!(t, dump(RAW)).unwrap().unwrap();
    says!(t, restore("restored", &dump) => ());
    says!(t, get("restored") => b"\xff\x00".to_vec());
    says!(t, ttl("restored") => Ttl::Forever);
    refuses!(t, restore("restored", &dump) as (), "BUSYKEY");
    refuses!(t, restore("new", "no dump") as (), "ERR");
    let options = RestoreOptions::new().replace();
    let soon = options.clone().expiry(Expiry::In(HOUR)).idle_time(HOUR);
    says!(t, restore_options("restored", &dump, &soon) => ());
    assert!(vanishes(t, "restored"));
    let idle = got!(t, object_idletime("restored")).unwrap();
    assert!(idle >= Some(3600), "{idle:?}");
    let at = options.expiry(Expiry::At(later())).frequency(7);
    says!(t, restore_options("restored", &dump, &at) => ());
    says!(t, expire_time("restored") => ExpireTime::At(later()));
    // Zero would be never: it is sent as the shortest time that there is.
    let at_once = RestoreOptions::new().expiry(Expiry::At(SystemTime::UNIX_EPOCH));
    says!(t, restore_options("gone", &dump, &at_once) => ());
    says!(t, exists("gone") => 0);
}

fn objects(t: &Trial) {
    t.client.set("key", "text").unwrap();
    says!(t, object_encoding("key") => Some("embstr".to_owned()));
    says!(t, object_encoding("none") => None);
    says!(t, object_refcount("key") => Some(1));
    says!(t, object_refcount("none") => None);
    says!(t, object_idletime("none") => None);
    refuses!(t, object_freq("key") as Option<u64>, "ERR");
    let policy =
        |name| cmd("CONFIG SET").args([("maxmemory-policy", name), ("lfu-decay-time", "0")]);
    policy("allkeys-lfu").exec(&t.client).unwrap();
    let dump = got!(t, dump("key")).unwrap().unwrap();
    let often = RestoreOptions::new().replace().frequency(200);
    says!(t, restore_options("key", &dump, &often) => ());
    says!(t, object_freq("key") => Some(200));
    says!(t, object_freq("none") => None);
    refuses!(t, object_idletime("key") as Option<u64>, "ERR");
    policy("noeviction").exec(&t.client).unwrap();
}

fn sorted(t: &Trial) {
    let options = SortOptions::new;
    t.client.rpush("numbers", [10, 9, 1]).unwrap();
    says!(t, sort("numbers", &options()) => vec![1, 9, 10]);
    says!(t, sort("numbers", &options().as_text().descending()) => vec![9, 10, 1]);
    says!(t, sort_ro("numbers", &options().limit(1, 1)) => vec![9]);
    says!(t, sort_store("numbers", &options(), b"\xff") => 3);
    says!(t, lrange(b"\xff", 0, -1) => vec![1, 9, 10]);
    t.client
        .mset([("w:10", 1), ("w:9", 2), ("w:1", 3)])
        .unwrap();
    t.client.hset("h:9", "name", RAW).unwrap();
    says!(t, sort("numbers", &options().by("w:*")) => vec![10, 9, 1]);
    says!(t, sort("numbers", &options().by("none")) => vec![10, 9, 1]);
    let names = options().get("#").get("h:*->name");
    let expected = vec![(1, None), (9, Some(RAW.to_vec())), (10, None)];
    says!(t, sort("numbers", &names) => expected.clone());
    says!(t, sort_ro("numbers", &names) => expected);
    t.client.rpush("words", ["a", "b"]).unwrap();
    refuses!(t, sort("words", &options()) as Vec<String>, "ERR");
}

/// To a server that wants a password.
fn moves(t: &Trial, target: &Redis) {
    let (host, port) = (target.address.ip().to_string(), target.address.port());
    let options = Options::new(&target.url()).unwrap().password("secret");
    let there = Client::connect(options.command_timeout(HOUR)).unwrap();
    cmd("FLUSHALL").exec(&there).unwrap();
    let ada = cmd("ACL SETUSER").args(["ada", "on", ">word", "~*", "+@all"]);
    ada.exec(&there).unwrap();
    t.client.mset([(RAW, 1), (b"\xfe", 2)]).unwrap();
    let auth = MigrateOptions::new().auth("secret");
    let copy = auth.clone().copy();
    says!(t, migrate(&host, port, [b"none"], 0, HOUR, &auth) => Migrated::Nothing);
    says!(t, migrate(&host, port, [RAW, b"none"], 0, HOUR, &copy) => Migrated::Keys);
    says!(t, exists(RAW) => 1);
    refuses!(
        t,
        migrate(&host, port, RAW, 0, HOUR, &auth) as Migrated,
        "ERR"
    );
    let over = auth.replace();
    says!(t, migrate(&host, port, [RAW, b"\xfe"], 0, HOUR, &over) => Migrated::Keys);
    says!(t, exists([RAW, b"\xfe"]) => 0);
    assert_eq!(there.get::<i64>(RAW).unwrap(), 1);
    assert_eq!(there.get::<i64>(b"\xfe").unwrap(), 2);
    t.client.set("new", 3).unwrap();
    let wrong = MigrateOptions::new().auth("other");
    refuses!(
        t,
        migrate(&host, port, "new", 1, HOUR, &wrong) as Migrated,
        "ERR"
    );
    // The server keeps a connection that has logged in, and has sent the key behind the wrong password.
    let user = wrong.user("ada", "word").replace();
    says!(t, migrate(&host, port, "new", 1, HOUR, &user) => Migrated::Keys);
    says!(t, exists("new") => 0);
}

#[test]
fn waiting_is_for_what_stands_in_front() {
    for version in Version::ALL {
        on(version, &Redis::of(version, &[]), |t| {
            let mut pipeline = t.pipeline();
            // Any time but zero has an end.
            pipeline.set("key", RAW).wait(1, Duration::from_nanos(1));
            if t.form == Form::Atomic {
                let error = pipeline.query::<((), u64)>(&t.client).unwrap_err();
                assert_eq!(*error.kind(), ErrorKind::Usage);
                return;
            }
            assert_eq!(pipeline.query::<((), u64)>(&t.client).unwrap(), ((), 0));
            let mut pipeline = t.pipeline();
            pipeline
                .set("key", RAW)
                .waitaof(false, 0, HOUR)
                .waitaof(true, 0, HOUR);
            let [_, none, local] = pipeline
                .query::<[Result<(u64, u64)>; 3]>(&t.client)
                .unwrap();
            assert_eq!(local.unwrap_err().code(), Some("ERR"));
            if version == Version::Redis70 {
                assert_eq!(none.unwrap_err().code(), Some("ERR"));
            } else {
                assert_eq!(none.unwrap(), (0, 0));
            }
        });
    }
}
