//! Webhook endpoints that are made and changed through the API, beside those configured at the
//! start.

use std::sync::Arc;

use super::{Ledger, Tx, merge};
use crate::call::EndpointChanges;
use crate::error::{ApiError, Result};
use crate::ids;
use crate::objects::Endpoint;

impl Ledger {
    /// One of them.
    ///
    /// # Errors
    /// 404 `resource_missing`.
    pub fn endpoint(&self, id: &str) -> Result<&Arc<Endpoint>> {
        let found = self.endpoints.iter().find(|endpoint| endpoint.id == id);
        found.ok_or_else(|| ApiError::missing("webhook endpoint", id, "webhook_endpoint"))
    }

    /// Adds one, or replaces the one of the same id.
    pub fn put_endpoint(&mut self, endpoint: Arc<Endpoint>) {
        match self.endpoints.iter_mut().find(|old| old.id == endpoint.id) {
            Some(old) => *old = endpoint,
            None => self.endpoints.push(endpoint),
        }
    }
}

impl Tx<'_> {
    pub(super) fn create_endpoint(&mut self, new: EndpointChanges) -> Arc<Endpoint> {
        let endpoint = Endpoint {
            id: format!("we_1{}", ids::random(23)),
            created: self.now,
            url: String::new(),
            secret: format!("whsec_{}", ids::random(32)),
            enabled_events: Vec::new(),
            description: None,
            metadata: Default::default(),
            disabled: false,
            configured: false,
        };
        self.save_endpoint(endpoint, new)
    }

    pub(super) fn update_endpoint(
        &mut self,
        id: &str,
        changes: EndpointChanges,
    ) -> Result<Arc<Endpoint>> {
        let endpoint = Endpoint::clone(self.ledger.endpoint(id)?);
        Ok(self.save_endpoint(endpoint, changes))
    }

    fn save_endpoint(&mut self, mut endpoint: Endpoint, changes: EndpointChanges) -> Arc<Endpoint> {
        if let Some(url) = changes.url {
            endpoint.url = url;
        }
        if !changes.enabled_events.is_empty() {
            endpoint.enabled_events = changes.enabled_events;
        }
        endpoint.description = changes.description.or(endpoint.description);
        endpoint.disabled = changes.disabled.unwrap_or(endpoint.disabled);
        merge(&mut endpoint.metadata, changes.metadata);
        let endpoint = Arc::new(endpoint);
        self.ledger.put_endpoint(endpoint.clone());
        self.change.endpoint = Some(endpoint.clone());
        endpoint
    }

    pub(super) fn delete_endpoint(&mut self, id: &str) -> Result<String> {
        self.ledger.endpoint(id)?;
        self.ledger.endpoints.retain(|endpoint| endpoint.id != id);
        self.change.endpoint_removed = Some(id.to_owned());
        Ok(id.to_owned())
    }
}
