//! Runs the simulator for programs in any language. It rehearses maintenance and measures nothing; for
//! load and a verdict there is the drill.
//!
//! It starts a deployment, prints where it is as one line of JSON, then reads commands from its standard
//! input and answers each with one line of JSON, until `quit` or the end of the input. Point the
//! application at the first address and type:
//!
//! ```text
//! $ cargo run --release -p simulate -- --nodes 3
//! {"host":"sim.hitless.test","nodes":[{"node":0,"address":"127.0.0.1","port":20417}, ...]}
//! moving 0 1 5
//! {"ok":true,"seq":0}
//! wait-open 0 0 10
//! {"ok":true,"count":0}
//! connections
//! {"ok":true,"connections":[{"id":1,"node":0,"open":false,"cause":"client", ...}]}
//! ```
//!
//! The application did well if none of its connections to node 0 has the cause `maintenance`: it left by
//! itself before the node closed. `--help` and the command `help` list everything.
//!
//! On Linux all nodes have the same port, on different addresses of 127.0.0.0/8; elsewhere the ports
//! differ. A command that fails, `{"ok":false,"error":"..."}`, changes nothing and ends nothing.

use hitless::protocol::Protocol;
use hitless::sim::{
    CloseCause, ConnectionRecord, Fault, HOST, Moving, Node, OptIn, Seq, Sim, Snapshot, Target,
};
use std::fmt::Write as _;
use std::io::{self, BufRead as _, Write as _};
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

const USAGE: &str = "\
Runs the simulator for programs in any language.

usage: simulate [options]
  --nodes N       how many nodes                               (default 2)
  --seed N        what all random choices follow               (default 0)
  --scale X       multiplies the measured times, not what is announced (default 1)
  --password P    the password of the default user             (default none)
  --redis ADDR    a real server behind the simulator, as in 127.0.0.1:6379

commands, one a line; nodes are counted from 0:
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
  failover MILLISECONDS           both, with a pause in between that answers nothing
  multi-proxy NODE                a node goes without a MOVING, as behind several proxies
  retire NODE, revive NODE        it closes everything and refuses; it listens again
  opt-in NODE HOW                 accepted, disabled, forbidden, nil, redis6 or redis7
  fault NODE KIND                 refuse, silence, loading, max-clients or one-byte-writes
  clear-faults NODE
  kill ID                         closes one connection
  resolve NAME                    what the deployment's DNS says at present
  connections                     all connections so far, open and closed
  timeline                        what the deployment did so far
  wait-open NODE COUNT SECONDS    waits until so many connections to it are open
  wait-opted-in NODE COUNT SECONDS   the same, of those that asked for notifications
  help, quit";

/// Longer waits than a day are a slip of the keyboard.
const LONGEST: f64 = 86_400.0;

fn main() -> ExitCode {
    env_logger::init();
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--help") {
        // Fails only if nobody reads it.
        let _ = writeln!(io::stdout(), "{USAGE}");
        return ExitCode::SUCCESS;
    }
    let sim = match start(&words) {
        Ok(sim) => sim,
        Err(problem) => {
            eprintln!("simulate: {problem}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match serve(&sim) {
        Ok(()) => ExitCode::SUCCESS,
        // Who has started us has gone.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("simulate: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start(words: &[String]) -> Result<Sim, String> {
    let mut builder = Sim::builder();
    for pair in words.chunks(2) {
        let [name, value] = pair else {
            return Err(format!(
                "unknown option, or one without its value: {}",
                pair.concat()
            ));
        };
        builder = match name.as_str() {
            "--nodes" => builder.nodes(parse(value)?),
            "--seed" => builder.seed(parse(value)?),
            "--scale" => builder.time_scale(parse(value)?),
            "--password" => builder.password(value),
            "--redis" => builder.proxy_to(parse(value)?),
            other => return Err(format!("unknown option {other}")),
        };
    }
    builder
        .start()
        .map_err(|error| format!("the simulator does not start: {error}"))
}

fn serve(sim: &Sim) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", addresses(sim))?;
    out.flush()?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.is_empty() {
            continue;
        }
        if words == ["quit"] {
            writeln!(out, "{}", done(""))?;
            return out.flush();
        }
        match perform(sim, &words) {
            Ok(answer) => writeln!(out, "{answer}")?,
            Err(problem) => writeln!(out, "{{\"ok\":false,\"error\":{}}}", quoted(&problem))?,
        }
        out.flush()?;
    }
    Ok(())
}

