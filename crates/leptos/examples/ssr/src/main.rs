//! The server: it renders the page and hands out its files. The page asks the agent itself.

use axum::{Router, routing::get};
use leptos::prelude::get_configuration;
use rejoin_example_ssr::shell;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // An application with a router leaves this to `generate_route_list`.
    any_spawner::Executor::init_tokio()?;
    let options = get_configuration(None)?.leptos_options;
    let listener = tokio::net::TcpListener::bind(options.site_addr).await?;
    let page = {
        let options = options.clone();
        leptos_axum::render_app_to_stream(move || shell(options.clone()))
    };
    let app = Router::new()
        .route("/", get(page))
        .fallback(leptos_axum::file_and_error_handler(shell))
        .with_state(options);
    Ok(axum::serve(listener, app).await?)
}
