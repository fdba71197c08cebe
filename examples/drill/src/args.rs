//! The options of the drill.

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

pub(crate) const HELP: &str = "\
Moves a simulated Redis under load and checks every reply.

usage: drill [options]
  --threads N     threads that use the client            (default 64)
  --pool N        connections of the client               (default 8)
  --duration S    seconds over which the events are spread (default 15)
  --commands N    verified commands at least              (default 500000)
  --events N      how many events                         (default 6)
  --kinds LIST    of named,unnamed,migration,failover     (default all)
  --grace S       seconds that a move announces           (default 2)
  --seed N        order and times of the events           (default 1)
  --tls           encrypt (needs --features tls)
  --redis         a real redis-server behind the simulator
  --svg FILE      the picture of the latency              (default target/drill.svg)
  --json          one JSON object instead of the table
exit status: 0 every promise kept, 1 a promise broken, 2 the drill could not run";

/// What may happen to the deployment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Failover,
    Migration,
    Named,
    Unnamed,
}

#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) threads: usize,
    pub(crate) pool: usize,
    pub(crate) duration: Duration,
    pub(crate) commands: u64,
    pub(crate) events: usize,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) grace: u64,
    pub(crate) seed: u64,
    pub(crate) tls: bool,
    pub(crate) redis: bool,
    pub(crate) svg: PathBuf,
    pub(crate) json: bool,
}

impl Args {
    /// `None`: help was asked for.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut args = Self {
            threads: 64,
            pool: 8,
            duration: Duration::from_secs(15),
            commands: 500_000,
            events: 6,
            kinds: vec![Kind::Named, Kind::Migration, Kind::Unnamed, Kind::Failover],
            grace: 2,
            seed: 1,
            tls: false,
            redis: false,
            svg: "target/drill.svg".into(),
            json: false,
        };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--help" | "-h" => return Ok(None),
                "--json" => args.json = true,
                "--redis" => args.redis = true,
                "--tls" => args.tls = true,
                "--commands" => args.commands = number(&word, words.next(), 1, u64::MAX)?,
                "--duration" => {
                    args.duration = Duration::from_secs(number(&word, words.next(), 1, 86_400)?);
                }
                "--events" => args.events = number(&word, words.next(), 0, 100_000)?,
                "--grace" => args.grace = number(&word, words.next(), 1, 600)?,
                "--kinds" => args.kinds = kinds(&value(&word, words.next())?)?,
                "--pool" => args.pool = number(&word, words.next(), 1, 4096)?,
                "--seed" => args.seed = number(&word, words.next(), 0, u64::MAX)?,
                "--svg" => args.svg = value(&word, words.next())?.into(),
                "--threads" => args.threads = number(&word, words.next(), 1, 4096)?,
                other => return Err(format!("no such option: {other}")),
            }
        }
        Ok(Some(args))
    }
}

fn value(name: &str, value: Option<String>) -> Result<String, String> {
    value.ok_or_else(|| format!("{name} needs a value"))
}

fn number<T>(name: &str, text: Option<String>, least: T, most: T) -> Result<T, String>
where
    T: FromStr + PartialOrd + Display,
{
    value(name, text)?
        .parse()
        .ok()
        .filter(|number| *number >= least && *number <= most)
        .ok_or_else(|| format!("{name} needs a number from {least} to {most}"))
}

fn kinds(list: &str) -> Result<Vec<Kind>, String> {
    list.split(',')
        .map(|word| match word {
            "failover" => Ok(Kind::Failover),
            "migration" => Ok(Kind::Migration),
            "named" => Ok(Kind::Named),
            "unnamed" => Ok(Kind::Unnamed),
            other => Err(format!("no such kind of event: {other}")),
        })
        .collect()
}
