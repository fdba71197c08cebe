//! Losses that nobody announced.

use crate::Measured;
use crate::server::Server;
use hitless::{Client, Cmd, Commands, Delivery, Options};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Answers the opening, then closes.
fn rude_server() -> Result<std::net::SocketAddr, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(text)?;
    let address = listener.local_addr().map_err(text)?;
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut buffer = [0; 4096];
                let Ok(read) = stream.read(&mut buffer) else {
                    return;
                };
                let commands = buffer[..read].iter().filter(|byte| **byte == b'*').count();
                let mut reply = b"%2\r\n+server\r\n+redis\r\n+proto\r\n:3\r\n".to_vec();
                for _ in 1..commands {
                    reply.extend_from_slice(b"+OK\r\n");
                }
                let _ = stream.write_all(&reply);
                // The next command is answered with the end.
                let _ = stream.read(&mut buffer);
            });
        }
    });
    Ok(address)
}

/// The longest that a command takes.
pub fn hangs_up() -> Result<Measured, String> {
    let address = rude_server()?;
    let options = Options::new(&address.to_string()).map_err(text)?;
    let client = Client::lazy(options.pool_size(1).command_timeout(ms(500))).map_err(text)?;
    let times = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let start = Instant::now();
                    // It fails, sooner or later.
                    let _ = client.ping();
                    start.elapsed()
                })
            })
            .collect();
        threads
            .into_iter()
            .filter_map(|thread| thread.join().ok())
            .collect()
    });
    client.close();
    Ok(Measured {
        what: "time of a command",
        times,
        // The time for a connection and the command's own: 1.5 s and 0.5 s.
        bar: ms(2100),
    })
}

