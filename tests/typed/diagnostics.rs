//! What looks into the server.

use crate::common::redis::Version;
use crate::trial::{Trial, everywhere};
use hitless::{CommandFilter, CommandlogKind, Commands, Value, cmd};
use std::time::{Duration, SystemTime};

#[test]
fn diagnostics() {
    everywhere("diagnostics", |t| {
        slow(t);
        latency(t);
        memory(t);
        commands(t);
    });
}

fn slow(t: &Trial) {
    t.client.config_set("slowlog-log-slower-than", 0).unwrap();
    says!(t, slowlog_reset() => ());
    t.client.echo::<()>(b"\xff\x00").unwrap();
    let arguments = [b"ECHO".to_vec(), b"\xff\x00".to_vec()];
    let entries = got!(t, slowlog_get(i64::MAX)).unwrap();
    let entry = entries.iter().find(|entry| entry.arguments == arguments);
    let entry = entry.unwrap();
    assert!(entry.address.starts_with("127.0.0.1:") && entry.name.is_none());
    assert!(entry.at > SystemTime::UNIX_EPOCH);
    assert_eq!(got!(t, slowlog_get(1)).unwrap().len(), 1);
    assert!(got!(t, slowlog_len()).unwrap() > 1);

    let kind = CommandlogKind::Slow;
    if t.has("COMMANDLOG") {
        let entries = got!(t, commandlog_get(i64::MAX, kind)).unwrap();
        let same = entries.iter().find(|other| other.id == entry.id).unwrap();
        assert_eq!(same.arguments, arguments);
        assert_eq!(Duration::from_micros(same.amount), entry.took);
        assert_eq!(
            (&same.address, &same.name, same.at),
            (&entry.address, &None, entry.at)
        );
        assert!(got!(t, commandlog_len(kind)).unwrap() > 1);
        says!(t, commandlog_len(CommandlogKind::LargeRequest) => 0);
        says!(t, commandlog_reset(CommandlogKind::LargeReply) => ());
    } else {
        refuses!(t, commandlog_get(1, kind) as _, "ERR");
        refuses!(t, commandlog_len(kind) as u64, "ERR");
        refuses!(t, commandlog_reset(kind) as (), "ERR");
    }
    t.client
        .config_set("slowlog-log-slower-than", 10_000)
        .unwrap();
}

fn latency(t: &Trial) {
    says!(t, latency_reset("none") => 0);
    t.client.config_set("latency-monitor-threshold", 2).unwrap();
    // The server counts it as a delay, for it answers nobody meanwhile.
    cmd("DEBUG SLEEP").arg(0.003).exec(&t.client).unwrap();
    t.client.config_set("latency-monitor-threshold", 0).unwrap();
    let events = got!(t, latency_latest()).unwrap();
    let event = events.iter().find(|event| event.name == "command").unwrap();
    assert!(event.worst >= event.last && event.last >= Duration::from_millis(2));
    let samples = got!(t, latency_history("command")).unwrap();
    let last = samples.last().unwrap();
    assert_eq!((last.at, last.took), (event.at, event.last));
    says!(t, latency_history(b"\xff") => vec![]);
    assert!(got!(t, latency_graph("command")).unwrap().contains("high"));
    assert!(got!(t, latency_doctor()).unwrap().contains("latency"));
    t.client.config_resetstat().unwrap();
    t.client.echo::<()>("x").unwrap();
    let histograms = got!(t, latency_histogram(["echo", "get"])).unwrap();
    assert_eq!((histograms.len(), histograms["echo"].calls), (1, 1));
    let last = histograms["echo"].cumulative.last().unwrap();
    assert!(last.0 > Duration::ZERO && last.1 == 1);
    assert!(got!(t, latency_reset(())).unwrap() > 0);
}

fn memory(t: &Trial) {
    t.client.set(b"\xff", "value").unwrap();
    assert!(got!(t, memory_usage(b"\xff")).unwrap() > Some(5));
    says!(t, memory_usage("none") => None);
    assert!(got!(t, memory_usage_samples(b"\xff", 0)).unwrap() > Some(5));
    let stats = got!(t, memory_stats()).unwrap();
    assert!(stats.peak_allocated >= stats.startup_allocated && stats.total_allocated > 0);
    assert!(stats.overhead > 0 && stats.fragmentation > 0.0);
    assert_eq!(stats.keys, 1);
    assert!(stats.all.iter().any(|(name, _)| name == "clients.normal"));
    assert!(!got!(t, memory_doctor()).unwrap().is_empty());
    assert!(!got!(t, memory_malloc_stats()).unwrap().is_empty());
    says!(t, memory_purge() => ());
}

fn commands(t: &Trial) {
    let names = got!(t, command_list()).unwrap();
    let count = got!(t, command_count()).unwrap();
    // With sub-commands, which are not counted.
    assert!(names.len() as u64 > count && names.contains(&"config|get".to_owned()));
    let filter = |filter: CommandFilter| got!(t, command_list_filter(&filter)).unwrap();
    let mut some = filter(CommandFilter::Pattern("hget*".to_owned()));
    some.retain(|name| name == "hget" || name == "set");
    assert_eq!(some, ["hget"]);
    assert!(filter(CommandFilter::AclCategory("hash".to_owned())).contains(&"hget".to_owned()));
    assert!(filter(CommandFilter::Module("none".to_owned())).is_empty());

    let infos = got!(t, command_info(["get", "none", "config"])).unwrap();
    let [Some(get), None, Some(config)] = &infos[..] else {
        panic!("{infos:?}")
    };
    assert_eq!((get.name.as_str(), get.arity), ("get", 2));
    assert_eq!((get.first_key, get.last_key, get.key_step), (1, 1, 1));
    assert!(get.flags.contains(&"readonly".to_owned()) && get.subcommands.is_empty());
    assert!(get.acl_categories.contains(&"@read".to_owned()));
    let set = config
        .subcommands
        .iter()
        .find(|command| command.name == "config|set");
    assert!(!set.unwrap().tips.is_empty());
    assert_eq!(got!(t, command_info(())).unwrap().len() as u64, count);

    let docs = got!(t, command_docs(["getset", "config", "none"])).unwrap();
    assert_eq!(docs.len(), 2);
    let getset = &docs["getset"];
    assert_eq!(getset.since.as_deref(), Some("1.0.0"));
    assert_eq!(getset.group.as_deref(), Some("string"));
    assert!(getset.summary.is_some() && getset.complexity.is_some());
    // Valkey advises against it no longer.
    let advised = (t.version != Version::Valkey91).then_some("6.2.0");
    assert_eq!(getset.deprecated_since.as_deref(), advised);
    assert_eq!(getset.replaced_by.is_some(), advised.is_some());
    assert!(docs["config"].subcommands.contains_key("config|get"));

    says!(t, command_getkeys(("MSET", b"\xff", 1, "b", 2)) => [b"\xff".to_vec(), b"b".to_vec()]);
    let keys = got!(t, command_getkeysandflags(("SET", b"\xff", 1))).unwrap();
    let flags = vec!["OW".to_owned(), "update".to_owned()];
    assert_eq!(keys, [(b"\xff".to_vec(), flags)]);
    refuses!(t, command_getkeys("PING") as Value, "ERR");
}
