//! What holds around a conductor at any time, whatever happens. Makes nothing happen.

use super::*;

impl World {
    /// What holds at any time.
    pub(super) fn check(&mut self) {
        self.most_sockets = self.most_sockets.max(self.sockets());
        assert!(
            self.sockets() <= 2 * self.slots,
            "{} sockets",
            self.sockets()
        );
        let operations = self.c.operations(self.now);
        let places: BTreeSet<_> = operations.iter().map(|op| op.from).collect();
        assert_eq!(
            places.len(),
            operations.len(),
            "two operations for one address"
        );
        assert!(self.c.seen.len() <= 256);
        assert!(self.c.redirects.len() <= 64 && self.c.breakers.len() <= 128);
        assert!(self.c.windows.iter_open().count() <= 64);
        assert!(
            self.c.operations.len() <= 64,
            "{} operations",
            self.c.operations.len()
        );
        for operation in &operations {
            assert!(
                operation.took <= secs(3600) + secs(20),
                "an operation without end"
            );
        }
        for (link, wire) in &self.wires {
            let holds = self
                .c
                .windows()
                .relaxed_until(wire.peer, self.now)
                .map(|(until, _)| until);
            let told = wire.relaxed.filter(|until| *until > self.now);
            assert_eq!(
                told, holds,
                "{link:?} was told otherwise than the table says"
            );
        }
        for (slot, seat) in self.c.slots.iter().enumerate() {
            assert_eq!(
                seat.seat.assignment().is_some(),
                self.running.contains(&slot),
                "slot {slot}"
            );
        }
    }
}
