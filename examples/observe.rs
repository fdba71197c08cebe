//! The story of one maintenance, told by a hook: a simulated server moves, and everything that the
//! client makes of it is printed with its time.
//!
//! `cargo run --features sim --example observe`
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a program of its own: it prints, and has its own clock"
)]

use hitless::sim::{HOST, Sim, Target};
use hitless::{Client, Commands, MaintenanceEvent, MaintenanceOptions, Notice};
use hitless::{MetricsHook, NotificationHook, Options, Reaction, Treatment};
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};

/// Prints whatever it is told, and says when the move is over.
struct Narrator {
    start: Instant,
    over: Sender<()>,
}

impl Narrator {
    fn say(&self, what: &str) {
        println!("{:>8.3} s  {what}", self.start.elapsed().as_secs_f64());
    }
}

impl NotificationHook for Narrator {
    fn before(&self, notice: &Notice) -> Reaction {
        self.say(&format!(
            "{} said {:?}",
            notice.endpoint, notice.notification
        ));
        Reaction::Continue
    }

    fn after(&self, notice: &Notice, treatment: Treatment) {
        self.say(&format!(
            "{} was dealt with: {treatment:?}",
            notice.notification.name()
        ));
    }

    fn event(&self, event: &MaintenanceEvent) {
        self.say(&format!("{event:?}"));
        if matches!(event, MaintenanceEvent::HandoffCompleted(_)) {
            // Nobody listens any more if it took too long.
            let _ = self.over.send(());
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    env_logger::init();
    let sim = Sim::builder().nodes(2).start()?;
    let [a, b] = [sim.node(0), sim.node(1)];
    let metrics = Arc::new(MetricsHook::new());
    let (over, end) = mpsc::channel();
    let maintenance = MaintenanceOptions::new()
        .hook(Arc::new(Narrator {
            start: Instant::now(),
            over,
        }))
        .hook(metrics.clone());
    let options = Options::new(&format!("{HOST}:{}", sim.addr(a).port()))?
        .pool_size(4)
        .resolver(sim.resolver())
        .maintenance(maintenance);
    let client = Client::connect(options)?;
    client.set("story", "once upon a time")?;

    sim.migrating(1, r#"["1"]"#);
    sim.migrated(r#"["1"]"#);
    sim.moving(a, Target::Node(b), Duration::from_secs(1));
    // Hooks run on a thread of their own.
    end.recv_timeout(Duration::from_secs(10))?;

    let story: String = client.get("story")?;
    println!("the value after the move: {story}");
    println!("{:#?}", metrics.snapshot());
    client.close();
    Ok(())
}
