//! The options of the command line.

use hitless::sim::{Builder, OptIn, Replay, Sim};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// What `--help` prints, in front of the orders.
pub(crate) const USAGE: &str = "\
Runs a simulated Redis deployment that announces maintenance and carries it out, for programs in any
language: put it before your own service and see whether that notices.

usage: simulate [options]

the deployment
  --nodes N          how many nodes                                        (default 2)
  --port P           the port of all nodes, on 127.0.0.1, 127.0.0.2, ...; elsewhere than on Linux all
                     are on 127.0.0.1 and the ports go up from P           (default: a free one)
  --advertised N     how many nodes DNS shows at first                     (default 1)
  --redis ADDR       a real server behind the simulator, as in 127.0.0.1:6379
  --password PASS    the password of the default user                      (default none)
  --user NAME:PASS   another user; may be given several times
  --tls              speaks TLS only, with certificates made at the start  (needs -F tls at build time)
  --ca-file FILE     where to write the certificate that clients have to trust
  --resp2            knows no HELLO
  --opt-in HOW       how the opt-in is answered: accepted, disabled, forbidden, nil, redis6, redis7
  --replay WHEN      when completions are repeated: mixed, later, with-reply (default mixed)
  --unread-limit N   bytes that a client may leave unread                  (default 1 GiB)
  --seed N           what all random choices follow                        (default 0)
  --scale X          multiplies the measured times, not what is announced  (default 1)

orders and names
  --script FILE      carries out the orders of a file, one a line, # for comments; the first that
                     fails ends the program with status 1
  --control ADDR     takes orders by TCP as well, one a line
  --dns ADDR         answers DNS by UDP: the names of the deployment, as they are at the moment
  --until-eof        ends when its standard input does; without it only by the order quit, or a signal

Each order, from the standard input, a script or a control connection, is answered by one line of
JSON. At the start a line of JSON tells where the nodes are, with lines for /etc/hosts for those who
cannot ask the DNS server.

three worked examples

1. Does my service survive a move? Start the simulator on a port that stays:
     simulate --nodes 3 --port 7380
   Start the service with redis://127.0.0.1:7380, give it something to do, and type:
     moving 0 1 15
     wait-open 0 0 25
     connections
   It did well if none of its connections to node 0 has the cause \"maintenance\".

2. The same without hands, with real data behind it, as a step of CI:
     redis-server --port 6379 &
     simulate --port 7380 --redis 127.0.0.1:6379 --script rehearsal.txt
   with these lines in rehearsal.txt:
     wait-opted-in 0 4 60        # the service is there, with four connections
     fault 1 one-in 50 delay 200
     moving 0 1 5
     wait-open 0 0 10            # they have left before node 0 has closed
     expect-cause maintenance 0
     quit

3. A service that connects by name, through TLS, to an endpoint behind a load balancer:
     simulate --port 7380 --tls --ca-file /tmp/ca.pem --dns 127.0.0.1:5300 --control 127.0.0.1:7381
     dig @127.0.0.1 -p 5300 sim.hitless.test
   Let the resolver ask there (dnsmasq: server=/hitless.test/127.0.0.1#5300), or put the printed lines
   into /etc/hosts; start the service with rediss://sim.hitless.test:7380, and order from elsewhere:
     echo 'moving-front 0 1 15' | nc -N 127.0.0.1 7381
";

/// What the program was told.
#[derive(Default)]
pub(crate) struct Args {
    pub(crate) builder: Option<Builder>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) control: Option<SocketAddr>,
    pub(crate) dns: Option<SocketAddr>,
    pub(crate) help: bool,
    pub(crate) script: Option<PathBuf>,
    pub(crate) until_eof: bool,
}

impl Args {
    /// Reads the command line.
    pub(crate) fn read(mut words: lexopt::Parser) -> Result<Self, String> {
        let mut args = Self::default();
        let mut builder = Sim::builder();
        while let Some(word) = words.next().map_err(|error| error.to_string())? {
            let lexopt::Arg::Long(name) = word else {
                return Err(word.unexpected().to_string());
            };
            let name = name.to_owned();
            let mut value = || -> Result<String, String> {
                let value = words.value().map_err(|error| error.to_string())?;
                value
                    .into_string()
                    .map_err(|_| format!("--{name} is no text"))
            };
            builder = match name.as_str() {
                "advertised" => builder.advertised(parse(&value()?)?),
                "nodes" => builder.nodes(parse(&value()?)?),
                "opt-in" => builder.opt_in(opt_in(&value()?)?),
                "password" => builder.password(&value()?),
                "port" => builder.port(parse(&value()?)?),
                "redis" => builder.proxy_to(parse(&value()?)?),
                "replay" => builder.replay(replay(&value()?)?),
                "resp2" => builder.resp2_only(),
                "scale" => builder.time_scale(parse(&value()?)?),
                "seed" => builder.seed(parse(&value()?)?),
                "tls" => encrypted(builder)?,
                "unread-limit" => builder.unread_limit(parse(&value()?)?),
                "user" => {
                    let value = value()?;
                    let (name, password) = value
                        .split_once(':')
                        .ok_or("--user wants a name and a password with a colon between them")?;
                    builder.user(name, password)
                }
                other => {
                    match other {
                        "ca-file" => args.ca_file = Some(value()?.into()),
                        "control" => args.control = Some(parse(&value()?)?),
                        "dns" => args.dns = Some(parse(&value()?)?),
                        "help" => args.help = true,
                        "script" => args.script = Some(value()?.into()),
                        "until-eof" => args.until_eof = true,
                        other => return Err(format!("unknown option --{other}")),
                    }
                    builder
                }
            };
        }
        args.builder = Some(builder);
        Ok(args)
    }
}

#[cfg(feature = "tls")]
fn encrypted(builder: Builder) -> Result<Builder, String> {
    Ok(builder.tls())
}

#[cfg(not(feature = "tls"))]
fn encrypted(_: Builder) -> Result<Builder, String> {
    Err(
        "this program was built without TLS: use cargo run --release -p simulate --features tls"
            .into(),
    )
}

/// Reads a word as whatever is wanted.
pub(crate) fn parse<T: FromStr>(word: &str) -> Result<T, String> {
    word.parse()
        .map_err(|_| format!("{word} has no meaning here"))
}

/// Reads how the opt-in is answered.
pub(crate) fn opt_in(word: &str) -> Result<OptIn, String> {
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

fn replay(word: &str) -> Result<Replay, String> {
    Ok(match word {
        "later" => Replay::Later,
        "mixed" => Replay::Mixed,
        "with-reply" => Replay::WithReply,
        _ => return Err(format!("{word} is none of later, mixed and with-reply")),
    })
}
