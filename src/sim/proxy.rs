//! placeholder
use super::CloseCause;
use super::peer::Peer;
use super::world::World;
use std::net::SocketAddr;
use std::sync::Arc;
pub(super) fn converse(_: &Arc<World>, _: &Arc<Peer>, _: SocketAddr) -> CloseCause {
    CloseCause::Upstream
}
