//! The binary as those who run it see it: flags, variables, logs, metrics, readiness, its end.

#![allow(clippy::unwrap_used)]

#[path = "../../sessions/tests/redis_server/mod.rs"]
mod redis_server;
mod support;

use std::{
    collections::BTreeSet,
    fs::File,
    path::Path,
    process::{Output, Stdio},
    time::Duration,
};

use hyper::Method;
use redis_server::{PASSWORD, RedisServer};
use serde_json::{Value, json};
use support::*;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// Nothing here takes longer.
const PATIENCE: Duration = Duration::from_secs(20);
const SECRET: &str = "a-secret-of-tokens-0123456789abcdef";

/// The binary without anything of this process's environment that it reads.
fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rejoin-server"));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy().into_owned();
        if text.starts_with("REJOIN_") || text.starts_with("OPENAI_") {
            command.env_remove(name);
        }
    }
    command.kill_on_drop(true);
    command
}

async fn output(args: &[&str], variables: &[(&str, &str)]) -> Output {
    let running = binary().args(args).envs(variables.iter().copied()).output();
    tokio::time::timeout(PATIENCE, running)
        .await
        .unwrap()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A server that was started, its log in a file.
struct Process {
    child: Child,
    url: String,
    api: Api,
}

impl Process {
    async fn start(args: &[&str], variables: &[(&str, &str)], log: &Path) -> Self {
        let mut child = binary()
            .args(args)
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(File::create(log).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let read = tokio::time::timeout(PATIENCE, lines.read_line(&mut line));
        read.await.unwrap().unwrap();
        let url = line.trim().strip_prefix("rejoin-server listening on ");
        let logged = || std::fs::read_to_string(log).unwrap();
        let url = url.unwrap_or_else(|| panic!("{}", logged())).to_owned();
        Self {
            child,
            api: Api::new(url.clone()),
            url,
        }
    }

    async fn terminate(&self) {
        signal(&self.child, "-TERM").await;
    }

    /// What it exits with.
    async fn exit_code(&mut self) -> Option<i32> {
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        ended.unwrap().unwrap().code()
    }
}

async fn signal(child: &Child, name: &str) {
    let pid = child.id().unwrap().to_string();
    let sent = Command::new("kill").args([name, &pid]).status().await;
    assert!(sent.unwrap().success());
}

fn bearer(token: &str) -> String {
    format!("Bearer {}", token.trim())
}

#[tokio::test]
async fn every_flag_is_in_the_readme_with_its_variable_and_its_default() {
    let help = text(&output(&["--help"], &[]).await.stdout);
    let words = |line: &str| -> BTreeSet<String> {
        let all =
            line.split(|letter: char| !(letter.is_ascii_alphanumeric() || "-_".contains(letter)));
        all.filter(|word| word.starts_with("--") && word.len() > 2)
            .map(str::to_owned)
            .collect()
    };
    // A flag's own line begins with it; others mention it.
    let flags: BTreeSet<String> = help
        .lines()
        .filter(|line| line.trim_start().starts_with('-'))
        .flat_map(words)
        .filter(|flag| !["--help", "--version"].contains(&flag.as_str()))
        .collect();
    assert!(flags.len() > 15, "{flags:?}");
    let readme = include_str!("../README.md");
    let rows: Vec<&str> = readme
        .lines()
        .filter(|line| line.starts_with("| `--"))
        .collect();
    let documented: BTreeSet<String> = rows
        .iter()
        .flat_map(|row| words(row.split('|').nth(1).unwrap()))
        .collect();
    assert_eq!(documented, flags);
    let help: String = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for flag in flags {
        let variable = format!("REJOIN_{}", flag[2..].to_uppercase().replace('-', "_"));
        assert!(help.contains(&format!("[env: {variable}")), "{variable}");
        let row = rows.iter().find(|row| words(row).contains(&flag)).unwrap();
        let own = help.split_once(&format!("{flag} ")).unwrap().1;
        let own = own.split(" --").next().unwrap();
        if let Some((_, default)) = own.split_once("[default: ") {
            let default = default.split(']').next().unwrap();
            let shown = row.split('|').nth(2).unwrap();
            assert!(
                default.is_empty() || shown.contains(default),
                "{flag}: {default} is not in {shown}"
            );
        }
    }
}

#[tokio::test]
async fn a_flag_comes_before_its_variable_and_a_variable_before_the_default() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let memory = ("REJOIN_MEMORY", "yes");
    // Port 8787 may be taken; port 0 never is.
    let process = Process::start(
        &[],
        &[memory, ("REJOIN_PORT", "0"), ("REJOIN_API_PREFIX", "/a")],
        &log,
    )
    .await;
    assert_eq!(process.api.get("/a/ok").await, json!({"ok": true}));
    let variables = [memory, ("REJOIN_PORT", "1"), ("REJOIN_API_PREFIX", "/a")];
    let process = Process::start(&["--port", "0", "--api-prefix", "b"], &variables, &log).await;
    assert_eq!(process.api.get("/b/ok").await, json!({"ok": true}));
    // Also where two options say the same.
    let listen = ("REJOIN_LISTEN", "203.0.113.1:1");
    let process = Process::start(
        &["--host", "127.0.0.1", "--port", "0"],
        &[memory, listen],
        &log,
    )
    .await;
    assert_eq!(process.api.get("/ok").await, json!({"ok": true}));
    let data = directory.path().join("data");
    let flags = ["--port", "0", "--data", data.to_str().unwrap()];
    let _process = Process::start(&flags, &[memory], &log).await;
    assert!(data.join("rejoin.redb").exists());
}

#[tokio::test]
async fn what_cannot_be_served_is_said_and_nothing_is_started() {
    let fails = async |args: &[&str], variables: &[(&str, &str)], why: &str| {
        let output = output(args, variables).await;
        assert!(!output.status.success(), "{args:?} {variables:?}");
        let said = text(&output.stderr) + &text(&output.stdout);
        assert!(said.contains(why), "{args:?}: {said}");
        assert!(!said.contains("listening"), "{args:?}: {said}");
        // Whatever was wrong, nothing secret is repeated.
        assert!(!said.contains("hunter2"), "{args:?}: {said}");
    };
    let short = [("REJOIN_AUTH_SECRET", "hunter2")];
    fails(&["--memory"], &short, "at least 32 bytes").await;
    fails(
        &["--memory"],
        &[("REJOIN_AUTH_SECRET", "")],
        "at least 32 bytes",
    )
    .await;
    fails(
        &["--memory", "--auth-secret-file", "/nowhere/at/all"],
        &[],
        "cannot read the secret",
    )
    .await;
    fails(&["token", "--session", "a"], &[], "there is no secret").await;
    let secret = [("REJOIN_AUTH_SECRET", SECRET)];
    fails(
        &["token", "--session", "a", "--caps", "read"],
        &secret,
        "read is none of",
    )
    .await;
    fails(
        &["token", "--session", "a", "--ttl", "0s"],
        &secret,
        "a time is a number",
    )
    .await;
    fails(
        &["--sessions", "postgres://u:pass@host"],
        &[],
        "sessions are stored in",
    )
    .await;
    // Nobody listens on port 1.
    let redis = ["--memory", "--sessions", "redis://user:hunter2@127.0.0.1:1"];
    fails(&redis, &[], "cannot open the store of sessions").await;
}

#[tokio::test]
async fn a_token_of_the_command_line_opens_what_it_says() {
    let directory = tempfile::tempdir().unwrap();
    let secret = directory.path().join("secret");
    std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
    let secret = secret.to_str().unwrap();
    let server = ["--memory", "--port", "0", "--auth-secret-file", secret];
    let process = Process::start(&server, &[], &directory.path().join("log")).await;
    // The file and the variable mean the same secret.
    let by_file = [
        "token",
        "--session",
        "*",
        "--caps",
        "",
        "--auth-secret-file",
        secret,
    ];
    let by_variable = [
        "token",
        "--session",
        "*",
        "--caps",
        "publish",
        "--ttl",
        "1m",
    ];
    let idle = output(&by_file, &[]).await.stdout;
    let publisher = output(&by_variable, &[("REJOIN_AUTH_SECRET", SECRET)])
        .await
        .stdout;
    let ask = async |token: &[u8], method: Method, path: &str| {
        let token = bearer(&text(token));
        let headers = [("authorization", token.as_str())];
        let body = (method == Method::POST).then(|| json!({}));
        read(process.api.open(method, path, &headers, body).await)
            .await
            .code()
    };
    assert_eq!(ask(&idle, Method::GET, "/info").await.0, 200);
    assert_eq!(
        ask(&idle, Method::POST, "/threads").await,
        (403, "capability_missing".to_owned())
    );
    assert_eq!(ask(&publisher, Method::POST, "/threads").await.0, 200);
    assert_eq!(
        ask(b"", Method::POST, "/threads").await,
        (401, "token_invalid".to_owned())
    );
}

#[tokio::test]
async fn an_open_server_on_an_address_that_others_reach_warns() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let warned = async |host: &str, variables: &[(&str, &str)]| {
        let flags = ["--memory", "--port", "0", "--host", host];
        let mut process = Process::start(&flags, variables, &log).await;
        process.terminate().await;
        assert_eq!(process.exit_code().await, Some(0));
        let logged = std::fs::read_to_string(&log).unwrap();
        logged.contains("WARN") && logged.contains("no token is asked for")
    };
    let key = [("OPENAI_API_KEY", "sk-key"), ("OPENAI_MODEL", "gpt")];
    assert!(warned("127.0.0.1", &key).await);
    let guarded = [key[0], key[1], ("REJOIN_AUTH_SECRET", SECRET)];
    assert!(!warned("127.0.0.1", &guarded).await);
    assert!(warned("0.0.0.0", &[]).await);
    assert!(!warned("127.0.0.1", &[]).await);
    assert!(!warned("0.0.0.0", &[("REJOIN_AUTH_SECRET", SECRET)]).await);
}