/// Carries a command out and says how it went.
fn perform(sim: &Sim, words: &[&str]) -> Result<String, String> {
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
        ["migrating", secs] => Ok(numbered(sim.migrating(parse(secs)?, SHARDS))),
        ["migrating", secs, shards] => Ok(numbered(sim.migrating(parse(secs)?, shards))),
        ["migrated"] => Ok(numbered(sim.migrated(SHARDS))),
        ["migrated", shards] => Ok(numbered(sim.migrated(shards))),
        ["failing-over", secs] => Ok(numbered(sim.failing_over(parse(secs)?, SHARDS))),
        ["failing-over", secs, shards] => Ok(numbered(sim.failing_over(parse(secs)?, shards))),
        ["failed-over"] => Ok(numbered(sim.failed_over(SHARDS))),
        ["failed-over", shards] => Ok(numbered(sim.failed_over(shards))),
        ["failover", millis] => {
            let pause = seconds(millis)?.div_f64(1000.0);
            Ok(numbered(sim.failover(pause)))
        }
        ["multi-proxy", at] => {
            sim.multi_proxy(node(sim, at)?);
            Ok(done(""))
        }
        ["retire", at] => Ok(done(&format!(",\"closed\":{}", sim.retire(node(sim, at)?)))),
        ["revive", at] => {
            sim.revive(node(sim, at)?)
                .map_err(|error| error.to_string())?;
            Ok(done(""))
        }
        ["opt-in", at, how] => {
            sim.set_opt_in(node(sim, at)?, opt_in(how)?);
            Ok(done(""))
        }
        ["fault", at, kind] => {
            sim.fault(node(sim, at)?, fault(kind)?);
            Ok(done(""))
        }
        ["clear-faults", at] => {
            sim.clear_faults(node(sim, at)?)
                .map_err(|error| error.to_string())?;
            Ok(done(""))
        }
        ["kill", id] if sim.kill(parse(id)?) => Ok(done("")),
        ["kill", id] => Err(format!("connection {id} is not open")),
        ["resolve", name] => {
            let found = sim
                .resolver()
                .resolve(name)
                .map_err(|error| error.to_string())?;
            let found = found.iter().map(|ip| quoted(&ip.to_string()));
            Ok(done(&format!(",\"addresses\":{}", list(found))))
        }
        ["connections"] => {
            let all = sim.connections();
            Ok(done(&format!(
                ",\"connections\":{}",
                list(all.iter().map(connection))
            )))
        }
        ["timeline"] => {
            let all = sim.timeline();
            let all = all.iter().map(|one| {
                let (after, what) = (one.after.as_secs_f64(), one.what.to_string());
                format!("{{\"seconds\":{after:.3},\"what\":{}}}", quoted(&what))
            });
            Ok(done(&format!(",\"timeline\":{}", list(all))))
        }
        ["wait-open", at, count, at_most] => {
            wait(sim, at, count, at_most, |now, at| now.open_on(at))
        }
        ["wait-opted-in", at, count, at_most] => {
            wait(sim, at, count, at_most, |now, at| now.opted_in_on(at))
        }
        ["help"] => Ok(done(&format!(
            ",\"usage\":{}",
            list(USAGE.lines().map(quoted))
        ))),
        _ => Err("unknown command, or not with these arguments; try help".to_owned()),
    }
}

/// The shards that are named when nobody says which.
const SHARDS: &str = r#"["1"]"#;

