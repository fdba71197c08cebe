//! The examples of ordinary programs do what they print. Each is run as a program of its own against every server,
//! and what it has left there is looked at.
#![cfg(feature = "sim")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "a test panics when a claim is false, and its modules are seen by nobody else"
)]

mod common;
#[path = "common/programs.rs"]
#[allow(dead_code, reason = "each test uses its part")]
mod programs;

use common::redis::{Redis, Version};
use hitless::{Client, Commands, Ttl};
use programs::{example, run};
use std::path::Path;
use std::process::Command;

/// What an example prints, run against this server.
#[track_caller]
fn told(example: &Path, server: &Redis, arguments: &[&str]) -> String {
    let mut command = Command::new(example);
    run(command.arg(server.url()).args(arguments)).unwrap_or_else(|story| panic!("{story}"))
}

/// Runs a claim about an example for each server, with a client that looks after it.
fn on_each_server(name: &str, claim: impl Fn(&Path, &Redis, &Client)) {
    let example = example(name);
    for version in Version::ALL {
        let server = Redis::of(version, &[]);
        claim(&example, &server, &Client::connect(server.url()).unwrap());
    }
}

#[test]
#[cfg(feature = "serde")]
fn the_cache_loads_what_is_missing_or_of_another_form_and_only_that() {
    on_each_server("cache", |cache, server, client| {
        let ada = "Ada the 7th is admin and author\n";
        let rest = format!("{ada}{ada}the database says something new\nuser 7 is loaded\n");
        assert_eq!(
            told(cache, server, &[]),
            format!("user 7 is loaded\n{rest}")
        );
        let key = "example:user:7";
        let json = r#"{"name":"Ada the 7th","roles":["admin","author"]}"#;
        assert_eq!(client.get::<String>(key).unwrap(), json);
        let Ttl::Left(left) = client.ttl(key).unwrap() else {
            panic!("{:?}", client.ttl(key));
        };
        assert!(left.as_secs() <= 60, "{left:?}");

        // What is there is not loaded.
        client.set(key, json.replace("Ada", "Eve")).unwrap();
        let story = told(cache, server, &[]);
        assert_eq!(story, rest.replace(ada, &ada.replace("Ada", "Eve")));

        // What another release has stored is told by the field that does not fit, and replaced.
        client
            .set(key, r#"{"name":"Ada","roles":"secret"}"#)
            .unwrap();
        let story = told(cache, server, &[]);
        let (error, more) = story.split_once('\n').unwrap();
        assert!(
            error.contains("roles") && !error.contains("secret"),
            "{error}"
        );
        assert_eq!(more, format!("user 7 is loaded\n{rest}"));
    });
}

#[test]
fn the_work_queue_does_each_job_once_and_stops_with_nothing_at_work() {
    on_each_server("work_queue", |queue, server, client| {
        assert_eq!(
            told(queue, server, &[]),
            "4 workers did 100 jobs\n0 jobs wait, 0 are at work\n"
        );
        assert_eq!(client.dbsize().unwrap(), 0);
    });
}

#[test]
fn the_rate_limiter_lets_five_pass_and_forgets_those_of_long_ago() {
    on_each_server("rate_limiter", |limiter, server, client| {
        let key = "example:calls:ada";
        // Five of 1970.
        client.rpush(key, [1, 2, 3, 4, 5]).unwrap();
        let story = told(limiter, server, &[]);
        let lines: Vec<&str> = story.lines().collect();
        let passed = [4, 3, 2, 1, 0].map(|left| format!("passes, {left} remain"));
        for (number, (line, passed)) in (1..).zip(lines.iter().zip(passed)) {
            assert_eq!(*line, format!("call {number} {passed}"));
        }
        let [sixth, seventh] = lines[5..] else {
            panic!("{story}");
        };
        for (line, number) in [(sixth, 6), (seventh, 7)] {
            let wait = line.strip_prefix(&format!("call {number} must wait for "));
            // At most a minute, in seconds or, if something took that long, in milliseconds.
            assert!(
                wait.is_some_and(|wait| wait.ends_with('s') && wait != "0ns"),
                "{line}"
            );
        }
        let times: Vec<u64> = client.lrange(key, 0, -1).unwrap();
        assert!(
            times.len() == 5 && times.is_sorted() && times[0] > 5,
            "{times:?}"
        );
        let Ttl::Left(_) = client.ttl(key).unwrap() else {
            panic!("the list stays for good");
        };
    });
}

#[test]
fn the_leader_board_has_the_best_score_of_each_player_at_its_place() {
    on_each_server("leaderboard", |leaderboard, server, client| {
        let best = |rank: u32| 101 - rank;
        let first: String = (1..=10)
            .map(|rank| format!("{rank:>2}. player {0}: {0}0\n", best(rank)))
            .collect();
        let around = "    player 52: 520\n    player 51: 510\n    ada: 505\n    player 50: 500\n    player 49: 490\n";
        let story = format!(
            "of 101 players the first ten:\n{first}ada is number 51 with 505, around her are:\n{around}"
        );
        assert_eq!(told(leaderboard, server, &[]), story);
        // Again the same, over what is there.
        assert_eq!(told(leaderboard, server, &[]), story);
        assert_eq!(client.zscore("example:board", "ada").unwrap(), Some(505.0));
        assert_eq!(client.zcard("example:board").unwrap(), 101);
    });
}

#[test]
fn what_is_loaded_in_bulk_is_all_there_and_is_removed_by_its_pattern_alone() {
    let scan_delete = example("scan_delete");
    on_each_server("bulk_load", |bulk_load, server, client| {
        client.set("example:other", "stays").unwrap();
        // Two pipelines and a half.
        let story = told(bulk_load, server, &["25000"]);
        assert!(
            story.starts_with("25000 keys in ") && story.ends_with(" keys a second\n"),
            "{story}"
        );
        assert_eq!(client.dbsize().unwrap(), 25_001);
        let keys = [0, 9_999, 10_000, 24_999].map(|number| format!("example:item:{number}"));
        let values: Vec<Option<u64>> = client.mget(keys).unwrap();
        assert_eq!(values, [0, 9_999, 10_000, 24_999].map(Some));
        // Keys need not be texts.
        client.set(b"example:item:\xff\n", "goes").unwrap();
        let removed = |count: u32| format!("{count} keys removed, the scan began again 0 times\n");
        assert_eq!(
            told(&scan_delete, server, &["example:item:1*"]),
            removed(11_111)
        );
        assert_eq!(told(&scan_delete, server, &[]), removed(13_890));
        assert_eq!(told(&scan_delete, server, &[]), removed(0));
        assert_eq!(client.keys::<Vec<String>>("*").unwrap(), ["example:other"]);
    });
}

#[test]
fn a_bulk_load_that_the_server_refuses_says_which_command() {
    on_each_server("bulk_load", |bulk_load, server, client| {
        client.config_set("maxmemory", 1).unwrap();
        let story = run(Command::new(bulk_load).arg(server.url()).arg("5")).unwrap_err();
        assert!(story.contains("OOM") && story.contains("SET"), "{story}");
        assert_eq!(client.dbsize().unwrap(), 0);
    });
}

#[test]
fn the_pipelines_have_types_results_and_a_transaction() {
    on_each_server("pipeline", |pipeline, server, client| {
        client.rpush("example:tags", ["new", "red"]).unwrap();
        let story = told(pipeline, server, &[]);
        let lines: Vec<&str> = story.lines().collect();
        let [typed, first, refused, third, both] = lines[..] else {
            panic!("{story}");
        };
        assert_eq!(
            typed,
            r#"anna has 100, and ["new", "red"] for tags; nobody has None"#
        );
        assert_eq!(
            [first, third],
            ["command 0: Int(101)", "command 2: Int(21)"]
        );
        assert!(
            refused.starts_with("command 1: ") && refused.contains("INCR"),
            "{refused}"
        );
        assert!(refused.contains("not an integer"), "{refused}");
        assert_eq!(both, "anna has 71, bert has 51");
        let left: Vec<String> = client
            .mget(["example:anna", "example:seen", "example:bert"])
            .unwrap();
        assert_eq!(left, ["71", "anna", "51"]);
        let info = client.info_sections("commandstats").unwrap();
        assert!(
            info.text().contains("cmdstat_exec:"),
            "there was a transaction"
        );
    });
}

#[test]
#[cfg(feature = "sim-tls")]
fn the_tls_example_connects_by_certificates_that_fit_and_says_which_does_not() {
    use common::certificates::{Authority, demand_certificates};
    let tls = example("tls");
    let (authority, stranger) = (Authority::new("ours"), Authority::new("theirs"));
    // Debian's server is the one that has TLS.
    let server = Redis::start();
    let address = demand_certificates(&server, &authority, "TLSv1.2 TLSv1.3");
    let directory = server.socket.parent().unwrap();
    let theirs = |name: &str, text: &str| {
        let path = directory.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let ours = ["ca.pem", "certificate.pem", "key.pem"].map(|name| directory.join(name));
    let connect = |[ca, certificate, key]: [&Path; 3]| {
        let mut command = Command::new(&tls);
        command.arg(format!("rediss://{address}"));
        run(command.args([ca, certificate, key]))
    };
    let [ca, certificate, key] = [&*ours[0], &*ours[1], &*ours[2]];
    let story = connect([ca, certificate, key]).unwrap_or_else(|story| panic!("{story}"));
    assert_eq!(story, "connected over TLS as the user default\n");

    let other_ca = theirs("other-ca.pem", &stranger.ca);
    let story = connect([&other_ca, certificate, key]).unwrap_err();
    assert!(
        story.contains("one side does not trust the other: ") && story.contains("ca_file"),
        "{story}"
    );
    let other_certificate = theirs("other-certificate.pem", &stranger.certificate);
    let other_key = theirs("other-key.pem", &stranger.key);
    let story = connect([ca, &other_certificate, &other_key]).unwrap_err();
    assert!(
        story.contains("one side does not trust the other: ")
            && story.contains("certificate of the client"),
        "{story}"
    );
    // The certificate of one, and the key of another.
    let story = connect([ca, certificate, &other_key]).unwrap_err();
    assert!(
        story.contains("the files do not do: ") && story.contains("the key is not that of"),
        "{story}"
    );
    let story = connect([ca, certificate, &directory.join("none.pem")]).unwrap_err();
    assert!(
        story.contains("the files do not do: ") && story.contains("none.pem"),
        "{story}"
    );
}

#[test]
fn optimistic_locking_sells_no_seat_twice() {
    on_each_server("optimistic_locking", |locking, server, client| {
        let story = told(locking, server, &[]);
        assert_eq!(
            story,
            "8 passengers have booked 20 pairs of seats\n40 seats are taken, 0 are free\n"
        );
        let taken: std::collections::BTreeMap<u32, String> =
            client.hgetall("example:train:taken").unwrap();
        // Whoever has a seat has the one beside it.
        for pair in (1..=40).step_by(2) {
            assert_eq!(taken[&pair], taken[&(pair + 1)], "{taken:?}");
        }
    });
}

#[test]
fn the_fan_out_hands_every_message_to_its_thread() {
    on_each_server("fan_out", |fan_out, server, client| {
        assert_eq!(
            told(fan_out, server, &[]),
            "sport: 100 news\nweather: 100 news\nwork: 100 news\n"
        );
        // Its subscription is gone with it.
        let patterns: i64 = hitless::cmd("PUBSUB NUMPAT").query(client).unwrap();
        assert_eq!(patterns, 0);
    });
}

#[test]
fn the_group_packs_each_order_once_and_puts_aside_what_fails() {
    on_each_server("stream_group", |group, server, client| {
        // Over what is there from the last time.
        for _ in 0..2 {
            let story = told(group, server, &[]);
            let lines: Vec<&str> = story.lines().collect();
            let [made @ .., aside, left] = &lines[..] else {
                panic!("{story}");
            };
            let mut made = made.to_vec();
            made.sort_unstable();
            let failed = [1, 2, 3].map(|attempt| format!("nothing to pack, attempt {attempt}"));
            let packed = ["rice", "soap", "tea"].map(|item| format!("{item} is packed"));
            let all: Vec<String> = failed.into_iter().chain(packed).collect();
            assert_eq!(made, all);
            assert_eq!((*aside, *left), ("put aside: as last time", "0 left to do"));
            assert_eq!(client.xlen("example:orders:aside").unwrap(), 1);
        }
    });
}