/// A client on whose behalf `every` some time a command is sent, until the end of the scope of `body`.
/// `body` is told of the latest success, in nanoseconds after the start.
fn with_load<T>(
    client: &Client,
    every: Duration,
    body: impl FnOnce(&AtomicU64, Instant) -> T,
) -> (T, Duration, u64) {
    let (stop, latest) = (AtomicBool::new(false), AtomicU64::new(0));
    let start = Instant::now();
    thread::scope(|scope| {
        let load = scope.spawn(|| {
            let (mut gap, mut before, mut unknown) = (Duration::ZERO, Instant::now(), 0);
            while !stop.load(Ordering::Relaxed) {
                match client.set("recovery", 1) {
                    Ok(()) => {
                        gap = gap.max(before.elapsed());
                        before = Instant::now();
                        latest.store(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
                    }
                    Err(error) => unknown += u64::from(error.delivery() == Delivery::Unknown),
                }
                thread::sleep(every);
            }
            (gap.max(before.elapsed()), unknown)
        });
        let result = body(&latest, start);
        stop.store(true, Ordering::Relaxed);
        let (gap, unknown) = load.join().unwrap_or_default();
        (result, gap, unknown)
    })
}

/// From the return of the server to the first success.
pub fn restarts() -> Result<Measured, String> {
    const RESTARTS: u64 = 44;
    let mut server = Server::start(&[])?;
    let options = Options::new(&server.address.to_string()).map_err(text)?;
    let client = Client::connect(options.pool_size(4)).map_err(text)?;
    let (times, _, _) = with_load(&client, ms(5), |latest, start| {
        let mut times = Vec::new();
        for turn in 0..RESTARTS {
            server.kill();
            // Away for 50 ms to 1.3 s.
            thread::sleep(ms(50 + turn * 29));
            let up = server.restart()?;
            let up_at = (up - start).as_nanos() as u64;
            let deadline = up + ms(10_000);
            loop {
                let at = latest.load(Ordering::Relaxed);
                if at > up_at {
                    times.push(Duration::from_nanos(at - up_at));
                    break;
                }
                if Instant::now() > deadline {
                    return Err("no success within 10 s".to_owned());
                }
                thread::sleep(ms(1));
            }
        }
        Ok(times)
    });
    client.close();
    Ok(Measured {
        what: "from the return of the server to the first success",
        times: times?,
        bar: ms(250),
    })
}

/// The longest time without a success while the server stalls again and again.
pub fn stall() -> Result<Measured, String> {
    let server = Server::start(&[])?;
    let options = Options::new(&server.address.to_string()).map_err(text)?;
    let options = options.pool_size(4).command_timeout(ms(20));
    let client = Client::connect(options).map_err(text)?;
    let other = Client::connect(server.address.to_string().as_str()).map_err(text)?;
    let (stalled, gap, _) = with_load(&client, ms(1), |_, _| {
        for _ in 0..25 {
            other
                .query::<()>(&Cmd::new("DEBUG SLEEP").arg("0.06"))
                .map_err(text)?;
            thread::sleep(ms(340));
        }
        Ok::<_, String>(())
    });
    stalled?;
    client.close();
    Ok(Measured {
        what: "longest time without a success",
        times: vec![gap],
        // The stall, a dial, a command.
        bar: ms(250),
    })
}

/// The longest time without a success while the connection is killed again and again.
pub fn kills() -> Result<Measured, String> {
    let server = Server::start(&[])?;
    let options = Options::new(&server.address.to_string()).map_err(text)?;
    let client = Client::connect(options.pool_size(1)).map_err(text)?;
    let other = Client::connect(server.address.to_string().as_str()).map_err(text)?;
    let (killed, gap, _) = with_load(&client, ms(1), |_, _| {
        for _ in 0..50 {
            kill_others(&other)?;
            thread::sleep(ms(200));
        }
        Ok::<_, String>(())
    });
    killed?;
    client.close();
    Ok(Measured {
        what: "longest time without a success",
        times: vec![gap],
        bar: ms(250),
    })
}

/// What became of commands around the closes of their connection.
#[derive(Debug, Default)]
pub struct Closes {
    /// Begun after the server had told that it closed the connection, and written into it all the same.
    pub written_after: u64,
    /// Begun before that: on their way, or begun while the server was closing.
    pub in_flight: u64,
}

/// Sends a command every half a millisecond while the server closes the connection again and again.
pub fn writes_into_closed_connections() -> Result<Closes, String> {
    const CLOSES: usize = 40;
    let server = Server::start(&[])?;
    let options = Options::new(&server.address.to_string()).map_err(text)?;
    let client = Client::connect(options.pool_size(1)).map_err(text)?;
    let other = Client::connect(server.address.to_string().as_str()).map_err(text)?;
    let stop = AtomicBool::new(false);
    let (closed, lost) = thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut lost = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let begun = Instant::now();
                let result = client.set("recovery", 1);
                if result.is_err_and(|error| error.delivery() == Delivery::Unknown) {
                    lost.push(begun);
                }
                thread::sleep(Duration::from_micros(500));
            }
            lost
        });
        let closed: Result<Vec<Instant>, String> = (0..CLOSES)
            .map(|_| {
                kill_others(&other)?;
                let told = Instant::now();
                thread::sleep(ms(100));
                Ok(told)
            })
            .collect();
        stop.store(true, Ordering::Relaxed);
        (closed, load.join().unwrap_or_default())
    });
    let closed = closed?;
    client.close();
    // A command that was lost to a close began just before it or after.
    let (after, before): (Vec<Instant>, Vec<Instant>) = lost.into_iter().partition(|begun| {
        closed
            .iter()
            .any(|told| *begun > *told && *begun - *told < ms(50))
    });
    Ok(Closes {
        written_after: after.len() as u64,
        in_flight: before.len() as u64,
    })
}

/// Makes the server close every connection but the one that says so.
fn kill_others(client: &Client) -> Result<(), String> {
    let kill = Cmd::new("CLIENT KILL").arg("TYPE").arg("normal");
    let killed = client.query::<i64>(&kill.arg("SKIPME").arg("yes"));
    killed.map(drop).map_err(text)
}
