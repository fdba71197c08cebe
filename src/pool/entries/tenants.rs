//! Who lives in dedicated entries: moves in, moves out, and is told of a close. Prepares no link: tenants do.

use super::Entries;
use crate::ids::EntryId;
use crate::pool::{Listener, Tenant};
use crate::sync::Arc;

impl Entries {
    /// From now on each link of this entry is prepared by `tenant`, and there is to be one at all times. By whoever
    /// has the entry alone.
    pub(crate) fn move_in(&self, id: EntryId, tenant: Arc<dyn Tenant>) {
        if let Some(entry) = self.get(id) {
            entry.set_tenant(Some(Arc::clone(&tenant)));
        }
        // Set before the look: a close that has not seen the tenant is seen here.
        if self.is_closed() {
            tenant.shut(self.closed_error());
        }
    }

    /// The end of that.
    pub(crate) fn move_out(&self, id: EntryId) {
        if let Some(entry) = self.get(id) {
            // The entry keeps its link: whoever moves out ends it.
            entry.set_tenant(None);
        }
    }

    /// Who lives in this entry.
    pub(crate) fn tenant(&self, id: EntryId) -> Option<Arc<dyn Tenant>> {
        let entry = self.get(id).filter(|_| self.is_dedicated(id));
        entry.and_then(|entry| entry.tenant())
    }

    /// From now on `listener` hears what servers tell this entry of keys that have changed; `None`: nobody does. By
    /// whoever has the entry alone.
    pub(crate) fn listen(&self, id: EntryId, listener: Option<Arc<dyn Listener>>) {
        if let Some(entry) = self.get(id) {
            entry.set_listener(listener);
        }
    }

    /// Who hears what servers tell this entry of keys that have changed.
    pub(crate) fn listener(&self, id: EntryId) -> Option<Arc<dyn Listener>> {
        let entry = self.get(id).filter(|_| self.is_dedicated(id));
        entry.and_then(|entry| entry.listener())
    }

    /// Tells the tenants that the client is closed.
    pub(super) fn shut_tenants(&self) {
        for entry in self.dedicated() {
            if let Some(tenant) = entry.tenant() {
                tenant.shut(self.closed_error());
            }
        }
    }
}
