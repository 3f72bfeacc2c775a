//! Two servers behind nginx, by the file that is shipped: a thread's requests reach its server, and are told when it is away.

#![allow(clippy::unwrap_used)]

mod proof;
#[path = "../../sessions/tests/redis_server/mod.rs"]
mod redis_server;
mod session_support;
mod support;

use std::{
    path::Path,
    process::{Child, Command},
    time::{Duration, Instant},
};

use hyper::Method;
use proof::Site;
use redis_server::{RedisServer, lasting_port};
use serde_json::json;
use session_support::{Following, started};
use support::*;

const PATIENCE: Duration = Duration::from_secs(20);

/// nginx, until it is dropped.
struct Nginx(Child);

impl Nginx {
    /// Starts it with the file that is shipped, at other ports.
    fn start(directory: &Path, port: u16, servers: [u16; 2]) -> Self {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/nginx.conf");
        let text = std::fs::read_to_string(shipped).unwrap();
        let [one, other] = servers.map(|port| format!(":{port} "));
        let text = text
            .replace(":8787 ", &one)
            .replace(":8788 ", &other)
            .replace(":8080;", &format!(":{port};"));
        std::fs::write(directory.join("nginx.conf"), text).unwrap();
        let program = Command::new("nginx")
            .args(["-e", "stderr", "-c", "nginx.conf", "-p"])
            .arg(directory)
            .spawn();
        Self(program.expect("nginx is missing: `cargo xtask setup` installs it"))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It is a child of this process; its worker goes with it on SIGTERM.
        let id = self.0.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &id]).status();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_threads_requests_reach_its_server_and_are_told_when_it_is_away() {
    let directory = tempfile::tempdir().unwrap();
    let redis = RedisServer::start();
    let ports = [lasting_port(), lasting_port()];
    let mut sites = Vec::new();
    for port in ports {
        let (port, url) = (port.to_string(), redis.url());
        let flags = ["--port", &port, "--sessions", &url];
        sites.push(Site::start(&directory.path().join(port.as_str()), &flags).await);
    }
    let port = lasting_port();
    let _nginx = Nginx::start(directory.path(), port, ports);
    let api = Api::new(format!("http://127.0.0.1:{port}"));
    let begun = Instant::now();
    while api.try_open(Method::GET, "/ok", &[], None).await.is_err() {
        assert!(begun.elapsed() < PATIENCE, "nginx does not answer");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    // Threads of both, each with a run and what follows it.
    let mut of_server: [Vec<String>; 2] = [Vec::new(), Vec::new()];
    while of_server.iter().any(|threads| threads.len() < 2) {
        let thread = uuid::Uuid::new_v4().to_string();
        let run = with(request("chat", 3, 0.0), json!({"if_not_exists": "create"}));
        api.run_all(&thread, run).await;
        assert_eq!(last_text(&api.state(&thread).await), words(3));
        let path = format!("/threads/{thread}");
        let answer = sites[0].api().call(Method::GET, &path, None).await;
        of_server[usize::from(!answer.status.is_success())].push(thread);
    }

    // A thread that is made before its first run is made where it is looked for.
    for _ in 0..8 {
        let thread = uuid::Uuid::new_v4().to_string();
        let body = json!({"metadata": {"a": "x".repeat(200_000)}, "thread_id": thread});
        api.post("/threads", body).await;
        api.get(&format!("/threads/{thread}")).await;
    }
    // It would be made anywhere.
    let body = json!({"metadata": {"a": "x".repeat(1 << 20)}, "thread_id": UNKNOWN});
    let answer = api.call(Method::POST, "/threads", Some(body)).await;
    assert_eq!(answer.code(), (413, "body_too_large".to_owned()));

    // A stream is passed on as it comes, and ends when its server is killed; its reader is told why it cannot go on.
    let [ours, others] = &of_server;
    let slow = request("chat", 1000, 30.0);
    let mut reader = api.run(&ours[0], slow).await;
    let run = reader.run_id();
    for _ in 0..3 {
        reader.until("messages").await;
    }
    sites[0].kill().await;
    reader.rest().await;
    let join = format!("/threads/{}/runs/{run}/stream", ours[0]);
    let answer = api.call(Method::GET, &join, None).await;
    assert_eq!(answer.code(), (503, "server_away".to_owned()));
    assert_eq!(answer.header("retry-after"), "1");
    // Its sessions are read and written at the other.
    for thread in ours {
        let page = api.get(&format!("/sessions/{thread}/messages")).await;
        assert!(page.to_string().contains(&words(3)), "{page}");
        let records = json!({"producer": "p", "changes": [started("m")]});
        let path = format!("/sessions/{thread}/records");
        let answer = api.call(Method::POST, &path, Some(records)).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        let mut following = Following::open(&api, thread, "").await;
        let cancel = json!({"id": "m"});
        api.post(&format!("/sessions/{thread}/cancel"), cancel)
            .await;
        let records = following.records;
        while following.records == records {
            following.step().await;
        }
    }
    // The other's threads go on.
    for thread in others {
        let values = api.state(thread).await;
        assert_eq!(last_text(&values), words(3));
    }
    sites[0].up().await;
    let mut rest = api.join(&ours[0], &run, Some("-1")).await;
    let last = rest.rest().await.pop().unwrap();
    assert_eq!(last.event_name(), "error");
    assert_eq!(data(&last)["error"], "ServerRestarted");
}
