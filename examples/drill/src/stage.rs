//! Sets the deployment up, runs the load and the events, and collects what is to be reported.

use crate::args::{Args, Kind};
use crate::load::{self, Findings, Shared};
use crate::phases::{self, Phases};
use crate::picture;
use crate::record::{self, Columns, Recorder};
use crate::report::{Numbers, Report};
use crate::work::{Crew, Tally};
use hitless::sim::{Event, HOST, Happening, Record, Scenario, Sim};
use hitless::{Client, Commands, MaintenanceOptions, NotificationHook, Options};
use indicatif::{ProgressBar, ProgressStyle};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// A real server for the time of the drill.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start() -> Result<Self, String> {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let address = free.map_err(|error| format!("no free port: {error}"))?;
        let child = Command::new("redis-server")
            .args(["--port", &address.port().to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no", "--maxclients", "20000"])
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| {
                format!("redis-server does not start ({error}); apt-get install redis-server")
            })?;
        let server = Self { child, address };
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(address).is_err() {
            if Instant::now() > deadline {
                return Err("redis-server does not listen".to_owned());
            }
            thread::yield_now();
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The whole drill.
pub(crate) fn run(args: &Args) -> Result<Report, String> {
    let server = if args.redis {
        Some(Server::start()?)
    } else {
        None
    };
    let sim = deployment(args, server.as_ref())?;
    let start = Instant::now();
    let phases = Arc::new(Phases::new(start));
    let client = client(args, &sim, &phases)?;
    let scenario = scenario(args);
    let shared = Shared::default();
    let columns = Mutex::new(Columns::default());
    let unseen = Mutex::new(Columns::default());
    let over = AtomicBool::new(false);
    let load = if args.work.commands { args.threads } else { 0 };
    let (findings, tallies, settled, seen) = thread::scope(|scope| {
        let watch = thread::Builder::new()
            .name("watch".to_owned())
            .spawn_scoped(scope, || phases::watch(&sim, &phases, &over))
            .map_err(|error| format!("no thread for the watch: {error}"))?;
        let crews: Vec<_> = (args.work.kinds.iter())
            .map(|&kind| {
                let crew = Crew {
                    client: &client,
                    start,
                    phases: &phases,
                    columns: if load == 0 { &columns } else { &unseen },
                    stop: &shared.stop,
                    size: args.work.size(),
                };
                thread::Builder::new()
                    .name(kind.name().to_owned())
                    .spawn_scoped(scope, move || crew.work(kind))
            })
            .collect();
        let threads: Vec<_> = (0..load)
            .map(|thread| {
                let (client, shared) = (client.clone(), &shared);
                let recorder = Recorder::new(start, &phases, &columns);
                thread::Builder::new()
                    .name(format!("load-{thread}"))
                    .spawn_scoped(scope, move || {
                        load::drive(&client, thread, recorder, shared)
                    })
            })
            .collect();
        let settled = direct(args, &sim, &client, &scenario, &shared, start);
        shared.stop.store(true, Ordering::Relaxed);
        let findings: Result<Vec<Findings>, String> = threads
            .into_iter()
            .map(|thread| {
                let thread = thread.map_err(|error| format!("no thread for the load: {error}"))?;
                let joined = thread.join();
                joined.map_err(|_| "a thread of the load panicked".to_owned())
            })
            .collect();
        let tallies: Result<Vec<Tally>, String> = crews
            .into_iter()
            .map(|crew| {
                let crew = crew.map_err(|error| format!("no thread for the work: {error}"))?;
                let joined = crew.join();
                joined.unwrap_or_else(|_| Err("a thread of the work panicked".to_owned()))
            })
            .collect();
        over.store(true, Ordering::Release);
        let seen = watch.join();
        let seen = seen.map_err(|_| "the thread of the watch panicked".to_owned())?;
        findings.and_then(|findings| tallies.map(|tallies| (findings, tallies, settled, seen)))
    })?;
    let elapsed = start.elapsed();
    let executed = executed(&client, load).map_err(|error| error.to_string())?;
    let stats = client.stats();
    let targets = sim
        .resolver()
        .resolve(HOST)
        .map_err(|error| error.to_string())?;
    let connections = stats.connections();
    let all = stats.shared.iter().chain(&stats.dedicated);
    let connections_on_target = all
        .filter(|one| one.peer.is_some_and(|peer| targets.contains(&peer.ip())))
        .count();
    client.close();
    let numbers = Numbers {
        threads: load,
        seed: args.seed,
        events: scenario.events().len(),
        connections_moved: stats.connections_moved,
        connections,
        connections_on_target,
        settled,
        elapsed,
    };
    let report = Report::new(numbers, &findings, tallies, &executed, &seen);
    let columns = columns.into_inner().unwrap_or_else(PoisonError::into_inner);
    let title = format!(
        "latency of {} over {:.1} s, one column {} ms",
        match load {
            0 => args.work.kinds[0].name().to_owned(),
            threads => format!("{threads} threads"),
        },
        elapsed.as_secs_f64(),
        columns.width() / 1000,
    );
    picture::draw(
        &args.svg,
        &title,
        &columns,
        &seen.spans,
        record::micros(elapsed),
    )?;
    if !args.json {
        eprintln!("picture: {}", args.svg.display());
    }
    Ok(report)
}

fn deployment(args: &Args, server: Option<&Server>) -> Result<Sim, String> {
    let mut builder = Sim::builder()
        .nodes(3)
        .seed(args.seed)
        .record(Record::Nothing);
    // The measured lateness of real servers, short enough for a drill.
    builder = builder.lateness(Duration::from_millis(200), Duration::from_millis(600));
    if let Some(server) = server {
        builder = builder.proxy_to(server.address);
    }
    if args.tls {
        #[cfg(feature = "tls")]
        {
            builder = builder.tls();
        }
        #[cfg(not(feature = "tls"))]
        return Err(
            "--tls needs the feature: cargo run --release -p drill --features tls -- --tls".into(),
        );
    }
    builder
        .start()
        .map_err(|error| format!("the simulator does not start: {error}"))
}

fn client(args: &Args, sim: &Sim, phases: &Arc<Phases>) -> Result<Client, String> {
    let port = sim.addr(sim.node(0)).port();
    #[allow(unused_mut, reason = "TLS is added where it is compiled in")]
    let mut options = Options::new(&format!("{HOST}:{port}"))
        .map_err(|error| error.to_string())?
        .pool_size(args.pool)
        // Beside the shared ones, those alone: for waits, for transactions, for subscribers.
        .max_active_connections(args.pool + 64)
        .min_connections(args.pool)
        .maintenance(
            MaintenanceOptions::new().hook(Arc::clone(phases) as Arc<dyn NotificationHook>),
        )
        .resolver(sim.resolver());
    #[cfg(feature = "tls")]
    if let Some(ca) = sim.ca_pem() {
        options = options.tls(hitless::TlsOptions::default().ca_pem(ca.as_bytes()));
    }
    Client::connect(options).map_err(|error| error.to_string())
}

fn scenario(args: &Args) -> Scenario {
    let kinds: Vec<Event> = args
        .kinds
        .iter()
        .map(|kind| match kind {
            Kind::Failover => Event::Failover,
            Kind::Migration => Event::Migration,
            Kind::Named => Event::MovingNamed,
            Kind::Unnamed => Event::MovingUnnamed,
        })
        .collect();
    // Every other event is a move, if there are any, so that few events hold several moves.
    let (moves, others): (Vec<Event>, Vec<Event>) = kinds
        .into_iter()
        .partition(|kind| matches!(kind, Event::MovingNamed | Event::MovingUnnamed));
    let pick = |list: &[Event], index: usize| list.get(index % list.len().max(1)).copied();
    let gap = args.duration / u32::try_from(args.events.max(1)).unwrap_or(u32::MAX);
    let shift = usize::try_from(args.seed % 2).unwrap_or(0) + 1;
    Scenario::new((0..args.events).filter_map(|index| {
        let turn = index / 2;
        let event = if index % 2 == 0 {
            pick(&moves, turn + shift - 1).or_else(|| pick(&others, index))
        } else {
            pick(&others, turn).or_else(|| pick(&moves, index))
        };
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        event.map(|event| (gap * index + gap / 4, event))
    }))
    .grace(Duration::from_secs(args.grace))
}

/// Plays the scenario and waits for its end and for the commands. False: the pool has not settled on
/// the new place in time.
fn direct(
    args: &Args,
    sim: &Sim,
    client: &Client,
    scenario: &Scenario,
    shared: &Shared,
    start: Instant,
) -> bool {
    const TICK: Duration = Duration::from_millis(100);
    let patience = args.duration + Duration::from_secs(600);
    // Draws nothing where the standard error output is no terminal.
    let bar = if args.json {
        ProgressBar::hidden()
    } else {
        ProgressBar::new(1000)
    };
    let style = ProgressStyle::with_template("[{bar:40}] {elapsed_precise} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    sim.play(scenario);
    let settled = loop {
        let ended = sim.wait_until(TICK, |now| now.scenario_ended() && is_calm(&now.timeline()));
        let done = shared.done.load(Ordering::Relaxed);
        let share = |part: f64, whole: f64| (part / whole).min(1.0);
        let by_time = share(start.elapsed().as_secs_f64(), args.duration.as_secs_f64());
        let by_count = match args.work.commands {
            true => share(done as f64, args.commands as f64),
            false => 1.0,
        };
        bar.set_position((by_time.min(by_count) * 1000.0) as u64);
        let handoffs = client.stats().connections_moved;
        bar.set_message(format!("{done} commands verified, {handoffs} handoffs"));
        if ended && (done >= args.commands || !args.work.commands) {
            break true;
        }
        if start.elapsed() > patience {
            break false;
        }
        if ended {
            sim.wait_until(TICK, |_| false);
        }
    };
    bar.finish();
    settled
}

/// Whether every move has closed its old sockets and every start has its end.
fn is_calm(timeline: &[hitless::sim::Happened]) -> bool {
    let mut open = 0_i64;
    for happened in timeline {
        match happened.what {
            Happening::Moving(..) | Happening::Migrating(_) | Happening::FailingOver(_) => {
                open += 1
            }
            Happening::Retired(..) | Happening::Migrated(_) | Happening::FailedOver(_) => open -= 1,
            _ => {}
        }
    }
    open <= 0
}

/// How often each thread's counter was incremented, by the server's own word.
fn executed(client: &Client, threads: usize) -> hitless::Result<Vec<i64>> {
    (0..threads)
        .map(|thread| {
            Ok(client
                .get::<Option<i64>>(load::counter(thread))?
                .unwrap_or(0))
        })
        .collect()
}
