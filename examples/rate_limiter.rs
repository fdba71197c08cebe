//! A limit for the calls of each user, over all threads, processes and machines: five within any minute. A script
//! counts and decides in one step, by the server's clock.
//!
//! ```text
//! cargo run --example rate_limiter -- redis://127.0.0.1:6379
//! ```
#![allow(clippy::print_stdout, reason = "it is what an example does")]

use hitless::{Client, Script};
use std::time::Duration;

/// The list has the times of the calls that passed, the oldest first. It vanishes when the last of them is out of
/// the window.
const SLIDING_WINDOW: &str = "
    local calls, window, limit = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    local oldest = redis.call('LINDEX', calls, 0)
    while oldest and oldest + window <= now do
        redis.call('LPOP', calls)
        oldest = redis.call('LINDEX', calls, 0)
    end
    local used = redis.call('LLEN', calls)
    if used >= limit then
        return {false, oldest + window - now}
    end
    redis.call('RPUSH', calls, now)
    redis.call('PEXPIRE', calls, window)
    return {limit - used - 1, 0}
";

enum Verdict {
    Pass { remaining: u64 },
    Wait(Duration),
}

struct RateLimiter {
    script: Script,
    limit: u64,
    window: Duration,
}

impl RateLimiter {
    fn new(limit: u64, window: Duration) -> Self {
        let script = Script::new(SLIDING_WINDOW);
        Self {
            script,
            limit,
            window,
        }
    }

    /// Whether this user may call now; if so, the call is counted.
    fn check(&self, client: &Client, user: &str) -> hitless::Result<Verdict> {
        let call = self.script.key(format!("example:calls:{user}"));
        let call = call.arg((self.window.as_millis(), self.limit));
        let (remaining, wait): (Option<u64>, u64) = call.invoke(client)?;
        Ok(match remaining {
            Some(remaining) => Verdict::Pass { remaining },
            None => Verdict::Wait(Duration::from_millis(wait)),
        })
    }
}

fn main() -> hitless::Result<()> {
    let url = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "redis://127.0.0.1:6379".to_owned());
    let client = Client::connect(url)?;
    let limiter = RateLimiter::new(5, Duration::from_secs(60));
    for call in 1..=7 {
        match limiter.check(&client, "ada")? {
            Verdict::Pass { remaining } => println!("call {call} passes, {remaining} remain"),
            Verdict::Wait(time) => println!("call {call} must wait for {time:?}"),
        }
    }
    Ok(())
}
