//! WebSocket upgrades: the component that exports `live` says whether and to what, the hub holds
//! the socket.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use eventhub_bindings::http;
use eventhub_bindings::websocket::Refusal;
use eventhub_runtime::{CallContext, Code, problem};
use eventhub_websocket::{AdmitError, NotAnUpgrade, Page, TopicReader, Upgrade};
use futures::future::BoxFuture;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue, SEC_WEBSOCKET_VERSION, UPGRADE};
use hyper::{Request, StatusCode};

use crate::app::App;
use crate::manifest::{Capability, Manifest};
use crate::server::{HyperResponse, head, to_hyper};

#[derive(Clone)]
pub struct Live {
    app: Arc<App>,
    /// None where the manifest links none: then there are no WebSockets.
    component: Option<Arc<str>>,
    reader: Arc<dyn TopicReader>,
}

impl Live {
    pub fn new(manifest: &Manifest, app: Arc<App>) -> Self {
        let trigger = manifest
            .triggers
            .iter()
            .find(|trigger| trigger.capability == Capability::WebSocket);
        let component: Option<Arc<str>> = trigger.map(|trigger| trigger.component.as_str().into());
        let reader = Arc::new(Reader {
            app: app.clone(),
            component: component.clone().unwrap_or_default(),
        });
        Self {
            app,
            component,
            reader,
        }
    }

    pub fn wants(request: &Request<Incoming>) -> bool {
        eventhub_websocket::is_upgrade(request)
    }

    /// Answers the handshake; the socket lives on by itself.
    pub async fn upgrade(&self, mut request: Request<Incoming>, client: IpAddr) -> HyperResponse {
        let upgraded = eventhub_websocket::upgrade(&mut request);
        let (parts, _) = request.into_parts();
        let asked = head(&parts, client);
        let mut answer = self.open(upgraded, &asked, client).await;
        if let Ok(id) = HeaderValue::from_str(&asked.request_id) {
            answer.headers_mut().entry("x-request-id").or_insert(id);
        }
        answer
    }

    async fn open(
        &self,
        upgraded: Result<(hyper::Response<()>, Upgrade), NotAnUpgrade>,
        asked: &http::Request,
        client: IpAddr,
    ) -> HyperResponse {
        let id = &asked.request_id;
        let Some(component) = &self.component else {
            return to_hyper(problem(Code::NotFound, id));
        };
        let permit = match self.app.topics.admit(client) {
            Ok(permit) => permit,
            Err(AdmitError::Full) => return to_hyper(problem(Code::Overloaded, id)),
            Err(AdmitError::AddressFull) => return to_hyper(problem(Code::RateLimited, id)),
        };
        let (answer, upgrade) = match upgraded {
            Ok(upgraded) => upgraded,
            Err(why) => return not_an_upgrade(&why),
        };
        match self
            .app
            .components
            .live_open(component, asked, CallContext::of(asked))
            .await
        {
            Ok(Ok(subscription)) => permit.serve(upgrade, subscription, self.reader.clone()),
            Ok(Err(Refusal::Close((code, reason)))) => permit.refuse(upgrade, code, reason),
            Ok(Err(Refusal::Response(response))) => return to_hyper(response),
            Err(error) => return to_hyper(error.to_response(id)),
        }
        answer.map(|()| Full::new(Bytes::new()))
    }

    /// Closes all sockets with 1001.
    pub async fn close(&self) {
        self.app.topics.shutdown(Duration::from_secs(3)).await;
    }
}

/// `live.read` of the component.
struct Reader {
    app: Arc<App>,
    component: Arc<str>,
}

impl TopicReader for Reader {
    fn read<'a>(&'a self, topic: &'a str, seq: u64) -> BoxFuture<'a, Result<Page, String>> {
        Box::pin(async move {
            let read = self
                .app
                .components
                .live_read(&self.component, topic, seq, CallContext::default())
                .await;
            read.map_err(|error| error.to_string())?
        })
    }
}

fn not_an_upgrade(why: &NotAnUpgrade) -> HyperResponse {
    let mut answer = HyperResponse::new(Full::new(Bytes::from(why.to_string())));
    *answer.status_mut() = StatusCode::UPGRADE_REQUIRED;
    answer.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    answer
        .headers_mut()
        .insert(UPGRADE, HeaderValue::from_static("websocket"));
    answer
        .headers_mut()
        .insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    answer
}