/// Starts a move: as measured, or exactly as said.
fn moving(sim: &Sim, from: &str, to: Target, secs: &str, how: &[&str]) -> Result<String, String> {
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

fn wait(
    sim: &Sim,
    at: &str,
    count: &str,
    at_most: &str,
    look: impl Fn(&Snapshot<'_>, Node) -> usize,
) -> Result<String, String> {
    let (at, count) = (node(sim, at)?, parse(count)?);
    let mut seen = 0;
    let met = sim.wait_until(seconds(at_most)?, |now| {
        seen = look(now, at);
        seen == count
    });
    Ok(format!("{{\"ok\":{met},\"count\":{seen}}}"))
}

fn node(sim: &Sim, word: &str) -> Result<Node, String> {
    let index: usize = parse(word)?;
    sim.nodes()
        .nth(index)
        .ok_or_else(|| format!("there is no node {index}"))
}

fn parse<T: FromStr>(word: &str) -> Result<T, String> {
    word.parse()
        .map_err(|_| format!("{word} has no meaning here"))
}

fn seconds(word: &str) -> Result<Duration, String> {
    let number: f64 = parse(word)?;
    if (0.0..=LONGEST).contains(&number) {
        Ok(Duration::from_secs_f64(number))
    } else {
        Err(format!("{word} is out of range: 0 to {LONGEST}"))
    }
}

fn opt_in(word: &str) -> Result<OptIn, String> {
    Ok(match word {
        "accepted" => OptIn::Accepted,
        "disabled" => OptIn::Disabled,
        "forbidden" => OptIn::Forbidden,
        "nil" => OptIn::Nil,
        "redis6" => OptIn::UnknownToRedis6,
        "redis7" => OptIn::UnknownToRedis7,
        _ => return Err(format!("{word} is no answer to the opt-in")),
    })
}

fn fault(word: &str) -> Result<Fault, String> {
    Ok(match word {
        "loading" => Fault::Loading,
        "max-clients" => Fault::MaxClients,
        "one-byte-writes" => Fault::OneByteWrites,
        "refuse" => Fault::Refuse,
        "silence" => Fault::Silence,
        _ => return Err(format!("{word} is no fault")),
    })
}

// JSON

fn addresses(sim: &Sim) -> String {
    let nodes = sim.nodes().map(|node| {
        let (index, addr) = (node.index(), sim.addr(node));
        let address = quoted(&addr.ip().to_string());
        format!(
            "{{\"node\":{index},\"address\":{address},\"port\":{}}}",
            addr.port()
        )
    });
    format!("{{\"host\":{},\"nodes\":{}}}", quoted(HOST), list(nodes))
}

fn connection(record: &ConnectionRecord) -> String {
    let cause = record.closed.map_or("null", |(_, cause)| match cause {
        CloseCause::Client => "\"client\"",
        CloseCause::Fault => "\"fault\"",
        CloseCause::Killed => "\"killed\"",
        CloseCause::Maintenance => "\"maintenance\"",
        CloseCause::ProtocolError => "\"protocol-error\"",
        CloseCause::SlowReader => "\"slow-reader\"",
        CloseCause::Stopped => "\"stopped\"",
        CloseCause::Upstream => "\"upstream\"",
        _ => "\"unknown\"",
    });
    let protocol = match record.protocol {
        Protocol::Resp2 => 2,
        Protocol::Resp3 => 3,
    };
    let text = |text: Option<&str>| text.map_or_else(|| "null".to_owned(), quoted);
    let counts = record
        .counts
        .iter()
        .map(|(name, count)| format!("{}:{count}", quoted(name)));
    let pushes = record
        .pushes
        .iter()
        .map(|push| quoted(&String::from_utf8_lossy(&push.kind)));
    format!(
        "{{\"id\":{},\"node\":{},\"open\":{},\"cause\":{cause},\"name\":{},\"protocol\":{protocol},\
         \"opted_in\":{},\"commands\":{{{}}},\"pushes\":{}}}",
        record.id,
        record.node.index(),
        record.is_open(),
        text(record.name.as_deref()),
        text(record.opted_in.map(|kind| kind.as_str())),
        counts.collect::<Vec<_>>().join(","),
        list(pushes),
    )
}

fn numbered(seq: Seq) -> String {
    done(&format!(",\"seq\":{seq}"))
}

/// The answer to a command that went well, with more members, each after a comma.
fn done(more: &str) -> String {
    format!("{{\"ok\":true{more}}}")
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c < ' ' => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
