//! Work that is handed over: a queue, and a stream with a group.

use super::on_each_server;
use hitless::{Client, Commands, ErrorKind, Result, Value, cmd};
use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

#[test]
fn a_queue_with_workers() {
    on_each_server(|client| {
        let work = |client: &Client| -> Result<u64> {
            let mut sum = 0;
            while let Some((_, job)) = client.blpop::<(), u64>("jobs", Duration::from_secs(10))? {
                if job == 0 {
                    break;
                }
                sum += job;
            }
            Ok(sum)
        };
        let sum = thread::scope(|scope| -> Result<u64> {
            let workers: Vec<_> = (0..3).map(|_| scope.spawn(|| work(client))).collect();
            client.rpush("jobs", 1..=100)?;
            client.rpush("jobs", [0; 3])?;
            workers
                .into_iter()
                .map(|worker| worker.join().unwrap())
                .sum()
        })?;
        assert_eq!(sum, 5050);
        // A job that cannot be read goes where somebody will look at it.
        client.rpush("jobs", "not a number")?;
        let error = client
            .blpop::<Vec<u8>, u64>("jobs", Duration::from_secs(10))
            .unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Conversion);
        let taken = error.reply().and_then(Value::as_items).unwrap();
        client.rpush("jobs:bad", taken[1].as_bytes().unwrap())?;
        assert_eq!(
            client.lpop::<String>("jobs:bad")?.as_deref(),
            Some("not a number")
        );
        Ok(())
    });
}

/// An entry of a stream.
type Entry = (String, BTreeMap<String, String>);

#[test]
fn a_stream_with_a_group() {
    on_each_server(|client| {
        cmd("XGROUP CREATE")
            .args(("events", "group", "$", "MKSTREAM"))
            .exec(client)?;
        for number in 0..5 {
            let id: String = cmd("XADD")
                .args(("events", "*", "number", number, "kind", "tick"))
                .query(client)?;
            assert!(id.contains('-'));
        }
        let read = cmd("XREADGROUP")
            .args(("GROUP", "group", "me", "COUNT", 3))
            .args(("BLOCK", 10_000, "STREAMS", "events", ">"));
        let mut seen = Vec::new();
        while seen.len() < 5 {
            let streams: Vec<(String, Vec<Entry>)> = read.query(client)?;
            for (stream, entries) in streams {
                assert_eq!(stream, "events");
                let ids = entries.iter().map(|(id, _)| id);
                let done: usize = cmd("XACK")
                    .arg("events")
                    .arg("group")
                    .args(ids)
                    .query(client)?;
                assert_eq!(done, entries.len());
                seen.extend(
                    entries
                        .into_iter()
                        .map(|(_, fields)| fields["number"].clone()),
                );
            }
        }
        assert_eq!(seen, ["0", "1", "2", "3", "4"]);
        let (pending, _, _, _): (u64, (), (), ()) =
            cmd("XPENDING").arg("events").arg("group").query(client)?;
        assert_eq!(pending, 0);
        let length: u64 = cmd("XLEN").arg("events").query(client)?;
        assert_eq!(length, 5);
        Ok(())
    });
}
