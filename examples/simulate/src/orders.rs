//! The orders, one a line, and what each is answered with.

use crate::args::{opt_in, parse};
use crate::faults;
use hitless::sim::{
    CloseCause, ConnectionRecord, Event, HOST, Moving, Node, Scenario, Seq, Sim, Snapshot, Target,
};
use hitless::{Push, Value as Resp};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// The part of the help that is about orders.
pub(crate) const HELP: &str = "\
orders; nodes are counted from 0
  moving FROM TO SECONDS [dns S] [close S] [keep]
                  MOVING, target named; DNS changes and the node closes as measured.
                  With dns, close or keep, only what is said happens, at these times;
                  keep lets the node go on listening after it has closed its connections
  moving-null FROM TO SECONDS [dns S] [close S] [keep]     the same, target not named
  moving-text FROM TEXT SECONDS [close S] [keep]           the same, target as written
  moving-front FROM TO SECONDS    target not named; the address stays, like a load balancer's, and
                                  leads to the other node as measured, 8.6 s into 15
  moving-late FROM TO SECONDS     target not named; DNS follows after the close, 18.7 s of 15
                  A node to which one moves listens from then on, and what was announced about
                  it before is over; fault TO refuse keeps it deaf
  migrating SECONDS [SHARDS], migrated [SHARDS]            one notification to everybody
  failing-over SECONDS [SHARDS], failed-over [SHARDS]
  smigrating SLOTS                as in 123,456,789-1000
  smigrated FROM TO SLOTS [FROM TO SLOTS ...]              addresses, as in 127.0.0.2:7380
  failover MILLISECONDS           both, with a pause in between that answers nothing
  multi-proxy NODE                a node goes without a MOVING, as behind several proxies;
                                  start with --advertised to show several of them
  play SECONDS SEED [failover] [migration] [moving] [moving-null]
                                  random events, one a second on average; all kinds if none is said
  push NODE KIND [WORD ...]       a push of any kind to everybody on a node; numbers as integers
  send ID TEXT...                 bytes to one connection as they are; \\r, \\n, \\xHH are understood
  next-seq N                      the number of the next event
  retire NODE, revive NODE        it closes everything and refuses; it listens again
  advertise NODE ...              DNS shows these nodes and no others, at once
  dns-delay MILLISECONDS          how long each look-up takes
  opt-in NODE HOW                 accepted, disabled, forbidden, nil, redis6 or redis7
  clear-faults NODE               ends all faults of a node
  kill ID                         closes one connection
  nodes                           where the nodes are
  resolve NAME                    what the deployment's DNS says at present
  hosts                           the same as lines for /etc/hosts
  connections                     all connections so far, open and closed
  timeline                        what the deployment did so far
  wait SECONDS                    does nothing so long
  wait-open NODE COUNT SECONDS    waits until so many connections to it are open
  wait-opted-in NODE COUNT SECONDS   the same, of those that asked for notifications
  wait-retired NODE SECONDS       waits until it has closed its connections
  expect-cause CAUSE COUNT        whether so many connections have ended by this cause: client, fault,
                                  killed, maintenance, protocol-error, slow-reader, upstream
  help, quit";

/// Longer waits than a day are a slip of the keyboard.
const LONGEST: f64 = 86_400.0;

/// The shards that are named when nobody says which.
const SHARDS: &str = r#"["1"]"#;

/// How an order went.
pub(crate) struct Answer {
    pub(crate) value: Value,
    pub(crate) ok: bool,
}

/// Carries out an order; `None` for a line without one.
pub(crate) fn perform(sim: &Sim, line: &str) -> Option<Answer> {
    // A comment begins with a word of its own, so that texts may hold the sign.
    let words: Vec<&str> = line
        .split_whitespace()
        .take_while(|word| !word.starts_with('#'))
        .collect();
    if words.is_empty() {
        return None;
    }
    Some(match carry_out(sim, &words) {
        Ok(value) => Answer {
            ok: value["ok"] == true,
            value,
        },
        Err(problem) => Answer {
            value: json!({"ok": false, "error": problem}),
            ok: false,
        },
    })
}

