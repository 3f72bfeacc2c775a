//! Whether Redis keeps what it acknowledges.

use std::collections::HashMap;

use super::{LogError, Shared};

/// One process of Redis, and whether it keeps what it acknowledges.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Run {
    /// Redis draws it when it starts. Empty before it is known, which no run's is.
    pub(super) id: String,
    /// Whether every append is on its disk before it answers, and no other process can take its place without it.
    pub(super) is_safe: bool,
}

/// Asks. All of it in one go on one connection, so that it is about one process.
pub(super) async fn look(shared: &Shared) -> Result<Run, LogError> {
    let mut commands = redis::pipe();
    commands.cmd("INFO").arg("server");
    commands.cmd("INFO").arg("replication");
    let (server, replication): (String, String) = shared.ask_all(&commands).await?;
    let id = field(&server, "run_id").map(str::to_owned);
    let id = id.ok_or_else(|| LogError::Store("Redis does not say which run it is".to_owned()))?;
    // Where it may not be asked how it writes, it counts as unsafe.
    let mut config = redis::cmd("CONFIG");
    config.arg("GET").arg("append*");
    let config: HashMap<String, String> = match shared.ask(&config).await {
        Ok(config) => config,
        Err(error) => {
            tracing::debug!(%error, "Redis does not say how it is configured");
            HashMap::new()
        }
    };
    Ok(Run {
        id,
        is_safe: is_safe(&config, &replication),
    })
}

fn is_safe(config: &HashMap<String, String>, replication: &str) -> bool {
    let is_set = |name: &str, value: &str| config.get(name).is_some_and(|is| is == value);
    let has = |name: &str, value: &str| field(replication, name) == Some(value);
    // A replica that took over may lack what was acknowledged: replication does not wait.
    let is_alone = has("role", "master")
        && has("connected_slaves", "0")
        && field(replication, "master_replid2").is_some_and(|id| id.bytes().all(|b| b == b'0'));
    is_set("appendonly", "yes") && is_set("appendfsync", "always") && is_alone
}

/// A field of what `INFO` says.
fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = info.lines();
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_redis_that_stands_alone_and_syncs_every_append_is_safe() {
        let alone = "# Replication\r\nrole:master\r\nconnected_slaves:0\r\nmaster_replid:8a\r\nmaster_replid2:0000\r\n";
        let check = |appendonly: &str, fsync: &str, replication: &str, expect: bool| {
            let config = [("appendonly", appendonly), ("appendfsync", fsync)];
            let config = config.map(|(name, value)| (name.to_owned(), value.to_owned()));
            assert_eq!(
                is_safe(&config.into(), replication),
                expect,
                "{replication}"
            );
        };
        check("yes", "always", alone, true);
        check("yes", "everysec", alone, false);
        check("no", "always", alone, false);
        check(
            "yes",
            "always",
            &alone.replace("slaves:0", "slaves:1"),
            false,
        );
        check(
            "yes",
            "always",
            &alone.replace("replid2:00", "replid2:8a"),
            false,
        );
        check("yes", "always", "", false);
        assert!(!is_safe(&HashMap::new(), alone));
        assert_eq!(field(alone, "master_replid"), Some("8a"));
    }
}
