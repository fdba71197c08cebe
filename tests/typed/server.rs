//! The server as a whole.

use crate::common::redis::{Redis, Version};
use crate::trial::{Form, Trial, everywhere};
use hitless::ShutdownOptions;
use hitless::{
    Client, Commands, Delivery, FailoverOptions, FlushMode, ModuleOptions, Result, Role,
};
use std::time::{Duration, SystemTime};

#[test]
fn server() {
    everywhere("server", |t| {
        let info = got!(t, info()).unwrap();
        assert_eq!(info.get("tcp_port"), Some(port(t)));
        assert!(
            info.section("memory")
                .any(|(name, _)| name == "used_memory")
        );
        t.client.set(b"\xff", 1).unwrap();
        says!(t, dbsize() => 1);
        let info = got!(t, info_sections(["keyspace", "server"])).unwrap();
        let [database] = info.keyspace()[..] else {
            panic!("{info:?}")
        };
        assert_eq!(
            (database.number, database.keys, database.expires),
            (0, 1, 0)
        );
        assert_eq!(info.get::<u64>("used_memory"), None);
        assert!(info.text().starts_with("# "));
        settings(t);
        says!(t, swapdb(0, 1) => ());
        says!(t, dbsize() => 0);
        says!(t, flushdb() => ());
        says!(t, flushdb_mode(FlushMode::Async) => ());
        says!(t, swapdb(1, 0) => ());
        says!(t, dbsize() => 1);
        says!(t, flushall() => ());
        says!(t, dbsize() => 0);
        says!(t, flushall_mode(FlushMode::Sync) => ());
        disk(t);
        replication(t);
        modules(t);
        assert!(!got!(t, lolwut()).unwrap().is_empty());
        assert!(
            got!(t, lolwut_version(5, (8, 1, 1)))
                .unwrap()
                .contains("ver. ")
        );
        ends(t);
    });
}

fn port(t: &Trial) -> u16 {
    let address = t.client.options().get_endpoint().to_string();
    address.rsplit(':').next().unwrap().parse().unwrap()
}

fn settings(t: &Trial) {
    says!(t, config_set("maxmemory-samples", 7) => ());
    let settings = got!(t, config_get("maxmemory-s*")).unwrap();
    assert_eq!(settings["maxmemory-samples"], "7");
    assert_eq!(settings.len(), 1);
    says!(t, config_set_all([("maxmemory-samples", "5"), ("hz", "11")]) => ());
    let settings = got!(t, config_get(["hz", "maxmemory-samples"])).unwrap();
    assert_eq!((settings["hz"].as_str(), settings.len()), ("11", 2));
    refuses!(t, config_set("no-such-setting", b"\xff") as (), "ERR");
    refuses!(t, config_rewrite() as (), "ERR");
    says!(t, config_resetstat() => ());
    let stats = t.client.info_sections("stats").unwrap();
    assert_eq!(stats.get("rejected_connections"), Some(0));
}

/// What was begun, unless the server is busy with it or a transaction may not hold it.
#[track_caller]
fn begun<T>(result: Result<T>, is_right: impl Fn(T) -> bool) {
    match result {
        Ok(reply) => assert!(is_right(reply)),
        Err(error) => {
            let text = error.to_string();
            let is_busy = ["progress", "child process", "transaction"];
            let is_busy = is_busy.iter().any(|words| text.contains(words));
            assert!(is_busy && error.code() == Some("ERR"), "{error:?}");
        }
    }
}

fn disk(t: &Trial) {
    let started = |text: String| text.contains("started") || text.contains("scheduled");
    begun(got!(t, save()), |()| t.form != Form::Atomic);
    begun(got!(t, bgsave()), started);
    begun(got!(t, bgsave_schedule()), started);
    begun(got!(t, bgrewriteaof()), started);
    let saved = got!(t, lastsave()).unwrap();
    let now = got!(t, time()).unwrap();
    // Of the same clock, one in whole seconds.
    assert!(SystemTime::UNIX_EPOCH < saved && saved <= now);
}

fn replication(t: &Trial) {
    let primary =
        |role: Role| matches!(role, Role::Primary { replicas, .. } if replicas.is_empty());
    assert!(primary(got!(t, role()).unwrap()));
    // Nobody listens there.
    says!(t, replicaof("127.0.0.1", 1) => ());
    let role = got!(t, role()).unwrap();
    let Role::Replica { host, port, .. } = role else {
        panic!("{role:?}")
    };
    assert_eq!((host.as_str(), port), ("127.0.0.1", 1));
    says!(t, replicaof_no_one() => ());
    assert!(got!(t, role()).unwrap().is_primary());
    let options = FailoverOptions::new().to("127.0.0.1", 1).force();
    let options = options.timeout(Duration::from_secs(1));
    refuses!(t, failover(&options) as (), "ERR");
    refuses!(t, failover_abort() as (), "ERR");
}

fn modules(t: &Trial) {
    let modules = got!(t, module_list()).unwrap();
    let names: Vec<&str> = modules.iter().map(|module| module.name.as_str()).collect();
    match t.version {
        Version::Redis70 => assert!(names.is_empty()),
        // Redis 8 has vector sets as a module, Valkey 9 its scripts.
        Version::Redis82 => assert_eq!(names, ["vectorset"]),
        Version::Valkey91 => assert_eq!(names, ["lua"]),
    }
    assert!(modules.iter().all(|module| module.version == 1));
    // Servers allow it only where they are told to.
    refuses!(t, module_load("/no such file", (1, b"\xff")) as (), "ERR");
    let options = ModuleOptions::new().config("name", 1).args(["x"]);
    refuses!(t, module_loadex("/no such file", &options) as (), "ERR");
    refuses!(t, module_unload("none") as (), "ERR");
}

fn ends(t: &Trial) {
    refuses!(t, shutdown_abort() as (), "ERR");
    t.note("shutdown");
    if t.form != Form::Alone {
        return;
    }
    let mut redis = Redis::of(t.version, &[]);
    let client = Client::connect(redis.url()).unwrap();
    let options = ShutdownOptions::new().save(false).now().force();
    let error = client.shutdown(&options).unwrap_err();
    assert_eq!(error.delivery(), Delivery::Unknown);
    // It would find its address taken if it were still there.
    redis.restart();
    while client.ping().is_err() {}
}
