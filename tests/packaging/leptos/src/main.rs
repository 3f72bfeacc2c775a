//! The server: it renders the pages and hands out their files.

use axum::Router;
use leptos::prelude::get_configuration;
use leptos_axum::{LeptosRoutes, file_and_error_handler, generate_route_list};
use ten_steps::{App, shell};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = get_configuration(None)?.leptos_options;
    let listener = tokio::net::TcpListener::bind(options.site_addr).await?;
    let page = {
        let options = options.clone();
        move || shell(options.clone())
    };
    let app = Router::new()
        .leptos_routes(&options, generate_route_list(App), page)
        .fallback(file_and_error_handler(shell))
        .with_state(options);
    Ok(axum::serve(listener, app).await?)
}