fn carry_out(sim: &Sim, words: &[&str]) -> Result<Value, String> {
    match words[0] {
        name if name.starts_with("moving") => moves(sim, words),
        "migrating" | "migrated" | "failing-over" | "failed-over" | "failover" | "smigrating"
        | "smigrated" | "multi-proxy" | "play" | "push" | "send" | "next-seq" => {
            announcements(sim, words)
        }
        name if name.starts_with("wait") => waits(sim, words),
        "nodes" | "resolve" | "hosts" | "connections" | "timeline" | "expect-cause" | "help" => {
            questions(sim, words)
        }
        _ => states(sim, words),
    }
}

fn unknown() -> String {
    "unknown order, or not with these words; try help".to_owned()
}

fn moves(sim: &Sim, words: &[&str]) -> Result<Value, String> {
    match *words {
        ["moving", from, to, secs, ref how @ ..] => {
            moving(sim, from, Target::Node(node(sim, to)?), secs, how)
        }
        ["moving-null", from, to, secs, ref how @ ..] => {
            moving(sim, from, Target::Null(node(sim, to)?), secs, how)
        }
        ["moving-text", from, text, secs, ref how @ ..] => {
            moving(sim, from, Target::Text(text.to_owned()), secs, how)
        }
        ["moving-front", from, to, secs] => {
            let (from, to, grace) = (node(sim, from)?, node(sim, to)?, seconds(secs)?);
            Ok(numbered(sim.moving_front(from, to, grace)))
        }
        ["moving-late", from, to, secs] => {
            let (from, to, grace) = (node(sim, from)?, node(sim, to)?, seconds(secs)?);
            Ok(numbered(sim.moving_late(from, to, grace)))
        }
        _ => Err(unknown()),
    }
}

/// Starts a move: as measured, or exactly as said.
fn moving(sim: &Sim, from: &str, to: Target, secs: &str, how: &[&str]) -> Result<Value, String> {
    let from = node(sim, from)?;
    if how.is_empty() {
        let grace: u32 = parse(secs)?;
        return Ok(numbered(sim.moving(from, to, seconds(&grace.to_string())?)));
    }
    let mut moving = Moving::new(from, to).announce(parse(secs)?);
    let mut rest = how;
    loop {
        (moving, rest) = match *rest {
            [] => return Ok(numbered(sim.start_moving(moving))),
            ["keep", ref more @ ..] => (moving.keep_listening(), more),
            ["dns", after, ref more @ ..] => (moving.dns_after(seconds(after)?), more),
            ["close", after, ref more @ ..] => (moving.close_after(seconds(after)?), more),
            [other, ..] => return Err(format!("{other} is none of dns S, close S and keep")),
        };
    }
}

fn announcements(sim: &Sim, words: &[&str]) -> Result<Value, String> {
    match *words {
        ["migrating", secs] => Ok(numbered(sim.migrating(parse(secs)?, SHARDS))),
        ["migrating", secs, shards] => Ok(numbered(sim.migrating(parse(secs)?, shards))),
        ["migrated"] => Ok(numbered(sim.migrated(SHARDS))),
        ["migrated", shards] => Ok(numbered(sim.migrated(shards))),
        ["failing-over", secs] => Ok(numbered(sim.failing_over(parse(secs)?, SHARDS))),
        ["failing-over", secs, shards] => Ok(numbered(sim.failing_over(parse(secs)?, shards))),
        ["failed-over"] => Ok(numbered(sim.failed_over(SHARDS))),
        ["failed-over", shards] => Ok(numbered(sim.failed_over(shards))),
        ["failover", millis] => Ok(numbered(sim.failover(milliseconds(millis)?))),
        ["smigrating", slots] => Ok(numbered(sim.slots_migrating(slots))),
        ["smigrated", ref moves @ ..] if !moves.is_empty() && moves.len() % 3 == 0 => {
            let moves: Vec<_> = moves
                .chunks_exact(3)
                .map(|one| (one[0], one[1], one[2]))
                .collect();
            Ok(numbered(sim.slots_migrated(&moves)))
        }
        ["multi-proxy", at] => {
            sim.multi_proxy(node(sim, at)?);
            Ok(done())
        }
        ["play", secs, seed, ref kinds @ ..] => {
            let kinds = kinds.iter().map(|kind| event(kind));
            let mut kinds = kinds.collect::<Result<Vec<Event>, String>>()?;
            if kinds.is_empty() {
                kinds = Event::ALL.to_vec();
            }
            sim.play(&Scenario::random(parse(seed)?, seconds(secs)?, &kinds));
            Ok(done())
        }
        ["push", at, kind, ref args @ ..] => {
            let args = args.iter().map(|&word| match word.parse() {
                Ok(number) => Resp::Int(number),
                Err(_) => Resp::Bulk(word.into()),
            });
            let push = Push {
                kind: kind.into(),
                args: args.collect(),
            };
            Ok(json!({"ok": true, "connections": sim.push(node(sim, at)?, &push)}))
        }
        ["send", id, ref text @ ..] => {
            let sent = sim.send_raw(parse(id)?, &faults::bytes(&text.join(" ")));
            sent.then(done).ok_or_else(|| not_open(id))
        }
        ["next-seq", next] => {
            sim.set_next_seq(parse(next)?);
            Ok(done())
        }
        _ => Err(unknown()),
    }
}

