//! Enums whose variants are words of the protocol.

/// Makes an enum with `as_str`, `from_wire` and serde's traits by its words. With `; Unknown = "unknown",` at the end, words that
/// this version does not know are read as that.
macro_rules! words {
    (@unknown) => { None };
    (@unknown $unknown:ident) => { Some(Self::$unknown) };
    ($(#[$meta:meta])* $name:ident {
        $($(#[$doc:meta])* $variant:ident = $word:literal,)*
        $(; $(#[$unknown_doc:meta])* $unknown:ident = $unknown_word:literal,)?
    }) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $(#[$meta])*
        pub enum $name {
            $($(#[$doc])* $variant,)*
            $($(#[$unknown_doc])* $unknown,)?
        }

        impl $name {
            /// The protocol's word.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                    $(Self::$unknown => $unknown_word,)?
                }
            }

            /// The meaning of a word; `None` if it has none.
            pub fn from_wire(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)*
                    _ => $crate::word::words!(@unknown $($unknown)?),
                }
            }
        }

        impl $crate::json::FromJson for $name {
            fn from_json(text: &str) -> Result<Self, $crate::json::JsonError> {
                let word = <String as $crate::json::FromJson>::from_json(text)?;
                Self::from_wire(&word).ok_or_else(|| $crate::json::JsonError::expected(concat!("a word for ", stringify!($name))))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                Self::from_wire(&word).ok_or_else(|| serde::de::Error::custom(concat!("expected a word for ", stringify!($name))))
            }
        }
    };
}

pub(crate) use words;
