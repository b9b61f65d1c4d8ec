//! `GET /metrics`, on a separate listener, because metrics are not public.

use std::net::TcpListener;

use actix_web::{App, HttpResponse, HttpServer, dev::Server, web};
use metrics_exporter_prometheus::PrometheusHandle;

/// Configures the metrics listener.
pub fn configure_metrics(handle: PrometheusHandle) -> impl FnOnce(&mut web::ServiceConfig) {
    move |config| {
        config.app_data(web::Data::new(handle)).route("/metrics", web::get().to(metrics));
    }
}

/// A server for metrics, without signal handling. It runs when awaited.
///
/// # Errors
/// If the listener cannot be used.
pub fn metrics_server(handle: PrometheusHandle, listener: TcpListener) -> std::io::Result<Server> {
    let server = HttpServer::new(move || App::new().configure(configure_metrics(handle.clone())))
        .workers(1)
        .shutdown_timeout(1)
        .disable_signals();
    Ok(server.listen(listener)?.run())
}

async fn metrics(handle: web::Data<PrometheusHandle>) -> HttpResponse {
    handle.run_upkeep();
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(handle.render())
}

#[cfg(test)]
mod tests {
    use actix_web::test;
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[actix_web::test]
    async fn metrics_are_shown_on_their_own_listener() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || metrics::counter!("assay_test_total").increment(3));
        let app = test::init_service(App::new().configure(configure_metrics(handle))).await;
        let answer = test::call_and_read_body(&app, test::TestRequest::get().uri("/metrics").to_request()).await;
        assert!(String::from_utf8_lossy(&answer).contains("assay_test_total 3"));
    }
}