fn states(sim: &Sim, words: &[&str]) -> Result<Value, String> {
    match *words {
        ["retire", at] => Ok(json!({"ok": true, "closed": sim.retire(node(sim, at)?)})),
        ["revive", at] => {
            sim.revive(node(sim, at)?)
                .map_err(|error| error.to_string())?;
            Ok(done())
        }
        ["advertise", ref nodes @ ..] => {
            let nodes = nodes.iter().map(|word| node(sim, word));
            sim.advertise(&nodes.collect::<Result<Vec<Node>, String>>()?);
            Ok(done())
        }
        ["dns-delay", millis] => {
            sim.resolver().set_delay(milliseconds(millis)?);
            Ok(done())
        }
        ["opt-in", at, how] => {
            sim.set_opt_in(node(sim, at)?, opt_in(how)?);
            Ok(done())
        }
        ["fault", at, ref what @ ..] => {
            let (fault, times) = faults::read(what)?;
            sim.fault_times(node(sim, at)?, fault, times);
            Ok(done())
        }
        ["clear-faults", at] => {
            sim.clear_faults(node(sim, at)?)
                .map_err(|error| error.to_string())?;
            Ok(done())
        }
        ["kill", id] => sim.kill(parse(id)?).then(done).ok_or_else(|| not_open(id)),
        _ => Err(unknown()),
    }
}

fn questions(sim: &Sim, words: &[&str]) -> Result<Value, String> {
    match *words {
        ["nodes"] => Ok(json!({"ok": true, "nodes": nodes(sim)})),
        ["resolve", name] => {
            let found = sim
                .resolver()
                .resolve(name)
                .map_err(|error| error.to_string())?;
            let found: Vec<String> = found.iter().map(ToString::to_string).collect();
            Ok(json!({"ok": true, "addresses": found}))
        }
        ["hosts"] => Ok(json!({"ok": true, "hosts": hosts(sim)})),
        ["connections"] => {
            let all: Vec<Value> = sim.connections().iter().map(connection).collect();
            Ok(json!({"ok": true, "connections": all}))
        }
        ["timeline"] => {
            let all = sim.timeline();
            let all = all.iter().map(|one| {
                let millis = u64::try_from(one.after.as_millis()).unwrap_or(u64::MAX);
                json!({"seconds": millis as f64 / 1000.0, "what": one.what.to_string()})
            });
            Ok(json!({"ok": true, "timeline": all.collect::<Vec<_>>()}))
        }
        ["expect-cause", cause, count] => {
            let count: usize = parse(count)?;
            let all = sim.connections();
            let ended = all.iter().filter(|one| ended_by(one) == Some(cause));
            let seen = ended.count();
            Ok(json!({"ok": seen == count, "count": seen}))
        }
        ["help"] => {
            let lines: Vec<&str> = HELP.lines().chain(faults::HELP.lines()).collect();
            Ok(json!({"ok": true, "usage": lines}))
        }
        _ => Err(unknown()),
    }
}

