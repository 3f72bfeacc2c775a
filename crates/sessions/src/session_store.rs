//! The choice of the engine that stores a server's sessions.

use std::{fmt, path::PathBuf, str::FromStr, sync::Arc};

#[cfg(feature = "redis")]
use crate::redis::{RedisConfig, RedisLog};
use crate::{
    log::{LogError, SessionLog},
    memory::MemoryLog,
    redb::RedbLog,
    store::Store,
};

/// The engine that stores a server's sessions.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum SessionStore {
    /// In the server's own database, or in memory where that is.
    #[default]
    Own,
    /// In memory: gone when the process ends.
    Memory,
    /// In a database of their own, in this directory.
    Redb(PathBuf),
    /// In a Redis, which other servers may share: `redis://[user:password@]host[:port][/database]`.
    Redis(String),
}

/// The address is none. It is not in the text, as it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("sessions are stored in own, memory, redb:DIRECTORY or redis://HOST:PORT")]
pub struct InvalidSessionStore;

impl FromStr for SessionStore {
    type Err = InvalidSessionStore;

    fn from_str(text: &str) -> Result<Self, InvalidSessionStore> {
        match text.split_once(':') {
            None if text == "own" => Ok(Self::Own),
            None if text == "memory" => Ok(Self::Memory),
            Some(("redb", directory)) if !directory.is_empty() => Ok(Self::Redb(directory.into())),
            Some(("redis", address)) if address.len() > "//".len() && address.starts_with("//") => {
                Ok(Self::Redis(text.to_owned()))
            }
            _ => Err(InvalidSessionStore),
        }
    }
}

impl fmt::Debug for SessionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Own => "Own",
            Self::Memory => "Memory",
            Self::Redb(_) => "Redb(..)",
            // The address may hold a password.
            Self::Redis(_) => "Redis(..)",
        })
    }
}

impl SessionStore {
    /// Opens it. `own` is the server's database.
    ///
    /// # Errors
    /// [`LogError::Store`], where it cannot be opened or reached. Neither the address nor its password is in the text.
    pub async fn open(&self, own: &Store) -> Result<Arc<dyn SessionLog>, LogError> {
        Ok(match self {
            Self::Own => Arc::new(RedbLog::on(own.clone())?),
            Self::Memory => Arc::new(MemoryLog::new()),
            Self::Redb(directory) => Arc::new(RedbLog::open(directory)?),
            #[cfg(feature = "redis")]
            Self::Redis(url) => Arc::new(RedisLog::connect(RedisConfig::new(url)).await?),
            #[cfg(not(feature = "redis"))]
            Self::Redis(_) => {
                return Err(LogError::Store(
                    "this program was built without Redis".to_owned(),
                ));
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_which_engine_and_is_never_shown() {
        let check = |text: &str, expect: Option<SessionStore>| {
            assert_eq!(text.parse().ok(), expect, "{text}");
        };
        check("own", Some(SessionStore::Own));
        check("memory", Some(SessionStore::Memory));
        check(
            "redb:data/sessions",
            Some(SessionStore::Redb("data/sessions".into())),
        );
        let redis = "redis://user:hunter2@127.0.0.1:6379/1";
        check(redis, Some(SessionStore::Redis(redis.to_owned())));
        for bad in [
            "",
            "redb:",
            "redis:",
            "redis://",
            "rediss://hunter2@host",
            "postgres://hunter2@host",
        ] {
            check(bad, None);
        }
        assert_eq!(
            format!("{:?}", SessionStore::Redis(redis.to_owned())),
            "Redis(..)"
        );
        assert!(!InvalidSessionStore.to_string().contains("hunter2"));
    }
}