#[tokio::test]
async fn a_stopping_server_says_so_then_ends_its_streams_and_exits_with_0() {
    let directory = tempfile::tempdir().unwrap();
    let flags = ["--memory", "--port", "0", "--drain-ms", "1500"];
    let mut process = Process::start(&flags, &[], &directory.path().join("log")).await;
    assert_eq!(process.api.get("/ready").await, json!({"ready": true}));
    let thread = process.api.thread().await;
    let mut stream = process
        .api
        .run(&thread, request("chat", 100_000, 2.0))
        .await;
    stream.until("messages").await;
    process.terminate().await;
    let ready = async || process.api.call(Method::GET, "/ready", None).await;
    let mut said = ready().await;
    while said.status.is_success() {
        tokio::time::sleep(Duration::from_millis(5)).await;
        said = ready().await;
    }
    assert_eq!(said.code(), (503, "server_stopping".to_owned()));
    // A load balancer has time to notice: everything else is still served.
    assert_eq!(process.api.get("/ok").await, json!({"ok": true}));
    stream.until("messages").await;
    stream.rest().await;
    assert!(!stream.broken);
    assert_eq!(process.exit_code().await, Some(0));
}

#[tokio::test]
async fn a_busy_server_is_seen_in_its_metrics() {
    let directory = tempfile::tempdir().unwrap();
    let flags = ["--memory", "--port", "0", "--lease-ms", "300"];
    let process = Process::start(&flags, &[], &directory.path().join("log")).await;
    let thread = process.api.thread().await;
    let mut reader = session_stream(&process.api, &thread).await;
    // A producer that is not heard of again.
    let begun = json!({"type": "started", "message": {"type": "ai", "id": "m1", "content": ""}});
    let records = json!({"producer": "gone", "lease_ms": 100, "changes": [begun]});
    process
        .api
        .post(&format!("/sessions/{thread}/records"), records)
        .await;
    while !reader.until("record").await.data.contains("lease_expired") {}
    process.api.run_all(&thread, request("chat", 20, 0.0)).await;
    while !reader.until("record").await.data.contains("\"complete\"") {}
    let appended = |shown: &str| value_in(shown, "rejoin_session_records_appended_total") >= 4.0;
    let answer = async {
        loop {
            let answer = process.api.call(Method::GET, "/metrics", None).await;
            // A reader gets a record a moment before it is counted.
            if appended(&text(&answer.body)) {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let answer = tokio::time::timeout(PATIENCE, answer).await;
    let answer = answer.expect("the records are counted");
    assert!(
        answer
            .header("content-type")
            .starts_with("application/openmetrics-text; version=1.0.0")
    );
    let shown = text(&answer.body);
    let value = |series: &str| value_in(&shown, series);
    assert_eq!(value("rejoin_session_readers"), 1.0);
    assert!(value("rejoin_session_appends_total{result=\"stored\"}") >= 1.0);
    assert_eq!(
        value("rejoin_session_appends_total{result=\"failed\"}"),
        0.0
    );
    assert!(value("rejoin_session_append_duration_seconds_count") >= 1.0);
    assert!(value("rejoin_session_snapshots_total{reason=\"new\"}") >= 1.0);
    assert!(value("rejoin_session_tail_bytes") > 0.0);
    assert_eq!(value("rejoin_session_lease_expirations_total"), 1.0);
    assert!(value("rejoin_stream_sent_bytes_total") > 100.0);
    assert!(!shown.contains(&thread), "a name is in {shown}");
    // Without readers nothing is held for them.
    drop(reader);
    let gone = async {
        let gone = ["rejoin_session_readers 0", "rejoin_session_tail_bytes 0"];
        loop {
            let answer = process.api.call(Method::GET, "/metrics", None).await;
            let shown = text(&answer.body);
            if gone
                .iter()
                .all(|line| shown.lines().any(|shown| shown == *line))
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone)
        .await
        .expect("a reader that left is not counted");
}

/// The value of one series.
fn value_in(shown: &str, series: &str) -> f64 {
    let line = shown
        .lines()
        .find(|line| line.split_once(' ').is_some_and(|(name, _)| name == series));
    let line = line.unwrap_or_else(|| panic!("no {series} in {shown}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

async fn session_stream(api: &Api, session: &str) -> Stream {
    let path = format!("/sessions/{session}/stream");
    let mut stream = Stream::new(api.open(Method::GET, &path, &[], None).await);
    stream.until("attached").await;
    stream
}

#[tokio::test]
async fn a_server_whose_redis_is_gone_is_not_ready_until_it_is_back() {
    let directory = tempfile::tempdir().unwrap();
    let mut redis = RedisServer::start_with_password();
    let url = redis.url();
    let flags = ["--memory", "--port", "0"];
    let log = directory.path().join("log");
    let process = Process::start(&flags, &[("REJOIN_SESSIONS", &url)], &log).await;
    assert_eq!(process.api.get("/ready").await, json!({"ready": true}));
    redis.kill();
    let gone = process.api.call(Method::GET, "/ready", None).await;
    assert_eq!(gone.code(), (503, "not_ready".to_owned()));
    assert_eq!(process.api.get("/ok").await, json!({"ok": true}));
    redis.resume();
    let ready = async {
        while !process
            .api
            .call(Method::GET, "/ready", None)
            .await
            .status
            .is_success()
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, ready)
        .await
        .expect("it is ready again");
}

#[tokio::test]
async fn a_server_whose_redis_hangs_says_so_and_still_stops() {
    let directory = tempfile::tempdir().unwrap();
    let redis = RedisServer::start_with_password();
    let url = redis.url();
    let flags = ["--memory", "--port", "0", "--sessions", &url];
    let mut process = Process::start(&flags, &[], &directory.path().join("log")).await;
    let thread = process.api.thread().await;
    let mut stream = process
        .api
        .run(&thread, request("chat", 100_000, 2.0))
        .await;
    stream.until("messages").await;
    redis.pause();
    let hangs = process.api.call(Method::GET, "/ready", None).await;
    assert_eq!(hangs.code(), (503, "not_ready".to_owned()));
    // Whoever listens to the run does not notice.
    stream.until("messages").await;
    process.terminate().await;
    stream.rest().await;
    assert!(!stream.broken);
    assert_eq!(process.exit_code().await, Some(0));
    redis.go_on();
}

#[tokio::test]
async fn a_redis_that_does_not_take_the_password_is_said_without_it() {
    let redis = RedisServer::start_with_password();
    let url = redis.url().replace(PASSWORD, "another-password");
    let output = output(&["--memory", "--port", "0"], &[("REJOIN_SESSIONS", &url)]).await;
    assert!(!output.status.success());
    let said = text(&output.stderr);
    assert!(said.contains("cannot open the store of sessions"), "{said}");
    assert!(!said.contains("another-password"), "{said}");
}

/// Everything of a conversation and every secret that the busy server below is given.
const UNSPEAKABLE: [&str; 7] = [
    "my-own-question",
    "bravo1",
    "posted-by-hand",
    "sk-openai-key",
    PASSWORD,
    SECRET,
    "eyJ",
];

#[tokio::test]
async fn the_log_of_a_busy_server_holds_no_conversation_no_token_and_no_key_at_any_level() {
    let directory = tempfile::tempdir().unwrap();
    let redis = RedisServer::start_with_password();
    let model = a_model_that_repeats_the_question_in_its_error().await;
    for format in ["text", "json"] {
        let log = directory.path().join(format);
        let url = redis.url();
        let variables = [
            ("REJOIN_SESSIONS", url.as_str()),
            ("REJOIN_AUTH_SECRET", SECRET),
            ("OPENAI_API_KEY", "sk-openai-key"),
            ("OPENAI_MODEL", "gpt"),
            ("OPENAI_BASE_URL", model.as_str()),
        ];
        let flags = [
            "--memory",
            "--port",
            "0",
            "--log",
            "trace",
            "--log-format",
            format,
        ];
        let mut process = Process::start(&flags, &variables, &log).await;
        keep_busy(&process).await;
        process.terminate().await;
        assert_eq!(process.exit_code().await, Some(0));
        let logged = std::fs::read_to_string(&log).unwrap();
        assert!(logged.contains("denied"), "{logged}");
        assert!(logged.contains("/runs/stream"), "{logged}");
        for word in UNSPEAKABLE {
            assert!(!logged.contains(word), "{word} is in {logged}");
        }
        if format == "json" {
            for line in logged.lines() {
                let entry: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
                assert!(
                    entry["level"].is_string() && entry["message"].is_string(),
                    "{line}"
                );
            }
        }
    }
}

#[tokio::test]
async fn what_a_request_holds_begins_no_line_of_the_log_and_no_field() {
    let directory = tempfile::tempdir().unwrap();
    for format in ["text", "json"] {
        let log = directory.path().join(format);
        let flags = [
            "--memory",
            "--port",
            "0",
            "--log",
            "trace",
            "--log-format",
            format,
            "--lease-ms",
            "200",
        ];
        let mut process = Process::start(&flags, &[], &log).await;
        let records = async |id: &str| {
            let message = json!({"type": "ai", "id": id, "content": ""});
            let started = json!({"type": "started", "message": message});
            let body = json!({"producer": "p", "lease_ms": 1, "changes": [started]});
            let path = "/sessions/s/records";
            process
                .api
                .call(Method::POST, path, Some(body))
                .await
                .status
                .as_u16()
        };
        assert_eq!(records("x\nFORGED ERROR everything is lost").await, 422);
        assert_eq!(records("FORGED\u{1b}[2J").await, 422);
        assert_eq!(records("id-of-a-message").await, 200);
        process.api.call(Method::GET, "/x%0aFORGED", None).await;
        let ended = "ended a message whose producer was not heard of in time";
        let is_told = async {
            while !std::fs::read_to_string(&log).unwrap().contains(ended) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, is_told).await.unwrap();
        process.terminate().await;
        assert_eq!(process.exit_code().await, Some(0));
        let logged = std::fs::read_to_string(&log).unwrap();
        assert!(logged.contains("id-of-a-message"));
        for line in logged.lines() {
            assert!(!line.starts_with("FORGED"), "{line}");
            let fields = line.matches("\"message\":").count();
            assert_eq!(fields, usize::from(format == "json"), "{line}");
        }
    }
}

/// As some do. Returns where it is.
async fn a_model_that_repeats_the_question_in_its_error() -> String {
    let refuse = async |question: String| {
        assert!(question.contains("my-own-question"));
        let message = "cannot answer: my-own-question";
        let body = axum::Json(json!({"error": {"message": message}}));
        (axum::http::StatusCode::BAD_REQUEST, body)
    };
    let router = axum::Router::new().fallback(refuse);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}/v1")
}

/// Questions, answers, an agent that fails, records by hand, and requests that are denied.
async fn keep_busy(process: &Process) {
    let args = [
        "token",
        "--session",
        "*",
        "--caps",
        "stream,history,publish,cancel",
    ];
    let token = output(&args, &[("REJOIN_AUTH_SECRET", SECRET)])
        .await
        .stdout;
    let token = bearer(&text(&token));
    assert!(token.starts_with("Bearer eyJ"));
    let headers = [("authorization", token.as_str())];
    let post = async |path: &str, body: Value| {
        process
            .api
            .open(Method::POST, path, &headers, Some(body))
            .await
    };
    let thread = read(post("/threads", json!({})).await).await.json()["thread_id"].clone();
    let thread = thread.as_str().unwrap();
    let question =
        json!({"input": {"messages": [{"type": "human", "content": "my-own-question"}]}});
    for agent in ["chat", "boom", "openai", "nobody"] {
        let body = with(request(agent, 5, 0.0), question.clone());
        let answer = read(post(&format!("/threads/{thread}/runs/stream"), body).await).await;
        let answered = text(&answer.body);
        let expect = match agent {
            "chat" => "bravo1",
            "openai" => "cannot answer: my-own-question",
            _ => "error",
        };
        assert!(agent == "nobody" || answered.contains(expect), "{answered}");
    }
    let message = json!({"type": "human", "id": "m1", "content": "posted-by-hand"});
    let records = json!({"producer": "p", "lease_ms": 1000, "changes": [{"type": "started", "message": message}]});
    read(post(&format!("/sessions/{thread}/records"), records).await).await;
    // Denied: not this server's, and no JSON.
    let forged = format!("{token}x");
    let path = format!("{}/threads", process.url);
    let denied = Api::new(path)
        .open(Method::POST, "", &[("authorization", &forged)], None)
        .await;
    assert_eq!(denied.status(), 401);
    let damaged = post(
        &format!("/sessions/{thread}/records"),
        json!("posted-by-hand"),
    )
    .await;
    assert_eq!(damaged.status(), 422);
}
