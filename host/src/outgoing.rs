//! `wasi:http/outgoing-handler` of the components, over the outgoing client.

use std::pin::Pin;

use anyhow::{Context, Result};
use eventhub_http_out::{Client, Refusal};
use eventhub_runtime::{Connection, OutgoingFuture, OutgoingHttp};
use http_body_util::BodyExt;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use crate::config::Config;

pub struct Outgoing {
    // hyper needs a body that is `Unpin`.
    client: Client<Pin<Box<WasiBody>>>,
}

impl Outgoing {
    pub fn new(config: &Config) -> Result<Self> {
        let client = Client::new(config.http_client.clone(), &config.outgoing)
            .context("an authority in [outgoing] or in the manifest's link to http-client")?;
        Ok(Self { client })
    }
}

impl OutgoingHttp for Outgoing {
    fn send(
        &self,
        component: &str,
        request: hyper::Request<WasiBody>,
        options: Option<RequestOptions>,
    ) -> OutgoingFuture {
        let (client, component) = (self.client.clone(), component.to_owned());
        Box::pin(async move {
            let first_byte = options.and_then(|options| options.first_byte_timeout);
            let answer = client
                .send(&component, request.map(Box::pin), first_byte)
                .await
                .map_err(|refusal| error(&component, &refusal))?;
            // The client drives its connections itself.
            let driver: Connection = Box::new(async { Ok(()) });
            let answer = answer.map(|body| {
                body.map_err(|error| Error::InternalError(Some(error.to_string())))
                    .boxed_unsync()
            });
            Ok((answer, driver))
        })
    }
}

fn error(component: &str, refusal: &Refusal) -> Error {
    match refusal {
        Refusal::Denied { .. } | Refusal::Private(_) => {
            tracing::warn!(component, error.cause = %refusal, "outgoing request denied");
            Error::HttpRequestDenied
        }
        Refusal::Timeout(_) => Error::ConnectionReadTimeout,
        Refusal::Failed(_) | Refusal::Unavailable(_) => {
            Error::InternalError(Some(refusal.to_string()))
        }
    }
}
