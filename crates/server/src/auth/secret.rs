//! The secret that tokens are signed with.

use std::{fmt, path::Path};

use jsonwebtoken::{DecodingKey, EncodingKey};

/// As long as the hash: a shorter one could be guessed.
const SECRET_BYTES_MIN: usize = 32;

/// The secret that tokens are signed with. It is never shown, not by `Debug` either.
#[derive(Clone)]
pub struct AuthSecret {
    pub(super) encoding: EncodingKey,
    pub(super) decoding: DecodingKey,
}

/// Why a secret is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// It is too short.
    #[error("the secret of tokens must have at least {SECRET_BYTES_MIN} bytes")]
    TooShort,
    /// The file cannot be read.
    #[error("cannot read the secret of tokens from {path}: {reason}")]
    Unreadable {
        /// The file.
        path: String,
        /// The system's error.
        reason: String,
    },
}

impl SecretError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooShort => "auth_secret_too_short",
            Self::Unreadable { .. } => "auth_secret_unreadable",
        }
    }
}

impl AuthSecret {
    /// Takes the bytes as they are, but for line ends behind them: a file written by an editor or by `openssl rand -hex 32`
    /// means the same as a variable.
    ///
    /// # Errors
    /// [`SecretError::TooShort`] under 32 bytes.
    pub fn new(bytes: &[u8]) -> Result<Self, SecretError> {
        let end = bytes.iter().rposition(|byte| !b"\r\n".contains(byte));
        let secret = end.map_or(&[][..], |end| &bytes[..=end]);
        if secret.len() < SECRET_BYTES_MIN {
            return Err(SecretError::TooShort);
        }
        super::hs256::install();
        Ok(Self {
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
        })
    }

    /// Reads the secret from a file.
    ///
    /// # Errors
    /// The file cannot be read, or the secret is too short.
    pub fn read(path: &Path) -> Result<Self, SecretError> {
        let bytes = std::fs::read(path).map_err(|error| SecretError::Unreadable {
            path: path.display().to_string(),
            reason: error.to_string(),
        })?;
        Self::new(&bytes)
    }
}

impl fmt::Debug for AuthSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shorter_than_32_bytes_is_refused_and_line_ends_do_not_count() {
        let code = |bytes: &[u8]| AuthSecret::new(bytes).map_or_else(|error| error.code(), |_| "");
        assert_eq!(code(b""), "auth_secret_too_short");
        assert_eq!(code(&[b'a'; 31]), "auth_secret_too_short");
        assert_eq!(
            code(b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n\n\r\n"),
            "auth_secret_too_short"
        );
        assert_eq!(code(&[b'a'; 32]), "");
    }

    #[test]
    fn a_secret_is_not_shown() {
        let secret = AuthSecret::new(&[b'x'; 40]).unwrap();
        assert_eq!(format!("{secret:?}"), "AuthSecret(..)");
    }
}
