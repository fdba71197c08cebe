//! Prints what a server announces about its maintenance, for an operator during a real upgrade. It moves
//! with its one connection like any other client, and writes nothing but a `PING` each second, which shows
//! how the server answers meanwhile.
//!
//! ```text
//! $ cargo run --example watch -- redis://10.0.0.4:12000
//! 20:14:03.120  watching 10.0.0.4:12000, by a connection to 10.0.0.4:12000 (times are UTC)
//! 20:31:44.007  10.0.0.4:12000 said MIGRATING 16: starts within 2 s, shards ["21"]
//! 20:31:44.008  timeouts are relaxed because of MIGRATING 16
//! 20:31:58.317  10.0.0.4:12000 said MOVING 18: leave within 15 s, to 10.0.0.7:12000
//! 20:31:58.318  handoff 1 begins: 1 connection to leave 10.0.0.4:12000 for 10.0.0.7:12000
//! 20:31:58.325  connection 0 moved from 10.0.0.4:12000 to 10.0.0.7:12000 in 6 ms
//! 20:31:58.325  handoff 1 is complete after 7 ms: 1 connection moved
//! ```
//!
//! A server tells new connections of the maintenance that goes on, which is printed like any other, and
//! repeats the ends of past ones. These ask for nothing, no hook hears of them, and they are only counted:
//! the number is printed when it changes.
//!
//! The URL may hold credentials and every option that the client knows. Ends when it is interrupted, or
//! with 1 if the server cannot be reached or does not announce its maintenance (only Redis Enterprise and
//! Redis Cloud do). To see it at work without either, start the example `simulate`.

use hitless::{
    Client, Commands, Handoff, MaintenanceEvent, Notice, Notification, NotificationHook, Options,
    Reaction, Treatment,
};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How often the server is asked whether it answers.
const PULSE: Duration = Duration::from_secs(1);

/// An answer that takes longer than this is worth a line.
const SLOW: Duration = Duration::from_millis(100);

/// A line to print: stamped where it arises, printed elsewhere, so that a terminal that is held up holds
/// up nothing else.
struct Line(SystemTime, String);

#[derive(Clone)]
struct Journal(Sender<Line>);

impl Journal {
    #[allow(
        clippy::disallowed_methods,
        reason = "an operator compares with other clocks on the wall"
    )]
    fn say(&self, text: String) {
        // Nobody reads any more once the program ends.
        let _ = self.0.send(Line(SystemTime::now(), text));
    }
}

impl NotificationHook for Journal {
    fn before(&self, notice: &Notice) -> Reaction {
        let who = notice
            .peer
            .map_or_else(|| notice.endpoint.to_string(), |peer| peer.to_string());
        self.say(format!("{who} said {}", announcement(&notice.notification)));
        Reaction::Continue
    }

    fn after(&self, notice: &Notice, treatment: Treatment) {
        let said = title(&notice.notification);
        match treatment {
            Treatment::Acted => {}
            Treatment::Duplicate => self.say(format!("{said} was known")),
            other => self.say(format!("{said} was not acted upon: {other:?}")),
        }
    }

    fn event(&self, event: &MaintenanceEvent) {
        self.say(happening(event));
    }
}

/// The name of a notification and its number, as in `MOVING 17`.
fn title(notification: &Notification) -> String {
    match notification.seq() {
        Some(seq) => format!("{} {seq}", notification.name()),
        None => format!("{} without a number", notification.name()),
    }
}

/// What a notification says, in one line.
fn announcement(notification: &Notification) -> String {
    let details = match notification {
        Notification::FailedOver { shards, .. } | Notification::Migrated { shards, .. } => {
            format!("done, shards {shards}")
        }
        Notification::FailingOver { time, shards, .. }
        | Notification::Migrating { time, shards, .. } => {
            format!("starts within {time} s, shards {shards}")
        }
        Notification::Moving {
            time,
            target: Some(target),
            ..
        } => {
            format!("leave within {time} s, to {target}")
        }
        Notification::Moving {
            time, target: None, ..
        } => {
            format!("leave within {time} s, to where the configured name points")
        }
        Notification::SlotsMigrated {
            moves, unreadable, ..
        } => {
            let moves: Vec<String> = moves
                .iter()
                .map(|one| {
                    let name = |end: &Option<_>| {
                        end.as_ref().map_or_else(|| "?".into(), |e| format!("{e}"))
                    };
                    format!(
                        "{:?} from {} to {}",
                        one.slots,
                        name(&one.source),
                        name(&one.destination)
                    )
                })
                .collect();
            format!("done, slots {} ({unreadable} unreadable)", moves.join(", "))
        }
        Notification::SlotsMigrating { slots, .. } => format!("slots {slots:?}"),
        // Kinds that a later release knows.
        other => format!("{other:?}"),
    };
    format!("{}: {details}", title(notification))
}

