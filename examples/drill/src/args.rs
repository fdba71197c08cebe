//! The options of the drill.

use crate::work;
use lexopt::prelude::*;
use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

pub(crate) const HELP: &str = "\
Moves a simulated Redis under load and checks every reply.

usage: drill [options]
  --work KIND     commands, pubsub, queue, streams, transactions, or mixed:
                  commands and a little of each other     (default mixed)
  --threads N     threads that use the client            (default 64)
  --pool N        connections of the client               (default 8)
  --duration S    seconds over which the events are spread (default 15, a day at most)
  --commands N    verified ordinary commands at least     (default 500000)
  --events N      how many events                         (default 6)
  --kinds LIST    of named,unnamed,migration,failover     (default all)
  --grace S       seconds that a move announces           (default 2)
  --seed N        order and times of the events           (default 1)
  --tls           encrypt (needs --features tls)
  --redis         a real redis-server behind the simulator
  --svg FILE      the picture of the latency              (default target/drill.svg)
  --json          one JSON object instead of the table
exit status: 0 every promise kept, 1 a promise broken, 2 the drill could not run
Messages in gaps that subscribers were told of are lost too, and the promise is
\"NOT KEPT\" then; what was lost silently makes it \"BROKEN\".";

/// What may happen to the deployment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Failover,
    Migration,
    Named,
    Unnamed,
}

/// What the threads do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Work {
    /// Ordinary commands.
    pub(crate) commands: bool,
    pub(crate) kinds: Vec<work::Kind>,
    /// A little of each, beside the commands.
    pub(crate) is_mixed: bool,
}

impl Work {
    fn parse(word: &str) -> Result<Self, String> {
        let one = |kinds: Vec<work::Kind>| Self {
            commands: kinds.is_empty(),
            kinds,
            is_mixed: false,
        };
        if word == "commands" {
            return Ok(one(Vec::new()));
        }
        if word == "mixed" {
            return Ok(Self::mixed());
        }
        let kind = work::Kind::ALL.into_iter().find(|kind| kind.name() == word);
        kind.map(|kind| one(vec![kind]))
            .ok_or_else(|| format!("no such kind of work: {word}"))
    }

    fn mixed() -> Self {
        Self {
            commands: true,
            kinds: work::Kind::ALL.into(),
            is_mixed: true,
        }
    }

    /// How many threads of a kind send, and as many receive.
    pub(crate) fn size(&self) -> usize {
        if self.is_mixed { 2 } else { 8 }
    }
}

#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) work: Work,
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
    pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Option<Self>, lexopt::Error> {
        let mut args = Self {
            work: Work::mixed(),
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
        while let Some(option) = parser.next()? {
            match option {
                Long("help") | Short('h') => return Ok(None),
                Long("json") => args.json = true,
                Long("redis") => args.redis = true,
                Long("tls") => args.tls = true,
                Long("commands") => args.commands = number(&mut parser, 1, u64::MAX)?,
                Long("duration") => {
                    args.duration = Duration::from_secs(number(&mut parser, 1, 86_400)?);
                }
                Long("events") => args.events = number(&mut parser, 0, 100_000)?,
                Long("grace") => args.grace = number(&mut parser, 1, 600)?,
                Long("kinds") => args.kinds = kinds(&parser.value()?.string()?)?,
                Long("pool") => args.pool = number(&mut parser, 1, 4096)?,
                Long("seed") => args.seed = number(&mut parser, 0, u64::MAX)?,
                Long("svg") => args.svg = parser.value()?.into(),
                Long("work") => args.work = Work::parse(&parser.value()?.string()?)?,
                Long("threads") => args.threads = number(&mut parser, 1, 4096)?,
                other => return Err(other.unexpected()),
            }
        }
        Ok(Some(args))
    }
}

fn number<T>(parser: &mut lexopt::Parser, least: T, most: T) -> Result<T, lexopt::Error>
where
    T: FromStr + PartialOrd + Display,
{
    parser.value()?.parse_with(|text| {
        let number = text.parse().ok();
        number
            .filter(|number| *number >= least && *number <= most)
            .ok_or_else(|| format!("a number from {least} to {most} is needed"))
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Option<Args>, lexopt::Error> {
        Args::parse(lexopt::Parser::from_args(words))
    }

    #[test]
    fn a_word_that_has_no_meaning_is_named() {
        for (words, wanted) in [
            (["--thread", "3"], "--thread"),
            (["--pool", "0"], "from 1 to 4096"),
            (["--kinds", "named,sudden"], "sudden"),
            (["--work", "play"], "play"),
        ] {
            let error = parse(&words).unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}");
        }
        assert!(parse(&["--help"]).unwrap().is_none());
        let args = parse(&["--duration", "86400", "--tls"]).unwrap().unwrap();
        assert_eq!((args.duration.as_secs(), args.tls), (86_400, true));
        assert!(args.work.is_mixed && args.work.commands);
        let args = parse(&["--work", "queue"]).unwrap().unwrap();
        assert_eq!(args.work.kinds, [work::Kind::Queue]);
        assert!(!args.work.commands);
    }
}