fn waits(sim: &Sim, words: &[&str]) -> Result<Value, String> {
    match *words {
        ["wait", secs] => {
            sim.wait_until(seconds(secs)?, |_| false);
            Ok(done())
        }
        ["wait-open", at, count, at_most] => {
            wait(sim, at, count, at_most, |now, at| now.open_on(at))
        }
        ["wait-opted-in", at, count, at_most] => {
            wait(sim, at, count, at_most, |now, at| now.opted_in_on(at))
        }
        ["wait-retired", at, at_most] => {
            let at = node(sim, at)?;
            let met = sim.wait_until(seconds(at_most)?, |now| {
                let retired =
                    |what| matches!(what, hitless::sim::Happening::Retired(n, _) if n == at);
                now.timeline().into_iter().any(|one| retired(one.what))
            });
            Ok(json!({"ok": met}))
        }
        _ => Err(unknown()),
    }
}

fn wait(
    sim: &Sim,
    at: &str,
    count: &str,
    at_most: &str,
    look: impl Fn(&Snapshot<'_>, Node) -> usize,
) -> Result<Value, String> {
    let at = node(sim, at)?;
    let count: usize = parse(count)?;
    let mut seen = 0;
    let met = sim.wait_until(seconds(at_most)?, |now| {
        seen = look(now, at);
        seen == count
    });
    Ok(json!({"ok": met, "count": seen}))
}

fn node(sim: &Sim, word: &str) -> Result<Node, String> {
    let index: usize = parse(word)?;
    sim.nodes()
        .nth(index)
        .ok_or_else(|| format!("there is no node {index}"))
}

fn not_open(id: &str) -> String {
    format!("connection {id} is not open")
}

fn event(word: &str) -> Result<Event, String> {
    Ok(match word {
        "failover" => Event::Failover,
        "migration" => Event::Migration,
        "moving" => Event::MovingNamed,
        "moving-null" => Event::MovingUnnamed,
        _ => return Err(format!("{word} is no event")),
    })
}

fn seconds(word: &str) -> Result<Duration, String> {
    let number: f64 = parse(word)?;
    if (0.0..=LONGEST).contains(&number) {
        Ok(Duration::from_secs_f64(number))
    } else {
        Err(format!("{word} is out of range: 0 to {LONGEST}"))
    }
}

fn milliseconds(word: &str) -> Result<Duration, String> {
    Ok(seconds(word)?.div_f64(1000.0))
}

fn done() -> Value {
    json!({"ok": true})
}

fn numbered(seq: Seq) -> Value {
    json!({"ok": true, "seq": seq})
}

/// Where the nodes are.
pub(crate) fn nodes(sim: &Sim) -> Vec<Value> {
    let node = |node: Node| {
        let addr = sim.addr(node);
        json!({"node": node.index(), "address": addr.ip().to_string(), "port": addr.port()})
    };
    sim.nodes().map(node).collect()
}

/// What DNS says at present, for those who cannot ask it: the deployment's name, then the nodes'.
pub(crate) fn hosts(sim: &Sim) -> Vec<String> {
    let shown = sim.resolver().resolve(HOST).unwrap_or_default();
    let whole = shown.into_iter().map(|ip| format!("{ip} {HOST}"));
    let each = sim
        .nodes()
        .map(|node| format!("{} {}", sim.addr(node).ip(), sim.name(node)));
    whole.chain(each).collect()
}

/// The word for the cause of a connection's end.
fn ended_by(record: &ConnectionRecord) -> Option<&'static str> {
    record.closed.map(|(_, cause)| match cause {
        CloseCause::Client => "client",
        CloseCause::Fault => "fault",
        CloseCause::Killed => "killed",
        CloseCause::Maintenance => "maintenance",
        CloseCause::ProtocolError => "protocol-error",
        CloseCause::SlowReader => "slow-reader",
        CloseCause::Stopped => "stopped",
        CloseCause::Upstream => "upstream",
        _ => "unknown",
    })
}

fn connection(record: &ConnectionRecord) -> Value {
    let protocol = record.protocol.version();
    let counts: Map<String, Value> = record
        .counts
        .iter()
        .map(|(name, count)| (name.clone(), (*count).into()))
        .collect();
    let pushes: Vec<_> = record
        .pushes
        .iter()
        .map(|push| String::from_utf8_lossy(&push.kind))
        .collect();
    json!({
        "id": record.id,
        "node": record.node.index(),
        "open": record.is_open(),
        "cause": ended_by(record),
        "name": record.name,
        "protocol": protocol,
        "opted_in": record.opted_in.map(|kind| kind.as_str()),
        "commands": counts,
        "pushes": pushes,
    })
}