/// What the client does about it, in one line.
fn happening(event: &MaintenanceEvent) -> String {
    match event {
        MaintenanceEvent::BreakerChanged { endpoint, state } => {
            format!("the breaker of {endpoint} is {state:?}")
        }
        MaintenanceEvent::DialFailed { to, serving, .. } => {
            let meanwhile = if *serving {
                "the old connection serves on"
            } else {
                "there is no connection"
            };
            format!("cannot connect to {to}; {meanwhile}")
        }
        MaintenanceEvent::HandoffAbandoned(handoff) => {
            format!("{} is abandoned", headline(handoff))
        }
        MaintenanceEvent::HandoffCompleted(handoff) => {
            let (moved, took) = (handoff.moved, handoff.took.as_millis());
            format!(
                "{} is complete after {took} ms: {} moved",
                headline(handoff),
                connections(moved)
            )
        }
        MaintenanceEvent::HandoffFailed(handoff, left) => {
            format!(
                "{} ran out of time: {} still there",
                headline(handoff),
                connections(*left)
            )
        }
        MaintenanceEvent::HandoffStarted(handoff, leaving) => {
            let to = handoff
                .to
                .as_ref()
                .map_or_else(|| "an unknown place".into(), |to| to.to_string());
            let from = place(handoff.from);
            format!(
                "{} begins: {} to leave {from} for {to}",
                headline(handoff),
                connections(*leaving)
            )
        }
        MaintenanceEvent::ConnectionMoved {
            connection,
            from,
            to,
            took,
            ..
        } => {
            let (from, to) = (place(*from), place(*to));
            format!(
                "connection {connection} moved from {from} to {to} in {} ms",
                took.as_millis()
            )
        }
        MaintenanceEvent::TargetRefused { target, .. } => format!("{target} may not be dialled"),
        MaintenanceEvent::WindowClosed(window) => {
            format!("the window of {} is over", window.maintenance)
        }
        MaintenanceEvent::WindowOpened(window) => {
            format!("timeouts are relaxed because of {}", window.maintenance)
        }
        other => format!("{other:?}"),
    }
}

fn connections(count: usize) -> String {
    match count {
        1 => "1 connection".to_owned(),
        _ => format!("{count} connections"),
    }
}

fn headline(handoff: &Handoff) -> String {
    format!("handoff {}", handoff.id)
}

fn place(address: Option<SocketAddr>) -> String {
    address.map_or_else(
        || "an unknown place".to_owned(),
        |address| address.to_string(),
    )
}

fn main() -> ExitCode {
    env_logger::init();
    let mut words = std::env::args().skip(1);
    let (Some(url), None) = (words.next(), words.next()) else {
        eprintln!("usage: watch URL, for example redis://user:password@10.0.0.4:12000");
        return ExitCode::from(2);
    };
    match watch(&url) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("watch: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn watch(url: &str) -> Result<(), Box<dyn std::error::Error>> {
    let (tell, told) = mpsc::channel();
    let journal = Journal(tell);
    // One connection is told everything that a fleet of them is told.
    let client = Client::lazy(Options::new(url)?.pool_size(1))?;
    // Before the first command makes the connection: what the server says while it opens is not missed.
    client.add_hook(Arc::new(journal.clone()))?;
    client.ping()?;
    let stats = client.stats();
    let Some(connection) = stats.shared.iter().find(|one| one.opted_in) else {
        return Err(
            "this server does not announce its maintenance, or the URL forbids to ask for it"
                .into(),
        );
    };
    let (what, peer) = (client.options().get_endpoint(), place(connection.peer));
    journal.say(format!(
        "watching {what}, by a connection to {peer} (times are UTC)"
    ));
    thread::Builder::new()
        .name("pulse".into())
        .spawn(move || feel_pulse(&client, &journal))?;
    match print(&told) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        ended => Ok(ended?),
    }
}

/// Asks the server again and again whether it answers, for as long as the program runs.
#[allow(
    clippy::disallowed_methods,
    reason = "the answer's time is what is measured here"
)]
fn feel_pulse(client: &Client, journal: &Journal) {
    let mut silent = false;
    let mut past = 0;
    loop {
        let caught_up = client.maintenance().notifications_caught_up;
        if caught_up > past {
            past = caught_up;
            journal.say(format!(
                "told of the ends of past maintenance: {past} so far"
            ));
        }
        let asked = Instant::now();
        let answer = client.ping();
        let took = asked.elapsed();
        match answer {
            Ok(()) if silent => journal.say("PING is answered again".to_owned()),
            Ok(()) if took > SLOW => journal.say(format!("PING took {} ms", took.as_millis())),
            Ok(()) => {}
            Err(ref error) => journal.say(format!(
                "PING failed after {} ms: {error}",
                took.as_millis()
            )),
        }
        silent = answer.is_err();
        thread::park_timeout(PULSE);
    }
}

fn print(told: &Receiver<Line>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for Line(at, text) in told {
        let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let (seconds, millis) = (since.as_secs() % 86_400, since.subsec_millis());
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        writeln!(
            out,
            "{hours:02}:{minutes:02}:{seconds:02}.{millis:03}  {text}"
        )?;
        out.flush()?;
    }
    Ok(())
}
