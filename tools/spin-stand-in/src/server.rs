//! The HTTP trigger's listener.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use wasmtime_wasi_http::WasiBody;

use crate::application::{Application, internal};

/// Serves until the process ends.
pub async fn serve(application: Arc<Application>, listen: SocketAddr) -> Result<()> {
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen}"))?;
    loop {
        let (stream, peer) = listener.accept().await?;
        let application = application.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let application = application.clone();
                async move { Ok::<_, Infallible>(answer(&application, request, peer).await) }
            });
            drop(
                auto::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await,
            );
        });
    }
}

async fn answer(
    application: &Arc<Application>,
    mut request: Request<Incoming>,
    peer: SocketAddr,
) -> Response<WasiBody> {
    let Some(component) = application.component_of(request.uri().path()) else {
        return empty(StatusCode::NOT_FOUND);
    };
    let component = component.to_string();
    // Appended after the client's own values.
    let path = request.uri().path().to_string();
    for (name, value) in [
        ("spin-path-info", path),
        ("spin-client-addr", peer.to_string()),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            request
                .headers_mut()
                .append(HeaderName::from_static(name), value);
        }
    }
    match application
        .handle(
            &component,
            request.map(|body| body.map_err(internal).boxed_unsync()),
        )
        .await
    {
        Ok(response) => response,
        Err(error) => {
            eprintln!("{component}: {error:#}");
            empty(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

fn empty(status: StatusCode) -> Response<WasiBody> {
    let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response
}
