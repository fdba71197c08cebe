//! Whom a moved connection trusts.

use crate::common::{SOON, by_name, eventually};
use crate::support::{all_at, full, ms, together, under_load};
use hitless::sim::{Fault, Flaw, Moving, Sim, Target};
use hitless::{EndpointType, MaintenanceOptions, TlsOptions};

#[test]
fn a_place_named_by_address_or_by_name_is_trusted_under_the_configured_name() {
    let _together = together();
    for kind in [EndpointType::InternalIp, EndpointType::InternalFqdn] {
        let sim = Sim::builder().tls().start().unwrap();
        let [a, b] = [sim.node(0), sim.node(1)];
        let maintenance = MaintenanceOptions::new().endpoint_type(kind);
        let options = by_name(&sim).tls(TlsOptions::default().ca_pem(sim.ca_pem().unwrap()));
        let client = full(options.maintenance(maintenance), 3);
        let (_, tally) = under_load(&client, 3, Some(ms(1)), || {
            sim.start_moving(Moving::new(a, Target::Node(b)).announce(5));
            eventually("the pool has moved", || all_at(&client, sim.addr(b), 3));
            assert!(sim.wait_until(SOON, |now| now.open_on(a) == 0));
        });
        assert!(tally.errors.is_empty(), "{kind:?}: {tally:?}");
        assert_eq!(client.stats().connections_lost, 0);
    }
}

#[test]
fn a_place_that_proves_to_be_another_is_not_used_and_the_old_one_serves_on() {
    let _together = together();
    for flaw in [Flaw::WrongName, Flaw::UnknownAuthority, Flaw::Expired] {
        let sim = Sim::builder().tls().start().unwrap();
        let [a, b] = [sim.node(0), sim.node(1)];
        let maintenance = MaintenanceOptions::new().handoff_timeout(ms(1000));
        let options = by_name(&sim).tls(TlsOptions::default().ca_pem(sim.ca_pem().unwrap()));
        let client = full(options.maintenance(maintenance), 2);
        sim.fault(b, Fault::Certificate(flaw));
        let (_, tally) = under_load(&client, 2, Some(ms(1)), || {
            sim.start_moving(Moving::new(a, Target::Node(b)).announce(1));
            eventually("the move is given up", || {
                client.stats().handoffs_failed == 1
            });
        });
        assert!(tally.errors.is_empty(), "{flaw:?}: {tally:?}");
        assert!(all_at(&client, sim.addr(a), 2), "{:?}", client.stats());
    }
}
